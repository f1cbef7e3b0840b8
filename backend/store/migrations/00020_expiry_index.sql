-- +goose Up
-- It covers the question whether there is something to announce, which is asked every few seconds and also depends on
-- when each secret was issued.
DROP INDEX api_tokens_by_expiry;
CREATE INDEX api_tokens_by_expiry ON api_tokens (account_id, expires_at, inserted_at, rotated_at, status) WHERE status <> 'revoked';

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
