-- +goose Up
-- See the migration of SQLite with this number.
UPDATE schema_needs SET lowest = 35;
ALTER TABLE accounts ADD COLUMN activity_bytes BIGINT NOT NULL DEFAULT 0; -- the size of all its spans
UPDATE accounts SET activity_bytes = s.bytes FROM (SELECT account_id, SUM(size) AS bytes FROM agent_spans GROUP BY account_id) s WHERE s.account_id = accounts.id;
DROP TABLE activity_size;
CREATE INDEX agent_spans_by_account ON agent_spans (account_id, number);

-- +goose Down
-- There is no way down.
SELECT 1;
