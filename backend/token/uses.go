package token

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"tokentab/backend/pfid"
)

const (
	// useResolution, in milliseconds, is the shortest time between two recorded uses of a token.
	useResolution = 1000
	// wrongClock, in milliseconds, is how far in the future a last use may be. A later one is from a wrong clock, and must
	// not hide newer uses.
	wrongClock = 60_000
	// seenEvery, in milliseconds, is how often an agent in constant use is written. That costs more than a token: the row
	// is wide, and this column is indexed.
	seenEvery = 60_000

	// usesAtOnce is how many uses one statement writes while validations run: on one core they all wait for it.
	// usesInBulk is how many it writes otherwise.
	usesAtOnce, usesInBulk = 50, 1000
	// usesToSettle is how many pending uses a list sorted by last use waits for.
	usesToSettle = 5000

	pendingShards = 64
	// pendingPerShard is how many pending uses each shard holds at least.
	pendingPerShard = 4096
)

// Use is the last accepted validation of a token.
type Use struct {
	TokenID pfid.ID
	AgentID pfid.ID // the agent of the token; zero if it has none
	At      int64   // Unix milliseconds
}

// lastUses holds the last use of each token, if the store does not have it yet.
type lastUses struct {
	shards [pendingShards]pendingShard
	most   int // pending uses in one shard

	flushing sync.Mutex           // held by a flush
	seen     map[pfid.ID]sighting // agents of written uses; guarded by flushing

	// moving is read-locked to look up a use, and locked while uses move from pending to writing.
	moving  sync.RWMutex
	writing []Use // uses that the current flush has yet to write, ordered by token id
}

type pendingShard struct {
	mu      sync.Mutex
	pending map[pfid.ID]pendingUse
	_       [48]byte // keeps the locks of two shards apart in the processor's cache
}

type pendingUse struct {
	agent pfid.ID
	at    int64
}

// sighting is the last use by an agent, in Unix milliseconds: at is known here, written is stored.
type sighting struct{ at, written int64 }

// newLastUses returns a lastUses for about this many tokens.
func newLastUses(tokens int) *lastUses {
	l := &lastUses{most: max(tokens/pendingShards*5/4, pendingPerShard), seen: map[pfid.ID]sighting{}}
	for i := range l.shards {
		l.shards[i].pending = map[pfid.ID]pendingUse{}
	}
	return l
}

// later returns the later of two last uses; 0 is none. If only one is beyond the limit, it returns the other.
func later(a, b, limit int64) int64 {
	if a == 0 || b == 0 || (a > limit) == (b > limit) {
		return max(a, b)
	}
	return min(a, b)
}

// isRecent reports whether a use is too close to the last one to be recorded.
func isRecent(last, at int64) bool { return at-last < useResolution && last-at < wrongClock }

// latest returns the latest plausible time of a use, in Unix milliseconds.
func (ts *Tokens) latest() int64 { return ts.now().UnixMilli() + wrongClock }

func (l *lastUses) shardOf(token pfid.ID) *pendingShard {
	return &l.shards[token[pfid.Size-1]%pendingShards]
}

// record adds a use. If the store fails for so long that the shard is full, it drops the uses of further tokens, so their
// stored last use is too old, never too new.
func (l *lastUses) record(use Use) {
	s := l.shardOf(use.TokenID)
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.pending[use.TokenID]
	if ok || len(s.pending) < l.most {
		s.pending[use.TokenID] = pendingUse{agent: use.AgentID, at: later(known.at, use.At, use.At+wrongClock)}
	}
}

// of returns the last use of a token that is not in the store yet, in Unix milliseconds; 0 for none.
func (l *lastUses) of(token pfid.ID, limit int64) int64 {
	l.moving.RLock()
	defer l.moving.RUnlock()
	s := l.shardOf(token)
	s.mu.Lock()
	at := s.pending[token].at
	s.mu.Unlock()
	if i, ok := slices.BinarySearchFunc(l.writing, token, compareToken); ok {
		at = later(at, l.writing[i].At, limit)
	}
	return at
}

func compareToken(use Use, token pfid.ID) int { return bytes.Compare(use.TokenID[:], token[:]) }

// count returns how many uses are not in the store yet.
func (l *lastUses) count() int {
	l.moving.RLock()
	defer l.moving.RUnlock()
	n := len(l.writing)
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.pending)
		s.mu.Unlock()
	}
	return n
}

