-- +goose Up
-- See the migration of SQLite with this number. The previous version may keep running.
ALTER TABLE audit_events ADD COLUMN actor_kind TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN times      BIGINT NOT NULL DEFAULT 1;
CREATE INDEX audit_events_by_kind ON audit_events (account_id, actor_kind, inserted_at, sequence)
    WHERE actor_kind IN ('command_line', 'server', 'stranger');

ALTER TABLE token_moves ADD COLUMN actor_kind TEXT COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
-- There is no way down.
SELECT 1;
