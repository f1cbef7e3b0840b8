package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
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

// maxUserAgent bounds what is kept of a browser's own description, in bytes.
const maxUserAgent = 300

// StartSession signs an admin user in and returns the id of the session, which exists nowhere else from then on.
func (as *Accounts) StartSession(ctx context.Context, user AdminUser, address, userAgent string) (SessionID, Session, error) {
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
		ID: public, AdminUser: user, Account: owner, Address: address, UserAgent: userAgent[:min(len(userAgent), maxUserAgent)],
		InsertedAt: at, LastSeenAt: at, ExpiresAt: at.Add(AbsoluteEnd),
	}
	actor := audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID, Address: address}
	event, err := audit.New(at, actor, audit.SessionCreated, user.ID.String(), "", as.random)
	if err != nil {
		return "", Session{}, err
	}
	return id, s, as.store.InsertSession(ctx, id.hash(), s, event)
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
		if err := as.store.TouchSession(ctx, id.hash(), at); err != nil {
			return Session{}, false, err
		}
	}
	return s, true, nil
}
