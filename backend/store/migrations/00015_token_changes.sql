-- +goose Up
-- What happened to tokens since some number, so that an index in memory can follow without reading all of them again. The
-- oldest rows go. A row is a token that was made, changed or deleted, or a move of all tokens that refer to a target.
CREATE TABLE token_changes (
    number     INTEGER NOT NULL PRIMARY KEY, -- counts up; the newest row is never deleted
    account_id TEXT    NOT NULL, -- outlives its account, hence no foreign key
    token_id   TEXT,             -- NULL for a move
    target     TEXT,             -- as in token_moves
    target_id  TEXT,
    to_status  TEXT,
    moved_at   BIGINT
);

-- +goose StatementBegin
CREATE TRIGGER api_token_inserted AFTER INSERT ON api_tokens BEGIN
    INSERT INTO token_changes (account_id, token_id) VALUES (NEW.account_id, NEW.id);
    DELETE FROM token_changes WHERE number <= last_insert_rowid() - 100000;
END;
-- +goose StatementEnd

-- A move writes after_move. Its own row stands for all tokens that it changes.
-- +goose StatementBegin
CREATE TRIGGER api_token_updated AFTER UPDATE ON api_tokens WHEN NEW.after_move = OLD.after_move BEGIN
    INSERT INTO token_changes (account_id, token_id) VALUES (NEW.account_id, NEW.id);
    DELETE FROM token_changes WHERE number <= last_insert_rowid() - 100000;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER api_token_deleted AFTER DELETE ON api_tokens BEGIN
    INSERT INTO token_changes (account_id, token_id) VALUES (OLD.account_id, OLD.id);
    DELETE FROM token_changes WHERE number <= last_insert_rowid() - 100000;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER token_move_inserted AFTER INSERT ON token_moves BEGIN
    INSERT INTO token_changes (account_id, target, target_id, to_status, moved_at)
    VALUES (NEW.account_id, NEW.target, NEW.target_id, NEW.to_status, NEW.inserted_at);
END;
-- +goose StatementEnd

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
