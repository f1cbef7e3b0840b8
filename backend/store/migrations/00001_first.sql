-- +goose Up
-- Times are Unix milliseconds in UTC. Ids are PFIDs as text. Foreign keys carry the account along, so that the
-- database itself refuses a row that points into another account.

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE accounts (
    id                TEXT   NOT NULL PRIMARY KEY,
    partition         BIGINT NOT NULL UNIQUE, -- which all ids of the account carry
    name              TEXT   NOT NULL,
    purpose           TEXT   NOT NULL,
    organisation_name TEXT,
    website           TEXT,
    api_token_count   BIGINT NOT NULL DEFAULT 0, -- kept with each insert and delete: counting a million rows is slow
    inserted_at       BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);

CREATE TABLE admin_users (
    id            TEXT   NOT NULL PRIMARY KEY,
    account_id    TEXT   NOT NULL REFERENCES accounts (id),
    email         TEXT   NOT NULL, -- lower case
    name          TEXT,
    job_title     TEXT,
    password_hash TEXT   NOT NULL, -- argon2id
    inserted_at   BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    removed_at    BIGINT, -- a removed member stays as the creator of tokens
    UNIQUE (account_id, id)
);
CREATE UNIQUE INDEX admin_users_by_email ON admin_users (email) WHERE removed_at IS NULL;
CREATE INDEX admin_users_by_time ON admin_users (account_id, inserted_at, id);

CREATE TABLE admin_user_invites (
    id                       TEXT   NOT NULL PRIMARY KEY,
    account_id               TEXT   NOT NULL REFERENCES accounts (id),
    email                    TEXT   NOT NULL, -- lower case
    status                   TEXT   NOT NULL CHECK (status IN ('pending', 'used', 'revoked')),
    created_by_admin_user_id TEXT,
    expires_at               BIGINT NOT NULL,
    inserted_at              BIGINT NOT NULL,
    updated_at               BIGINT NOT NULL
);
CREATE INDEX admin_user_invites_by_time ON admin_user_invites (account_id, inserted_at, id);

CREATE TABLE sessions (
    id            TEXT   NOT NULL PRIMARY KEY, -- by which its owner ends it; no credential
    id_hash       BLOB   NOT NULL UNIQUE,      -- SHA-256 of the cookie's value
    admin_user_id TEXT   NOT NULL REFERENCES admin_users (id),
    address       TEXT   NOT NULL,
    user_agent    TEXT   NOT NULL,
    inserted_at   BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL -- the absolute end; the idle end follows from last_seen_at
);
CREATE INDEX sessions_by_admin_user ON sessions (admin_user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE sign_in_failures (
    source   TEXT   NOT NULL PRIMARY KEY, -- an address, or the hash of an email
    failures BIGINT NOT NULL,             -- in a row
    last_at  BIGINT NOT NULL
);
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_at);

CREATE TABLE environments (
    id          TEXT   NOT NULL PRIMARY KEY,
    account_id  TEXT   NOT NULL REFERENCES accounts (id),
    name        TEXT   NOT NULL,
    purpose     TEXT   NOT NULL,
    description TEXT,
    inserted_at BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    deleted_at  BIGINT, -- a deleted environment stays as what revoked tokens name
    UNIQUE (account_id, id)
);
CREATE INDEX environments_by_time ON environments (account_id, inserted_at, id);

CREATE TABLE agents (
    id                  TEXT   NOT NULL PRIMARY KEY,
    account_id          TEXT   NOT NULL REFERENCES accounts (id),
    name                TEXT   NOT NULL,
    description         TEXT,
    external_identifier TEXT,
    inserted_at         BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    last_seen_at        BIGINT, -- the newest last use of its deployment tokens, also of those that are deleted
    retired_at          BIGINT,
    deleted_at          BIGINT, -- a deleted agent stays as what revoked tokens name
    UNIQUE (account_id, id)
);
CREATE UNIQUE INDEX agents_by_external_identifier ON agents (account_id, external_identifier) WHERE deleted_at IS NULL;
CREATE INDEX agents_by_time ON agents (account_id, inserted_at, id) WHERE deleted_at IS NULL;
CREATE INDEX agents_by_last_seen ON agents (account_id, last_seen_at, id) WHERE deleted_at IS NULL;

CREATE TABLE agent_deployments (
    id                 TEXT   NOT NULL PRIMARY KEY,
    account_id         TEXT   NOT NULL REFERENCES accounts (id),
    agent_id           TEXT   NOT NULL,
    environment_id     TEXT   NOT NULL,
    current_version_id TEXT,
    inserted_at        BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    deleted_at         BIGINT, -- a deleted deployment stays as what revoked tokens name
    UNIQUE (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, environment_id) REFERENCES environments (account_id, id)
);
CREATE UNIQUE INDEX agent_deployments_by_pair ON agent_deployments (agent_id, environment_id) WHERE deleted_at IS NULL;
CREATE INDEX agent_deployments_by_time ON agent_deployments (account_id, inserted_at, id) WHERE deleted_at IS NULL;
CREATE INDEX agent_deployments_by_environment ON agent_deployments (environment_id);

