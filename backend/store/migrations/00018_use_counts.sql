-- +goose Up
-- How a token was used: accepted and refused validations by hour and by day, and from which addresses, packed by the
-- program.
ALTER TABLE token_uses ADD COLUMN last_refused_at BIGINT; -- NULL for never
ALTER TABLE token_uses ADD COLUMN uses BLOB;              -- NULL for none

-- Since when uses of the tokens that exist now are counted. Those of new ones are from the start.
INSERT INTO settings (name, value) SELECT 'uses_since', CAST(strftime('%s', 'now') AS INTEGER) * 1000 WHERE EXISTS (SELECT 1 FROM api_tokens);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
