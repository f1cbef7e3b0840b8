-- +goose Up
-- See the migration of SQLite with this number. The previous version may keep running.
ALTER TABLE audit_chains ADD COLUMN logged BIGINT NOT NULL DEFAULT 0;

-- +goose Down
-- There is no way down.
SELECT 1;
