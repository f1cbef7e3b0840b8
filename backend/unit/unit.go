// Package unit groups changes into one unit of work: all of them are kept or none, and follow-up work waits for the
// commit.
package unit

import (
	"context"
	"sync"

	"tokentab/backend/pfid"
)

type key struct{}

type work struct {
	mu    sync.Mutex
	over  bool
	after []func(kept bool)
}

// Begin returns a context whose changes belong to one unit of work. Call end exactly once, with whether the changes
// were kept; it runs the functions registered by After.
func Begin(ctx context.Context) (inside context.Context, end func(kept bool)) {
	w := &work{}
	return context.WithValue(ctx, key{}, w), func(kept bool) {
		w.mu.Lock()
		w.over = true
		after := w.after
		w.mu.Unlock()
		for _, f := range after {
			f(kept)
		}
	}
}

// After calls f when the context's unit of work has ended, with whether the changes were kept. Without a unit of
// work, or after its end, it calls f(true) immediately: the caller has just committed its own change.
func After(ctx context.Context, f func(kept bool)) {
	w, _ := ctx.Value(key{}).(*work)
	if w != nil {
		w.mu.Lock()
		if !w.over {
			w.after = append(w.after, f)
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
	f(true)
}

// Invalidator drops cached verdicts after a change that may have ended tokens.
type Invalidator interface {
	// Invalidate takes what the change returned, before it is answered. Once it is committed, also if err leaves that
	// open, it drops the verdicts of these tokens; without tokens, of all tokens that name id.
	Invalidate(ctx context.Context, id pfid.ID, tokens []pfid.ID, err error)
}
