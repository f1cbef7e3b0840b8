package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/notice"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

var memberNotices = table[people.Notice]{name: "member_notices", what: "notice",
	columns: func(n *people.Notice) []column {
		return []column{
			{"id", &n.ID}, {"admin_user_id", &n.AdminUserID}, {"account_id", &n.AccountID}, {"kind", &n.Kind}, {"role", (*optional)(&n.Role)},
			{"actor_admin_user_id", &n.ActorID}, {"actor_address", (*optional)(&n.Address)}, {"session_id", &n.SessionID}, {"inserted_at", (*stamp)(&n.InsertedAt)},
		}
	},
	derived: func(n *people.Notice) []column {
		return []column{{"COALESCE(u.name, u.email)", (*shown)(&n.ActorName)}}
	},
	joins: "LEFT JOIN admin_users u ON u.id = t.actor_admin_user_id",
}

// recordAndTell records an event of a member and tells the member, see tell.
func recordAndTell(tx *gorm.DB, recorder audit.Recorder, action audit.Action, user pfid.ID, detail string, n people.Notice) error {
	event, err := recorder(action, user, detail)
	if err != nil {
		return err
	}
	if err := record(tx, event); err != nil {
		return err
	}
	return tell(tx, event, user, n)
}

// tell writes a notice about an event in its transaction, and forgets the oldest of the member. Its session is that of the
// actor, if its page knows of the change.
func tell(tx *gorm.DB, event audit.Event, user pfid.ID, n people.Notice) error {
	n.ID, n.AdminUserID, n.AccountID, n.InsertedAt = event.ID, user, event.Actor.AccountID, event.At
	n.ActorID, n.Address = event.Actor.AdminUserID, event.Actor.Address
	if err := memberNotices.insert(tx, n); err != nil {
		return err
	}
	if err := tx.Exec("UPDATE member_notices SET next_at = inserted_at WHERE id = ?", n.ID).Error; err != nil {
		return err
	}
	return tx.Exec("DELETE FROM member_notices WHERE admin_user_id = ?1 AND id NOT IN (SELECT id FROM member_notices WHERE admin_user_id = ?1 ORDER BY inserted_at DESC, id DESC LIMIT ?2)",
		user, people.MaxNotices).Error
}

func (s People) Notices(ctx context.Context, session people.Session) ([]people.Notice, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]people.Notice, error) {
		return memberNotices.all(tx, "WHERE t.admin_user_id = ? AND NOT t.dismissed AND t.session_id IS DISTINCT FROM ? ORDER BY t.inserted_at DESC, t.id DESC", session.AdminUser.ID, session.ID)
	})
}

func (s People) DismissNotice(ctx context.Context, user, id pfid.ID) (people.Notice, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (people.Notice, error) {
		n, err := memberNotices.take(tx, "t.id = ? AND t.admin_user_id = ? AND NOT t.dismissed", id, user)
		if err != nil {
			return n, err
		}
		return n, tx.Exec("UPDATE member_notices SET dismissed = TRUE WHERE id = ?", id).Error
	})
}

func (s Notices) PendingChanges(ctx context.Context, after, now time.Time, most int) ([]notice.Change, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]notice.Change, error) {
		return rowsAs(tx, `SELECT n.id, n.kind, COALESCE(n.role, ''), COALESCE(a.name, a.email, ''), COALESCE(n.actor_address, ''), n.inserted_at, n.tries, u.email, o.name
			FROM member_notices n JOIN admin_users u ON u.id = n.admin_user_id AND (u.removed_at IS NULL OR n.kind = 'member_removed') JOIN accounts o ON o.id = n.account_id AND o.deleted_at IS NULL
			LEFT JOIN admin_users a ON a.id = n.actor_admin_user_id
			WHERE (n.next_at <= ? OR n.next_at > ?) AND n.inserted_at > ? ORDER BY n.next_at LIMIT ?`, []any{stamp(now), stamp(now.Add(clockTolerance)), stamp(after), most}, func(c *notice.Change) []any {
			return []any{&c.ID, &c.Kind, &c.Role, &c.By, &c.Address, (*stamp)(&c.At), &c.Tries, &c.Email, &c.AccountName}
		})
	})
}

func (s Notices) BeginChange(ctx context.Context, c notice.Change, again time.Time) (ok bool, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		begun := tx.Exec("UPDATE member_notices SET tries = tries + 1, next_at = ? WHERE id = ? AND next_at IS NOT NULL AND tries = ?", stamp(again), c.ID, c.Tries)
		ok = begun.RowsAffected > 0
		return begun.Error
	})
	return ok, err
}

func (s Notices) SettleChange(ctx context.Context, c notice.Change) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE member_notices SET next_at = NULL WHERE id = ?", c.ID).Error
	})
}

func (s People) ResetPassword(ctx context.Context, owner, id pfid.ID, passwordHash string, forget []string, at time.Time, recorder audit.Recorder) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		changed := tx.Exec("UPDATE admin_users SET password_hash = ?, updated_at = ? WHERE id = ? AND account_id = ? AND removed_at IS NULL", passwordHash, stamp(at), id, owner)
		if changed.Error != nil {
			return changed.Error
		}
		if changed.RowsAffected == 0 {
			return fault.New(fault.NotFound, "There is no such admin user.")
		}
		if err := settleTries(tx, people.Settlement{Forget: forget}); err != nil {
			return err
		}
		err := execAll(tx, []string{
			"DELETE FROM sessions WHERE admin_user_id = ?", "DELETE FROM sign_in_failures WHERE source IN (SELECT source FROM sign_in_sources WHERE admin_user_id = ?)",
		}, id)
		if err != nil {
			return err
		}
		if err := recordAndTell(tx, recorder, audit.PasswordChanged, id, "reset", people.Notice{Kind: people.PasswordChanged}); err != nil {
			return err
		}
		return endInvitesOf(tx, at, recorder, madeInSession, id)
	})
}
