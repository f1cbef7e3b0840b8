package token

import (
	"context"
	"slices"
	"time"

	"tokentab/backend/pfid"
)

// Usage is how a token was used, also what is not stored yet.
type Usage struct {
	Since                     time.Time // every use from here on is counted
	LastUsedAt, LastRefusedAt time.Time // zero for never
	History

	now int64 // Unix milliseconds
}

// StoredUses is what the store has of the uses of some tokens.
type StoredUses struct {
	Batch  int64 // number of the writer's batch that was stored last; 0 for none
	Since  int64 // when the database began to count, in Unix milliseconds; 0 if it always did
	Tokens map[pfid.ID]StoredUse
}

// StoredUse is what the store has of the uses of one token. Times are in Unix milliseconds; 0 for never.
type StoredUse struct {
	At, RefusedAt int64
	History       History
}

// Usages returns how tokens were used, in their order.
func (ts *Tokens) Usages(ctx context.Context, list []Listed) ([]Usage, error) {
	ids := make([]pfid.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	for {
		found := make([]unwritten, len(ids))
		for i, id := range ids {
			found[i] = ts.uses.of(id)
		}
		stored, err := ts.store.Uses(ctx, ids, ts.uses.writer)
		if err != nil {
			return nil, err
		}
		// A batch that was begun and stored since may have some of what was pending.
		if len(found) > 0 && ts.uses.hasBegun(stored.Batch, found) {
			continue
		}
		usages := make([]Usage, len(list))
		for i := range list {
			usages[i] = ts.usage(&list[i], &stored, &found[i])
		}
		return usages, nil
	}
}

// hasBegun reports whether a batch was begun after some of the uses were looked up.
func (l *pendingUses) hasBegun(batch int64, found []unwritten) bool {
	l.moving.RLock()
	defer l.moving.RUnlock()
	return slices.ContainsFunc(found, func(f unwritten) bool { return batch > f.batch && batch <= l.batch })
}

func (ts *Tokens) usage(t *Listed, stored *StoredUses, found *unwritten) Usage {
	now := ts.now().UnixMilli()
	of := stored.Tokens[t.ID]
	uses := found.pending
	if stored.Batch != found.batch {
		uses = append(uses, found.inBatch...)
	}
	for i := range uses {
		of.Add(&uses[i], millis(t.RotatedAt), now)
	}
	since := max(min(stored.Since, now), t.InsertedAt.UnixMilli())
	if of.History.Secrets.RotatedAt != millis(t.RotatedAt) {
		of.History.Secrets = SecretUses{}
	}
	return Usage{Since: time.UnixMilli(since).UTC(), LastUsedAt: timeOf(of.At), LastRefusedAt: timeOf(of.RefusedAt), History: of.History, now: now}
}

// Add adds uses, as History.Add does.
func (s *StoredUse) Add(use *Use, rotatedAt, now int64) {
	s.At, s.RefusedAt = later(s.At, use.At, now+wrongClock), later(s.RefusedAt, use.RefusedAt, now+wrongClock)
	s.History.Add(use, rotatedAt, now)
}

// timeOf returns the zero time for 0.
func timeOf(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(at).UTC()
}

// millis returns 0 for the zero time.
func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// Last returns the last accepted use; zero for none.
func (c *Client) Last() time.Time { return timeOf(c.At) }

// LastRefused returns the last refused use; zero for none.
func (c *Client) LastRefused() time.Time { return timeOf(c.RefusedAt) }

// Last returns the last use of the current secret; zero for none.
func (s *SecretUses) Last() time.Time { return timeOf(s.At) }

// LastOfOld returns the last use of the old secret; zero for none.
func (s *SecretUses) LastOfOld() time.Time { return timeOf(s.OldAt) }

// Series are the counts of successive hours or UTC days, oldest first. The last one is not over.
type Series struct {
	First             time.Time // start of the first hour or day
	Accepted, Refused []uint64
}

// LastHours returns the last n hours, up to HistoryHours.
func (u *Usage) LastHours(n int) Series {
	last := hourOf(u.now)
	accepted, refused := series(u.Hours, last, n)
	return Series{timeOf((int64(last) - int64(n) + 1) * hourLength), accepted, refused}
}

// LastDays returns the last n days, up to HistoryDays.
func (u *Usage) LastDays(n int) Series {
	last := hourOf(u.now) / dayHours
	accepted, refused := series(u.Days, last, n)
	return Series{timeOf((int64(last) - int64(n) + 1) * dayLength), accepted, refused}
}

// Total counts the uses since an instant.
type Total struct {
	Since             time.Time
	Accepted, Refused uint64
}

// Within counts the uses of the last hours. Hours are counted as a whole, so the total begins up to an hour earlier, unless
// there was no use since.
func (u *Usage) Within(hours int) Total {
	start := u.now - int64(hours)*hourLength
	if later(millis(u.LastUsedAt), millis(u.LastRefusedAt), u.now+wrongClock) < start {
		return Total{Since: timeOf(start)}
	}
	s := u.LastHours(hours + 1)
	total := Total{Since: s.First}
	for i := range s.Accepted {
		total.Accepted += s.Accepted[i]
		total.Refused += s.Refused[i]
	}
	return total
}

// stillTried is how long ago the last refused use of a token is at most that is still being tried.
const stillTried = 24 * time.Hour

// IsStillTried reports whether a token that is suspended, revoked or expired was refused within the last 24 hours.
func (u *Usage) IsStillTried(t *Token) bool {
	ago := u.now - millis(u.LastRefusedAt)
	isOut := t.Status != Active || t.ExpiresAt.UnixMilli() <= u.now
	return isOut && !u.LastRefusedAt.IsZero() && ago < stillTried.Milliseconds() && ago > -wrongClock
}

// Newest returns the addresses in the order of their last uses, the newest first. Times in the future come last.
func (u *Usage) Newest() []Client {
	last := func(c Client) int64 { return later(c.At, c.RefusedAt, u.now+wrongClock) }
	list := slices.Clone(u.Clients)
	slices.SortStableFunc(list, func(a, b Client) int {
		switch x, y := last(a), last(b); {
		case x == y:
			return 0
		case later(x, y, u.now+wrongClock) == x:
			return -1
		}
		return 1
	})
	return list
}
