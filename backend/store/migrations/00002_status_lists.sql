-- +goose Up
-- Status lists tell who verifies tokens offline which of them are revoked or suspended. Each token made from now on has
-- an entry in one; older tokens have none.

CREATE TABLE status_lists (
    number      BIGINT NOT NULL PRIMARY KEY, -- from 1; the newest takes new tokens
    taken       BIGINT NOT NULL,             -- entries ever given to tokens
    inserted_at BIGINT NOT NULL
);

ALTER TABLE api_tokens ADD COLUMN status_list BIGINT;
ALTER TABLE api_tokens ADD COLUMN status_index BIGINT;
CREATE UNIQUE INDEX api_tokens_by_status_entry ON api_tokens (status_list, status_index) WHERE status_list IS NOT NULL;
-- What a list has to say, in an index of its own: reading a list costs what is not active, not what is in it.
CREATE INDEX api_tokens_not_active ON api_tokens (status_list, status_index, status) WHERE status_list IS NOT NULL AND status <> 'active';

-- Entries of deleted tokens, which offline verifiers would take for valid again if the list forgot them.
CREATE TABLE deleted_status_entries (
    status_list  BIGINT NOT NULL,
    status_index BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL, -- of the token; from then on nobody needs the entry
    PRIMARY KEY (status_list, status_index)
);
CREATE INDEX deleted_status_entries_by_end ON deleted_status_entries (expires_at);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
