-- +goose Up
-- Whose webhook it is, so that it does not go on unnoticed when they leave.
ALTER TABLE webhooks ADD COLUMN set_by_admin_user_id TEXT; -- who set its URL last; outlives its admin user, hence no foreign key
UPDATE webhooks SET set_by_admin_user_id = (
    SELECT e.actor_admin_user_id FROM audit_events e
    WHERE e.account_id = webhooks.account_id AND e.action IN ('webhook.created', 'webhook.updated')
    ORDER BY e.inserted_at DESC, e.id DESC LIMIT 1);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
