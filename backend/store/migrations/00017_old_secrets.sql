-- +goose Up
-- Secrets that a rotation replaced. A row stays until the secret's own expiry, so that a later use is known as one of its
-- token, and the secret's entry in its status list stays taken.
CREATE TABLE old_secrets (
    secret_hash  BLOB   NOT NULL PRIMARY KEY, -- SHA-256 of the secret
    token_id     TEXT   NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
    hint         TEXT   NOT NULL, -- its last four characters
    kid          TEXT,
    status_list  BIGINT,
    status_index BIGINT,
    expires_at   BIGINT NOT NULL, -- the secret's exp claim
    replaced_at  BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL  -- refused from then on; 0 if it was ended at once, whatever the clock says later
) WITHOUT ROWID;
CREATE INDEX old_secrets_by_token ON old_secrets (token_id, expires_at);
-- A token has at most two valid secrets.
CREATE UNIQUE INDEX old_secrets_in_overlap ON old_secrets (token_id) WHERE ends_at > 0;
CREATE UNIQUE INDEX old_secrets_by_status_entry ON old_secrets (status_list, status_index) WHERE status_list IS NOT NULL;
CREATE INDEX old_secrets_by_key ON old_secrets (kid, ends_at) WHERE ends_at > 0;

ALTER TABLE api_tokens ADD COLUMN rotated_at BIGINT; -- when its secret was issued; NULL for the first one
-- The admin user who got its secret then; NULL for others. It ends with the tokens that this admin user made.
ALTER TABLE api_tokens ADD COLUMN rotated_by_admin_user_id TEXT;
CREATE INDEX api_tokens_by_rotator ON api_tokens (rotated_by_admin_user_id) WHERE rotated_by_admin_user_id IS NOT NULL;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
