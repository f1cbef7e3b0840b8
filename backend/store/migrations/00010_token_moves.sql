-- +goose Up
-- Moves of many tokens that are under way: what ended an environment, an agent, a member or an account ends its tokens at
-- once, and their rows follow in small pieces. A row here counts for all tokens that name its target and were not made or
-- moved since.
CREATE TABLE token_moves (
    number              INTEGER PRIMARY KEY AUTOINCREMENT, -- no number comes again: tokens remember it in after_move
    account_id          TEXT    NOT NULL, -- outlives its account, hence no foreign key
    target              TEXT    NOT NULL CHECK (target IN ('account_id', 'environment_id', 'agent_id', 'agent_deployment_id', 'created_by_admin_user_id', 'created_by_api_token_id')),
    target_id           TEXT    NOT NULL,
    to_status           TEXT    NOT NULL CHECK (to_status IN ('active', 'suspended', 'revoked')),
    detail              TEXT    NOT NULL, -- of the audit events, as are the actor and the time
    actor_admin_user_id TEXT,
    actor_api_token_id  TEXT,
    actor_address       TEXT    NOT NULL,
    tokens              BIGINT  NOT NULL, -- how many it moves
    moved               BIGINT  NOT NULL, -- how many of them have moved
    inserted_at         BIGINT  NOT NULL
);
CREATE INDEX token_moves_by_account ON token_moves (account_id, number);

ALTER TABLE api_tokens ADD COLUMN after_move BIGINT NOT NULL DEFAULT 0; -- the last move that does not count for it
CREATE INDEX api_tokens_by_retirement ON api_tokens (agent_id, status) WHERE suspended_by_retirement;

DROP INDEX api_tokens_by_maker;
CREATE INDEX api_tokens_by_maker ON api_tokens (created_by_api_token_id, status) WHERE created_by_api_token_id IS NOT NULL;

ALTER TABLE accounts ADD COLUMN deleted_at BIGINT; -- a deleted account is gone for everyone while its rows go

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
