package people

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// Sessions end after IdleEnd without a request, and at the latest AbsoluteEnd after they began.
const (
	IdleEnd     = 24 * time.Hour
	AbsoluteEnd = 14 * 24 * time.Hour
	// ClockTolerance is how far in the future a session may have been seen last.
	ClockTolerance = IdleEnd
	// seenResolution is the minimum time between two writes of a session's last request.
	seenResolution = time.Minute
)

// SessionID is the value of the session cookie: 256 random bits in base64. Only its hash is stored.
type SessionID string

// SessionHash is the SHA-256 of a SessionID.
type SessionHash [sha256.Size]byte

func (id SessionID) hash() SessionHash { return sha256.Sum256([]byte(id)) }

// Session is an admin user who is signed in.
type Session struct {
	ID          pfid.ID // public id, which names the session but is not a credential
	AdminUser   AdminUser
	AccountName string
	Address     string
	UserAgent   string
	InsertedAt  time.Time
	LastSeenAt  time.Time
	ExpiresAt   time.Time // the absolute end
}

// SessionStore keeps sessions, and counts the tries to start one.
type SessionStore interface {
	// AdminUserByEmail returns the admin user and password hash of the first of the emails that belongs to one. The
	// emails are compared as stored; ok is false if none matches.
	AdminUserByEmail(ctx context.Context, emails ...string) (user AdminUser, passwordHash string, ok bool, err error)
	// InsertSession writes a session and everything that belongs to its start, and removes ended sessions, in one
	// transaction. It returns the name of the session's account. If the admin user was removed or the password changed
	// in the meantime, it writes nothing and returns ErrWrongSignIn.
	InsertSession(ctx context.Context, start SessionStart) (accountName string, err error)
	// Session returns a session with its admin user and account's name; ok is false if there is none.
	Session(ctx context.Context, hash SessionHash) (s Session, ok bool, err error)
	// TouchSession sets when a session was last seen, and moves its end to the given one if that is earlier.
	TouchSession(ctx context.Context, hash SessionHash, at, end time.Time) error
	// DeleteSession ends a session. It returns nil if there is none.
	DeleteSession(ctx context.Context, hash SessionHash, event audit.Event) error

	// Tries returns the wrong attempts of each source, in the order of sources; zero Failures for a source without any.
	Tries(ctx context.Context, sources []string) ([]Tries, error)
	// CountTry reads the tries of each source, calls count, and writes what it returns, in one transaction. It
	// returns what it read, or the error of count.
	CountTry(ctx context.Context, sources []string, at time.Time, count func([]Tries) ([]Tries, error)) ([]Tries, error)
	// SettleTries undoes a counted try.
	SettleTries(ctx context.Context, s Settlement) error
	// KnownSources returns those sources, in the given order, from which the admin user has signed in since an instant.
	KnownSources(ctx context.Context, user pfid.ID, sources []string, since time.Time) ([]string, error)
	// ReplacePasswordHash replaces the hash of an unchanged password. It does nothing if the stored hash is no longer
	// oldHash.
	ReplacePasswordHash(ctx context.Context, user pfid.ID, oldHash, newHash string) error
}

// SessionStart is a session with everything that is written when it begins.
type SessionStart struct {
	Hash         SessionHash
	Session      Session
	PasswordHash string // the hash that the password was compared with; empty to accept any
	Event        audit.Event
	// Previous is the session that the browser had before, if it still exists. Replaced returns the event of its end,
	// given its admin user.
	Previous SessionHash
	Replaced func(user AdminUser) (audit.Event, error)
	Known    []string // sources that count as known to the admin user from now on
	Settle   Settlement
}

// maxUserAgent is how much of a browser's User-Agent header is kept, in bytes.
const maxUserAgent = 300

// printable drops characters that are invisible or reorder text: the client chooses the name of its browser.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// StartSession signs an admin user in without a password and returns the ids for the cookies, which are not stored
// anywhere.
func (ps *People) StartSession(ctx context.Context, user AdminUser, from Browser) (SignedIn, error) {
	return ps.startSession(ctx, user, "", from, Settlement{})
}

// startSession returns fault.NotAuthenticated if the user was removed, or the password changed, since passwordHash
// was read. Otherwise the session would outlive the change that was meant to end it.
func (ps *People) startSession(ctx context.Context, user AdminUser, passwordHash string, from Browser, settle Settlement) (SignedIn, error) {
	at := ps.now().UTC()
	id, err := ps.randomText()
	if err != nil {
		return SignedIn{}, err
	}
	if !from.ID.isWellFormed() {
		browser, err := ps.randomText()
		if err != nil {
			return SignedIn{}, err
		}
		from.ID = BrowserID(browser)
	}
	public, err := pfid.New(at, user.AccountID.Partition(), ps.random)
	if err != nil {
		return SignedIn{}, err
	}
	agent := from.UserAgent
	s := Session{
		ID: public, AdminUser: user, Address: from.Address, UserAgent: strings.Map(printable, strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")),
		InsertedAt: at, LastSeenAt: at, ExpiresAt: at.Add(AbsoluteEnd),
	}
	event, err := ps.sessionEvent(at, user, from, audit.SessionCreated, "")
	if err != nil {
		return SignedIn{}, err
	}
	start := SessionStart{
		Hash: SessionID(id).hash(), Session: s, PasswordHash: passwordHash, Event: event, Known: from.sources(user.ID), Settle: settle,
		Previous: from.Session.hash(),
		Replaced: func(previous AdminUser) (audit.Event, error) {
			return ps.sessionEvent(at, previous, from, audit.SessionEnded, "the same browser signed in again")
		},
	}
	if s.AccountName, err = ps.store.InsertSession(ctx, start); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Session: s, SessionID: SessionID(id), BrowserID: from.ID}, nil
}

func (ps *People) sessionEvent(at time.Time, user AdminUser, from Browser, action audit.Action, detail string) (audit.Event, error) {
	actor := audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID, Address: from.Address}
	return audit.New(at, actor, action, user.ID.String(), detail, ps.random)
}

// randomText returns 256 random bits in base64.
func (ps *People) randomText() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(ps.random, b[:]); err != nil {
		return "", fmt.Errorf("people: read random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// Glance returns the session with this id, without counting as a use; ok is false if there is none or it has ended.
func (ps *People) Glance(ctx context.Context, id SessionID) (s Session, ok bool, err error) {
	s, ok, err = ps.store.Session(ctx, id.hash())
	if err != nil || !ok || !s.isLive(ps.now().UTC()) {
		return Session{}, false, err
	}
	return s, true, nil
}

// Session is like Glance, but counts as a use, which keeps the session alive.
func (ps *People) Session(ctx context.Context, id SessionID) (s Session, ok bool, err error) {
	s, ok, err = ps.Glance(ctx, id)
	if err != nil || !ok {
		return Session{}, false, err
	}
	at := ps.now().UTC()
	if s.LastSeenAt.After(at) || at.Sub(s.LastSeenAt) >= seenResolution {
		// If the store is busy, give up quickly: the next request tries again.
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = ps.store.TouchSession(soon, id.hash(), at, at.Add(AbsoluteEnd))
	}
	return s, true, nil
}

// isLive reports whether the session has not ended at the given instant. A session seen more than ClockTolerance in
// the future was stamped by a wrong clock and would last too long, so it counts as ended. Smaller errors are
// corrected on the next use.
func (s Session) isLive(at time.Time) bool {
	return at.Before(s.ExpiresAt) && at.Before(s.LastSeenAt.Add(IdleEnd)) && !s.LastSeenAt.After(at.Add(ClockTolerance))
}
