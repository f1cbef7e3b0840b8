-- +goose Up
-- Lists of environments begin with the oldest, and clients that must choose take the first. The two that came with an
-- account were a millisecond apart, Production first. They swap their times, because Development is the safe choice.
UPDATE environments
SET inserted_at = inserted_at + CASE purpose WHEN 'production' THEN 1 ELSE -1 END,
    updated_at = MAX(updated_at, inserted_at + CASE purpose WHEN 'production' THEN 1 ELSE 0 END)
WHERE id IN (
    SELECT CASE n.both WHEN 1 THEN p.id ELSE d.id END
    FROM accounts a
    JOIN environments p ON p.account_id = a.id AND p.inserted_at = a.inserted_at AND p.purpose = 'production'
    JOIN environments d ON d.account_id = a.id AND d.inserted_at = a.inserted_at + 1 AND d.purpose = 'development'
    CROSS JOIN (SELECT 1 AS both UNION ALL SELECT 2) n);

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
