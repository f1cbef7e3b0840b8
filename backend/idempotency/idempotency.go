// Package idempotency lets a client safely repeat a request whose response was lost: the same key with the same request
// replays the first response instead of doing the work again.
package idempotency

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
	"unicode/utf8"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// MaxKey is the maximum length of a key, in bytes.
const MaxKey = 64

// NoEffect is what is wrong with a key of a request that is not kept.
const NoEffect = "has no effect here: a repeated request runs again"

// Kept is how long a response can be replayed.
const Kept = 24 * time.Hour

// Hash identifies a request: SHA-256 of its method, path and body.
type Hash [sha256.Size]byte

// HashOf returns the hash of a request.
func HashOf(method, path string, body []byte) Hash {
	h := sha256.New()
	h.Write([]byte(method + "\x00" + path + "\x00"))
	h.Write(body)
	return Hash(h.Sum(nil))
}

// Answer is the response to a request.
type Answer struct {
	Status int
	Body   string
}

// Entry is the stored record of a key.
type Entry struct {
	Hash   Hash
	Answer Answer
	At     time.Time
}

// Caller owns a set of keys. Each admin user and each API token has its own, so that callers can choose keys
// independently.
type Caller struct {
	AccountID pfid.ID
	ID        pfid.ID // of the admin user or the API token
}

// Store keeps the keys of each caller.
type Store interface {
	// Together runs f in one transaction, through the context that it passes to f: it commits if f returns nil,
	// otherwise it rolls back. Only one f runs at a time.
	Together(ctx context.Context, f func(ctx context.Context) error) error
	// KeyEntry returns the entry of a key; ok is false if there is none since the given instant.
	KeyEntry(ctx context.Context, who Caller, key string, since time.Time) (entry Entry, ok bool, err error)
	// KeepKey writes the entry of a key, replacing an earlier one. The store removes entries that are older than Kept, and
	// does not keep those longer that a clock which was ahead has stamped.
	KeepKey(ctx context.Context, who Caller, key string, entry Entry) error
}

// Keys runs each request at most once per key.
type Keys struct {
	store Store
	now   func() time.Time
}

// New returns the keys kept in store.
func New(store Store, now func() time.Time) *Keys { return &Keys{store: store, now: now} }

// Request is a request with a key. Run answers it; its context makes all changes one transaction. Answer then returns
// the response to keep, which may leave out secrets; ok is false if the request failed.
type Request struct {
	Caller Caller
	Key    string
	Hash   Hash
	Run    func(ctx context.Context)
	Answer func() (answer Answer, ok bool)
}

// errFailed rolls back a request that failed.
var errFailed = errors.New("the request failed")

// CheckKey returns fault.Validation if the key is empty or too long.
func CheckKey(key string) error {
	if utf8.RuneCountInString(key) > MaxKey || key == "" {
		return fault.Field("idempotency_key", "must have from 1 to %d characters", MaxKey)
	}
	return nil
}

// Once runs the request, or returns the response to the first request with the same key. The request's changes, the key
// and the response are committed together; if that fails, nothing is changed and Once returns the error. Once returns
// fault.Validation if the key is empty or too long, and fault.IdempotencyKeyAlreadyUsed if it was used for another
// request. A failed request frees its key.
func (k *Keys) Once(ctx context.Context, r Request) (replayed *Answer, err error) {
	if err := CheckKey(r.Key); err != nil {
		return nil, err
	}
	at := k.now().UTC()
	if replayed, err = k.replay(ctx, r, at); err != nil || replayed != nil {
		return replayed, err
	}
	failed := false
	entry := Entry{Hash: r.Hash, At: at}
	err = k.store.Together(ctx, func(ctx context.Context) error {
		// Another request with this key may have finished in between.
		if replayed, err = k.replay(ctx, r, at); err != nil || replayed != nil {
			return err
		}
		r.Run(ctx)
		answer, ok := r.Answer()
		if failed = !ok; failed {
			return errFailed
		}
		entry.Answer = answer
		return k.store.KeepKey(ctx, r.Caller, r.Key, entry)
	})
	if failed && errors.Is(err, errFailed) {
		return nil, nil
	}
	if err != nil || replayed != nil {
		return replayed, err
	}
	// Work after the commit, such as sending a mail, may have changed the response. If this second write fails, the
	// response already kept is still correct.
	if answer, ok := r.Answer(); ok && answer != entry.Answer {
		entry.Answer = answer
		_ = k.store.KeepKey(ctx, r.Caller, r.Key, entry)
	}
	return nil, nil
}

// replay returns the kept answer to the request; nil if there is none.
func (k *Keys) replay(ctx context.Context, r Request, at time.Time) (*Answer, error) {
	entry, ok, err := k.store.KeyEntry(ctx, r.Caller, r.Key, at.Add(-Kept))
	switch {
	case err != nil || !ok:
		return nil, err
	case entry.Hash != r.Hash:
		return nil, fault.New(fault.IdempotencyKeyAlreadyUsed, "This idempotency key was used for another request.")
	}
	return &entry.Answer, nil
}
