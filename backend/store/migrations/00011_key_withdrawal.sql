-- +goose Up
-- A signing key signs from some instant on, until a later one does. A withdrawn key stays as a row without its private key.
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN withdrawn_at BIGINT;
UPDATE signing_keys SET signs_from = CASE WHEN inserted_at = (SELECT MIN(inserted_at) FROM signing_keys) THEN inserted_at ELSE inserted_at + 600000 END;

-- The key that signed a token. NULL for older tokens that were made within two minutes of a change of keys: either key may
-- have signed them.
ALTER TABLE api_tokens ADD COLUMN kid TEXT;
UPDATE api_tokens SET kid = (
    SELECT k.kid FROM signing_keys k
    WHERE (k.signs_from <= api_tokens.inserted_at - 120000 OR k.signs_from = (SELECT MIN(signs_from) FROM signing_keys))
    AND NOT EXISTS (SELECT 1 FROM signing_keys o WHERE o.kid <> k.kid AND o.signs_from >= k.signs_from AND o.signs_from <= api_tokens.inserted_at + 120000))
WHERE status <> 'revoked';
CREATE INDEX api_tokens_by_key ON api_tokens (kid, expires_at) WHERE status <> 'revoked';

-- Changes that commands make to what a running server remembers. The server forgets it, and then says which one it saw.
CREATE TABLE outside_changes (
    one  BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    made BIGINT NOT NULL,
    seen BIGINT NOT NULL
);
INSERT INTO outside_changes (one, made, seen) VALUES (1, 0, 0);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
