package token

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// ChangeLog is where a database that several copies of the program share lists the changes that a cache must not miss.
// Changes are numbered in the order of their commits.
type ChangeLog interface {
	// ChangesFrom returns the changes from a mark on in one query, which reads what is committed when it starts. The context
	// bounds it.
	ChangesFrom(ctx context.Context, from Mark) (LogPart, error)
}

// Mark is a change in the log. The zero Mark comes before all others.
type Mark struct {
	Number int64
	Tag    string // random; another history has another one at the same number
}

// LogPart is what the log has from a mark on.
type LogPart struct {
	// Lineage names the history. Someone who accepts a history that has lost changes gives it another name.
	Lineage string
	Oldest  int64 // number of the oldest change that the log still has; 0 if the log has the mark
	Marks   []Mark
	Changes []LoggedChange // one for each mark
}

// LoggedChange is what a change may have changed: a token, all tokens that refer to a resource, or if both are zero, anything.
type LoggedChange struct {
	Token pfid.ID
	// Of is an account, environment, agent or deployment.
	Of pfid.ID
	// List is the number of the status list that may look different; 0 for none. It counts only for a token.
	List int
}

// barrier makes validations see the changes that other copies of the program have committed.
//
// The rule that keeps revocation exact on all copies: a validation is answered only after a look at the log that started
// after the validation arrived, and after all changes that the look found were applied to the cache. A change that got its
// response before the validation arrived was committed before the look started, so the look found it. At most one look is
// under way. Validations that arrive meanwhile wait for the next one, which they share. None joins a look under way: it may
// have read the log already. Without validations there are no looks.
type barrier struct {
	log   ChangeLog
	limit time.Duration
	apply func([]LoggedChange)
	reset func() // drops all that is cached
	tell  func(cause error)

	waiting       atomic.Int64 // validations
	looks, failed atomic.Uint64
	failing       atomic.Bool // the last look failed

	mu      sync.Mutex
	next    *look // what arrivals wait for
	running bool
	down    error // of the last look, if it took too long; arrivals are refused at once until a look succeeds

	// Only the look under way uses these.
	lineage string
	mark    Mark
	lost    bool   // the database has lost changes, and no operator has confirmed it yet
	told    string // what callers learn of the failure that was told last; empty for none
}

// look is one query of the log and those who wait for it.
type look struct {
	done chan struct{}
	err  error // set before done is closed
}

var (
	errLookFailed = errors.New("token: the changes of other copies can't be read")
	errLostChange = &fault.Error{Kind: fault.Unavailable, Message: "The database has lost changes that it had before, so tokens can't be validated. On the server, run: tokentab database confirm", RetryAfter: 5 * time.Second}
)

// Follow makes validations see what other copies of the program change in the same database: each waits for a look at the log.
// A look that takes longer than limit fails, and so do the validations that wait for it. Once looks begin to fail, or do so for
// another reason, Follow calls tell with the cause, and with nil once they work again. Call it before any other method.
func (ts *Tokens) Follow(log ChangeLog, limit time.Duration, tell func(cause error)) {
	ts.barrier = &barrier{log: log, limit: limit, tell: tell, apply: ts.applyChanges, reset: func() {
		ts.ForgetAll()
		ts.indexes.forgetAll()
	}}
}

// LookStats says how often the program has looked for changes of other copies.
type LookStats struct {
	Looks, Failed uint64
	Failing       bool // the last look failed
	Waiting       int  // validations that wait for a look now
}

// LookStats returns how often the program has looked for changes of other copies. They are zero if there can't be any.
func (ts *Tokens) LookStats() LookStats {
	b := ts.barrier
	if b == nil {
		return LookStats{}
	}
	return LookStats{Looks: b.looks.Load(), Failed: b.failed.Load(), Failing: b.failing.Load(), Waiting: int(b.waiting.Load())}
}

// applyChanges drops what changes may have changed.
func (ts *Tokens) applyChanges(changes []LoggedChange) {
	unknown := false
	for _, c := range changes {
		switch {
		case !c.Token.IsZero():
			ts.cache.Forget(c.Token)
			if unknown = true; c.List != everyList {
				ts.statusLists.changed(c.List)
			}
		case !c.Of.IsZero():
			ts.ForgetAllOf(c.Of)
		default:
			ts.ForgetAll()
		}
	}
	if unknown { // the token may be a new one with a secret that was tried before
		ts.cache.forgetUnknown()
	}
}

