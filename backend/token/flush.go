package token

import (
	"bytes"
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
// becomes of their tokens in the cache. In each list they are in the order of their rows, and one of each token.
type taken struct {
	mu     sync.Mutex
	taking []Use // that are being kept
	noted  []Use // that were kept since rows was begun
	rows   []Use // that are brought to their rows

	// What follows is for the flush alone.
	recalls bool      // an earlier process may have kept some that are still to be taken over
	stuck   bool      // the last try to bring uses to their rows failed
	shard   int       // from which uses are taken next
	last    int64     // the last piece in which something of noted is; 0 for none
	through int64     // the last piece of which everything is in rows, or was; 0 where it was dropped
	began   time.Time // when rows was begun
}

// sight is when an agent was seen last, and what of that is written, in Unix milliseconds.
type sight struct{ at, written int64 }

// RecallUses takes over the uses that an earlier process kept and did not bring to their rows. What fails is tried again
// by the next flush.
func (ts *Tokens) RecallUses(ctx context.Context) error {
	ts.flushing.Lock()
	defer ts.flushing.Unlock()
	ts.taken.recalls = true
	return ts.recall(ctx)
}

func (ts *Tokens) recall(ctx context.Context) error {
	t := &ts.taken
	if !t.recalls {
		return nil
	}
	uses, last, err := ts.store.NotedUses(ctx)
	if err != nil {
		return err
	}
	ts.saw(uses)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.through, t.recalls = merged(t.rows, uses, ts.latest()), last, false
	return nil
}

// FlushUses keeps the uses that were noted since the last flush, so that a crash can't take them any more, and brings
// those that were kept earlier to their rows, while it keeps new ones every now and then. What could not be kept is for
// the next flush. rest is called after each transaction, to leave the processor to validations. With a nil rest it goes
// as fast as it can, and brings everything where it belongs.
func (ts *Tokens) FlushUses(ctx context.Context, rest func()) error {
	ts.flushing.Lock()
	defer ts.flushing.Unlock()
	if err := ts.recall(ctx); err != nil {
		return err
	}
	if ts.taken.stuck { // and while it is, no pieces add up
		if _, err := ts.bringToRows(ctx, rest); err != nil {
			return err
		}
	}
	for more := true; more; {
		if err := ts.keep(ctx, rest); err != nil {
			return err
		}
		moreRows, err := ts.bringToRows(ctx, rest)
		if err != nil {
			return err
		}
		moreSeen, err := ts.flushSeen(ctx, rest)
		if err != nil {
			return err
		}
		more = moreRows || moreSeen
	}
	return nil
}

// KeepUses keeps the uses that were noted since the last flush, as fast as it can, so that they survive the end of the
// process. FlushUses brings them to their rows, in this process or in the next one.
func (ts *Tokens) KeepUses(ctx context.Context) error {
	ts.flushing.Lock()
	defer ts.flushing.Unlock()
	return ts.keep(ctx, nil)
}

// keep writes what the cache has noted in pieces. What it can't write it gives back.
func (ts *Tokens) keep(ctx context.Context, rest func()) error {
	most := usesKept
	if rest == nil {
		most = math.MaxInt
	}
	t := &ts.taken
	ts.take(most)
	left := t.taking
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		ts.cache.returnUses(left, ts.latest())
		t.noted = merged(t.noted, t.taking[:len(t.taking)-len(left)], ts.latest())
		t.taking = nil
	}()
	for piece := range slices.Chunk(left, usesInPiece) {
		number, err := ts.store.NoteUses(ctx, piece)
		if err != nil {
			return err
		}
		t.last, left = number, left[len(piece):]
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
func (ts *Tokens) take(most int) {
	t := &ts.taken
	t.mu.Lock() // all the time, so that nobody overlooks a use while it is moved
	defer t.mu.Unlock()
	var uses []Use
	for shards := 0; shards < shardCount && ts.kept()+len(uses) < most; shards++ {
		uses = ts.cache.takeUses(t.shard, uses)
		t.shard = (t.shard + 1) % shardCount
	}
	ts.saw(uses)
	t.taking = merged(uses, nil, ts.latest())
}

// merged returns all uses in the order of their rows, of each token the last. It uses the room of the first.
func merged(uses, more []Use, limit int64) []Use {
	uses = append(uses, more...)
	slices.SortFunc(uses, func(a, b Use) int {
		if a.At == b.At || a.TokenID != b.TokenID {
			return byRow(a, b.TokenID)
		}
		if later(a.At, b.At, limit) == a.At {
			return -1
		}
		return 1
	})
	return slices.CompactFunc(uses, func(a, b Use) bool { return a.TokenID == b.TokenID })
}

func byRow(use Use, id pfid.ID) int { return bytes.Compare(use.TokenID[:], id[:]) }

// latest is the latest instant that a use can have by this clock, in Unix milliseconds.
func (ts *Tokens) latest() int64 { return ts.now().UnixMilli() + wrongClock }

// lastUse returns when a token was last accepted as far as it is known here, in Unix milliseconds; 0 where it is not.
func (ts *Tokens) lastUse(hash Hash, id pfid.ID) int64 {
	ts.taken.mu.Lock()
	defer ts.taken.mu.Unlock()
	limit := ts.latest()
	at := ts.cache.lastUse(hash, id, limit)
	for _, uses := range [][]Use{ts.taken.taking, ts.taken.noted, ts.taken.rows} {
		if i, ok := slices.BinarySearchFunc(uses, id, byRow); ok {
			at = later(at, uses[i].At, limit)
		}
	}
	return at
}

// bringToRows writes uses that were kept to their rows if it is time for that, and drops the pieces of which everything is
// there. With a nil rest it writes all, and else what it can in a turn; more says that there are others.
func (ts *Tokens) bringToRows(ctx context.Context, rest func()) (more bool, err error) {
	together, until := ts.turn(rest)
	t := &ts.taken
	defer func() { t.stuck = err != nil }()
	for rest == nil || ts.now().Before(until) {
		if len(t.rows) == 0 {
			if err := ts.dropPieces(ctx); err != nil {
				return false, err
			}
			if !ts.beginRows(rest == nil) {
				return false, nil
			}
		}
		batch := t.rows[:min(together, len(t.rows))]
		if err := ts.store.RecordUses(ctx, batch, ts.latest()); err != nil {
			return false, err
		}
		t.mu.Lock()
		t.rows = t.rows[len(batch):]
		t.mu.Unlock()
		pause(rest)
	}
	return true, nil
}

// dropPieces drops those of which everything is in its row.
func (ts *Tokens) dropPieces(ctx context.Context) error {
	t := &ts.taken
	if t.through == 0 {
		return nil
	}
	err := ts.store.DropNotedUses(ctx, t.through)
	if err == nil {
		t.through = 0
	}
	return err
}

// turn is how many rows are written at once and, but for a nil rest, until when.
func (ts *Tokens) turn(rest func()) (together int, until time.Time) {
	if rest == nil {
		return usesInBulk, time.Time{}
	}
	return usesAtOnce, ts.now().Add(rowsTurn)
}

// beginRows moves what was noted on to the rows if it is time for that, and reports whether it did.
func (ts *Tokens) beginRows(now bool) bool {
	t, at := &ts.taken, ts.now()
	if len(t.noted) == 0 || !now && at.Sub(t.began).Abs() < rowsEvery && len(t.noted) < usesKept/2 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.noted, t.through, t.last, t.began = t.noted, nil, t.last, 0, at
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
	limit := ts.latest()
	for _, use := range uses {
		if !use.AgentID.IsZero() {
			s := ts.seen[use.AgentID]
			s.at = later(s.at, use.At, limit)
			if s.written > limit {
				s.written = 0
			}
			ts.seen[use.AgentID] = s
		}
	}
}

// flushSeen moves the agents' last sight forward, once for all the tokens that an agent has: at once where an agent was
// not seen for a while, and then every minute. An agent's row is wide and in an index by this time, so it costs more
// than that of a token. It writes all or a turn as bringToRows does.
func (ts *Tokens) flushSeen(ctx context.Context, rest func()) (more bool, err error) {
	newest, limit := int64(0), ts.latest()
	for _, s := range ts.seen {
		newest = later(newest, s.at, limit)
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
	together, until := ts.turn(rest)
	for batch := range slices.Chunk(due, together) {
		if rest != nil && !ts.now().Before(until) {
			return true, nil
		}
		if err := ts.store.RecordSeen(ctx, batch, ts.latest()); err != nil {
			return false, err
		}
		for _, seen := range batch {
			ts.seen[seen.AgentID] = sight{at: seen.At, written: seen.At}
		}
		pause(rest)
	}
	return false, nil
}
