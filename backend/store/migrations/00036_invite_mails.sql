-- +goose Up
-- Which invites were mailed, so that a mailbox gets a few of an account a day.
ALTER TABLE admin_user_invites ADD COLUMN mailed BOOLEAN NOT NULL DEFAULT FALSE; -- the mail server took it, or may have

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
