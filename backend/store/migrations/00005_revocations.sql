-- +goose Up
-- Lists of tokens say when and by whom each was revoked, which its audit event knows.
CREATE INDEX audit_events_of_revocations ON audit_events (subject_id) WHERE action = 'api_token.revoked';

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
