-- +goose Up
-- The schema as the migrations 1 to 30 of SQLite leave it; they say what the columns mean. Texts compare byte by byte, as in
-- SQLite, so each has the collation C.

-- The lowest schema version of a program that may run on this database. A migration beside which the previous version must
-- not run sets it to its own number. All others say: "The previous version may keep running."
CREATE TABLE schema_needs (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    lowest BIGINT NOT NULL
);
INSERT INTO schema_needs (one, lowest) VALUES (1, 30);

-- The history that this database continues.
CREATE TABLE lineage (
    one BIGINT PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    id  UUID NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO lineage DEFAULT VALUES;

CREATE TABLE settings (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE accounts (
    id                TEXT COLLATE "C" PRIMARY KEY,
    partition         BIGINT NOT NULL UNIQUE,
    name              TEXT COLLATE "C" NOT NULL,
    purpose           TEXT COLLATE "C" NOT NULL,
    organisation_name TEXT COLLATE "C",
    website           TEXT COLLATE "C",
    api_token_count   BIGINT NOT NULL DEFAULT 0,
    inserted_at       BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    deleted_at        BIGINT
);

CREATE TABLE admin_users (
    id              TEXT COLLATE "C" PRIMARY KEY,
    account_id      TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    email           TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C",
    job_title       TEXT COLLATE "C",
    password_hash   TEXT COLLATE "C" NOT NULL,
    inserted_at     BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    removed_at      BIGINT,
    expiry_mail_off BOOLEAN NOT NULL DEFAULT FALSE,
    role            TEXT COLLATE "C" NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'viewer')),
    UNIQUE (account_id, id)
);
CREATE UNIQUE INDEX admin_users_by_email ON admin_users (email) WHERE removed_at IS NULL;
CREATE INDEX admin_users_by_time ON admin_users (account_id, inserted_at, id);

CREATE TABLE admin_user_invites (
    id                       TEXT COLLATE "C" PRIMARY KEY,
    account_id               TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    email                    TEXT COLLATE "C" NOT NULL,
    status                   TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'used', 'revoked')),
    created_by_admin_user_id TEXT COLLATE "C",
    expires_at               BIGINT NOT NULL,
    inserted_at              BIGINT NOT NULL,
    updated_at               BIGINT NOT NULL,
    created_by_api_token_id  TEXT COLLATE "C",
    role                     TEXT COLLATE "C" NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'viewer'))
);
CREATE INDEX admin_user_invites_by_time ON admin_user_invites (account_id, inserted_at, id);
CREATE INDEX admin_user_invites_pending ON admin_user_invites (account_id) WHERE status = 'pending';

