-- +goose Up
-- The last batch of uses that each process has written. Several processes may write to one database, and each must know which
-- of its batches was kept.
CREATE TABLE use_writers (
    writer     BIGINT NOT NULL PRIMARY KEY, -- a random number of the process
    batch      BIGINT NOT NULL,
    written_at BIGINT NOT NULL
);
DELETE FROM settings WHERE name = 'uses_batch';

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
