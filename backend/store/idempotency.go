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
	Status         *int
	Answer         *string
	InsertedAt     int64
}

func (idempotencyRow) TableName() string { return "idempotency_keys" }

// ReserveKey implements idempotency.Store.
func (s *Store) ReserveKey(ctx context.Context, who idempotency.Caller, key string, entry idempotency.Entry, expiredBefore, staleBefore time.Time) (prior *idempotency.Entry, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		err := tx.Exec("DELETE FROM idempotency_keys WHERE inserted_at < ? OR (account_id = ? AND idempotency_key = ? AND status IS NULL AND inserted_at < ?)",
			millis(expiredBefore), who.AccountID, ownKey(who, key), millis(staleBefore)).Error
		if err != nil {
			return err
		}
		row := idempotencyRow{AccountID: who.AccountID, IdempotencyKey: ownKey(who, key), RequestHash: entry.Hash[:], InsertedAt: millis(entry.At)}
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if made.Error != nil || made.RowsAffected == 1 {
			return made.Error
		}
		var is idempotencyRow
		if err := tx.Where("account_id = ? AND idempotency_key = ?", who.AccountID, ownKey(who, key)).Take(&is).Error; err != nil {
			return err
		}
		prior = &idempotency.Entry{Hash: idempotency.Hash(is.RequestHash), At: instant(is.InsertedAt)}
		if is.Status != nil {
			prior.Answer = &idempotency.Answer{Status: *is.Status, Body: orEmpty(is.Answer)}
		}
		return nil
	})
	return prior, err
}

// AnswerKey implements idempotency.Store.
func (s *Store) AnswerKey(ctx context.Context, who idempotency.Caller, key string, answer idempotency.Answer) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE idempotency_keys SET status = ?, answer = ? WHERE account_id = ? AND idempotency_key = ?",
			answer.Status, answer.Body, who.AccountID, ownKey(who, key)).Error
	})
}

// ReleaseKey implements idempotency.Store.
func (s *Store) ReleaseKey(ctx context.Context, who idempotency.Caller, key string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM idempotency_keys WHERE account_id = ? AND idempotency_key = ? AND status IS NULL", who.AccountID, ownKey(who, key)).Error
	})
}

// ownKey keeps the keys of one caller apart from those of all others.
func ownKey(who idempotency.Caller, key string) string { return who.ID.String() + " " + key }
