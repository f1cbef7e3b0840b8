package token

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"tokentab/backend/pfid"
)

const (
	// usesInPiece is how many uses are kept together. On one core all validations wait while a piece is written.
	usesInPiece = 1000
	// usesKept is about how many uses may wait to be brought to their rows; further ones stay in the cache. In bytes it is
	// some 48 times as many.
	usesKept = 1 << 16
	// usesAtOnce is how many rows one transaction writes while validations go on, which all wait for it on one core.
	usesAtOnce = 10
	// usesInBulk is how many it writes when nothing has to wait for it.
	usesInBulk = 100
	// rowsEvery is how often uses are brought to their rows, and rowsTurn for how long before others are kept again.
	rowsEvery, rowsTurn = time.Minute, 2 * time.Second
	// usesToSettle is how many uses a list that is in their order waits for until they are in their rows.
	usesToSettle = 5000
	// seenResolution, in milliseconds, is how far an agent's last sight has to move before it is written again.
	seenResolution = 60_000
)

// taken are the uses that were taken out of the cache and are not in their rows yet. They are shown from here, whatever
// becomes of their tokens in the cache. In either list they are in the order of their rows, and one of each token.
type taken struct {
	mu    sync.Mutex
	noted []Use // since rows was begun
	rows  []Use // that are brought to their rows

	// What follows is for the flush alone.
	shard   int       // from which uses are taken next
	last    int64     // piece in which something of noted is
	through int64     // the last piece of which everything is in rows, or was
	began   time.Time // when rows was begun
}

// sight is when an agent was seen last, and what of that is written, in Unix milliseconds.
type sight struct{ at, written int64 }

// RecallUses takes over the uses that an earlier process kept and did not bring to their rows.
func (ts *Tokens) RecallUses(ctx context.Context) error {
	ts.flushing.Lock()
	defer ts.flushing.Unlock()
	uses, last, err := ts.store.NotedUses(ctx)
	if err != nil {
		return err
	}
	ts.saw(uses)
	ts.taken.mu.Lock()
	defer ts.taken.mu.Unlock()
	ts.taken.rows, ts.taken.through = merged(ts.taken.rows, uses), last
	return nil
}

