-- +goose Up
-- An invite names the API token that made it, since it ends with that token. Until now only the audit event knew.
ALTER TABLE admin_user_invites ADD COLUMN created_by_api_token_id TEXT; -- outlives its token, hence no foreign key
CREATE INDEX admin_user_invites_pending ON admin_user_invites (account_id) WHERE status = 'pending';

UPDATE admin_user_invites SET created_by_api_token_id = (
    SELECT e.actor_api_token_id FROM audit_events e
    WHERE e.account_id = admin_user_invites.account_id AND e.inserted_at = admin_user_invites.inserted_at
    AND e.subject_id = admin_user_invites.id AND e.action = 'admin_user_invite.created')
WHERE status = 'pending';

-- An invite can't be accepted after its token has expired.
UPDATE admin_user_invites SET expires_at = MIN(expires_at, COALESCE(
    (SELECT t.expires_at FROM api_tokens t WHERE t.id = admin_user_invites.created_by_api_token_id), expires_at))
WHERE status = 'pending';

-- End those whose maker has ended or is unknown. Event ids and invite ids never meet, so an event may take an invite's.
INSERT INTO audit_events (id, account_id, action, subject_id, actor_address, detail, inserted_at)
SELECT id, account_id, 'admin_user_invite.revoked', id, '', 'its maker has ended', CAST(strftime('%s', 'now') AS INTEGER) * 1000
FROM admin_user_invites i WHERE status = 'pending' AND (
    created_by_admin_user_id IS NULL AND created_by_api_token_id IS NULL
    OR created_by_admin_user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM admin_users u WHERE u.id = i.created_by_admin_user_id AND u.removed_at IS NULL)
    OR created_by_api_token_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM api_tokens t WHERE t.id = i.created_by_api_token_id AND t.status = 'active'));
UPDATE admin_user_invites SET status = 'revoked' WHERE status = 'pending'
    AND id IN (SELECT id FROM audit_events WHERE action = 'admin_user_invite.revoked');

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
