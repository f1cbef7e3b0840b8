-- +goose Up
-- See the migration of SQLite with this number. The previous version may keep running.
ALTER TABLE webhooks ADD COLUMN set_by_admin_user_id TEXT COLLATE "C"; -- who set its URL last; outlives its admin user, hence no foreign key
UPDATE webhooks SET set_by_admin_user_id = (
    SELECT e.actor_admin_user_id FROM audit_events e
    WHERE e.account_id = webhooks.account_id AND e.action IN ('webhook.created', 'webhook.updated')
    ORDER BY e.inserted_at DESC, e.id DESC LIMIT 1);

-- +goose Down
-- There is no way down.
SELECT 1;
