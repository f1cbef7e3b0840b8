package token

import (
	"context"
	"runtime"
	"slices"
	"time"

	"tokentab/backend/pfid"
)

const (
	// seenEvery, in milliseconds, is how often an agent in constant use is written. That costs more than a token: the row
	// is wide, and this column is indexed.
	seenEvery = 60_000

	// usesAtOnce is how many uses one transaction writes while validations run: on one core they all wait for it.
	// usesInBulk is how many it writes otherwise.
	usesAtOnce, usesInBulk = 50, 1000
	// yieldEvery is how many steps, of up to 0.1 µs each, a flush prepares before it lets validations run.
	yieldEvery = 1000
	// usesToSettle is how many pending uses a list sorted by last use waits for.
	usesToSettle = 5000
)

// UseBatch is a part of the uses that a flush writes, in the order of their tokens. A token may have several uses.
type UseBatch struct {
	Writer int64 // random number of this process
	Number int64 // the store writes no number of a writer twice in a row
	Uses   []Use
	At     int64 // Unix milliseconds, now
}

// take moves pending uses to writing, ordered by token, and updates the sightings of their agents.
func (l *pendingUses) take(limit int64) {
	l.moving.Lock()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		s.taken, s.pending = s.pending, pending{}
		s.mu.Unlock()
		l.left += int(s.taken.entries.used)
	}
	l.writing = slices.Grow(l.writing, l.left)
	l.moving.Unlock()
	steps := 0
	yield := func() { // with a million entries this takes a second, and validations on this core would wait
		if steps++; steps%yieldEvery == 0 {
			runtime.Gosched()
		}
	}
	for i := range l.shards {
		entries := &l.shards[i].taken.entries
		for n := uint32(1); n <= entries.used; n++ {
			yield()
			l.writing = append(l.writing, entries.at(n))
		}
	}
	slices.SortFunc(l.writing, func(a, b *pendingUse) int {
		yield()
		return pfid.Compare(a.token, b.token)
	})
	watcher := l.watcher.Load()
	for _, use := range l.writing {
		yield()
		if watcher != nil {
			use.tell(*watcher)
		}
		if at := use.at.Load(); at != 0 && !use.agent.IsZero() {
			l.sight(use.agent, at, limit)
		}
	}
	l.reporting.Lock()
	reported := l.reported
	l.reported = map[pfid.ID]int64{}
	l.reporting.Unlock()
	for agent, at := range reported {
		yield()
		l.sight(agent, at, limit)
	}
}

// sight updates the sighting of an agent. The caller holds flushing.
func (l *pendingUses) sight(agent pfid.ID, at, limit int64) {
	seen := l.seen[agent]
	seen.at = later(seen.at, at, limit)
	l.seen[agent] = seen
}

// begin returns the next batch: the one that failed last, or one of up to most entries.
func (l *pendingUses) begin(most int, at int64) UseBatch {
	l.moving.Lock()
	defer l.moving.Unlock()
	if l.trying == 0 {
		l.trying = min(most, len(l.writing))
		l.batch++
	}
	batch := UseBatch{Writer: l.writer, Number: l.batch, At: at}
	for _, u := range l.writing[:l.trying] {
		u.progress = isInBatch
		batch.Uses = append(batch.Uses, l.shardOf(hashOfUse(&u.token)).taken.use(u))
	}
	return batch
}

// wrote ends a batch that is stored.
func (l *pendingUses) wrote() {
	l.moving.Lock()
	defer l.moving.Unlock()
	for _, u := range l.writing[:l.trying] {
		u.progress = isWritten
	}
	l.writing, l.trying = l.writing[l.trying:], 0
	if l.left = len(l.writing); l.left > 0 {
		return
	}
	l.writing = nil
	for i := range l.shards {
		l.shards[i].taken = pending{}
	}
}

// FlushUses writes the pending uses, and when agents were last seen. After a failure the rest stays pending for the next
// flush; Get, List and Usages show it meanwhile. It calls rest after each batch, to leave the processor to validations.
// With a nil rest it writes everything as fast as possible.
func (ts *Tokens) FlushUses(ctx context.Context, rest func()) error {
	ts.uses.flushing.Lock()
	defer ts.uses.flushing.Unlock()
	ts.indexes.forgetIdle(ts.now().UnixMilli())
	if err := ts.flushUses(ctx, rest); err != nil {
		return err
	}
	ts.flushed.Store(ts.now().UnixMilli())
	return ts.writeSeen(ctx, rest)
}

// flushUses writes the pending uses, but not when agents were last seen.
func (ts *Tokens) flushUses(ctx context.Context, rest func()) error {
	if err := ts.writeUses(ctx, rest); err != nil { // left by an earlier flush that failed
		return err
	}
	ts.uses.take(ts.latest())
	return ts.writeUses(ctx, rest)
}

func (ts *Tokens) writeUses(ctx context.Context, rest func()) error {
	for len(ts.uses.writing) > 0 {
		batch := ts.uses.begin(together(rest), ts.now().UnixMilli())
		if err := ts.store.RecordUses(ctx, batch); err != nil {
			return err
		}
		ts.indexes.recordUses(batch.Uses, ts.latest())
		ts.uses.wrote()
		pause(rest)
	}
	return nil
}

// writeSeen writes when agents were last seen: a first use at once, then at most once per seenEvery. If rest is nil, it
// writes all of them.
func (ts *Tokens) writeSeen(ctx context.Context, rest func()) error {
	seen, now := ts.uses.seen, ts.now().UnixMilli()
	var due []Seen
	for agent, s := range seen {
		isDue := now-s.written >= seenEvery || s.written-now >= wrongClock
		switch {
		case s.at != s.written && (isDue || rest == nil):
			due = append(due, Seen{AgentID: agent, At: s.at})
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

// Seen is when an agent last used a token or reported something, in Unix milliseconds.
type Seen struct {
	AgentID pfid.ID
	At      int64
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
	if ts.uses.size() <= usesToSettle {
		_ = ts.flushUses(ctx, nil)
	}
}

// asOfNow sets the last use to a pending one if that is later, and drops an old secret that no longer works.
func (ts *Tokens) asOfNow(t *Listed) {
	if t.Status == Revoked || !t.OldSecret.EndsAt.After(ts.now()) {
		t.OldSecret = OldSecret{}
	}
	at := ts.uses.lastOf(t.ID, ts.latest())
	if at > 0 && (t.LastUsedAt.IsZero() || later(at, t.LastUsedAt.UnixMilli(), ts.latest()) == at) {
		t.LastUsedAt = time.UnixMilli(at).UTC()
	}
}
