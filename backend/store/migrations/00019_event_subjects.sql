-- +goose Up
-- The page of a token shows its events, and lists of tokens the event of each revocation. One index serves both.
DROP INDEX audit_events_of_revocations;
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, action);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
