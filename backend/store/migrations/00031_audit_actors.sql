-- +goose Up
-- Events say what kind of actor caused them, and how often if they stand for several. The hash of an event with a kind covers
-- both columns.
ALTER TABLE audit_events ADD COLUMN actor_kind TEXT   NOT NULL DEFAULT ''; -- empty for events of earlier versions
ALTER TABLE audit_events ADD COLUMN times      BIGINT NOT NULL DEFAULT 1;
CREATE INDEX audit_events_by_kind ON audit_events (account_id, actor_kind, inserted_at, sequence)
    WHERE actor_kind IN ('command_line', 'server', 'stranger');

ALTER TABLE token_moves ADD COLUMN actor_kind TEXT NOT NULL DEFAULT '';

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
