package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

var sessionSorting = sorting{"id", "inserted_at", "last_seen_at", "expires_at"}

// live selects the live sessions of an admin user.
func live(user pfid.ID, at time.Time) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		return tx.Where("admin_user_id = ? AND expires_at > ? AND last_seen_at > ? AND last_seen_at <= ?",
			user, millis(at), millis(at.Add(-people.IdleEnd)), millis(at.Add(people.ClockTolerance)))
	}
}

// LiveSessions implements people.Store.
func (s *Store) LiveSessions(ctx context.Context, user pfid.ID, at time.Time, page paging.Page) (list []people.Session, total int, err error) {
	if page.Sort == "" {
		page.Sort, page.Descending = "last_seen_at", true
	}
	rows, total, err := pageOf[sessionRow](ctx, s, sessionSorting, page, live(user, at))
	for _, row := range rows {
		list = append(list, row.session())
	}
	return list, total, err
}

// DeleteSessionOf implements people.Store.
func (s *Store) DeleteSessionOf(ctx context.Context, user, id pfid.ID, at time.Time, event audit.Event) (ended people.Session, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		var row sessionRow
		if err := take(live(user, at)(tx).Where("id = ?", id), &row, "session"); err != nil {
			return err
		}
		ended = row.session()
		if err := tx.Exec("DELETE FROM sessions WHERE id = ?", id).Error; err != nil {
			return err
		}
		return record(tx, event)
	})
	return ended, err
}

// DeleteOtherSessions implements people.Store.
func (s *Store) DeleteOtherSessions(ctx context.Context, user, kept pfid.ID, at time.Time, event func(int) (audit.Event, error)) (ended int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := live(user, at)(tx.Model(&sessionRow{})).Where("id <> ?", kept).Count(&n).Error; err != nil {
			return err
		}
		ended = int(n)
		if err := deleteOtherSessions(tx, user, kept); err != nil || ended == 0 {
			return err
		}
		e, err := event(ended)
		if err != nil {
			return err
		}
		return record(tx, e)
	})
	return ended, err
}

// ChangePassword implements people.Store.
func (s *Store) ChangePassword(ctx context.Context, user, kept pfid.ID, oldHash, newHash string, at time.Time, event audit.Event, settle people.Settlement) (ok bool, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		changed := tx.Model(&adminUserRow{}).Where("id = ? AND removed_at IS NULL AND password_hash = ?", user, oldHash).
			Updates(map[string]any{"password_hash": newHash, "updated_at": millis(at)})
		if ok = changed.RowsAffected == 1; changed.Error != nil || !ok {
			return changed.Error
		}
		if err := deleteOtherSessions(tx, user, kept); err != nil {
			return err
		}
		if err := settleTries(tx, settle); err != nil {
			return err
		}
		return record(tx, event)
	})
	return ok && err == nil, err
}

// ReplacePasswordHash implements people.Store.
func (s *Store) ReplacePasswordHash(ctx context.Context, user pfid.ID, oldHash, newHash string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE admin_users SET password_hash = ? WHERE id = ? AND password_hash = ?", newHash, user, oldHash).Error
	})
}

func deleteOtherSessions(tx *gorm.DB, user, kept pfid.ID) error {
	return tx.Exec("DELETE FROM sessions WHERE admin_user_id = ? AND id <> ?", user, kept).Error
}
