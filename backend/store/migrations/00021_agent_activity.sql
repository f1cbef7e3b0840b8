-- +goose Up
-- What agents do: instances, which are runs, and the spans of each run. Clients may choose the ids, so they are unique
-- only within their account. Numbers count in order of arrival, whatever the clocks said.

CREATE TABLE agent_instances (
    number              INTEGER NOT NULL PRIMARY KEY,
    account_id          TEXT    NOT NULL REFERENCES accounts (id),
    id                  TEXT    NOT NULL,
    agent_id            TEXT    NOT NULL,
    agent_version_id    TEXT    NOT NULL, -- outlives its version, hence no foreign key
    environment_id      TEXT    NOT NULL,
    agent_deployment_id TEXT    NOT NULL,
    api_token_id        TEXT,             -- that registered it; NULL for an admin user. It outlives its token
    status              TEXT    NOT NULL CHECK (status IN ('pending', 'active', 'complete', 'failed', 'cancelled', 'terminated')),
    purpose             TEXT    NOT NULL,
    started_at          BIGINT,
    finished_at         BIGINT,
    termination_reason  TEXT,
    qualities           TEXT,             -- JSON: the latest payload of each name
    -- kept with each span: counting them is slow
    pending_spans       BIGINT  NOT NULL DEFAULT 0,
    active_spans        BIGINT  NOT NULL DEFAULT 0,
    complete_spans      BIGINT  NOT NULL DEFAULT 0,
    failed_spans        BIGINT  NOT NULL DEFAULT 0,
    cancelled_spans     BIGINT  NOT NULL DEFAULT 0,
    inserted_at         BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL, -- the last activity, also of its spans
    UNIQUE (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, environment_id) REFERENCES environments (account_id, id),
    FOREIGN KEY (account_id, agent_deployment_id) REFERENCES agent_deployments (account_id, id)
);
-- The deployment is in them because lists leave out what belongs to deleted ones.
CREATE INDEX agent_instances_by_account ON agent_instances (account_id, number, agent_deployment_id);
CREATE INDEX agent_instances_by_agent ON agent_instances (agent_id, number, agent_deployment_id);
CREATE INDEX agent_instances_by_status ON agent_instances (agent_id, status, number);
CREATE INDEX agent_instances_by_agent_time ON agent_instances (agent_id, inserted_at, status);
CREATE INDEX agent_instances_by_deployment ON agent_instances (agent_deployment_id, number);
CREATE INDEX agent_instances_by_environment ON agent_instances (environment_id, number);
CREATE INDEX agent_instances_by_token ON agent_instances (api_token_id, number) WHERE api_token_id IS NOT NULL;

CREATE TABLE agent_spans (
    number             INTEGER NOT NULL PRIMARY KEY,
    account_id         TEXT    NOT NULL,
    id                 TEXT    NOT NULL,
    instance           BIGINT  NOT NULL REFERENCES agent_instances (number),
    agent_id           TEXT    NOT NULL, -- that of the instance
    parent_span_id     TEXT,             -- which may come later, or never
    schema_name        TEXT    NOT NULL,
    status             TEXT    NOT NULL CHECK (status IN ('pending', 'active', 'complete', 'failed', 'cancelled')),
    created_status     TEXT    NOT NULL, -- so that a repeated create gets the first answer
    payload            BLOB    NOT NULL, -- packed JSON, like the next
    result_payload     BLOB,
    sensitive_encoding TEXT,             -- JSON, as it was sent
    creation_key       BLOB,             -- 16 bytes of a SHA-256: of the caller and its idempotency key
    creation_hash      BLOB,             -- likewise: of the request that created it
    started_at         BIGINT  NOT NULL,
    finished_at        BIGINT,
    size               BIGINT  NOT NULL, -- bytes of the row, roughly
    inserted_at        BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL,
    UNIQUE (account_id, id)
);
CREATE INDEX agent_spans_by_instance ON agent_spans (instance, number);
CREATE INDEX agent_spans_by_time ON agent_spans (instance, started_at);
CREATE INDEX agent_spans_by_agent_time ON agent_spans (agent_id, started_at);
CREATE UNIQUE INDEX agent_spans_by_creation ON agent_spans (account_id, creation_key) WHERE creation_key IS NOT NULL;

-- One row: the size of all spans.
CREATE TABLE activity_size (bytes BIGINT NOT NULL);
INSERT INTO activity_size VALUES (0);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