CREATE TABLE sessions (
    id            TEXT COLLATE "C" PRIMARY KEY,
    id_hash       BYTEA NOT NULL UNIQUE,
    admin_user_id TEXT COLLATE "C" NOT NULL REFERENCES admin_users (id),
    address       TEXT COLLATE "C" NOT NULL,
    user_agent    TEXT COLLATE "C" NOT NULL,
    inserted_at   BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX sessions_by_admin_user ON sessions (admin_user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE sign_in_failures (
    source   TEXT COLLATE "C" PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_at);

CREATE TABLE environments (
    id          TEXT COLLATE "C" PRIMARY KEY,
    account_id  TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    name        TEXT COLLATE "C" NOT NULL,
    purpose     TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    inserted_at BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    deleted_at  BIGINT,
    UNIQUE (account_id, id)
);
CREATE INDEX environments_by_time ON environments (account_id, inserted_at, id);

CREATE TABLE agents (
    id                  TEXT COLLATE "C" PRIMARY KEY,
    account_id          TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    name                TEXT COLLATE "C" NOT NULL,
    description         TEXT COLLATE "C",
    external_identifier TEXT COLLATE "C",
    inserted_at         BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    last_seen_at        BIGINT,
    retired_at          BIGINT,
    deleted_at          BIGINT,
    UNIQUE (account_id, id)
);
CREATE UNIQUE INDEX agents_by_external_identifier ON agents (account_id, external_identifier) WHERE deleted_at IS NULL;
CREATE INDEX agents_by_time ON agents (account_id, inserted_at, id) WHERE deleted_at IS NULL;
CREATE INDEX agents_by_last_seen ON agents (account_id, last_seen_at NULLS FIRST, id) WHERE deleted_at IS NULL;

CREATE TABLE agent_deployments (
    id                 TEXT COLLATE "C" PRIMARY KEY,
    account_id         TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    agent_id           TEXT COLLATE "C" NOT NULL,
    environment_id     TEXT COLLATE "C" NOT NULL,
    current_version_id TEXT COLLATE "C",
    inserted_at        BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    deleted_at         BIGINT,
    UNIQUE (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, environment_id) REFERENCES environments (account_id, id)
);
CREATE UNIQUE INDEX agent_deployments_by_pair ON agent_deployments (agent_id, environment_id) WHERE deleted_at IS NULL;
CREATE INDEX agent_deployments_by_time ON agent_deployments (account_id, inserted_at, id) WHERE deleted_at IS NULL;
CREATE INDEX agent_deployments_by_environment ON agent_deployments (environment_id);
CREATE INDEX agent_deployments_by_version ON agent_deployments (current_version_id) WHERE current_version_id IS NOT NULL;

CREATE TABLE agent_schema_versions (
    id                          TEXT COLLATE "C" PRIMARY KEY,
    account_id                  TEXT COLLATE "C" NOT NULL,
    agent_id                    TEXT COLLATE "C" NOT NULL,
    external_identifier         TEXT COLLATE "C" NOT NULL,
    external_identifier_repeats BIGINT NOT NULL,
    schemas                     TEXT COLLATE "C" NOT NULL,
    inserted_at                 BIGINT NOT NULL,
    registered                  BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (account_id, id),
    UNIQUE (agent_id, external_identifier, external_identifier_repeats),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);
CREATE INDEX agent_schema_versions_by_time ON agent_schema_versions (agent_id, inserted_at, id);

CREATE TABLE agent_versions (
    id                          TEXT COLLATE "C" PRIMARY KEY,
    account_id                  TEXT COLLATE "C" NOT NULL,
    agent_id                    TEXT COLLATE "C" NOT NULL,
    agent_schema_version_id     TEXT COLLATE "C",
    external_identifier         TEXT COLLATE "C" NOT NULL,
    external_identifier_repeats BIGINT NOT NULL,
    name                        TEXT COLLATE "C",
    description                 TEXT COLLATE "C",
    inserted_at                 BIGINT NOT NULL,
    updated_at                  BIGINT NOT NULL,
    registered                  BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (account_id, id),
    UNIQUE (agent_id, external_identifier, external_identifier_repeats),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, agent_schema_version_id) REFERENCES agent_schema_versions (account_id, id)
);
CREATE INDEX agent_versions_by_time ON agent_versions (agent_id, inserted_at, id);
CREATE INDEX agent_versions_by_schema ON agent_versions (agent_schema_version_id) WHERE agent_schema_version_id IS NOT NULL;
CREATE INDEX agent_versions_registered ON agent_versions (agent_id, inserted_at, id) WHERE registered;

CREATE TABLE api_tokens (
    id                       TEXT COLLATE "C" PRIMARY KEY,
    account_id               TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    name                     TEXT COLLATE "C" NOT NULL,
    secret_hash              BYTEA NOT NULL UNIQUE,
    hint                     TEXT COLLATE "C" NOT NULL,
    token_scope              TEXT COLLATE "C" NOT NULL CHECK (token_scope IN ('account', 'environment', 'agent_deployment')),
    status                   TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    agent_id                 TEXT COLLATE "C",
    environment_id           TEXT COLLATE "C",
    agent_deployment_id      TEXT COLLATE "C",
    created_by_admin_user_id TEXT COLLATE "C",
    created_by_api_token_id  TEXT COLLATE "C",
    expires_at               BIGINT NOT NULL,
    suspended_by_retirement  BOOLEAN NOT NULL DEFAULT FALSE,
    inserted_at              BIGINT NOT NULL,
    updated_at               BIGINT NOT NULL,
    status_list              BIGINT,
    status_index             BIGINT,
    after_move               BIGINT NOT NULL DEFAULT 0,
    kid                      TEXT COLLATE "C",
    rotated_at               BIGINT,
    rotated_by_admin_user_id TEXT COLLATE "C",
    token_role               TEXT COLLATE "C" NOT NULL DEFAULT 'manage' CHECK (token_role IN ('manage', 'read')),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, environment_id) REFERENCES environments (account_id, id),
    FOREIGN KEY (account_id, agent_deployment_id) REFERENCES agent_deployments (account_id, id)
);
CREATE INDEX api_tokens_by_time ON api_tokens (account_id, inserted_at, id);
CREATE INDEX api_tokens_by_agent ON api_tokens (agent_id, inserted_at, id) WHERE agent_id IS NOT NULL;
CREATE INDEX api_tokens_by_environment ON api_tokens (environment_id, status) WHERE environment_id IS NOT NULL;
CREATE INDEX api_tokens_by_deployment ON api_tokens (agent_deployment_id, status) WHERE agent_deployment_id IS NOT NULL;
CREATE INDEX api_tokens_by_creator ON api_tokens (created_by_admin_user_id, status) WHERE created_by_admin_user_id IS NOT NULL;
CREATE UNIQUE INDEX api_tokens_by_status_entry ON api_tokens (status_list, status_index) WHERE status_list IS NOT NULL;
CREATE INDEX api_tokens_not_active ON api_tokens (status_list, status_index, status) WHERE status_list IS NOT NULL AND status <> 'active';
CREATE INDEX api_tokens_by_retirement ON api_tokens (agent_id, status) WHERE suspended_by_retirement;
CREATE INDEX api_tokens_by_maker ON api_tokens (created_by_api_token_id, status) WHERE created_by_api_token_id IS NOT NULL;
CREATE INDEX api_tokens_by_key ON api_tokens (kid, expires_at) WHERE status <> 'revoked';
CREATE INDEX api_tokens_by_rotator ON api_tokens (rotated_by_admin_user_id) WHERE rotated_by_admin_user_id IS NOT NULL;
CREATE INDEX api_tokens_by_expiry ON api_tokens (account_id, expires_at, inserted_at, rotated_at, status) WHERE status <> 'revoked';

