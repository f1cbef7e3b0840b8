package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/idempotency"
	"tokentab/backend/pfid"
)

type idempotencyRow struct {
	AccountID      pfid.ID
	IdempotencyKey string
	RequestHash    []byte
	Status         *int // NULL in rows of older versions, which wrote the key before the answer
	Answer         *string
	InsertedAt     int64
}

func (idempotencyRow) TableName() string { return "idempotency_keys" }

// KeyEntry implements idempotency.Store.
func (s *Store) KeyEntry(ctx context.Context, who idempotency.Caller, key string, since time.Time) (entry idempotency.Entry, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var rows []idempotencyRow
		err := tx.Where("account_id = ? AND idempotency_key = ? AND status IS NOT NULL AND inserted_at > ?", who.AccountID, ownKey(who, key), millis(since)).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		is := rows[0]
		entry, ok = idempotency.Entry{
			Hash: idempotency.Hash(is.RequestHash), Answer: idempotency.Answer{Status: *is.Status, Body: orEmpty(is.Answer)}, At: instant(is.InsertedAt),
		}, true
		return nil
	})
	return entry, ok, err
}

// KeepKey implements idempotency.Store.
func (s *Store) KeepKey(ctx context.Context, who idempotency.Caller, key string, entry idempotency.Entry, since time.Time) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM idempotency_keys WHERE inserted_at <= ?", millis(since)).Error; err != nil {
			return err
		}
		if err := tx.Exec("UPDATE idempotency_keys SET inserted_at = ? WHERE inserted_at > ?", millis(entry.At), millis(entry.At)).Error; err != nil {
			return err
		}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&idempotencyRow{
			AccountID: who.AccountID, IdempotencyKey: ownKey(who, key), RequestHash: entry.Hash[:],
			Status: &entry.Answer.Status, Answer: &entry.Answer.Body, InsertedAt: millis(entry.At),
		}).Error
	})
}

// ownKey prefixes a key with its caller, so that callers can use the same keys.
func ownKey(who idempotency.Caller, key string) string { return who.ID.String() + " " + key }