// take moves pending uses to writing, ordered by token id, and updates the sightings of their agents.
func (l *lastUses) take(limit int64) {
	l.moving.Lock()
	defer l.moving.Unlock()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		taken := s.pending
		s.pending = make(map[pfid.ID]pendingUse, len(taken))
		s.mu.Unlock()
		l.writing = slices.Grow(l.writing, len(taken))
		for token, use := range taken {
			l.writing = append(l.writing, Use{TokenID: token, AgentID: use.agent, At: use.at})
		}
	}
	slices.SortFunc(l.writing, func(a, b Use) int { return compareToken(a, b.TokenID) })
	for _, use := range l.writing {
		if !use.AgentID.IsZero() {
			seen := l.seen[use.AgentID]
			seen.at = later(seen.at, use.At, limit)
			l.seen[use.AgentID] = seen
		}
	}
}

// FlushUses writes the pending last uses, and when agents were last seen. After a failure the rest stays pending for the
// next flush; Get and List show it meanwhile. It calls rest after each statement, to leave the processor to validations.
// With a nil rest it writes everything as fast as possible.
func (ts *Tokens) FlushUses(ctx context.Context, rest func()) error {
	ts.uses.flushing.Lock()
	defer ts.uses.flushing.Unlock()
	ts.indexes.forgetIdle(ts.now().UnixMilli())
	if err := ts.flushUses(ctx, rest); err != nil {
		return err
	}
	return ts.writeSeen(ctx, rest)
}

// flushUses writes the pending last uses, but not when agents were last seen.
func (ts *Tokens) flushUses(ctx context.Context, rest func()) error {
	if err := ts.writeUses(ctx, rest); err != nil { // left by an earlier flush that failed
		return err
	}
	ts.uses.take(ts.latest())
	return ts.writeUses(ctx, rest)
}

func (ts *Tokens) writeUses(ctx context.Context, rest func()) error {
	l := ts.uses
	for len(l.writing) > 0 {
		batch := l.writing[:min(together(rest), len(l.writing))]
		if err := ts.store.RecordUses(ctx, batch, ts.latest()); err != nil {
			return err
		}
		ts.indexes.recordUses(batch, ts.latest())
		l.moving.Lock()
		l.writing = l.writing[len(batch):]
		l.moving.Unlock()
		pause(rest)
	}
	l.moving.Lock()
	l.writing = nil
	l.moving.Unlock()
	return nil
}

// writeSeen writes when agents were last seen: a first use at once, then at most once per seenEvery. If rest is nil, it
// writes all of them.
func (ts *Tokens) writeSeen(ctx context.Context, rest func()) error {
	seen, now := ts.uses.seen, ts.now().UnixMilli()
	var due []Use
	for agent, s := range seen {
		isDue := now-s.written >= seenEvery || s.written-now >= wrongClock
		switch {
		case s.at != s.written && (isDue || rest == nil):
			due = append(due, Use{AgentID: agent, At: s.at})
		case isDue:
			delete(seen, agent)
		}
	}
	for batch := range slices.Chunk(due, together(rest)) {
		if err := ts.store.RecordSeen(ctx, batch, ts.latest()); err != nil {
			return err
		}
		for _, use := range batch {
			seen[use.AgentID] = sighting{at: use.At, written: use.At}
		}
		pause(rest)
	}
	return nil
}

func together(rest func()) int {
	if rest == nil {
		return usesInBulk
	}
	return usesAtOnce
}

func pause(rest func()) {
	if rest != nil {
		rest()
	}
}

// settleUses writes the pending uses before a list sorted by last use, unless they are many or a flush is under way. Then,
// or after a failure, the list's order may be slightly out of date.
func (ts *Tokens) settleUses(ctx context.Context) {
	if !ts.uses.flushing.TryLock() {
		return
	}
	defer ts.uses.flushing.Unlock()
	if ts.uses.count() <= usesToSettle {
		_ = ts.flushUses(ctx, nil)
	}
}

// asOfNow sets the last use to a pending one if that is later, and drops an old secret whose overlap is over.
func (ts *Tokens) asOfNow(t *Listed) {
	if !t.OldSecret.EndsAt.After(ts.now()) {
		t.OldSecret = OldSecret{}
	}
	at := ts.uses.of(t.ID, ts.latest())
	if at > 0 && (t.LastUsedAt.IsZero() || later(at, t.LastUsedAt.UnixMilli(), ts.latest()) == at) {
		t.LastUsedAt = time.UnixMilli(at).UTC()
	}
}
