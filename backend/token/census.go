package token

import (
	"context"
	"sync"
	"time"
)

// Census counts the tokens of all accounts, by their rows: it does not yet see the rest of a large move under way.
type Census struct {
	Summary
	NextExpiry time.Time // of a token that is neither revoked nor expired; zero if there is none
	Moves      int       // large moves of tokens that are under way
}

// A census reads every token, so a new one waits until the last one is censusAge old, and longer if it took long: at most a
// hundredth of the time goes to counting.
const (
	censusAge   = 30 * time.Second
	censusShare = 100
)

// censuses keeps the last census.
type censuses struct {
	mu   sync.Mutex
	last Census
	err  error
	at   time.Time     // on the clock; zero for never
	took time.Duration // real time
}

// Census returns how many tokens there are, as of some time ago: 30 seconds, or a hundred times as long as counting takes.
func (ts *Tokens) Census(ctx context.Context) (Census, error) {
	c := &ts.censuses
	c.mu.Lock()
	defer c.mu.Unlock()
	now := ts.now()
	if age := now.Sub(c.at); age >= 0 && age < max(censusAge, censusShare*c.took) {
		return c.last, c.err
	}
	began := time.Now()
	c.last, c.err = ts.store.Census(context.WithoutCancel(ctx), now)
	c.at, c.took = now, time.Since(began)
	return c.last, c.err
}

// CacheStats returns how well the cache of validations works.
func (ts *Tokens) CacheStats() CacheStats { return ts.cache.Stats() }

// FlushAge returns how long ago the last flush of uses ended, or the program started if none has.
func (ts *Tokens) FlushAge() time.Duration {
	return max(0, ts.now().Sub(time.UnixMilli(ts.flushed.Load())))
}

// PendingUses returns how many uses the store does not have yet: one for each token, secret and hour.
func (ts *Tokens) PendingUses() int { return ts.uses.size() }
