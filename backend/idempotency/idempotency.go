// Package idempotency lets a client repeat a request whose answer it never got: the same key with the same request
// replays the first answer instead of doing the work again.
package idempotency

import (
	"context"
	"crypto/sha256"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// MaxKey is the longest key, in bytes.
const MaxKey = 64

const (
	// kept is how long an answer can be replayed.
	kept = 24 * time.Hour
	// abandoned is how long a request may run before a repeat takes its place: whoever ran it has crashed.
	abandoned = time.Minute
	// pause is how long a repeat waits before it looks again whether the first request has its answer.
	pause = 20 * time.Millisecond
	// patience is how long a repeat waits in all.
	patience = 10 * time.Second
)

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

// Entry is what is known of a key.
type Entry struct {
	Hash   Hash
	Answer *Answer // nil while the first request runs
	At     time.Time
}

// Caller is whose keys are meant: callers choose keys without knowing of each other, also within an account.
type Caller struct {
	AccountID pfid.ID
	ID        pfid.ID // of the admin user or the API token
}

// MaxAnswer is the largest answer that is kept, in bytes; a request with a larger one may run again.
const MaxAnswer = 64 << 10

// Store keeps keys, per caller.
type Store interface {
	// ReserveKey notes that a request with this key runs. If the key is there already, it writes nothing and returns
	// what is known, unless that is older than staleBefore and has no answer: then it takes the key over. Entries
	// older than expiredBefore are removed first.
	ReserveKey(ctx context.Context, who Caller, key string, entry Entry, expiredBefore, staleBefore time.Time) (prior *Entry, err error)
	// AnswerKey keeps the answer of the request that reserved the key.
	AnswerKey(ctx context.Context, who Caller, key string, answer Answer) error
	// ReleaseKey forgets a key that was reserved and got no answer worth keeping.
	ReleaseKey(ctx context.Context, who Caller, key string) error
}

// Keys runs requests at most once per key.
type Keys struct {
	store Store
	now   func() time.Time
}

// New returns the keys kept in store.
func New(store Store, now func() time.Time) *Keys { return &Keys{store: store, now: now} }

// Once runs the request, or returns the answer of the first one with the same key. The same key with another request
// is a fault.IdempotencyKeyAlreadyUsed. Only a success is kept: a request that failed may be repeated as new. run
// returns the answer to keep, which may lack secrets that the caller of run got.
func (k *Keys) Once(ctx context.Context, who Caller, key string, hash Hash, run func() (Answer, error)) (replayed *Answer, err error) {
	if len(key) > MaxKey || key == "" {
		return nil, fault.Field("idempotency_key", "must have from 1 to %d characters", MaxKey)
	}
	prior, err := k.reserve(ctx, who, key, hash)
	if err != nil {
		return nil, err
	}
	if prior != nil {
		return prior, nil
	}
	finished := false
	defer func() {
		if !finished { // also after a panic
			// A key that can't be released is taken over once it counts as abandoned.
			_ = k.store.ReleaseKey(context.WithoutCancel(ctx), who, key)
		}
	}()
	answer, err := run()
	if err != nil || answer.Status < 200 || answer.Status > 299 || len(answer.Body) > MaxAnswer {
		return nil, err
	}
	// The work is done and answered: failing to keep the answer must not turn it into a failure.
	finished = k.store.AnswerKey(context.WithoutCancel(ctx), who, key, answer) == nil
	return nil, nil
}

func (k *Keys) reserve(ctx context.Context, who Caller, key string, hash Hash) (*Answer, error) {
	for began := time.Duration(0); ; began += pause {
		at := k.now().UTC()
		prior, err := k.store.ReserveKey(ctx, who, key, Entry{Hash: hash, At: at}, at.Add(-kept), at.Add(-abandoned))
		switch {
		case err != nil || prior == nil:
			return nil, err
		case prior.Hash != hash:
			return nil, fault.New(fault.IdempotencyKeyAlreadyUsed, "This idempotency key was used for another request.")
		case prior.Answer != nil:
			return prior.Answer, nil
		case began >= patience:
			return nil, &fault.Error{Kind: fault.Unavailable, Message: "A request with this idempotency key is still running.", RetryAfter: time.Second}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
