package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// When a session ends: after so long without a request, and in any case so long after it began.
const (
	IdleEnd     = 24 * time.Hour
	AbsoluteEnd = 14 * 24 * time.Hour
	// ClockTolerance is how far in the future a session may have been seen last.
	ClockTolerance = IdleEnd
	// seenResolution is how far the time of the last request has to move before it is written again.
	seenResolution = time.Minute
)

// SessionID is the cookie's value: 256 random bits as text. Only its hash is stored.
type SessionID string

// SessionHash is SHA-256 of a SessionID.
type SessionHash [sha256.Size]byte

func (id SessionID) hash() SessionHash { return sha256.Sum256([]byte(id)) }

// Session is an admin user who is signed in.
type Session struct {
	ID         pfid.ID // by which its owner ends it; no credential
	AdminUser  AdminUser
	Account    Account
	Address    string
	UserAgent  string
	InsertedAt time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time // the absolute end
}

// SessionStore keeps sessions, and counts the tries to start one.
type SessionStore interface {
	// AdminUserByEmail returns the admin user with the first of the emails that one has, in the form in which they are
	// kept, and the hash of the password; ok is false if there is none.
	AdminUserByEmail(ctx context.Context, emails ...string) (user AdminUser, passwordHash string, ok bool, err error)
	// InsertSession writes a session and all that belongs to its start in one transaction, and removes the sessions that
	// have ended. If the admin user was removed meanwhile, or has another password, it writes nothing and ok is false.
	InsertSession(ctx context.Context, start SessionStart) (ok bool, err error)
	// Session returns a session with its admin user and account; ok is false where there is none.
	Session(ctx context.Context, hash SessionHash) (s Session, ok bool, err error)
	// TouchSession sets when a session was last seen, and brings its end forward if that is later than the given one.
	TouchSession(ctx context.Context, hash SessionHash, at, end time.Time) error
	// DeleteSession ends a session; no error where there is none.
	DeleteSession(ctx context.Context, hash SessionHash, event audit.Event) error

	// Tries returns the wrong tries of each source, in the same order; zero for those that have none.
	Tries(ctx context.Context, sources []string) ([]Tries, error)
	// CountTry reads the tries of each source and writes what count returns for them, in one transaction. It returns
	// what it read, or the error of count.
	CountTry(ctx context.Context, sources []string, at time.Time, count func([]Tries) ([]Tries, error)) ([]Tries, error)
	// SettleTries takes a try back.
	SettleTries(ctx context.Context, s Settlement) error
	// KnownSources returns those of the sources by which the admin user has signed in before, in the given order.
	KnownSources(ctx context.Context, user pfid.ID, sources []string) ([]string, error)
	// ReplacePasswordHash writes another hash of the same password, unless the password was changed meanwhile.
	ReplacePasswordHash(ctx context.Context, user pfid.ID, oldHash, newHash string) error
}

// SessionStart is a session with all that is written when it begins.
type SessionStart struct {
	Hash         SessionHash
	Session      Session
	PasswordHash string // with which the password was compared; empty for any
	Event        audit.Event
	// Previous is the session that the browser had, and Replaced the event of its end, for its admin user. It may not
	// exist any more.
	Previous SessionHash
	Replaced func(user AdminUser) (audit.Event, error)
	Known    []string // sources by which the admin user is known from now on
	Settle   Settlement
}

// maxUserAgent bounds what is kept of a browser's own description, in bytes.
const maxUserAgent = 300

// StartSession signs an admin user in and returns the id of the session, which exists nowhere else from then on.
func (as *Accounts) StartSession(ctx context.Context, user AdminUser, from Browser) (SignedIn, error) {
	return as.startSession(ctx, user, "", from, Settlement{})
}

// startSession starts no session for a user who was removed, or whose password was changed, since the hash was read:
// the session would outlive the change that was meant to end it.
func (as *Accounts) startSession(ctx context.Context, user AdminUser, passwordHash string, from Browser, settle Settlement) (SignedIn, error) {
	at := as.now().UTC()
	id, err := as.randomText()
	if err != nil {
		return SignedIn{}, err
	}
	if !from.ID.isWellFormed() {
		browser, err := as.randomText()
		if err != nil {
			return SignedIn{}, err
		}
		from.ID = BrowserID(browser)
	}
	owner, err := as.store.Account(ctx, user.AccountID)
	if err != nil {
		return SignedIn{}, err
	}
	public, err := pfid.New(at, user.AccountID.Partition(), as.random)
	if err != nil {
		return SignedIn{}, err
	}
	agent := from.UserAgent
	s := Session{
		ID: public, AdminUser: user, Account: owner, Address: from.Address, UserAgent: strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], ""),
		InsertedAt: at, LastSeenAt: at, ExpiresAt: at.Add(AbsoluteEnd),
	}
	event, err := as.sessionEvent(at, user, from, audit.SessionCreated, "")
	if err != nil {
		return SignedIn{}, err
	}
	start := SessionStart{
		Hash: SessionID(id).hash(), Session: s, PasswordHash: passwordHash, Event: event, Known: from.sources(user.ID), Settle: settle,
		Previous: from.Session.hash(),
		Replaced: func(previous AdminUser) (audit.Event, error) {
			return as.sessionEvent(at, previous, from, audit.SessionEnded, "the same browser signed in again")
		},
	}
	ok, err := as.store.InsertSession(ctx, start)
	if err != nil {
		return SignedIn{}, err
	}
	if !ok {
		return SignedIn{}, wrongSignIn()
	}
	return SignedIn{Session: s, SessionID: SessionID(id), BrowserID: from.ID}, nil
}

func (as *Accounts) sessionEvent(at time.Time, user AdminUser, from Browser, action audit.Action, detail string) (audit.Event, error) {
	actor := audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID, Address: from.Address}
	return audit.New(at, actor, action, user.ID.String(), detail, as.random)
}

// randomText returns 256 random bits as text.
func (as *Accounts) randomText() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(as.random, b[:]); err != nil {
		return "", fmt.Errorf("account: read random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// Glance returns the session with this id; ok is false if there is none or it has ended. It does not count as a use.
func (as *Accounts) Glance(ctx context.Context, id SessionID) (s Session, ok bool, err error) {
	s, ok, err = as.store.Session(ctx, id.hash())
	if err != nil || !ok || !s.isLive(as.now().UTC()) {
		return Session{}, false, err
	}
	return s, true, nil
}

// Session is Glance, and keeps the session alive.
func (as *Accounts) Session(ctx context.Context, id SessionID) (s Session, ok bool, err error) {
	s, ok, err = as.Glance(ctx, id)
	if err != nil || !ok {
		return Session{}, false, err
	}
	at := as.now().UTC()
	if s.LastSeenAt.After(at) || at.Sub(s.LastSeenAt) >= seenResolution {
		// Not worth failing or waiting for: while the store is busy, the next request tries again.
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = as.store.TouchSession(soon, id.hash(), at, at.Add(AbsoluteEnd))
	}
	return s, true, nil
}

// isLive reports whether the session has not ended. A session that is stamped far in the future by a clock that was
// wrong would not end in time, so it has ended; the stamps of one that is nearer are put right when it is used.
func (s Session) isLive(at time.Time) bool {
	return at.Before(s.ExpiresAt) && at.Before(s.LastSeenAt.Add(IdleEnd)) && !s.LastSeenAt.After(at.Add(ClockTolerance))
}
