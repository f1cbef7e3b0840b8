-- +goose Up
-- What an admin user, the guest of an invite, and an account token may do. Who was here before keeps all rights.
ALTER TABLE admin_users ADD COLUMN role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'viewer'));
ALTER TABLE admin_user_invites ADD COLUMN role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'viewer'));
ALTER TABLE api_tokens ADD COLUMN token_role TEXT NOT NULL DEFAULT 'manage' CHECK (token_role IN ('manage', 'read'));

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
