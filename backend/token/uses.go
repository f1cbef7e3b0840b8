package token

import "tokentab/backend/pfid"

// Use is the last accepted validation of a token.
type Use struct {
	TokenID pfid.ID
	AgentID pfid.ID // whose token it is; zero if no agent's
	At      int64   // Unix milliseconds
}

// wrongClock, in milliseconds, is how far a last use may lie ahead of now. One that lies further ahead was stamped by a
// clock that was wrong, and must not keep the truth out.
const wrongClock = 60_000

// later returns the later of two last uses; 0 is none. Of one up to the limit and one beyond it, it returns the first.
func later(a, b, limit int64) int64 {
	if a == 0 || b == 0 || (a > limit) == (b > limit) {
		return max(a, b)
	}
	return min(a, b)
}

// isRecent reports whether a last use needs not be noted again at the given instant.
func isRecent(last, at int64) bool { return at-last < useResolution && last-at < wrongClock }

// Use notes that a token was accepted at the given instant, in Unix milliseconds. To spare the memory bus it is noted
// again only after a second, so a last use is true to about that plus the time between two flushes.
func (c *Cache) Use(hash Hash, standing *Standing, at int64) {
	if isRecent(standing.LastUsedAt, at) {
		return
	}
	h := keyOf(&hash)
	s := c.shardOf(&h)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = at
	t := &s.table
	slot, ok := t.find(&h)
	if !ok {
		s.spill(Use{TokenID: standing.TokenID, AgentID: standing.AgentID, At: at}, at+wrongClock)
		return
	}
	if later(t.lastUsed(slot), at, at+wrongClock) != at {
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
func (c *Cache) lastUse(hash Hash, id pfid.ID, limit int64) (at int64) {
	h := keyOf(&hash)
	// A use that was spilled lies in the shard of the hash, one that could not be written in that of the id.
	for _, s := range []*shard{c.shardOf(&h), c.returned(id)} {
		s.mu.Lock()
		if slot, ok := s.table.find(&h); ok {
			at = later(at, s.table.lastUsed(slot), limit)
		}
		at = later(at, s.spilled[id].At, limit)
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
func (c *Cache) returnUses(uses []Use, limit int64) {
	for _, use := range uses {
		s := c.returned(use.TokenID)
		s.mu.Lock()
		s.spill(use, limit)
		s.mu.Unlock()
	}
}

// spill keeps the use of a token that is not in the table. When the store fails for so long, or tokens leave the table so
// fast, that the room is used up, the uses of further tokens are lost; last use is then older than the truth, never newer.
func (s *shard) spill(use Use, limit int64) {
	known, ok := s.spilled[use.TokenID]
	if ok || len(s.spilled) < maxSpilled {
		use.At = later(known.At, use.At, limit)
		s.spilled[use.TokenID] = use
	}
}
