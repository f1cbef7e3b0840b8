package token

import (
	"context"
	"sync"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// List returns one part of the account's tokens that match the filter. It returns fault.Validation of sorting or
// pagination[after] if the page asks for an unknown order or place.
func (ts *Tokens) List(ctx context.Context, account pfid.ID, filter Filter, page paging.Page) (found Found, err error) {
	page, after, err := ordered(page)
	if err != nil {
		return found, err
	}
	isNewest := filter == (Filter{}) && page.Sort == "inserted_at" && page.Descending
	if isNewest && (after == nil || after.Before > 0) { // most lists; they need no index, but a cursor of their own
		found, err = ts.newest(ctx, account, page, after)
	} else {
		found, err = ts.indexed(ctx, account, filter, page, after)
	}
	for i := range found.Tokens {
		ts.asOfNow(&found.Tokens[i])
	}
	return found, err
}

// newest returns a part of the list of all tokens, newest first. How many come before a cursor is as it was when the cursor
// was made, since counting them takes longer the further down it is. Only whether others follow is always as it is now.
func (ts *Tokens) newest(ctx context.Context, account pfid.ID, page paging.Page, after *cursor) (found Found, err error) {
	if after == nil {
		after = &cursor{}
	}
	list, total, err := ts.store.NewestTokens(ctx, account, Entry{ID: after.ID, InsertedAt: after.Number}, page.Offset, page.Size+1)
	found.Total = total
	if isLast := len(list) <= page.Size; isLast {
		found.Tokens, found.Before = list, total-len(list)
		return found, err
	}
	found.Tokens = list[:page.Size]
	found.Before = min(min(after.Before, total)+page.Offset, total-page.Size-1)
	last := found.Tokens[page.Size-1]
	found.Next = cursor{
		Sort: page.Sort, Descending: page.Descending, Number: last.InsertedAt.UnixMilli(), ID: last.ID, Before: found.Before + page.Size,
	}.String()
	return found, err
}

func (ts *Tokens) indexed(ctx context.Context, account pfid.ID, filter Filter, page paging.Page, after *cursor) (found Found, err error) {
	if page.Sort == "last_used_at" || filter.UnusedFor != 0 || filter.NeverUsed {
		ts.settleUses(ctx)
	}
	var ids []pfid.ID
	err = ts.inIndex(ctx, account, filter, func(ix *index, places []uint32, _ int64) {
		ids, found = ix.page(places, page, after)
	}, func(ctx context.Context) error {
		found.Tokens, err = ts.store.TokensByID(ctx, ids)
		return err
	})
	return found, err
}

// Summarize counts the account's tokens that match the filter, by their last uses as of the last flush.
func (ts *Tokens) Summarize(ctx context.Context, account pfid.ID, filter Filter) (sum Summary, err error) {
	err = ts.inIndex(ctx, account, filter, func(ix *index, places []uint32, now int64) { sum = ix.summary(places, now) }, noRead)
	return sum, err
}

func noRead(context.Context) error { return nil }

// listTimeout is how long a list may take that has to fill an index of very many tokens first.
const listTimeout = 30 * time.Second

// errFilling is the error of a list whose index could not be filled in time. The next list goes on filling it.
var errFilling = &fault.Error{Kind: fault.Unavailable, Message: "Tokentab is still reading the tokens of this account. Try again in a few seconds.", RetryAfter: 5 * time.Second}

// inIndex calls look with the account's index, brought up to date, and the places of the tokens that match. Then it calls
// read in the same snapshot of the store.
func (ts *Tokens) inIndex(ctx context.Context, account pfid.ID, filter Filter, look func(ix *index, places []uint32, now int64), read func(context.Context) error) error {
	now := ts.now().UnixMilli()
	ix := ts.indexes.of(account, now)
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, errFilling)
	defer cancel()
	if err := ix.take(ctx); err != nil {
		return err
	}
	leave := sync.OnceFunc(ix.leave)
	defer leave()
	for {
		if err := ts.fill(ctx, ix, account); err != nil {
			return err
		}
		isCurrent := false
		err := ts.store.Snapshot(ctx, func(ctx context.Context) (err error) {
			if isCurrent, err = ts.update(ctx, ix, account, now); err != nil || !isCurrent {
				return err
			}
			want, err := ts.wanted(ctx, account, filter)
			if err != nil {
				return err
			}
			look(ix, ix.selected(filter, want, now), now)
			leave()
			return read(ctx)
		})
		if err != nil || isCurrent {
			return err
		}
	}
}

// fill makes the index whole.
func (ts *Tokens) fill(ctx context.Context, ix *index, account pfid.ID) error {
	if ix.codes == nil {
		last, err := ts.store.LastChange(ctx)
		if err != nil {
			return err
		}
		ix.clear(last)
	}
	for !ix.isWhole {
		entries, err := ts.store.Entries(ctx, account, ix.newest, entriesAtOnce)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		ix.fill(entries)
	}
	return nil
}

// update brings the index to the state of a snapshot. isCurrent is false if it must be filled again, because changes are
// lost.
func (ts *Tokens) update(ctx context.Context, ix *index, account pfid.ID, now int64) (isCurrent bool, err error) {
	changes, err := ts.store.Changes(ctx, account, ix.last)
	if err != nil {
		return false, err
	}
	if changes.Lost || changes.Last < ix.last {
		ix.codes, ix.isWhole = nil, false
		return false, nil
	}
	ix.begin(now)
	ix.apply(changes, ts.latest())
	ix.applyUses(ts.latest())
	return true, nil
}

// wanted reads what a filter needs from the store.
func (ts *Tokens) wanted(ctx context.Context, account pfid.ID, f Filter) (want wanted, err error) {
	if needle := text.Needle(f.Search); needle != "" {
		if want.named, err = ts.store.Named(ctx, account, needle); err != nil {
			return want, err
		}
	}
	if f.CreatorLeft {
		if want.left, err = ts.store.Left(ctx, account); err != nil {
			return want, err
		}
	}
	if !f.DescendantsOf.IsZero() {
		want.descendants, err = ts.store.Descendants(ctx, f.DescendantsOf)
	}
	return want, err
}
