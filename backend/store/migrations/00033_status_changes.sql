-- +goose Up
-- Which change suspended or revoked a token. Audit events say so too, but retention removes them.
CREATE TABLE token_status_changes (
    token_id            TEXT   NOT NULL PRIMARY KEY REFERENCES api_tokens (id) ON DELETE CASCADE,
    changed_at          BIGINT NOT NULL,
    actor_admin_user_id TEXT,
    actor_api_token_id  TEXT,
    reason              TEXT   NOT NULL
) WITHOUT ROWID;

-- Of a revocation whose event is gone, only the time is left.
INSERT INTO token_status_changes (token_id, changed_at, reason) SELECT id, updated_at, '' FROM api_tokens WHERE status = 'revoked';
INSERT INTO token_status_changes (token_id, changed_at, actor_admin_user_id, actor_api_token_id, reason)
    SELECT t.id, e.inserted_at, e.actor_admin_user_id, e.actor_api_token_id, e.reason
    FROM api_tokens t JOIN audit_events e ON e.subject_id = t.id AND e.action = 'api_token.' || t.status
    WHERE t.status IN ('suspended', 'revoked') ORDER BY e.inserted_at, e.sequence
    ON CONFLICT (token_id) DO UPDATE SET changed_at = excluded.changed_at, actor_admin_user_id = excluded.actor_admin_user_id,
        actor_api_token_id = excluded.actor_api_token_id, reason = excluded.reason;

-- +goose StatementBegin
CREATE TRIGGER token_status_changed AFTER INSERT ON audit_events WHEN NEW.action IN ('api_token.suspended', 'api_token.revoked') BEGIN
    INSERT INTO token_status_changes (token_id, changed_at, actor_admin_user_id, actor_api_token_id, reason)
        SELECT id, NEW.inserted_at, NEW.actor_admin_user_id, NEW.actor_api_token_id, NEW.reason FROM api_tokens WHERE id = NEW.subject_id
        ON CONFLICT (token_id) DO UPDATE SET changed_at = excluded.changed_at, actor_admin_user_id = excluded.actor_admin_user_id,
            actor_api_token_id = excluded.actor_api_token_id, reason = excluded.reason;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER token_activated AFTER INSERT ON audit_events WHEN NEW.action = 'api_token.activated' BEGIN
    DELETE FROM token_status_changes WHERE token_id = NEW.subject_id;
END;
-- +goose StatementEnd

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
