// Package idempotency lets a client repeat a request whose answer it never got: the same key with the same request
// replays the first answer instead of doing the work again.
package idempotency

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// MaxKey is the longest key, in bytes.
const MaxKey = 64

// kept is how long an answer can be replayed.
const kept = 24 * time.Hour

// Hash identifies what was asked for: SHA-256 of method, path and body.
type Hash [sha256.Size]byte

// HashOf returns the hash of a request.
func HashOf(method, path string, body []byte) Hash {
	h := sha256.New()
	h.Write([]byte(method + "\x00" + path + "\x00"))
	h.Write(body)
	return Hash(h.Sum(nil))
}

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Body   string
}

// Entry is what is kept of a key.
type Entry struct {
	Hash   Hash
	Answer Answer
	At     time.Time
}

// Caller is whose keys are meant: callers choose keys without knowing of each other, also within an account.
type Caller struct {
	AccountID pfid.ID
	ID        pfid.ID // of the admin user or the API token
}

// Store keeps keys, per caller.
type Store interface {
	// Together runs f, whose context makes all its changes one transaction: they are kept if f returns nil, else none is.
	// It runs one at a time.
	Together(ctx context.Context, f func(ctx context.Context) error) error
	// KeyEntry returns the entry of a key that is not older than the given instant; ok is false if there is none.
	KeyEntry(ctx context.Context, who Caller, key string, since time.Time) (entry Entry, ok bool, err error)
	// KeepKey writes the entry of a key in place of an earlier one. It removes what is older than the given instant, and
	// what a wrong clock stamped later than the entry counts as just written.
	KeepKey(ctx context.Context, who Caller, key string, entry Entry, since time.Time) error
}

// Keys runs requests at most once per key.
type Keys struct {
	store Store
	now   func() time.Time
}

// New returns the keys kept in store.
func New(store Store, now func() time.Time) *Keys { return &Keys{store: store, now: now} }

// Request is a request with a key. Run answers it, with a context that makes its changes one transaction. Answer then
// returns the answer to keep, which may lack secrets that the caller got; ok is false if the request failed.
type Request struct {
	Caller Caller
	Key    string
	Hash   Hash
	Run    func(ctx context.Context)
	Answer func() (answer Answer, ok bool)
}

// errFailed undoes what a request changed before it failed.
var errFailed = errors.New("the request failed")

// Once runs the request, or returns the answer of the first one with the same key. The changes of the request, the key
// and the answer are one transaction. If that can't be kept the request changed nothing and err says why. The same key
// with another request is a fault.IdempotencyKeyAlreadyUsed. A request that failed may be repeated as new.
func (k *Keys) Once(ctx context.Context, r Request) (replayed *Answer, err error) {
	if len(r.Key) > MaxKey || r.Key == "" {
		return nil, fault.Field("idempotency_key", "must have from 1 to %d characters", MaxKey)
	}
	at := k.now().UTC()
	if replayed, err = k.replay(ctx, r, at); err != nil || replayed != nil {
		return replayed, err
	}
	failed := false
	entry := Entry{Hash: r.Hash, At: at}
	err = k.store.Together(ctx, func(ctx context.Context) error {
		// A first request with the key may have come between.
		if replayed, err = k.replay(ctx, r, at); err != nil || replayed != nil {
			return err
		}
		r.Run(ctx)
		answer, ok := r.Answer()
		if failed = !ok; failed {
			return errFailed
		}
		entry.Answer = answer
		return k.store.KeepKey(ctx, r.Caller, r.Key, entry, at.Add(-kept))
	})
	if failed {
		return nil, nil
	}
	if err != nil || replayed != nil {
		return replayed, err
	}
	// What follows a commit, such as a mail, may have changed the answer. The first one stays true without it.
	if answer, ok := r.Answer(); ok && answer != entry.Answer {
		entry.Answer = answer
		_ = k.store.KeepKey(ctx, r.Caller, r.Key, entry, at.Add(-kept))
	}
	return nil, nil
}

// replay returns the answer that is kept for the request, nil if there is none.
func (k *Keys) replay(ctx context.Context, r Request, at time.Time) (*Answer, error) {
	entry, ok, err := k.store.KeyEntry(ctx, r.Caller, r.Key, at.Add(-kept))
	switch {
	case err != nil || !ok:
		return nil, err
	case entry.Hash != r.Hash:
		return nil, fault.New(fault.IdempotencyKeyAlreadyUsed, "This idempotency key was used for another request.")
	}
	return &entry.Answer, nil
}
