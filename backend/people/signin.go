package people

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/text"
)

// Browser is the client of a sign-in.
type Browser struct {
	Address   string    // network address
	UserAgent string    // the User-Agent header
	ID        BrowserID // empty for a browser that has not signed in yet
	Session   SessionID // the session that the new one replaces; empty if there is none
}

// BrowserID is the value of a cookie that outlives sessions: 256 random bits in base64. It grants no rights. It only
// tells a browser that has signed the user in before from unknown ones, whose wrong attempts then don't make it wait.
type BrowserID string

// BrowserLife is how long a browser is remembered after its last sign-in: the longest that browsers keep a cookie.
const BrowserLife = 400 * 24 * time.Hour

func (id BrowserID) isWellFormed() bool {
	b, err := base64.RawURLEncoding.DecodeString(string(id))
	return err == nil && len(b) == 32
}

// SignedIn is a new session with the two ids for its browser's cookies, which are not stored anywhere else.
type SignedIn struct {
	Session
	SessionID SessionID
	BrowserID BrowserID
}

// SignIn checks a password and starts a session, which replaces the browser's previous one. For an unknown email and a
// wrong password it returns the same fault.NotAuthenticated, after the same work. It returns fault.TooManyRequests while a
// source must wait after wrong attempts, and fault.Unavailable if too many people are signing in. Along with an error,
// AdminUser is set if the email belongs to one.
func (ps *People) SignIn(ctx context.Context, email, password string, from Browser) (SignedIn, error) {
	user, hash, ok, err := ps.store.AdminUserByEmail(ctx, typedEmails(email)...)
	email = text.KeptEmail(email)
	if err != nil {
		return SignedIn{}, err
	}
	refused := SignedIn{Session: Session{AdminUser: user}}
	l, err := ps.laneOf(ctx, user.ID, email, from)
	if err != nil {
		return refused, err
	}
	var newHash string
	var in SignedIn
	right, err := ps.check(ctx, l, password, hash, func(settle Settlement, outdated bool) (err error) {
		if outdated {
			newHash, _ = ps.passwords.Hash(password) // if it fails, the next sign-in tries again
		}
		in, err = ps.startSession(ctx, user, hash, from, settle)
		return err
	})
	if err != nil {
		return refused, err
	}
	if !right || !ok {
		return refused, ErrWrongSignIn
	}
	if newHash != "" {
		// If the store is busy, give up quickly: the next sign-in tries again.
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = ps.store.ReplacePasswordHash(soon, user.ID, hash, newHash)
	}
	return in, nil
}

// typedEmails returns the spellings under which a member with an email may be stored. Older versions could store two of one
// mailbox. One of those members still has the spelling as typed.
func typedEmails(email string) []string {
	return []string{strings.ToLower(strings.TrimSpace(email)), text.KeptEmail(email)}
}

// ErrWrongSignIn means that the email belongs to no admin user, or that the password is not theirs.
var ErrWrongSignIn = fault.New(fault.NotAuthenticated, "The email or the password is wrong.")

// SignOut ends the actor's session.
func (ps *People) SignOut(ctx context.Context, actor audit.Actor, id SessionID) error {
	event, err := audit.New(ps.now().UTC(), actor, audit.SessionEnded, actor.AdminUserID.String(), "signed out", ps.random)
	if err != nil {
		return err
	}
	return ps.store.DeleteSession(ctx, id.hash(), event)
}
