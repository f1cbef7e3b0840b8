-- +goose Up
-- Last uses stand apart, since they are all that is written while tokens are only validated: more than fifty of these
-- rows lie on a page of the database, of those of the tokens ten, and what is written is pages.
CREATE TABLE token_uses (
    token_id     TEXT   NOT NULL PRIMARY KEY REFERENCES api_tokens (id) ON DELETE CASCADE,
    last_used_at BIGINT -- NULL for never
) WITHOUT ROWID; -- in SQLite the rows lie in the index of their key then
INSERT INTO token_uses (token_id, last_used_at) SELECT id, last_used_at FROM api_tokens ORDER BY id;
ALTER TABLE api_tokens DROP COLUMN last_used_at;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
