-- +goose Up
-- With the account in them, these indexes alone count the events of an actor.
DROP INDEX audit_events_by_user;
DROP INDEX audit_events_by_token;
CREATE INDEX audit_events_by_user  ON audit_events (account_id, actor_admin_user_id, inserted_at, sequence) WHERE actor_admin_user_id IS NOT NULL;
CREATE INDEX audit_events_by_token ON audit_events (account_id, actor_api_token_id, inserted_at, sequence) WHERE actor_api_token_id IS NOT NULL;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
