-- +goose Up
-- The audit log, a file, has the events of a chain up to this sequence; 0 for none. The seal of the chain does not cover it.
ALTER TABLE audit_chains ADD COLUMN logged BIGINT NOT NULL DEFAULT 0;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