// Arrive waits until the cache shows all changes that were committed before the call. With the context that it returns,
// validations don't wait again: they count as having arrived with the call. It returns fault.Unavailable if the changes of
// other copies can't be read.
func (ts *Tokens) Arrive(ctx context.Context) (context.Context, error) {
	if ts.barrier == nil {
		return ctx, nil
	}
	err := ts.barrier.pass(ctx)
	return context.WithValue(ctx, hasArrived{}, true), err
}

// hasArrived marks the context of validations that don't wait again.
type hasArrived struct{}

// pass waits for a look that starts after the call. Without a log it does nothing.
func (b *barrier) pass(ctx context.Context) error {
	if b == nil || ctx.Value(hasArrived{}) != nil {
		return nil
	}
	b.mu.Lock()
	l, down := b.join(), b.down
	b.mu.Unlock()
	if down != nil {
		return down
	}
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return unreadable(fmt.Errorf("the request ended before a look did: %w", context.Cause(ctx)))
	}
}

// join returns the next look, and sees to it that it comes. The caller holds the lock.
func (b *barrier) join() *look {
	if b.next == nil {
		b.next = &look{done: make(chan struct{})}
	}
	l := b.next
	if !b.running {
		b.running = true
		go b.run()
	}
	return l
}

// run looks until no validation waits.
func (b *barrier) run() {
	for {
		// Let validations arrive first that only wait for a processor, so that they share this look. Without load this costs nothing.
		runtime.Gosched()
		b.mu.Lock()
		l := b.next
		if l == nil {
			b.running = false
			b.mu.Unlock()
			return
		}
		if !joinsLookUnderWay {
			b.next = nil // who arrives from here on waits for another one
		}
		b.mu.Unlock()
		isLate, err := b.look()
		b.mu.Lock()
		if joinsLookUnderWay {
			b.next = nil
		}
		l.err = err
		if b.down = nil; isLate {
			b.down = err
			if late := b.next; late != nil { // they have waited as long; the next arrival tries again
				b.next, late.err = nil, err
				close(late.done)
			}
		}
		b.mu.Unlock()
		close(l.done)
	}
}

// look reads the log once and applies what it finds. isLate reports that the limit was reached.
func (b *barrier) look() (isLate bool, err error) {
	defer func() {
		if cause := recover(); cause != nil { // this runs in its own goroutine, so a panic would end the program
			err = unreadable(fmt.Errorf("a look at the log panicked: %v", cause))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), b.limit)
	defer cancel()
	b.looks.Add(1)
	defer func() {
		if b.failing.Store(err != nil); err != nil {
			b.failed.Add(1)
		}
		b.tellNews(err)
	}()
	part, err := b.log.ChangesFrom(ctx, b.mark)
	if err != nil {
		return ctx.Err() != nil, unreadable(err)
	}
	return false, b.take(part)
}

// tellNews tells what is new about the outcome of a look.
func (b *barrier) tellNews(err error) {
	message := ""
	if failed, ok := errors.AsType[*fault.Error](err); ok {
		message = failed.Message
	}
	if message != b.told {
		b.told = message
		b.tell(err)
	}
}

// take applies a part of the log. It returns errLostChange if the log has another history than what was read before.
func (b *barrier) take(part LogPart) error {
	isNew := part.Lineage != b.lineage
	if b.lost && !isNew {
		return errLostChange
	}
	changes := part.Changes
	switch {
	case isNew: // the first look, or someone has accepted another history, which may end before the mark
		b.reset()
		b.mark = Mark{}
	case b.mark == Mark{}: // the log was empty
		b.reset()
	case len(part.Marks) > 0 && part.Marks[0] == b.mark:
		b.apply(changes[1:])
	case len(part.Marks) > 0 && part.Oldest > b.mark.Number: // the log no longer reaches back to the mark
		b.reset()
	default:
		b.lost = true
		b.reset()
		return errLostChange
	}
	b.lineage, b.lost = part.Lineage, false
	if len(part.Marks) > 0 {
		b.mark = part.Marks[len(part.Marks)-1]
	}
	return nil
}

// unreadable returns the error of those who wait for a look that failed. A fault says more than that the look failed.
func unreadable(cause error) error {
	if _, ok := errors.AsType[*fault.Error](cause); ok {
		return cause
	}
	return &fault.Error{
		Kind: fault.Unavailable, Message: "The store does not answer right now. Try again.", RetryAfter: time.Second,
		Cause: fmt.Errorf("%w: %w", errLookFailed, cause),
	}
}
