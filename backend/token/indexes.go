package token

import (
	"context"
	"sync"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

const (
	// indexIdle is how long an index is kept after the last list that used it.
	indexIdle = 10 * time.Minute
	// mostUses is for how many tokens an index keeps written uses for the next list: about 60 MB.
	mostUses = 1 << 20
	// mostWaiting is how many lists of one account wait for its index.
	mostWaiting = 64
)

// indexes holds an index for each account whose tokens were listed lately.
type indexes struct {
	mu       sync.Mutex
	accounts map[uint32]*index // by partition, which every id of an account carries
}

// of returns the index of an account, which is empty at first.
func (all *indexes) of(account pfid.ID, now int64) *index {
	all.mu.Lock()
	defer all.mu.Unlock()
	ix := all.accounts[account.Partition()]
	if ix == nil {
		ix = newIndex(now)
		all.accounts[account.Partition()] = ix
	}
	ix.listed.Store(now)
	return ix
}

// forgetIdle drops the indexes that no list has used for a while.
func (all *indexes) forgetIdle(now int64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for partition, ix := range all.accounts {
		if idle := now - ix.listed.Load(); idle > indexIdle.Milliseconds() || idle < -wrongClock {
			delete(all.accounts, partition)
		}
	}
}

// forgetAll drops all indexes: what they include may be of a history that the store has lost.
func (all *indexes) forgetAll() {
	all.mu.Lock()
	defer all.mu.Unlock()
	clear(all.accounts)
}

// recordUses passes last uses that the store has written to the indexes. It believes no use after limit if there is
// another.
func (all *indexes) recordUses(uses []Use, limit int64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.accounts) == 0 {
		return
	}
	for _, use := range uses {
		if ix := all.accounts[use.TokenID.Partition()]; use.At != 0 && ix != nil && ix.addUse(use, limit) >= mostUses {
			delete(all.accounts, use.TokenID.Partition()) // no list has come for long
		}
	}
}

func (ix *index) addUse(use Use, limit int64) (waiting int) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.used == nil {
		ix.used = map[pfid.ID]int64{}
	}
	ix.used[use.TokenID] = later(ix.used[use.TokenID], use.At, limit)
	return len(ix.used)
}

// errTooManyLists is the error of a list while too many others of its account wait.
var errTooManyLists = &fault.Error{Kind: fault.TooManyRequests, Message: "Too many lists of this account are read at once. Try again in a few seconds.", RetryAfter: 5 * time.Second}

// take waits until no other list uses the index.
func (ix *index) take(ctx context.Context) error {
	defer ix.waiting.Add(-1)
	if ix.waiting.Add(1) > mostWaiting {
		return errTooManyLists
	}
	select {
	case ix.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (ix *index) leave() { <-ix.turn }
