-- +goose Up
-- Uses of tokens as they come, many in a piece, which costs a small part of what it takes to bring each to its row in
-- token_uses. That is done at leisure, and then the piece goes.
CREATE TABLE noted_uses (
    piece BIGINT NOT NULL PRIMARY KEY, -- they are numbered in the order in which they come
    uses  BLOB   NOT NULL              -- of each use token id, agent id or zeros, and Unix milliseconds: 48 bytes
);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
