// Package unit makes several changes one unit of work: they are kept together, and what follows a commit waits for it.
package unit

import (
	"context"
	"sync"
)

type key struct{}

// work is a unit of work that is under way.
type work struct {
	mu    sync.Mutex
	over  bool
	after []func(kept bool)
}

// Begin returns a context whose changes belong to one unit of work. end says whether they were kept, and runs what waits
// for that; it must be called once.
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

// After runs f once the unit of work of the context has ended, and tells it whether the changes were kept. Without a
// unit of work, or after its end, it runs f at once with true: the caller has just changed something by itself.
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
