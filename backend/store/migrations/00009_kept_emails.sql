-- +goose Up
-- One form for each mailbox. Of two members with one mailbox in two spellings the second keeps its own: both can sign in,
-- each as before.
UPDATE OR IGNORE admin_users SET email = kept_email(email) WHERE email <> kept_email(email);
UPDATE admin_user_invites SET email = kept_email(email) WHERE email <> kept_email(email);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
