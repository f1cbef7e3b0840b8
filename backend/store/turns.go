package store

import (
	"context"
	"runtime"
	"sync"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// Lists that scan very many tokens take seconds of a processor. They wait for a turn, so that validations and other
// requests find processors and readers free.
const (
	// manyTokens is the number of an account's tokens from which its lists wait for turns.
	manyTokens = 20_000
	// turnsPerAccount is how many lists of one account may run or wait.
	turnsPerAccount = 8
	// turnTimeout is how long a list waits.
	turnTimeout = 30 * time.Second
)

// turns hands out the turns of slow lists.
type turns struct {
	slots chan struct{}

	mu     sync.Mutex
	queued map[pfid.ID]int // running and waiting, by account
}

func newTurns() *turns {
	return &turns{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), queued: map[pfid.ID]int{}}
}

// take waits for a turn of an account. Call done to end it.
func (ts *turns) take(ctx context.Context, account pfid.ID) (done func(), err error) {
	ts.mu.Lock()
	full := ts.queued[account] >= turnsPerAccount
	if !full {
		ts.queued[account]++
	}
	ts.mu.Unlock()
	if full {
		return nil, &fault.Error{Kind: fault.TooManyRequests, Message: "Too many long lists of this account are read at once. Try again in a few seconds.", RetryAfter: 5 * time.Second}
	}
	leave := func() {
		ts.mu.Lock()
		defer ts.mu.Unlock()
		if ts.queued[account]--; ts.queued[account] == 0 {
			delete(ts.queued, account)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	select {
	case ts.slots <- struct{}{}:
		return func() { <-ts.slots; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, classify(ctx.Err())
	}
}

// listTurn waits for a turn if a list of tokens may be slow.
func (s *db) listTurn(ctx context.Context, account pfid.ID, filter token.Filter, page paging.Page) (done func(), err error) {
	byIndex := page.Sort == "" || page.Sort == "inserted_at" || page.Sort == "id"
	if !filter.AgentID.IsZero() { // an index has the tokens of an agent in order of time
		filter.AgentID, filter.Scope = pfid.ID{}, 0
	}
	if byIndex && filter == (token.Filter{}) && page.Offset < manyTokens || sharedIn(ctx) != nil {
		return func() {}, nil
	}
	tokens, err := read(ctx, s, func(tx *gorm.DB) (int, error) {
		return value[int](tx, "SELECT api_token_count FROM accounts WHERE id = ?", account)
	})
	if err != nil || tokens < manyTokens {
		return func() {}, err
	}
	return s.turns.take(ctx, account)
}
