-- +goose Up
-- See the migration of SQLite with this number. The previous version may keep running.
ALTER TABLE admin_user_invites ADD COLUMN mailed BOOLEAN NOT NULL DEFAULT FALSE; -- the mail server took it, or may have

-- +goose Down
-- There is no way down.
SELECT 1;