CREATE TABLE agent_schema_versions (
    id                          TEXT   NOT NULL PRIMARY KEY,
    account_id                  TEXT   NOT NULL,
    agent_id                    TEXT   NOT NULL,
    external_identifier         TEXT   NOT NULL,
    external_identifier_repeats BIGINT NOT NULL, -- how many earlier ones of the agent have the same identifier
    schemas                     TEXT   NOT NULL, -- JSON, as it was sent
    inserted_at                 BIGINT NOT NULL,
    UNIQUE (account_id, id),
    UNIQUE (agent_id, external_identifier, external_identifier_repeats),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);
CREATE INDEX agent_schema_versions_by_time ON agent_schema_versions (agent_id, inserted_at, id);

CREATE TABLE agent_versions (
    id                          TEXT   NOT NULL PRIMARY KEY,
    account_id                  TEXT   NOT NULL,
    agent_id                    TEXT   NOT NULL,
    agent_schema_version_id     TEXT,
    external_identifier         TEXT   NOT NULL,
    external_identifier_repeats BIGINT NOT NULL, -- how many earlier ones of the agent have the same identifier
    name                        TEXT,
    description                 TEXT,
    inserted_at                 BIGINT NOT NULL,
    updated_at                  BIGINT NOT NULL,
    UNIQUE (account_id, id),
    UNIQUE (agent_id, external_identifier, external_identifier_repeats),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, agent_schema_version_id) REFERENCES agent_schema_versions (account_id, id)
);
CREATE INDEX agent_versions_by_time ON agent_versions (agent_id, inserted_at, id);
CREATE INDEX agent_versions_by_schema ON agent_versions (agent_schema_version_id) WHERE agent_schema_version_id IS NOT NULL;

CREATE TABLE api_tokens (
    id                       TEXT   NOT NULL PRIMARY KEY,
    account_id               TEXT   NOT NULL REFERENCES accounts (id),
    name                     TEXT   NOT NULL,
    secret_hash              BLOB   NOT NULL UNIQUE, -- SHA-256 of the secret
    hint                     TEXT   NOT NULL,        -- its last four characters
    token_scope              TEXT   NOT NULL CHECK (token_scope IN ('account', 'environment', 'agent_deployment')),
    status                   TEXT   NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    agent_id                 TEXT,
    environment_id           TEXT,
    agent_deployment_id      TEXT,
    created_by_admin_user_id TEXT, -- outlives its admin user, hence no foreign key
    created_by_api_token_id  TEXT, -- outlives its token, likewise
    expires_at               BIGINT NOT NULL,
    last_used_at             BIGINT,
    suspended_by_retirement  BOOLEAN NOT NULL DEFAULT FALSE, -- reinstating its agent activates it again
    inserted_at              BIGINT NOT NULL,
    updated_at               BIGINT NOT NULL,
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    FOREIGN KEY (account_id, environment_id) REFERENCES environments (account_id, id),
    FOREIGN KEY (account_id, agent_deployment_id) REFERENCES agent_deployments (account_id, id)
);
CREATE INDEX api_tokens_by_time ON api_tokens (account_id, inserted_at, id);
CREATE INDEX api_tokens_by_agent ON api_tokens (agent_id, inserted_at, id) WHERE agent_id IS NOT NULL;
CREATE INDEX api_tokens_by_environment ON api_tokens (environment_id, status) WHERE environment_id IS NOT NULL;
CREATE INDEX api_tokens_by_deployment ON api_tokens (agent_deployment_id, status) WHERE agent_deployment_id IS NOT NULL;
CREATE INDEX api_tokens_by_creator ON api_tokens (created_by_admin_user_id, status) WHERE created_by_admin_user_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    account_id   TEXT   NOT NULL REFERENCES accounts (id),
    idempotency_key TEXT NOT NULL,
    request_hash BLOB   NOT NULL, -- SHA-256 of method, path and body
    status       BIGINT,          -- of the answer; NULL while the request runs
    answer       TEXT,            -- without a secret
    inserted_at  BIGINT NOT NULL,
    PRIMARY KEY (account_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (inserted_at);

CREATE TABLE signing_keys (
    kid                TEXT   NOT NULL PRIMARY KEY, -- the JWK thumbprint (RFC 7638)
    sealed_private_key BLOB   NOT NULL,             -- AES-256-GCM under the master key
    public_key         BLOB   NOT NULL,             -- PKIX DER
    inserted_at        BIGINT NOT NULL
);

CREATE TABLE audit_events (
    id                  TEXT   NOT NULL PRIMARY KEY,
    account_id          TEXT, -- NULL for what belongs to the whole installation
    action              TEXT   NOT NULL,
    subject_id          TEXT   NOT NULL,
    actor_admin_user_id TEXT,
    actor_api_token_id  TEXT,
    actor_address       TEXT   NOT NULL,
    detail              TEXT   NOT NULL,
    inserted_at         BIGINT NOT NULL
);
CREATE INDEX audit_events_by_time ON audit_events (account_id, inserted_at, id);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
