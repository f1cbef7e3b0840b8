-- +goose Up
-- See the migration of SQLite with this number. The previous version may keep running.
DROP INDEX audit_events_by_user;
DROP INDEX audit_events_by_token;
CREATE INDEX audit_events_by_user  ON audit_events (account_id, actor_admin_user_id, inserted_at, sequence) WHERE actor_admin_user_id IS NOT NULL;
CREATE INDEX audit_events_by_token ON audit_events (account_id, actor_api_token_id, inserted_at, sequence) WHERE actor_api_token_id IS NOT NULL;

-- +goose Down
-- There is no way down.
SELECT 1;
