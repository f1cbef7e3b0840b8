-- +goose Up
-- See the migration of SQLite with this number. A previous version would not count what it adds and removes.
UPDATE schema_needs SET lowest = 38;
UPDATE accounts SET activity_bytes = activity_bytes + s.bytes
    FROM (SELECT account_id, SUM(500 + COALESCE(octet_length(qualities), 0)) AS bytes FROM agent_instances GROUP BY account_id) s
    WHERE s.account_id = accounts.id;

-- +goose Down
-- There is no way down.
SELECT 1;
