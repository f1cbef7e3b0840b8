package token

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"tokentab/backend/pfid"
)

// Use is the last accepted validation of a token.
type Use struct {
	TokenID pfid.ID
	AgentID pfid.ID // whose token it is; zero if no agent's
	At      int64   // Unix milliseconds
}

// Use notes that a token was accepted at the given instant, in Unix milliseconds. To spare the memory bus it is noted
// again only after a second, so a last use is true to about that plus the time between two flushes.
func (c *Cache) Use(hash Hash, standing *Standing, at int64) {
	if at-standing.LastUsedAt < useResolution {
		return
	}
	h := keyOf(&hash)
	s := c.shardOf(&h)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.table
	slot, ok := t.find(&h)
	if !ok {
		s.spill(Use{TokenID: standing.TokenID, AgentID: standing.AgentID, At: at})
		return
	}
	if at <= t.lastUsed(slot) {
		return
	}
	known := t.isUnwritten(slot)
	t.use(slot, at)
	if !known {
		s.listUsed(slot)
	}
}

// listUsed lists a slot whose use is to be taken. While none are taken, as when the store fails, slots that are listed
// in vain add up, so the list is then made anew.
func (s *shard) listUsed(slot uint32) {
	if len(s.used) < 2*int(s.table.slots()) {
		s.used = append(s.used, slot)
		return
	}
	s.used = s.used[:0]
	for slot := range s.count {
		if s.table.isUnwritten(slot) {
			s.used = append(s.used, slot)
		}
	}
}

// lastUse returns when a token was last accepted as far as the cache knows it, in Unix milliseconds; 0 where it does not.
func (c *Cache) lastUse(hash Hash, id pfid.ID) (at int64) {
	h := keyOf(&hash)
	// A use that was spilled lies in the shard of the hash, one that could not be written in that of the id.
	for _, s := range []*shard{c.shardOf(&h), c.returned(id)} {
		s.mu.Lock()
		if slot, ok := s.table.find(&h); ok {
			at = max(at, s.table.lastUsed(slot))
		}
		at = max(at, s.spilled[id].At)
		s.mu.Unlock()
	}
	return at
}

// returned is the shard that takes back uses of a token: the same for all of them.
func (c *Cache) returned(id pfid.ID) *shard { return &c.shards[id[pfid.Size-1]] }

// takeUses appends the uses that a shard noted since it was last asked. The caller has to write them, or to return
// them.
func (c *Cache) takeUses(shard int, uses []Use) []Use {
	s := &c.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, use := range s.spilled {
		uses = append(uses, use)
	}
	clear(s.spilled)
	t := &s.table
	for _, slot := range s.used {
		if slot >= s.count || !t.isUnwritten(slot) {
			continue
		}
		t.taken(slot)
		var e entry
		t.read(slot, &e)
		uses = append(uses, e.use())
	}
	s.used = s.used[:0]
	return uses
}

// returnUses takes back uses that could not be written, up to a bound.
func (c *Cache) returnUses(uses []Use) {
	for _, use := range uses {
		s := c.returned(use.TokenID)
		s.mu.Lock()
		s.spill(use)
		s.mu.Unlock()
	}
}

// spill keeps the use of a token that is not in the table. When the store fails for so long, or tokens leave the table so
// fast, that the room is used up, the uses of further tokens are lost; last use is then older than the truth, never newer.
func (s *shard) spill(use Use) {
	known, ok := s.spilled[use.TokenID]
	if ok || len(s.spilled) < maxSpilled {
		use.At = max(known.At, use.At)
		s.spilled[use.TokenID] = use
	}
}

const (
	// usesTogether is how many uses are put in order before they are written, so that those of one page of the database
	// are written together; in bytes some 48 times as many.
	usesTogether = 1 << 16
	// usesAtOnce is how many uses one transaction writes while validations go on, which all wait for it on one core.
	usesAtOnce = 10
	// usesInBulk is how many it writes when nothing has to wait for it.
	usesInBulk = 100
	// seenResolution, in milliseconds, is how far an agent's last sight has to move before it is written again.
	seenResolution = 60_000
)

// sight is when an agent was seen last, and what of that is written, in Unix milliseconds.
type sight struct{ at, written int64 }

// FlushUses writes the uses that were noted since the last flush, and when their agents were seen. What could not be
// written is kept for the next one. rest is called after each transaction, to leave the processor to validations. With
// a nil rest it goes as fast as it can, and writes all that it knows of agents.
func (ts *Tokens) FlushUses(ctx context.Context, rest func()) error {
	ts.flushing.Lock()
	defer ts.flushing.Unlock()
	for shard := 0; shard < shardCount; {
		shard = ts.take(shard)
		if err := ts.writeTaken(ctx, rest); err != nil {
			return err
		}
	}
	return ts.flushSeen(ctx, rest)
}

// taken are the uses that were taken out of the cache and are being written, in the order of their rows and one of each
// token. They stay until they are, since they are shown meanwhile, whatever becomes of their tokens in the cache.
type taken struct {
	mu   sync.Mutex
	uses []Use
}

// take takes uses out of the shards from one on, and returns the shard that comes next.
func (ts *Tokens) take(shard int) (next int) {
	ts.taken.mu.Lock() // all the time, so that nobody overlooks a use while it is moved
	defer ts.taken.mu.Unlock()
	var uses []Use
	for ; shard < shardCount && len(uses) < usesTogether; shard++ {
		uses = ts.cache.takeUses(shard, uses)
	}
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Or(byRow(a, b.TokenID), cmp.Compare(b.At, a.At)) })
	ts.taken.uses = slices.CompactFunc(uses, func(a, b Use) bool { return a.TokenID == b.TokenID })
	return shard
}

func byRow(use Use, id pfid.ID) int { return bytes.Compare(use.TokenID[:], id[:]) }

// lastUse returns when a token was last accepted as far as it is known here, in Unix milliseconds; 0 where it is not.
func (ts *Tokens) lastUse(hash Hash, id pfid.ID) int64 {
	ts.taken.mu.Lock()
	defer ts.taken.mu.Unlock()
	at := ts.cache.lastUse(hash, id)
	if i, ok := slices.BinarySearchFunc(ts.taken.uses, id, byRow); ok {
		at = max(at, ts.taken.uses[i].At)
	}
	return at
}

func atOnce(rest func()) int {
	if rest == nil {
		return usesInBulk
	}
	return usesAtOnce
}

// writeTaken writes what was taken. What it can't write it gives back to the cache.
func (ts *Tokens) writeTaken(ctx context.Context, rest func()) error {
	left := ts.taken.uses // which nobody else changes
	defer func() {
		ts.taken.mu.Lock()
		defer ts.taken.mu.Unlock()
		ts.cache.returnUses(left)
		ts.taken.uses = nil
	}()
	for batch := range slices.Chunk(left, atOnce(rest)) {
		if err := ts.store.RecordUses(ctx, batch); err != nil {
			return err
		}
		for _, use := range batch {
			if !use.AgentID.IsZero() {
				s := ts.seen[use.AgentID]
				s.at = max(s.at, use.At)
				ts.seen[use.AgentID] = s
			}
		}
		left = left[len(batch):]
		if rest != nil {
			rest()
		}
	}
	return nil
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
	for batch := range slices.Chunk(due, atOnce(rest)) {
		if err := ts.store.RecordSeen(ctx, batch); err != nil {
			return err
		}
		for _, seen := range batch {
			ts.seen[seen.AgentID] = sight{at: seen.At, written: seen.At}
		}
		if rest != nil {
			rest()
		}
	}
	return nil
}
