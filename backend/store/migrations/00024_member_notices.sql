-- +goose Up
-- What members are told about changes of their password, role and sessions: on the page until they dismiss it, and by
-- mail. A member keeps the newest few.
CREATE TABLE member_notices (
    id            TEXT    NOT NULL PRIMARY KEY, -- that of the audit event
    admin_user_id TEXT    NOT NULL,
    account_id    TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    role          TEXT,             -- the new one, for a change of role
    actor_admin_user_id TEXT,       -- NULL for the command line
    actor_address TEXT,
    session_id    TEXT,             -- of the actor, whose page knows of the change; NULL for none
    inserted_at   BIGINT  NOT NULL,
    dismissed     BOOLEAN NOT NULL DEFAULT FALSE,
    tries         BIGINT  NOT NULL DEFAULT 0, -- to mail it
    next_at       BIGINT            -- of the next try; NULL once mailed or given up
) WITHOUT ROWID;

CREATE INDEX member_notices_by_admin_user ON member_notices (admin_user_id, inserted_at);
CREATE INDEX member_notices_by_next_at ON member_notices (next_at) WHERE next_at IS NOT NULL;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
