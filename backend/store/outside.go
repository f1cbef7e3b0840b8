package store

import (
	"context"

	"gorm.io/gorm"
)

// announceChange counts a change in its transaction, so that a server in another process drops what it has cached.
// Servers on Postgres read the rows of token_changes instead; this one stands for a change of anything.
func announceChange(tx *gorm.DB) error {
	if isPostgres(tx) {
		return tx.Exec("INSERT INTO token_changes DEFAULT VALUES").Error
	}
	return tx.Exec("UPDATE outside_changes SET made = made + 1 WHERE one = 1").Error
}

// unannounced marks the context of changes that no server caches.
type unannounced struct{}

// announces reports whether a change must be announced: each one by a command beside a server, whatever it changes, so
// that no command can forget to. On Postgres the rows of token_changes do that.
func (s *db) announces(ctx context.Context) bool {
	return !s.claimed && s.remote == nil && ctx.Value(unannounced{}) == nil
}

// OutsideChanges returns the number of the last announced change, and of the last one that a server has seen; always 0 on
// Postgres.
func (s *db) OutsideChanges(ctx context.Context) (made, seen int64, err error) {
	if s.remote != nil {
		return 0, 0, nil
	}
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT made, seen FROM outside_changes WHERE one = 1").Row().Scan(&made, &seen)
	})
	return made, seen, err
}

// SeeOutsideChanges records that the server has seen all changes up to a number and cached nothing older.
func (s *db) SeeOutsideChanges(ctx context.Context, number int64) error {
	if s.remote != nil {
		return nil
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE outside_changes SET seen = ? WHERE one = 1", number).Error
	})
}

// AnnounceChange counts a change of the context's transaction, so that a server in another process drops what it has cached.
func (s *db) AnnounceChange(ctx context.Context) error { return s.change(ctx, announceChange) }
