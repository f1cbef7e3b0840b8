-- +goose Up
-- Agents register versions and schema versions with their runs, some with each run. Those go when nothing refers to them any
-- more. Of those that exist already it is not known who made them, so they stay.
ALTER TABLE agent_versions ADD COLUMN registered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent_schema_versions ADD COLUMN registered INTEGER NOT NULL DEFAULT 0;
CREATE INDEX agent_versions_registered ON agent_versions (agent_id, inserted_at, id) WHERE registered = 1;
CREATE INDEX agent_deployments_by_version ON agent_deployments (current_version_id) WHERE current_version_id IS NOT NULL;
CREATE INDEX agent_instances_by_version ON agent_instances (agent_version_id);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
