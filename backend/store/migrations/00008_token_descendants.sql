-- +goose Up
-- Revoking a token can revoke the tokens that it created, those that they created, and so on.
CREATE INDEX api_tokens_by_maker ON api_tokens (created_by_api_token_id) WHERE created_by_api_token_id IS NOT NULL;

-- Which token created a deleted one, so that a chain of creators stays whole.
CREATE TABLE deleted_creators (
    id                      TEXT NOT NULL PRIMARY KEY,
    account_id              TEXT NOT NULL,
    created_by_api_token_id TEXT NOT NULL
);
CREATE INDEX deleted_creators_by_maker ON deleted_creators (created_by_api_token_id);
CREATE INDEX deleted_creators_by_account ON deleted_creators (account_id);

INSERT INTO deleted_creators (id, account_id, created_by_api_token_id)
SELECT DISTINCT e.subject_id, e.account_id, e.actor_api_token_id FROM audit_events e
WHERE e.action = 'api_token.created' AND e.actor_api_token_id IS NOT NULL AND e.account_id IN (SELECT id FROM accounts)
AND NOT EXISTS (SELECT 1 FROM api_tokens t WHERE t.id = e.subject_id);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
