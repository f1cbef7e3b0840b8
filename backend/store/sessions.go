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

// session is a session with the hash of its secret id.
type session struct {
	people.Session
	hash people.SessionHash
}

var sessions = table[session]{name: "sessions", what: "session",
	columns: func(s *session) []column {
		return []column{
			{"id", &s.ID}, {"id_hash", (*digest)(&s.hash)}, {"admin_user_id", &s.AdminUser.ID}, {"address", &s.Address}, {"user_agent", &s.UserAgent},
			{"inserted_at", (*stamp)(&s.InsertedAt)}, {"last_seen_at", (*stamp)(&s.LastSeenAt)}, {"expires_at", (*stamp)(&s.ExpiresAt)},
		}
	},
	derived: func(s *session) []column {
		return append(prefixed("u.", adminUserColumns(&s.AdminUser)), column{"a.name", &s.AccountName})
	},
	joins: "JOIN admin_users u ON u.id = t.admin_user_id JOIN accounts a ON a.id = u.account_id",
}

// liveSession selects the live sessions of an admin user; see liveAt.
const liveSession = "t.admin_user_id = ? AND t.expires_at > ? AND t.last_seen_at > ? AND t.last_seen_at <= ?"

func liveAt(user pfid.ID, at time.Time) []any {
	return []any{user, stamp(at), stamp(at.Add(-people.IdleEnd)), stamp(at.Add(people.ClockTolerance))}
}

func (s People) InsertSession(ctx context.Context, start people.SessionStart) (accountName string, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		user, ok, err := adminUsers.find(tx, "t.id = ? AND t.removed_at IS NULL", start.Session.AdminUser.ID)
		if err == nil && (!ok || start.PasswordHash != "" && start.PasswordHash != user.hash) {
			err = people.ErrWrongSignIn
		}
		if err != nil {
			return err
		}
		if accountName, err = nameOfAccount(tx, user.AccountID); err != nil {
			return err
		}
		if err := endPrevious(tx, start); err != nil {
			return err
		}
		if err := sessions.insert(tx, session{start.Session, start.Hash}); err != nil {
			return err
		}
		if err := settleTries(tx, start.Settle); err != nil {
			return err
		}
		if err := remember(tx, user.ID, start.Known, start.Session.InsertedAt); err != nil {
			return err
		}
		return record(tx, start.Event)
	})
	return accountName, err
}

func nameOfAccount(tx *gorm.DB, id pfid.ID) (string, error) {
	return value[string](tx, "SELECT name FROM accounts WHERE id = ?", id)
}

// endPrevious ends the session that the browser had before, with an event of that session's admin user.
func endPrevious(tx *gorm.DB, start people.SessionStart) error {
	previous, ok, err := sessions.find(tx, "t.id_hash = ?", digest(start.Previous))
	if err != nil || !ok {
		return err
	}
	event, err := start.Replaced(previous.AdminUser)
	if err != nil {
		return err
	}
	if err := tx.Exec("DELETE FROM sessions WHERE id = ?", previous.ID).Error; err != nil {
		return err
	}
	return record(tx, event)
}

func (s People) Session(ctx context.Context, hash people.SessionHash) (found people.Session, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var is session
		is, ok, err = sessions.find(tx, "t.id_hash = ? AND u.removed_at IS NULL", digest(hash))
		found = is.Session
		return err
	})
	return found, ok, err
}

func (s People) TouchSession(ctx context.Context, hash people.SessionHash, at, end time.Time) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE sessions SET last_seen_at = ?1, expires_at = CASE WHEN expires_at > ?2 THEN ?2 ELSE expires_at END WHERE id_hash = ?3", stamp(at), stamp(end), digest(hash)).Error
	})
}

func (s People) DeleteSession(ctx context.Context, hash people.SessionHash, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		gone := tx.Exec("DELETE FROM sessions WHERE id_hash = ?", digest(hash))
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return record(tx, event)
	})
}

func (s People) LiveSessions(ctx context.Context, user pfid.ID, at time.Time, page paging.Page) (list []people.Session, total int, err error) {
	if page.Sort == "" {
		page.Sort, page.Descending = "last_seen_at", true
	}
	found, total, err := sessions.page(ctx, s.db, sorting{"id", "inserted_at", "last_seen_at", "expires_at"}, page, "sessions t WHERE "+liveSession, liveAt(user, at)...)
	for _, is := range found {
		list = append(list, is.Session)
	}
	return list, total, err
}

func (s People) DeleteSessionOf(ctx context.Context, user, id, by pfid.ID, at time.Time, event audit.Event) (people.Session, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (people.Session, error) {
		ended, err := sessions.take(tx, liveSession+" AND t.id = ?", append(liveAt(user, at), id)...)
		if err != nil {
			return ended.Session, err
		}
		if err := tx.Exec("DELETE FROM sessions WHERE id = ?", id).Error; err != nil {
			return ended.Session, err
		}
		if id != by {
			if err := tell(tx, event, user, people.Notice{Kind: people.SessionsEnded, SessionID: by}); err != nil {
				return ended.Session, err
			}
		}
		return ended.Session, record(tx, event)
	})
}

func (s People) DeleteOtherSessions(ctx context.Context, user, kept pfid.ID, at time.Time, event func(int) (audit.Event, error)) (int, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (ended int, err error) {
		if ended, err = value[int](tx, "SELECT count(*) FROM sessions t WHERE "+liveSession+" AND t.id <> ?", append(liveAt(user, at), kept)...); err != nil {
			return 0, err
		}
		if err := deleteOtherSessions(tx, user, kept); err != nil || ended == 0 {
			return 0, err
		}
		e, err := event(ended)
		if err != nil {
			return 0, err
		}
		if err := tell(tx, e, user, people.Notice{Kind: people.SessionsEnded, SessionID: kept}); err != nil {
			return 0, err
		}
		return ended, record(tx, e)
	})
}

func deleteOtherSessions(tx *gorm.DB, user, kept pfid.ID) error {
	return tx.Exec("DELETE FROM sessions WHERE admin_user_id = ? AND id <> ?", user, kept).Error
}

func (s People) ChangePassword(ctx context.Context, user, kept pfid.ID, oldHash, newHash string, at time.Time, recorder audit.Recorder, settle people.Settlement) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		changed := tx.Exec("UPDATE admin_users SET password_hash = ?, updated_at = ? WHERE id = ? AND removed_at IS NULL AND password_hash = ?", newHash, stamp(at), user, oldHash)
		if changed.Error != nil {
			return changed.Error
		}
		if changed.RowsAffected == 0 {
			return people.ErrWrongPassword
		}
		if err := deleteOtherSessions(tx, user, kept); err != nil {
			return err
		}
		if err := settleTries(tx, settle); err != nil {
			return err
		}
		if err := recordAndTell(tx, recorder, audit.PasswordChanged, user, "", people.Notice{Kind: people.PasswordChanged, SessionID: kept}); err != nil {
			return err
		}
		return endInvitesOf(tx, at, recorder, madeInSession, user)
	})
}

func (s People) ReplacePasswordHash(ctx context.Context, user pfid.ID, oldHash, newHash string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE admin_users SET password_hash = ? WHERE id = ? AND password_hash = ?", newHash, user, oldHash).Error
	})
}
