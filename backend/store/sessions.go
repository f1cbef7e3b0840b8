package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/people"
)

// InsertSession implements people.Store.
func (s *Store) InsertSession(ctx context.Context, start people.SessionStart) (accountName string, ok bool, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		session := start.Session
		var user adminUserRow
		err := tx.Where("id = ? AND removed_at IS NULL", session.AdminUser.ID).Take(&user).Error
		if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && start.PasswordHash != "" && start.PasswordHash != user.PasswordHash {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.Raw("SELECT name FROM accounts WHERE id = ?", user.AccountID).Scan(&accountName).Error; err != nil {
			return err
		}
		ok = true
		if err := endPrevious(tx, start); err != nil {
			return err
		}
		now := session.InsertedAt
		err = tx.Exec("DELETE FROM sessions WHERE expires_at <= ? OR last_seen_at <= ? OR last_seen_at > ?",
			millis(now), millis(now.Add(-people.IdleEnd)), millis(now.Add(people.ClockTolerance))).Error
		if err != nil {
			return err
		}
		err = tx.Create(&sessionRow{
			ID: session.ID, IDHash: start.Hash[:], AdminUserID: session.AdminUser.ID, Address: session.Address, UserAgent: session.UserAgent,
			InsertedAt: millis(session.InsertedAt), LastSeenAt: millis(session.LastSeenAt), ExpiresAt: millis(session.ExpiresAt),
		}).Error
		if err != nil {
			return err
		}
		if err := settleTries(tx, start.Settle); err != nil {
			return err
		}
		if err := remember(tx, session.AdminUser.ID, start.Known, now); err != nil {
			return err
		}
		return record(tx, start.Event)
	})
	return accountName, ok && err == nil, err
}

// endPrevious ends the session that the browser had before, with an event of that session's admin user.
func endPrevious(tx *gorm.DB, start people.SessionStart) error {
	var previous sessionRow
	err := tx.Where("id_hash = ?", start.Previous[:]).Take(&previous).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var user adminUserRow
	if err := tx.Where("id = ?", previous.AdminUserID).Take(&user).Error; err != nil {
		return err
	}
	event, err := start.Replaced(user.adminUser())
	if err != nil {
		return err
	}
	if err := tx.Exec("DELETE FROM sessions WHERE id = ?", previous.ID).Error; err != nil {
		return err
	}
	return record(tx, event)
}

// Session implements people.Store.
func (s *Store) Session(ctx context.Context, hash people.SessionHash) (session people.Session, ok bool, err error) {
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
		session.AdminUser, session.AccountName = user.adminUser(), owner.Name
		return nil
	})
	return session, ok, err
}

// TouchSession implements people.Store.
func (s *Store) TouchSession(ctx context.Context, hash people.SessionHash, at, end time.Time) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE sessions SET last_seen_at = ?, expires_at = MIN(expires_at, ?) WHERE id_hash = ?", millis(at), millis(end), hash[:]).Error
	})
}

// DeleteSession implements people.Store.
func (s *Store) DeleteSession(ctx context.Context, hash people.SessionHash, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		gone := tx.Exec("DELETE FROM sessions WHERE id_hash = ?", hash[:])
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return record(tx, event)
	})
}
