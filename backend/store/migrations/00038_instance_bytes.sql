-- +goose Up
-- Instances and their quality payloads count in the share of their account, too.
UPDATE accounts SET activity_bytes = activity_bytes + s.bytes
    FROM (SELECT account_id, SUM(500 + COALESCE(octet_length(qualities), 0)) AS bytes FROM agent_instances GROUP BY account_id) s
    WHERE s.account_id = accounts.id;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
