package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/account"
	"tokentab/backend/audit"
)

// InsertSession implements account.Store.
func (s *Store) InsertSession(ctx context.Context, hash account.SessionHash, session account.Session, passwordHash string, event audit.Event) (ok bool, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		var user adminUserRow
		err := tx.Where("id = ? AND removed_at IS NULL", session.AdminUser.ID).Take(&user).Error
		if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && passwordHash != "" && passwordHash != user.PasswordHash {
			return nil
		}
		if err != nil {
			return err
		}
		ok = true
		now := session.InsertedAt
		err = tx.Exec("DELETE FROM sessions WHERE expires_at <= ? OR last_seen_at <= ?", millis(now), millis(now.Add(-account.IdleEnd))).Error
		if err != nil {
			return err
		}
		err = tx.Create(&sessionRow{
			ID: session.ID, IDHash: hash[:], AdminUserID: session.AdminUser.ID, Address: session.Address, UserAgent: session.UserAgent,
			InsertedAt: millis(session.InsertedAt), LastSeenAt: millis(session.LastSeenAt), ExpiresAt: millis(session.ExpiresAt),
		}).Error
		if err != nil {
			return err
		}
		return record(tx, event)
	})
	return ok && err == nil, err
}

// Session implements account.Store.
func (s *Store) Session(ctx context.Context, hash account.SessionHash) (session account.Session, ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var row sessionRow
		err := tx.Where("id_hash = ?", hash[:]).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var user adminUserRow
		if err := tx.Where("id = ?", row.AdminUserID).Take(&user).Error; err != nil || user.RemovedAt != nil {
			return err
		}
		var owner accountRow
		if err := tx.Where("id = ?", user.AccountID).Take(&owner).Error; err != nil {
			return err
		}
		ok = true
		session = row.session()
		session.AdminUser, session.Account = user.adminUser(), owner.account()
		return nil
	})
	return session, ok, err
}

// TouchSession implements account.Store.
func (s *Store) TouchSession(ctx context.Context, hash account.SessionHash, at time.Time) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE sessions SET last_seen_at = ? WHERE id_hash = ? AND last_seen_at < ?", millis(at), hash[:], millis(at)).Error
	})
}

// DeleteSession implements account.Store.
func (s *Store) DeleteSession(ctx context.Context, hash account.SessionHash, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		gone := tx.Exec("DELETE FROM sessions WHERE id_hash = ?", hash[:])
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return record(tx, event)
	})
}

// triesKept bounds how long a failed sign-in is remembered.
const triesKept = 24 * time.Hour

// CountTry implements account.Store.
func (s *Store) CountTry(ctx context.Context, sources []string, at time.Time, allowed func([]account.Tries) error) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM sign_in_failures WHERE last_at < ?", millis(at.Add(-triesKept))).Error; err != nil {
			return err
		}
		var rows []triesRow
		if err := tx.Where("source IN ?", sources).Find(&rows).Error; err != nil {
			return err
		}
		tries := make([]account.Tries, len(rows))
		for i, row := range rows {
			tries[i] = account.Tries{Source: row.Source, Failures: row.Failures, LastAt: instant(row.LastAt)}
		}
		if err := allowed(tries); err != nil {
			return err
		}
		for _, source := range sources {
			err := tx.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "source"}},
				DoUpdates: clause.Assignments(map[string]any{"failures": gorm.Expr("sign_in_failures.failures + 1"), "last_at": millis(at)}),
			}).Create(&triesRow{Source: source, Failures: 1, LastAt: millis(at)}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetTries implements account.Store.
func (s *Store) ForgetTries(ctx context.Context, sources []string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM sign_in_failures WHERE source IN ?", sources).Error
	})
}
