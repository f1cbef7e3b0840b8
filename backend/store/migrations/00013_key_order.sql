-- +goose Up
-- Keys sign in the order in which they were made, whatever the clock said. A key that had to sign at once does so whatever
-- the clock says: the first one, and one in the place of a withdrawn one.
ALTER TABLE signing_keys ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN at_once BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE signing_keys SET number = rowid, at_once = signs_from < inserted_at + 600000;
CREATE UNIQUE INDEX signing_keys_by_number ON signing_keys (number);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
