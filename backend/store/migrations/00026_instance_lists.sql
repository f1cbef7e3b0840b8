-- +goose Up
-- Lists of instances by status, newest first. Those of an agent have such an index.
CREATE INDEX agent_instances_by_account_status ON agent_instances (account_id, status, number);
CREATE INDEX agent_instances_by_deployment_status ON agent_instances (agent_deployment_id, status, number);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
