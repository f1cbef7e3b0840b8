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
func (s *Store) ReserveKey(ctx context.Context, account pfid.ID, key string, entry idempotency.Entry, expiredBefore, staleBefore time.Time) (prior *idempotency.Entry, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		err := tx.Exec("DELETE FROM idempotency_keys WHERE inserted_at < ? OR (account_id = ? AND idempotency_key = ? AND status IS NULL AND inserted_at < ?)",
			millis(expiredBefore), account, key, millis(staleBefore)).Error
		if err != nil {
			return err
		}
		row := idempotencyRow{AccountID: account, IdempotencyKey: key, RequestHash: entry.Hash[:], InsertedAt: millis(entry.At)}
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if made.Error != nil || made.RowsAffected == 1 {
			return made.Error
		}
		var is idempotencyRow
		if err := tx.Where("account_id = ? AND idempotency_key = ?", account, key).Take(&is).Error; err != nil {
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
func (s *Store) AnswerKey(ctx context.Context, account pfid.ID, key string, answer idempotency.Answer) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE idempotency_keys SET status = ?, answer = ? WHERE account_id = ? AND idempotency_key = ?",
			answer.Status, answer.Body, account, key).Error
	})
}

// ReleaseKey implements idempotency.Store.
func (s *Store) ReleaseKey(ctx context.Context, account pfid.ID, key string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM idempotency_keys WHERE account_id = ? AND idempotency_key = ? AND status IS NULL", account, key).Error
	})
}
