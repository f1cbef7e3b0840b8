-- +goose Up
CREATE TABLE webhooks (
    account_id    TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (id),
    url           TEXT   NOT NULL,
    sealed_secret BLOB   NOT NULL, -- AES-256-GCM under the master key
    inserted_at   BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    last_at       BIGINT,          -- the last attempt to send; NULL before the first
    last_event    TEXT,
    last_status   BIGINT NOT NULL, -- of the HTTP response; 0 if there was none
    last_failure  TEXT             -- NULL if the receiver accepted it
);

-- What each recipient was told about tokens that expire. No row stands for each token: a recipient who was told at some
-- time knows of all tokens that had reached a mark by then.
CREATE TABLE expiry_notices (
    recipient_id TEXT   NOT NULL PRIMARY KEY, -- an account, for its webhook, or an admin user
    account_id   TEXT   NOT NULL,
    told_at      BIGINT,          -- when the last message that arrived was written
    written_at   BIGINT NOT NULL, -- when the last message was written
    message_id   TEXT,            -- of a message that has not arrived yet, as are the next three
    body         TEXT,
    tries        BIGINT NOT NULL, -- that failed
    next_at      BIGINT
) WITHOUT ROWID;

ALTER TABLE admin_users ADD COLUMN expiry_mail_off BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX api_tokens_by_expiry ON api_tokens (account_id, expires_at) WHERE status <> 'revoked';

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
