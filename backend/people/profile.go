package people

import (
	"context"
	"fmt"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// ProfileStore keeps the sessions and passwords that admin users manage themselves.
type ProfileStore interface {
	// LiveSessions returns one page of the admin user's sessions that are live at the given instant, last seen first,
	// and their total number.
	LiveSessions(ctx context.Context, user pfid.ID, at time.Time, page paging.Page) ([]Session, int, error)
	// DeleteSessionOf ends a live session of the admin user and returns it. It returns fault.NotFound if there is no such
	// session at the given instant. It tells the admin user unless the session ends itself.
	DeleteSessionOf(ctx context.Context, user, id, by pfid.ID, at time.Time, event audit.Event) (Session, error)
	// DeleteOtherSessions ends all sessions of the admin user except kept, and returns how many of them were live at
	// the given instant.
	DeleteOtherSessions(ctx context.Context, user, kept pfid.ID, at time.Time, event func(ended int) (audit.Event, error)) (int, error)
	// ChangePassword replaces the password hash, ends all sessions of the admin user except kept, revokes the pending
	// invites that they made in a session, and settles the counted try, in one transaction. If the stored hash is no longer
	// oldHash, it changes nothing and returns ErrWrongPassword.
	ChangePassword(ctx context.Context, user, kept pfid.ID, oldHash, newHash string, at time.Time, recorder audit.Recorder, settle Settlement) error
}

// LiveSessions returns one page of the admin user's live sessions, last seen first, and their total number.
func (ps *People) LiveSessions(ctx context.Context, user pfid.ID, page paging.Page) ([]Session, int, error) {
	return ps.store.LiveSessions(ctx, user, ps.now().UTC(), page)
}

// EndSession ends one of the actor's own sessions. It returns fault.NotFound for any other. by is the session that asks.
func (ps *People) EndSession(ctx context.Context, actor audit.Actor, id, by pfid.ID) (Session, error) {
	at := ps.now().UTC()
	event, err := audit.New(at, actor, audit.SessionEnded, actor.AdminUserID.String(), "ended by its owner", ps.random)
	if err != nil {
		return Session{}, err
	}
	return ps.store.DeleteSessionOf(ctx, actor.AdminUserID, id, by, at, event)
}

// EndOtherSessions ends all of the actor's sessions except kept, and returns how many it ended.
func (ps *People) EndOtherSessions(ctx context.Context, actor audit.Actor, kept pfid.ID) (int, error) {
	at := ps.now().UTC()
	return ps.store.DeleteOtherSessions(ctx, actor.AdminUserID, kept, at, func(ended int) (audit.Event, error) {
		return audit.New(at, actor, audit.SessionEnded, actor.AdminUserID.String(), fmt.Sprintf("other sessions ended by their owner: %d", ended), ps.random)
	})
}

// ChangePassword replaces the password of the admin user of the session, ends all of their other sessions, and revokes the
// pending invites that they made: someone who had the old password may have made them. It returns fault.Validation of
// new_password if that is the same password, of current_password if that is wrong, and fault.TooManyRequests after too many
// wrong tries. These tries are counted apart from those to sign in, because only signed-in users can make them.
func (ps *People) ChangePassword(ctx context.Context, actor audit.Actor, session Session, current, next string) error {
	at := ps.now().UTC()
	wrong := fault.Fields{}
	checkPassword(wrong, "new_password", next)
	if text.Composed(next) == text.Composed(current) {
		wrong.Add("new_password", "must differ from the current password")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	user, hash, ok, err := ps.store.AdminUserByEmail(ctx, session.AdminUser.Email)
	if err != nil {
		return err
	}
	if !ok || user.ID != session.AdminUser.ID {
		hash = ""
	}
	l := lane{own: []string{passwordKind + " " + session.AdminUser.ID.String()}, known: true}
	right, err := ps.check(ctx, l, current, hash, func(settle Settlement, _ bool) error {
		newHash, err := ps.passwords.Hash(next)
		if err != nil {
			return err
		}
		return ps.store.ChangePassword(ctx, user.ID, session.ID, hash, newHash, at, audit.NewRecorder(at, actor, ps.random), settle)
	})
	if err == nil && !right {
		return ErrWrongPassword
	}
	return err
}

// ErrWrongPassword means that current_password is wrong.
var ErrWrongPassword = fault.Field("current_password", "is wrong")
