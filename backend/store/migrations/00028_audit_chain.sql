-- +goose Up
-- Events form a hash chain for each account, and one for the installation. The server chains the events that exist already.
ALTER TABLE audit_events ADD COLUMN sequence   BIGINT NOT NULL DEFAULT 0;   -- in its chain, from 1; 0 until it is chained
ALTER TABLE audit_events ADD COLUMN hash       BLOB   NOT NULL DEFAULT x''; -- SHA-256 over the fields and the previous hash
ALTER TABLE audit_events ADD COLUMN request_id TEXT   NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN reason     TEXT   NOT NULL DEFAULT '';
CREATE INDEX audit_events_by_sequence ON audit_events (account_id, sequence);

CREATE TABLE audit_chains (
    account_id TEXT   NOT NULL PRIMARY KEY, -- empty for the chain of the installation
    sequence   BIGINT NOT NULL,             -- of the newest event
    hash       BLOB   NOT NULL,
    kept_after BIGINT NOT NULL,             -- sequence of the newest event that retention removed; 0 for none
    kept_hash  BLOB   NOT NULL,
    seal       BLOB   NOT NULL              -- HMAC-SHA-256 over the row under a key that is not in the database
);

ALTER TABLE token_moves ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE token_moves ADD COLUMN reason     TEXT NOT NULL DEFAULT '';

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
