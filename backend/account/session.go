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
	// AdminUserByEmail returns the admin user with that lower-case email and the hash of the password; ok is false
	// where there is none.
	AdminUserByEmail(ctx context.Context, email string) (user AdminUser, passwordHash string, ok bool, err error)
	// InsertSession writes a session under the hash of its id, and removes those that have ended. Where the admin user
	// was removed meanwhile, or has another password than the one with this hash, it writes nothing and ok is false; an
	// empty password hash stands for any.
	InsertSession(ctx context.Context, hash SessionHash, s Session, passwordHash string, event audit.Event) (ok bool, err error)
	// Session returns a session with its admin user and account; ok is false where there is none.
	Session(ctx context.Context, hash SessionHash) (s Session, ok bool, err error)
	// TouchSession moves the time a session was last seen forward.
	TouchSession(ctx context.Context, hash SessionHash, at time.Time) error
	// DeleteSession ends a session; no error where there is none.
	DeleteSession(ctx context.Context, hash SessionHash, event audit.Event) error

	// CountTry counts one more try of each source as failed, unless allowed refuses one of the counts so far; it
	// returns what allowed returned.
	CountTry(ctx context.Context, sources []string, at time.Time, allowed func([]Tries) error) error
	// ForgetTries resets the count of each source.
	ForgetTries(ctx context.Context, sources []string) error
}

// maxUserAgent bounds what is kept of a browser's own description, in bytes.
const maxUserAgent = 300

// StartSession signs an admin user in and returns the id of the session, which exists nowhere else from then on.
func (as *Accounts) StartSession(ctx context.Context, user AdminUser, address, userAgent string) (SessionID, Session, error) {
	return as.startSession(ctx, user, "", address, userAgent)
}

// startSession starts none for somebody who was removed, or whose password was changed, since the hash was read: the
// session would outlive the change that was meant to end it.
func (as *Accounts) startSession(ctx context.Context, user AdminUser, passwordHash, address, userAgent string) (SessionID, Session, error) {
	at := as.now().UTC()
	var b [32]byte
	if _, err := io.ReadFull(as.random, b[:]); err != nil {
		return "", Session{}, fmt.Errorf("account: read random bytes: %w", err)
	}
	owner, err := as.store.Account(ctx, user.AccountID)
	if err != nil {
		return "", Session{}, err
	}
	id := SessionID(base64.RawURLEncoding.EncodeToString(b[:]))
	public, err := pfid.New(at, user.AccountID.Partition(), as.random)
	if err != nil {
		return "", Session{}, err
	}
	s := Session{
		ID: public, AdminUser: user, Account: owner, Address: address, UserAgent: strings.ToValidUTF8(userAgent[:min(len(userAgent), maxUserAgent)], ""),
		InsertedAt: at, LastSeenAt: at, ExpiresAt: at.Add(AbsoluteEnd),
	}
	actor := audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID, Address: address}
	event, err := audit.New(at, actor, audit.SessionCreated, user.ID.String(), "", as.random)
	if err != nil {
		return "", Session{}, err
	}
	ok, err := as.store.InsertSession(ctx, id.hash(), s, passwordHash, event)
	if err != nil {
		return "", Session{}, err
	}
	if !ok {
		return "", Session{}, wrongSignIn()
	}
	return id, s, nil
}

// Session returns the session with this id; ok is false where there is none or it has ended.
func (as *Accounts) Session(ctx context.Context, id SessionID) (s Session, ok bool, err error) {
	at := as.now().UTC()
	s, ok, err = as.store.Session(ctx, id.hash())
	if err != nil || !ok {
		return Session{}, false, err
	}
	if !at.Before(s.ExpiresAt) || !at.Before(s.LastSeenAt.Add(IdleEnd)) {
		return Session{}, false, nil
	}
	if at.Sub(s.LastSeenAt) >= seenResolution {
		// Not worth failing or waiting for: while the store is busy, the next request tries again.
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = as.store.TouchSession(soon, id.hash(), at)
	}
	return s, true, nil
}
