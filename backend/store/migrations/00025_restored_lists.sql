-- +goose Up
-- A restore forgets the tokens that were issued after the backup. The lists that the backup has show every entry that no known
-- token has as revoked.
ALTER TABLE status_lists ADD COLUMN restored_at BIGINT; -- NULL for lists that no restore has closed

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
