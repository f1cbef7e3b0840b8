package store

import (
	"context"

	"gorm.io/gorm"

	"tokentab/backend/unit"
)

type sharedKey struct{}

// shared is a transaction that all changes and reads with one context share. The request that began it uses it alone.
type shared struct{ tx *gorm.DB } // nil once it is over

// sharedIn returns the transaction that the context belongs to, nil if none is under way.
func sharedIn(ctx context.Context) *gorm.DB {
	if s, _ := ctx.Value(sharedKey{}).(*shared); s != nil {
		return s.tx
	}
	return nil
}

// Together runs f, whose context makes all its changes one transaction: they are kept if f returns nil, and else none
// of them is. Validations go on reading what was committed before. The writer is held all the while, so f must wait for
// nothing outside of this process.
func (s *Store) Together(ctx context.Context, f func(ctx context.Context) error) (err error) {
	ctx, end := unit.Begin(ctx)
	all := &shared{}
	kept := false
	defer func() { // also after a panic
		all.tx = nil
		end(kept)
	}()
	err = s.change(ctx, func(tx *gorm.DB) error {
		all.tx = tx
		return f(context.WithValue(ctx, sharedKey{}, all))
	})
	kept = err == nil
	return err
}
