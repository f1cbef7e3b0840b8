package account

import (
	"context"
	"fmt"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// ProfileStore keeps what admin users change about their own way in.
type ProfileStore interface {
	// LiveSessions returns one page of the admin user's sessions that have not ended at the given instant, the ones seen
	// last first, and how many there are in all. They come without the admin user and the account.
	LiveSessions(ctx context.Context, user pfid.ID, at time.Time, page paging.Page) ([]Session, int, error)
	// DeleteSessionOf ends a session of the admin user that has not ended at the given instant and returns it, without
	// the admin user and the account; else a fault.NotFound.
	DeleteSessionOf(ctx context.Context, user, id pfid.ID, at time.Time, event audit.Event) (Session, error)
	// DeleteOtherSessions ends all sessions of the admin user but one and returns how many had not ended at the given
	// instant.
	DeleteOtherSessions(ctx context.Context, user, kept pfid.ID, at time.Time, event func(ended int) (audit.Event, error)) (int, error)
	// ChangePassword replaces the password with the given hash, ends all sessions of the admin user but one and takes the
	// counted try back, in one transaction. If the password is another by then, it changes nothing and ok is false.
	ChangePassword(ctx context.Context, user, kept pfid.ID, oldHash, newHash string, at time.Time, event audit.Event, settle Settlement) (ok bool, err error)
}

// LiveSessions returns one page of the admin user's sessions, the ones seen last first, and how many there are in all.
func (as *Accounts) LiveSessions(ctx context.Context, user pfid.ID, page paging.Page) ([]Session, int, error) {
	return as.store.LiveSessions(ctx, user, as.now().UTC(), page)
}

// EndSession ends a session of the actor's own; any other is a fault.NotFound.
func (as *Accounts) EndSession(ctx context.Context, actor audit.Actor, id pfid.ID) (Session, error) {
	at := as.now().UTC()
	event, err := audit.New(at, actor, audit.SessionEnded, actor.AdminUserID.String(), "ended by its owner", as.random)
	if err != nil {
		return Session{}, err
	}
	return as.store.DeleteSessionOf(ctx, actor.AdminUserID, id, at, event)
}

// EndOtherSessions ends all sessions of the actor's own but the given one, and says how many.
func (as *Accounts) EndOtherSessions(ctx context.Context, actor audit.Actor, kept pfid.ID) (int, error) {
	at := as.now().UTC()
	return as.store.DeleteOtherSessions(ctx, actor.AdminUserID, kept, at, func(ended int) (audit.Event, error) {
		return audit.New(at, actor, audit.SessionEnded, actor.AdminUserID.String(), fmt.Sprintf("%s ended by their owner", count(ended, "other session")), as.random)
	})
}

// ChangePassword replaces the password of whoever is signed in with the given session, and ends all other sessions of
// theirs. A wrong current password is a fault.Validation of current_password. Wrong tries are counted apart from those to
// sign in, since strangers can't make any, and become a fault.TooManyRequests likewise.
func (as *Accounts) ChangePassword(ctx context.Context, actor audit.Actor, session Session, current, next string) error {
	at := as.now().UTC()
	wrong := fault.Fields{}
	checkPassword(wrong, "new_password", next)
	if err := wrong.Err(); err != nil {
		return err
	}
	user, hash, ok, err := as.store.AdminUserByEmail(ctx, session.AdminUser.Email)
	if err != nil {
		return err
	}
	if !ok || user.ID != session.AdminUser.ID {
		hash = ""
	}
	l := lane{own: []string{passwordKind + " " + session.AdminUser.ID.String()}, known: true}
	right, err := as.check(ctx, l, current, hash, func(settle Settlement, _ bool) error {
		newHash, err := as.passwords.Hash(next)
		if err != nil {
			return err
		}
		event, err := audit.New(at, actor, audit.PasswordChanged, user.ID.String(), "", as.random)
		if err != nil {
			return err
		}
		changed, err := as.store.ChangePassword(ctx, user.ID, session.ID, hash, newHash, at, event, settle)
		if err == nil && !changed {
			err = wrongCurrent()
		}
		return err
	})
	if err == nil && !right {
		err = wrongCurrent()
	}
	return err
}

func wrongCurrent() error { return fault.Field("current_password", "is wrong") }