// FlushUses keeps the uses that were noted since the last flush, so that a crash can't take them any more, and brings
// those that were kept earlier to their rows, while it keeps new ones every now and then. What could not be kept is for
// the next flush. rest is called after each transaction, to leave the processor to validations. With a nil rest it goes
// as fast as it can, and brings everything where it belongs.
func (ts *Tokens) FlushUses(ctx context.Context, rest func()) error {
	ts.flushing.Lock()
	defer ts.flushing.Unlock()
	for more := true; more; {
		err := ts.keep(ctx, rest)
		if err == nil {
			more, err = ts.bringToRows(ctx, rest)
		}
		if err == nil {
			err = ts.flushSeen(ctx, rest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keep writes what the cache has noted in pieces.
func (ts *Tokens) keep(ctx context.Context, rest func()) error {
	most := usesKept
	if rest == nil {
		most = math.MaxInt
	}
	left := ts.take(most)
	for piece := range slices.Chunk(left, usesInPiece) {
		number, err := ts.store.NoteUses(ctx, piece)
		if err != nil {
			ts.cache.returnUses(left)
			return err
		}
		ts.taken.last, left = number, left[len(piece):]
		pause(rest)
	}
	return nil
}

func pause(rest func()) {
	if rest != nil {
		rest()
	}
}

func (ts *Tokens) kept() int { return len(ts.taken.noted) + len(ts.taken.rows) }

// take takes uses out of the shards, by turns, until about so many are kept.
func (ts *Tokens) take(most int) (uses []Use) {
	t := &ts.taken
	t.mu.Lock() // all the time, so that nobody overlooks a use while it is moved
	defer t.mu.Unlock()
	for shards := 0; shards < shardCount && ts.kept()+len(uses) < most; shards++ {
		uses = ts.cache.takeUses(t.shard, uses)
		t.shard = (t.shard + 1) % shardCount
	}
	ts.saw(uses)
	t.noted = merged(t.noted, uses)
	return uses
}

// merged returns all uses in the order of their rows, of each token the last.
func merged(uses, more []Use) []Use {
	uses = append(slices.Clone(uses), more...)
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Or(byRow(a, b.TokenID), cmp.Compare(b.At, a.At)) })
	return slices.CompactFunc(uses, func(a, b Use) bool { return a.TokenID == b.TokenID })
}

func byRow(use Use, id pfid.ID) int { return bytes.Compare(use.TokenID[:], id[:]) }

// lastUse returns when a token was last accepted as far as it is known here, in Unix milliseconds; 0 where it is not.
func (ts *Tokens) lastUse(hash Hash, id pfid.ID) int64 {
	ts.taken.mu.Lock()
	defer ts.taken.mu.Unlock()
	at := ts.cache.lastUse(hash, id)
	for _, uses := range [][]Use{ts.taken.noted, ts.taken.rows} {
		if i, ok := slices.BinarySearchFunc(uses, id, byRow); ok {
			at = max(at, uses[i].At)
		}
	}
	return at
}

// bringToRows writes uses that were kept to their rows if it is time for that, and drops the pieces of which everything is
// there. With a nil rest it writes all, and else what it can in a turn; more says that there are others.
func (ts *Tokens) bringToRows(ctx context.Context, rest func()) (more bool, err error) {
	together, until := usesAtOnce, ts.now().Add(rowsTurn)
	if rest == nil {
		together = usesInBulk
	}
	t := &ts.taken
	for rest == nil || ts.now().Before(until) {
		if len(t.rows) == 0 && !ts.beginRows(rest == nil) {
			return false, nil
		}
		batch := t.rows[:min(together, len(t.rows))]
		if err := ts.store.RecordUses(ctx, batch); err != nil {
			return false, err
		}
		t.mu.Lock()
		t.rows = t.rows[len(batch):]
		t.mu.Unlock()
		if len(t.rows) == 0 {
			if err := ts.store.DropNotedUses(ctx, t.through); err != nil {
				return false, err
			}
		}
		pause(rest)
	}
	return true, nil
}

// beginRows moves what was noted on to the rows if it is time for that, and reports whether it did.
func (ts *Tokens) beginRows(now bool) bool {
	t, at := &ts.taken, ts.now()
	if len(t.noted) == 0 || !now && at.Sub(t.began) < rowsEvery && len(t.noted) < usesKept/2 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.noted, t.through, t.began = t.noted, nil, t.last, at
	return true
}

// settle brings uses to their rows, which lists in their order are read from, unless they are many or a flush is under
// way. Where that fails the list is in the order of a little earlier.
func (ts *Tokens) settle(ctx context.Context) {
	if !ts.flushing.TryLock() {
		return
	}
	defer ts.flushing.Unlock()
	if ts.kept() <= usesToSettle {
		_, _ = ts.bringToRows(ctx, nil)
	}
}

// saw notes that the agents of some uses were seen.
func (ts *Tokens) saw(uses []Use) {
	for _, use := range uses {
		if !use.AgentID.IsZero() {
			s := ts.seen[use.AgentID]
			s.at = max(s.at, use.At)
			ts.seen[use.AgentID] = s
		}
	}
}

// flushSeen moves the agents' last sight forward, once for all the tokens that an agent has: at once where an agent was
// not seen for a while, and then every minute. An agent's row is wide and in an index by this time, so it costs more
// than that of a token.
func (ts *Tokens) flushSeen(ctx context.Context, rest func()) error {
	newest := int64(0)
	for _, s := range ts.seen {
		newest = max(newest, s.at)
	}
	var due []Use
	for agent, s := range ts.seen {
		gone := newest-s.at >= seenResolution
		switch {
		case s.at > s.written && (gone || rest == nil || s.at-s.written >= seenResolution):
			due = append(due, Use{AgentID: agent, At: s.at})
		case gone:
			delete(ts.seen, agent)
		}
	}
	together := usesAtOnce
	if rest == nil {
		together = usesInBulk
	}
	for batch := range slices.Chunk(due, together) {
		if err := ts.store.RecordSeen(ctx, batch); err != nil {
			return err
		}
		for _, seen := range batch {
			ts.seen[seen.AgentID] = sight{at: seen.At, written: seen.At}
		}
		pause(rest)
	}
	return nil
}
