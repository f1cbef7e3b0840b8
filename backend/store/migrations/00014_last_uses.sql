-- +goose Up
-- Last uses go to their rows at once; no piece waits for that any more. Those that still do are brought there now.
INSERT INTO token_uses (token_id, last_used_at)
SELECT j.key, j.value FROM noted_uses n, json_each(noted_times(n.uses, 0)) j
WHERE EXISTS (SELECT 1 FROM token_uses u WHERE u.token_id = j.key)
ON CONFLICT (token_id) DO UPDATE SET last_used_at = excluded.last_used_at
WHERE last_used_at IS NULL OR last_used_at < excluded.last_used_at;
UPDATE agents SET last_seen_at = s.at
FROM (SELECT j.key AS id, MAX(j.value) AS at FROM noted_uses n, json_each(noted_times(n.uses, 20)) j GROUP BY j.key) s
WHERE agents.id = s.id AND (last_seen_at IS NULL OR last_seen_at < s.at);
DROP TABLE noted_uses;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
