-- +goose Up
-- Lists of events are sorted by time, and filtered by one of these.
DROP INDEX audit_events_by_time;
CREATE INDEX audit_events_by_time    ON audit_events (account_id, inserted_at, sequence);
CREATE INDEX audit_events_by_action  ON audit_events (account_id, action, inserted_at, sequence);
CREATE INDEX audit_events_by_user    ON audit_events (actor_admin_user_id, inserted_at, sequence) WHERE actor_admin_user_id IS NOT NULL;
CREATE INDEX audit_events_by_token   ON audit_events (actor_api_token_id, inserted_at, sequence) WHERE actor_api_token_id IS NOT NULL;
CREATE INDEX audit_events_by_address ON audit_events (account_id, actor_address, inserted_at, sequence) WHERE actor_address <> '';

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
