package audit

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sync"
	"time"
)

// Limits of Refusals, stated in docs/audit.md.
const (
	foldFor  = time.Minute
	foldKeys = 10 // single events of one action in one chain a minute
	// foldMost bounds the events that wait to be written, also while the store fails.
	foldMost = 1000
)

// Refusal is a request that was refused. Equal ones of a minute become one event.
type Refusal struct {
	Actor   Actor // its RequestID is that of the first one
	Action  Action
	Subject string
	Detail  string
}

// Refusals folds refusals into events, so that clients can't make the server write once for each request. It writes one event a
// minute for equal refusals. Beyond ten a minute of one action in one chain, the others share an event that names neither
// subject nor address.
type Refusals struct {
	write  func(context.Context, []Event) error
	now    func() time.Time
	random io.Reader

	mu      sync.Mutex
	waiting map[Refusal]*folded
	single  map[Refusal]int // events that wait, by actor's account and action
}

type folded struct {
	first     time.Time
	requestID string
	times     int
}

// NewRefusals returns Refusals whose events write writes.
func NewRefusals(write func(context.Context, []Event) error, now func() time.Time, random io.Reader) *Refusals {
	return &Refusals{write: write, now: now, random: random, waiting: map[Refusal]*folded{}, single: map[Refusal]int{}}
}

// Add counts a refusal. It does not wait for anything.
func (r *Refusals) Add(refusal Refusal) {
	requestID := refusal.Actor.RequestID
	refusal.Actor.RequestID, refusal.Actor.Reason, refusal.Actor.Secret = "", "", [32]byte{}
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.waiting[refusal]
	if f == nil {
		kind := Refusal{Actor: Actor{AccountID: refusal.Actor.AccountID}, Action: refusal.Action}
		if r.single[kind] >= foldKeys {
			refusal = kind
			refusal.Actor.Kind, refusal.Detail, requestID = Stranger, "others", ""
			f = r.waiting[refusal]
		}
		if f == nil && len(r.waiting) >= foldMost {
			return
		}
		if f == nil {
			f = &folded{first: r.now().UTC(), requestID: requestID}
			r.waiting[refusal] = f
			r.single[kind]++
		}
	}
	f.times++
}

// Flush writes the events whose minute is over; with all, also the others. Those that can't be written wait for the next call.
func (r *Refusals) Flush(ctx context.Context, all bool) error {
	now := r.now()
	r.mu.Lock()
	due := map[Refusal]folded{}
	for refusal, f := range r.waiting {
		if passed := now.Sub(f.first); all || passed >= foldFor || passed < 0 {
			due[refusal] = *f
		}
	}
	r.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	var events []Event
	for refusal, f := range due {
		actor := refusal.Actor
		actor.RequestID = f.requestID
		e, err := New(f.first, actor, refusal.Action, refusal.Subject, refusal.Detail, r.random)
		if err != nil {
			return err
		}
		e.Times = f.times
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Actor.AccountID.String(), b.Actor.AccountID.String()), a.At.Compare(b.At), cmp.Compare(a.Subject, b.Subject))
	})
	if err := r.write(ctx, events); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for refusal, written := range due {
		f := r.waiting[refusal]
		if f.times -= written.times; f.times > 0 { // more came meanwhile
			f.first = now.UTC()
			continue
		}
		delete(r.waiting, refusal)
		kind := Refusal{Actor: Actor{AccountID: refusal.Actor.AccountID}, Action: refusal.Action}
		if r.single[kind]--; r.single[kind] == 0 {
			delete(r.single, kind)
		}
	}
	return nil
}
