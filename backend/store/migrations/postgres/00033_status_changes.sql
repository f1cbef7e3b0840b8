-- +goose Up
-- See the migration of SQLite with this number. The previous version may keep running.
-- The trigger works for it too.
CREATE TABLE token_status_changes (
    token_id            TEXT COLLATE "C" PRIMARY KEY REFERENCES api_tokens (id) ON DELETE CASCADE,
    changed_at          BIGINT NOT NULL,
    actor_admin_user_id TEXT COLLATE "C",
    actor_api_token_id  TEXT COLLATE "C",
    reason              TEXT COLLATE "C" NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION note_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.action = 'api_token.activated' THEN
        DELETE FROM token_status_changes WHERE token_id = NEW.subject_id;
    ELSE
        INSERT INTO token_status_changes (token_id, changed_at, actor_admin_user_id, actor_api_token_id, reason)
            SELECT id, NEW.inserted_at, NEW.actor_admin_user_id, NEW.actor_api_token_id, NEW.reason FROM api_tokens WHERE id = NEW.subject_id
            ON CONFLICT (token_id) DO UPDATE SET changed_at = excluded.changed_at, actor_admin_user_id = excluded.actor_admin_user_id,
                actor_api_token_id = excluded.actor_api_token_id, reason = excluded.reason;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- First the trigger, which waits for changes under way: none comes between.
CREATE TRIGGER token_status_changed AFTER INSERT ON audit_events FOR EACH ROW
    WHEN (NEW.action IN ('api_token.suspended', 'api_token.activated', 'api_token.revoked')) EXECUTE FUNCTION note_status_change();

INSERT INTO token_status_changes (token_id, changed_at, actor_admin_user_id, actor_api_token_id, reason)
    SELECT DISTINCT ON (t.id) t.id, COALESCE(e.inserted_at, t.updated_at), e.actor_admin_user_id, e.actor_api_token_id, COALESCE(e.reason, '')
    FROM api_tokens t LEFT JOIN audit_events e ON e.subject_id = t.id AND e.action = 'api_token.' || t.status
    WHERE t.status = 'revoked' OR t.status = 'suspended' AND e.id IS NOT NULL
    ORDER BY t.id, e.inserted_at DESC, e.sequence DESC;

-- +goose Down
-- There is no way down.
SELECT 1;