CREATE TABLE idempotency_keys (
    account_id      TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    idempotency_key TEXT COLLATE "C" NOT NULL,
    request_hash    BYTEA NOT NULL,
    status          BIGINT,
    answer          TEXT COLLATE "C",
    inserted_at     BIGINT NOT NULL,
    PRIMARY KEY (account_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (inserted_at);

CREATE TABLE signing_keys (
    kid                TEXT COLLATE "C" PRIMARY KEY,
    sealed_private_key BYTEA NOT NULL,
    public_key         BYTEA NOT NULL,
    inserted_at        BIGINT NOT NULL,
    signs_from         BIGINT NOT NULL DEFAULT 0,
    withdrawn_at       BIGINT,
    number             BIGINT NOT NULL DEFAULT 0,
    at_once            BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX signing_keys_by_number ON signing_keys (number);

CREATE TABLE audit_events (
    id                  TEXT COLLATE "C" PRIMARY KEY,
    account_id          TEXT COLLATE "C",
    action              TEXT COLLATE "C" NOT NULL,
    subject_id          TEXT COLLATE "C" NOT NULL,
    actor_admin_user_id TEXT COLLATE "C",
    actor_api_token_id  TEXT COLLATE "C",
    actor_address       TEXT COLLATE "C" NOT NULL,
    detail              TEXT COLLATE "C" NOT NULL,
    inserted_at         BIGINT NOT NULL,
    sequence            BIGINT NOT NULL DEFAULT 0,
    hash                BYTEA NOT NULL DEFAULT '',
    request_id          TEXT COLLATE "C" NOT NULL DEFAULT '',
    reason              TEXT COLLATE "C" NOT NULL DEFAULT '',
    rowid               BIGINT GENERATED BY DEFAULT AS IDENTITY UNIQUE -- counts up; SQLite has it in each table
);
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, action);
CREATE INDEX audit_events_by_sequence ON audit_events (account_id, sequence);
CREATE INDEX audit_events_by_time ON audit_events (account_id, inserted_at, sequence);
CREATE INDEX audit_events_by_action ON audit_events (account_id, action, inserted_at, sequence);
CREATE INDEX audit_events_by_user ON audit_events (actor_admin_user_id, inserted_at, sequence) WHERE actor_admin_user_id IS NOT NULL;
CREATE INDEX audit_events_by_token ON audit_events (actor_api_token_id, inserted_at, sequence) WHERE actor_api_token_id IS NOT NULL;
CREATE INDEX audit_events_by_address ON audit_events (account_id, actor_address, inserted_at, sequence) WHERE actor_address <> '';

CREATE TABLE status_lists (
    number      BIGINT PRIMARY KEY,
    taken       BIGINT NOT NULL,
    inserted_at BIGINT NOT NULL,
    restored_at BIGINT
);

CREATE TABLE token_uses (
    token_id        TEXT COLLATE "C" PRIMARY KEY REFERENCES api_tokens (id) ON DELETE CASCADE,
    last_used_at    BIGINT,
    last_refused_at BIGINT,
    uses            BYTEA,
    written         BIGINT NOT NULL -- number of the last write, by which copies follow what others have written
);
CREATE INDEX token_uses_by_write ON token_uses (written);

CREATE SEQUENCE token_uses_written;

-- +goose StatementBegin
CREATE FUNCTION number_token_uses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.written := nextval('token_uses_written');
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER token_uses_numbered BEFORE INSERT OR UPDATE ON token_uses FOR EACH ROW EXECUTE FUNCTION number_token_uses();

CREATE TABLE use_writers (
    writer     BIGINT PRIMARY KEY,
    batch      BIGINT NOT NULL,
    written_at BIGINT NOT NULL
);

CREATE TABLE sign_in_sources (
    admin_user_id TEXT COLLATE "C" NOT NULL REFERENCES admin_users (id) ON DELETE CASCADE,
    source        TEXT COLLATE "C" NOT NULL,
    seen_at       BIGINT NOT NULL,
    PRIMARY KEY (admin_user_id, source)
);

CREATE TABLE deleted_creators (
    id                      TEXT COLLATE "C" PRIMARY KEY,
    account_id              TEXT COLLATE "C" NOT NULL,
    created_by_api_token_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX deleted_creators_by_maker ON deleted_creators (created_by_api_token_id);
CREATE INDEX deleted_creators_by_account ON deleted_creators (account_id);

CREATE TABLE token_moves (
    number              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    account_id          TEXT COLLATE "C" NOT NULL,
    target              TEXT COLLATE "C" NOT NULL CHECK (target IN ('account_id', 'environment_id', 'agent_id', 'agent_deployment_id', 'created_by_admin_user_id', 'created_by_api_token_id')),
    target_id           TEXT COLLATE "C" NOT NULL,
    to_status           TEXT COLLATE "C" NOT NULL CHECK (to_status IN ('active', 'suspended', 'revoked')),
    detail              TEXT COLLATE "C" NOT NULL,
    actor_admin_user_id TEXT COLLATE "C",
    actor_api_token_id  TEXT COLLATE "C",
    actor_address       TEXT COLLATE "C" NOT NULL,
    tokens              BIGINT NOT NULL,
    moved               BIGINT NOT NULL,
    inserted_at         BIGINT NOT NULL,
    request_id          TEXT COLLATE "C" NOT NULL DEFAULT '',
    reason              TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX token_moves_by_account ON token_moves (account_id, number);

CREATE TABLE deleted_status_entries (
    status_list  BIGINT NOT NULL,
    status_index BIGINT NOT NULL,
    PRIMARY KEY (status_list, status_index)
);

CREATE TABLE webhooks (
    account_id    TEXT COLLATE "C" PRIMARY KEY REFERENCES accounts (id),
    url           TEXT COLLATE "C" NOT NULL,
    sealed_secret BYTEA NOT NULL,
    inserted_at   BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    last_at       BIGINT,
    last_event    TEXT COLLATE "C",
    last_status   BIGINT NOT NULL,
    last_failure  TEXT COLLATE "C"
);

CREATE TABLE expiry_notices (
    recipient_id TEXT COLLATE "C" PRIMARY KEY,
    account_id   TEXT COLLATE "C" NOT NULL,
    told_at      BIGINT,
    written_at   BIGINT NOT NULL,
    message_id   TEXT COLLATE "C",
    body         TEXT COLLATE "C",
    tries        BIGINT NOT NULL,
    next_at      BIGINT
);

CREATE TABLE old_secrets (
    secret_hash  BYTEA PRIMARY KEY,
    token_id     TEXT COLLATE "C" NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
    hint         TEXT COLLATE "C" NOT NULL,
    kid          TEXT COLLATE "C",
    status_list  BIGINT,
    status_index BIGINT,
    expires_at   BIGINT NOT NULL,
    replaced_at  BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL
);
CREATE INDEX old_secrets_by_token ON old_secrets (token_id, expires_at);
CREATE UNIQUE INDEX old_secrets_in_overlap ON old_secrets (token_id) WHERE ends_at > 0;
CREATE UNIQUE INDEX old_secrets_by_status_entry ON old_secrets (status_list, status_index) WHERE status_list IS NOT NULL;
CREATE INDEX old_secrets_by_key ON old_secrets (kid, ends_at) WHERE ends_at > 0;

CREATE TABLE agent_instances (
    number              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    account_id          TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    id                  TEXT COLLATE "C" NOT NULL,
    agent_id            TEXT COLLATE "C" NOT NULL,
    agent_version_id    TEXT COLLATE "C" NOT NULL,
    environment_id      TEXT COLLATE "C" NOT NULL,
    agent_deployment_id TEXT COLLATE "C" NOT NULL,
    api_token_id        TEXT COLLATE "C",
    status              TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'active', 'complete', 'failed', 'cancelled', 'terminated')),
    purpose             TEXT COLLATE "C" NOT NULL,
    started_at          BIGINT,
    finished_at         BIGINT,
    termination_reason  TEXT COLLATE "C",
    qualities           TEXT COLLATE "C",
    pending_spans       BIGINT NOT NULL DEFAULT 0,
    active_spans        BIGINT NOT NULL DEFAULT 0,
    complete_spans      BIGINT NOT NULL DEFAULT 0,
    failed_spans        BIGINT NOT NULL DEFAULT 0,
    cancelled_spans     BIGINT NOT NULL DEFAULT 0,
    inserted_at         BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    UNIQUE (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, environment_id) REFERENCES environments (account_id, id),
    FOREIGN KEY (account_id, agent_deployment_id) REFERENCES agent_deployments (account_id, id)
);
CREATE INDEX agent_instances_by_account ON agent_instances (account_id, number, agent_deployment_id);
CREATE INDEX agent_instances_by_agent ON agent_instances (agent_id, number, agent_deployment_id);
CREATE INDEX agent_instances_by_status ON agent_instances (agent_id, status, number);
CREATE INDEX agent_instances_by_agent_time ON agent_instances (agent_id, inserted_at, status);
CREATE INDEX agent_instances_by_deployment ON agent_instances (agent_deployment_id, number);
CREATE INDEX agent_instances_by_environment ON agent_instances (environment_id, number);
CREATE INDEX agent_instances_by_token ON agent_instances (api_token_id, number) WHERE api_token_id IS NOT NULL;
CREATE INDEX agent_instances_by_account_status ON agent_instances (account_id, status, number);
CREATE INDEX agent_instances_by_deployment_status ON agent_instances (agent_deployment_id, status, number);
CREATE INDEX agent_instances_by_version ON agent_instances (agent_version_id);

CREATE TABLE agent_spans (
    number             BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    account_id         TEXT COLLATE "C" NOT NULL,
    id                 TEXT COLLATE "C" NOT NULL,
    instance           BIGINT NOT NULL REFERENCES agent_instances (number),
    agent_id           TEXT COLLATE "C" NOT NULL,
    parent_span_id     TEXT COLLATE "C",
    schema_name        TEXT COLLATE "C" NOT NULL,
    status             TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'active', 'complete', 'failed', 'cancelled')),
    created_status     TEXT COLLATE "C" NOT NULL,
    payload            BYTEA NOT NULL,
    result_payload     BYTEA,
    sensitive_encoding TEXT COLLATE "C",
    creation_key       BYTEA,
    creation_hash      BYTEA,
    started_at         BIGINT NOT NULL,
    finished_at        BIGINT,
    size               BIGINT NOT NULL,
    inserted_at        BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    UNIQUE (account_id, id)
);
CREATE INDEX agent_spans_by_instance ON agent_spans (instance, number);
CREATE INDEX agent_spans_by_time ON agent_spans (instance, started_at);
CREATE INDEX agent_spans_by_agent_time ON agent_spans (agent_id, started_at);
CREATE UNIQUE INDEX agent_spans_by_creation ON agent_spans (account_id, creation_key) WHERE creation_key IS NOT NULL;

