package token

import (
	"context"

	"tokentab/backend/pfid"
)

// UseLog is where a database that several copies of the program share lists the uses that they have written, in the order of
// the writes.
type UseLog interface {
	// WrittenUses returns up to most of the writes after a numbered one, oldest first.
	WrittenUses(ctx context.Context, after int64, most int) ([]WrittenUse, error)
	// LastWrittenUse returns the number of the newest write; 0 for none.
	LastWrittenUse(ctx context.Context) (int64, error)
}

// WrittenUse is a write of the uses of a token. Only the last one of each token is listed. Times are in Unix milliseconds; 0 for
// never.
type WrittenUse struct {
	Number        int64
	TokenID       pfid.ID
	At, RefusedAt int64
}

// followedAtOnce is how many writes FollowUses reads with one statement.
const followedAtOnce = 5000

// FollowUses brings the last uses that other copies have written to lists, and to WatchUses.
func (ts *Tokens) FollowUses(ctx context.Context, log UseLog) error {
	ts.uses.following.Lock()
	defer ts.uses.following.Unlock()
	if ts.uses.followed < 0 {
		last, err := log.LastWrittenUse(ctx)
		if err != nil {
			return err
		}
		ts.uses.followed = last
	}
	for {
		written, err := log.WrittenUses(ctx, ts.uses.followed, followedAtOnce)
		if err != nil {
			return err
		}
		if len(written) == 0 { // or the database has lost some, and numbers begin again before the last one
			last, err := log.LastWrittenUse(ctx)
			if err == nil {
				ts.uses.followed = min(ts.uses.followed, last)
			}
			return err
		}
		uses := make([]Use, len(written))
		watcher := ts.uses.watcher.Load()
		for i, w := range written {
			uses[i] = Use{TokenID: w.TokenID, At: w.At}
			if watcher != nil {
				(*watcher)(w.TokenID, w.RefusedAt > w.At)
			}
		}
		ts.indexes.recordUses(uses, ts.latest())
		ts.uses.followed = written[len(written)-1].Number
	}
}
