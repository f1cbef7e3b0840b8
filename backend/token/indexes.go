package token

import (
	"context"
	"sync"
	"time"

	"tokentab/backend/pfid"
)

const (
	// indexIdle is how long an index is kept after the last list that used it.
	indexIdle = 10 * time.Minute
	// mostUses is how many written uses an index keeps for the next list: about 50 MB.
	mostUses = 1 << 20
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

// recordUses passes last uses that the store has written to the indexes.
func (all *indexes) recordUses(uses []Use) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.accounts) == 0 {
		return
	}
	for _, use := range uses {
		if ix := all.accounts[use.TokenID.Partition()]; ix != nil && ix.addUse(use) >= mostUses {
			delete(all.accounts, use.TokenID.Partition()) // no list has come for long
		}
	}
}

func (ix *index) addUse(use Use) (waiting int) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.used = append(ix.used, use)
	return len(ix.used)
}

// take waits until no other list uses the index.
func (ix *index) take(ctx context.Context) error {
	select {
	case ix.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (ix *index) leave() { <-ix.turn }
