package store

import (
	"context"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/signer"
)

// SigningKeys implements signer.Store.
func (s *Store) SigningKeys(ctx context.Context) (keys []signer.StoredKey, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var rows []signingKeyRow
		if err := tx.Order("inserted_at DESC, kid").Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			keys = append(keys, signer.StoredKey{
				ID: row.KID, Sealed: row.SealedPrivateKey, Public: row.PublicKey, InsertedAt: instant(row.InsertedAt),
			})
		}
		return nil
	})
	return keys, err
}

// InsertSigningKey implements signer.Store.
func (s *Store) InsertSigningKey(ctx context.Context, key signer.StoredKey, event audit.Event, onlyFirst bool) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if onlyFirst {
			var n int64
			if err := tx.Model(&signingKeyRow{}).Limit(1).Count(&n).Error; err != nil || n > 0 {
				return err
			}
		}
		err := tx.Create(&signingKeyRow{
			KID: key.ID, SealedPrivateKey: key.Sealed, PublicKey: key.Public, InsertedAt: millis(key.InsertedAt),
		}).Error
		if err != nil {
			return err
		}
		return record(tx, event)
	})
}
