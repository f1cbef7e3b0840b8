package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/idempotency"
)

// Answers implements idempotency.Store, which says what each method does.
type Answers struct{ *db }

func (s Answers) KeyEntry(ctx context.Context, who idempotency.Caller, key string, since time.Time) (entry idempotency.Entry, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		// Older versions wrote the key first, without a status or response.
		return scan(tx, "SELECT request_hash, status, answer, inserted_at FROM idempotency_keys WHERE account_id = ? AND idempotency_key = ? AND status IS NOT NULL AND inserted_at > ?",
			[]any{who.AccountID, ownKey(who, key), stamp(since)}, func(rows *sql.Rows) error {
				ok = true
				return rows.Scan((*digest)(&entry.Hash), &entry.Answer.Status, (*optional)(&entry.Answer.Body), (*stamp)(&entry.At))
			})
	})
	return entry, ok, err
}

func (s Answers) KeepKey(ctx context.Context, who idempotency.Caller, key string, entry idempotency.Entry) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO idempotency_keys (account_id, idempotency_key, request_hash, status, answer, inserted_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account_id, idempotency_key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, answer = excluded.answer, inserted_at = excluded.inserted_at`,
			who.AccountID, ownKey(who, key), digest(entry.Hash), entry.Answer.Status, entry.Answer.Body, stamp(entry.At)).Error
	})
}

// ownKey prefixes a key with its caller, so that callers can use the same keys.
func ownKey(who idempotency.Caller, key string) string { return who.ID.String() + " " + key }