CREATE TABLE activity_size (
    bytes BIGINT NOT NULL
);

CREATE TABLE member_notices (
    id                  TEXT COLLATE "C" PRIMARY KEY,
    admin_user_id       TEXT COLLATE "C" NOT NULL,
    account_id          TEXT COLLATE "C" NOT NULL,
    kind                TEXT COLLATE "C" NOT NULL,
    role                TEXT COLLATE "C",
    actor_admin_user_id TEXT COLLATE "C",
    actor_address       TEXT COLLATE "C",
    session_id          TEXT COLLATE "C",
    inserted_at         BIGINT NOT NULL,
    dismissed           BOOLEAN NOT NULL DEFAULT FALSE,
    tries               BIGINT NOT NULL DEFAULT 0,
    next_at             BIGINT
);
CREATE INDEX member_notices_by_admin_user ON member_notices (admin_user_id, inserted_at);
CREATE INDEX member_notices_by_next_at ON member_notices (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE audit_chains (
    account_id TEXT COLLATE "C" PRIMARY KEY,
    sequence   BIGINT NOT NULL,
    hash       BYTEA NOT NULL,
    kept_after BIGINT NOT NULL,
    kept_hash  BYTEA NOT NULL,
    seal       BYTEA NOT NULL
);
INSERT INTO activity_size (bytes) VALUES (0);

-- What happened to tokens since some number, so that the memory of each copy can follow. The oldest rows go. A row is a token
-- that was made, changed or deleted, or a move of all tokens that refer to a target. A row with neither is a change of
-- anything, such as of a signing key.
CREATE TABLE token_changes (
    number      BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, -- in the order of the commits
    tag         UUID NOT NULL DEFAULT gen_random_uuid(),             -- tells two histories apart that continue one backup
    account_id  TEXT COLLATE "C",
    token_id    TEXT COLLATE "C",
    target      TEXT COLLATE "C",
    target_id   TEXT COLLATE "C",
    to_status   TEXT COLLATE "C",
    moved_at    BIGINT,
    status_list BIGINT -- that may look different, of a change of one token; NULL for none
);

-- +goose StatementBegin
CREATE FUNCTION note_token_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- So that numbers are in the order of the commits, whoever makes the change. Copies wait for each other before.
    PERFORM pg_advisory_xact_lock(8390042714203513188);
    CASE TG_TABLE_NAME || ' ' || TG_OP
    WHEN 'api_tokens INSERT' THEN
        INSERT INTO token_changes (account_id, token_id) SELECT account_id, id FROM new_rows;
    WHEN 'api_tokens UPDATE' THEN
        -- A move writes after_move. Its own row stands for all tokens that it changes.
        INSERT INTO token_changes (account_id, token_id, status_list)
            SELECT n.account_id, n.id, n.status_list FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE o.after_move = n.after_move;
    WHEN 'api_tokens DELETE' THEN
        INSERT INTO token_changes (account_id, token_id) SELECT account_id, id FROM old_rows;
    WHEN 'token_moves INSERT' THEN
        INSERT INTO token_changes (account_id, target, target_id, to_status, moved_at)
            SELECT account_id, target, target_id, to_status, inserted_at FROM new_rows ORDER BY number;
    WHEN 'old_secrets INSERT', 'old_secrets UPDATE' THEN
        INSERT INTO token_changes (account_id, token_id, status_list) SELECT t.account_id, t.id, n.status_list FROM new_rows n JOIN api_tokens t ON t.id = n.token_id;
    WHEN 'old_secrets DELETE' THEN -- a deleted token has its own row
        INSERT INTO token_changes (account_id, token_id, status_list) SELECT t.account_id, t.id, o.status_list FROM old_rows o JOIN api_tokens t ON t.id = o.token_id;
    ELSE -- signing_keys
        INSERT INTO token_changes DEFAULT VALUES;
    END CASE;
    DELETE FROM token_changes WHERE number <= (SELECT MAX(number) FROM token_changes) - 100000;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER api_tokens_inserted AFTER INSERT ON api_tokens REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();
CREATE TRIGGER api_tokens_updated AFTER UPDATE ON api_tokens REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();
CREATE TRIGGER api_tokens_deleted AFTER DELETE ON api_tokens REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();
CREATE TRIGGER token_moves_inserted AFTER INSERT ON token_moves REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();
CREATE TRIGGER old_secrets_inserted AFTER INSERT ON old_secrets REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();
CREATE TRIGGER old_secrets_updated AFTER UPDATE ON old_secrets REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();
CREATE TRIGGER old_secrets_deleted AFTER DELETE ON old_secrets REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();
CREATE TRIGGER signing_keys_changed AFTER INSERT OR UPDATE OR DELETE ON signing_keys FOR EACH STATEMENT EXECUTE FUNCTION note_token_changes();

-- +goose Down
-- There is no way down.
SELECT 1;
