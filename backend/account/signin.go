package account

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/text"
)

// Browser is where a sign-in comes from.
type Browser struct {
	Address   string    // the network address
	UserAgent string    // what the browser says of itself
	ID        BrowserID // empty for a browser that has not signed in yet
	Session   SessionID // which it had until now; empty for none
}

// BrowserID is the value of a cookie that outlives sessions: 256 random bits as text. It gives no rights. A browser that
// has signed a user in before is only told apart by it from strangers, whose wrong tries do not make it wait.
type BrowserID string

// BrowserLife is how long a browser is remembered that does not sign in, the longest that browsers keep a cookie.
const BrowserLife = 400 * 24 * time.Hour

func (id BrowserID) isWellFormed() bool {
	b, err := base64.RawURLEncoding.DecodeString(string(id))
	return err == nil && len(b) == 32
}

// SignedIn is a session that has just begun, with what its browser has to keep: both ids exist nowhere else.
type SignedIn struct {
	Session
	SessionID SessionID
	BrowserID BrowserID
}

// SignIn checks a password and starts a session, which replaces the one that the browser had.
// An unknown email and a wrong password answer alike, after the same work: a fault.NotAuthenticated. After some wrong
// tries a source has to wait: a fault.TooManyRequests. With an error, the admin user is set if the email belongs to one.
func (as *Accounts) SignIn(ctx context.Context, email, password string, from Browser) (SignedIn, error) {
	typed := strings.ToLower(strings.TrimSpace(email))
	email = text.KeptEmail(email)
	// Of two members whose emails were one mailbox in two spellings before there was one form, one keeps the other spelling.
	user, hash, ok, err := as.store.AdminUserByEmail(ctx, typed, email)
	if err != nil {
		return SignedIn{}, err
	}
	refused := SignedIn{Session: Session{AdminUser: user}}
	l, err := as.laneOf(ctx, user.ID, email, from)
	if err != nil {
		return refused, err
	}
	var newHash string
	var in SignedIn
	right, err := as.check(ctx, l, password, hash, func(settle Settlement, outdated bool) (err error) {
		if outdated {
			newHash, _ = as.passwords.Hash(password) // else at the next sign-in
		}
		in, err = as.startSession(ctx, user, hash, from, settle)
		return err
	})
	if err != nil {
		return refused, err
	}
	if !right || !ok {
		return refused, wrongSignIn()
	}
	if newHash != "" {
		// Not worth failing or waiting for: the next sign-in tries again.
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = as.store.ReplacePasswordHash(soon, user.ID, hash, newHash)
	}
	return in, nil
}

func wrongSignIn() error {
	return fault.New(fault.NotAuthenticated, "The email or the password is wrong.")
}

// SignOut ends the actor's session.
func (as *Accounts) SignOut(ctx context.Context, actor audit.Actor, id SessionID) error {
	event, err := audit.New(as.now().UTC(), actor, audit.SessionEnded, actor.AdminUserID.String(), "signed out", as.random)
	if err != nil {
		return err
	}
	return as.store.DeleteSession(ctx, id.hash(), event)
}
