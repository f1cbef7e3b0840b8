// Package password hashes passwords with argon2id (RFC 9106).
package password

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"

	"tokentab/backend/fault"
)

// params are the first choice of OWASP's Password Storage Cheat Sheet: 46 MiB and one pass. The parameters stand in each
// hash, so raising them later keeps old hashes readable.
var params = &argon2id.Params{Memory: 46 * 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Hasher hashes and compares passwords, a few at a time: each takes 46 MiB, and many sign-ins at once must not take
// the memory of the machine.
type Hasher struct {
	slots   chan struct{}
	waiting atomic.Int64
	// nobody is compared with where there is no hash, so that an unknown user takes as long as a known one.
	nobody func() (string, error)
}

// New returns a Hasher.
func New() *Hasher {
	return &Hasher{
		slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		nobody: sync.OnceValues(func() (string, error) {
			return argon2id.CreateHash("nobody has this password", params)
		}),
	}
}

// Hash implements account.Passwords.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	hash, err := argon2id.CreateHash(password, params)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return hash, nil
}

// Matches implements account.Passwords.
func (h *Hasher) Matches(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	nobody, err := h.nobody()
	if err != nil {
		return false, fmt.Errorf("password: %w", err)
	}
	known := hash != ""
	if !known {
		hash = nobody
	}
	same, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("password: %w", err)
	}
	return same && known, nil
}

// patience is how long a sign-in waits for its turn, and maxWaiting how many wait at once: strangers must not be able
// to make the queue long.
const (
	patience   = 5 * time.Second
	maxWaiting = 32
)

func (h *Hasher) enter(ctx context.Context) error {
	busy := &fault.Error{Kind: fault.Unavailable, Message: "Too many people sign in at once. Try again in a moment.", RetryAfter: 2 * time.Second}
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return busy
	}
	defer h.waiting.Add(-1)
	turn, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-turn.Done():
		return busy
	}
}

func (h *Hasher) leave() { <-h.slots }
