package store

import (
	"context"

	"gorm.io/gorm"

	"tokentab/backend/unit"
)

type sharedKey struct{}

// shared is a transaction used by all changes and reads with one context, by a single request.
type shared struct {
	tx         *gorm.DB // nil after its end
	lost       error    // why SQLite has undone it; then a change would be one of its own
	holdsPools bool     // the caller holds pools for a transaction that this context leaves out
}

// sharedIn returns the context's shared transaction; nil if there is none.
func sharedIn(ctx context.Context) *gorm.DB {
	if s, _ := ctx.Value(sharedKey{}).(*shared); s != nil {
		return s.tx
	}
	return nil
}

// holdsPools reports whether the caller of a read holds pools already. To lock them again could wait for a writer that
// waits for the caller.
func holdsPools(ctx context.Context) bool {
	s, _ := ctx.Value(sharedKey{}).(*shared)
	return s != nil && s.holdsPools
}

// Together runs f in one transaction, through the context that it passes to f: it commits if f returns nil, otherwise
// it rolls back. Validations keep reading the last committed state. The writer is held throughout, so f must not wait
// for anything outside this process.
func (s *db) Together(ctx context.Context, f func(ctx context.Context) error) (err error) {
	ctx, end := unit.Begin(ctx)
	kept := false
	defer func() { end(kept) }() // also after a panic
	err = s.change(ctx, func(tx *gorm.DB) error {
		all := &shared{tx: tx}
		defer func() { all.tx = nil }()
		return f(context.WithValue(ctx, sharedKey{}, all))
	})
	kept = err == nil
	return err
}
