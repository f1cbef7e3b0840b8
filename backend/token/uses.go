package token

import (
	"context"
	"slices"

	"tokentab/backend/pfid"
)

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
	t := s.table.Load()
	slot, ok := t.find(&h)
	if !ok {
		s.spill(Use{TokenID: standing.TokenID, At: at})
		return
	}
	if at <= int64(t.word(slot, wordUsed).Load()) {
		return
	}
	t.word(slot, wordUsed).Store(uint64(at))
	if meta := t.word(slot, wordMeta); meta.Load()&metaUsed == 0 {
		meta.Store(meta.Load() | metaUsed)
		s.used = append(s.used, slot)
	}
}

// TakeUses returns the uses noted since it was last called. The caller has to write them, or to return them.
func (c *Cache) TakeUses() []Use {
	var uses []Use
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for id, at := range s.spilled {
			uses = append(uses, Use{TokenID: id, At: at})
		}
		clear(s.spilled)
		t := s.table.Load()
		for _, slot := range s.used {
			if slot >= s.count {
				continue
			}
			meta := t.word(slot, wordMeta)
			if meta.Load()&metaUsed == 0 {
				continue
			}
			meta.Store(meta.Load() &^ metaUsed)
			var e entry
			t.read(slot, &e)
			uses = append(uses, Use{TokenID: e.tokenID(), At: int64(e[wordUsed])})
		}
		s.used = s.used[:0]
		s.mu.Unlock()
	}
	return uses
}

// ReturnUses takes back uses that could not be written, up to a bound.
func (c *Cache) ReturnUses(uses []Use) {
	for _, use := range uses {
		s := &c.shards[use.TokenID[pfid.Size-1]] // the same for all uses of a token
		s.mu.Lock()
		s.spill(use)
		s.mu.Unlock()
	}
}

// spill keeps the use of a token that is not in the table. When the store fails for so long that the room is used up,
// the uses of further tokens are lost; last use is then older than the truth, never newer.
func (s *shard) spill(use Use) {
	known, ok := s.spilled[use.TokenID]
	if ok || len(s.spilled) < maxSpilled {
		s.spilled[use.TokenID] = max(known, use.At)
	}
}

// usesAtOnce is how many uses one transaction writes, so that a revoke never waits long for the writing connection.
const usesAtOnce = 2000

// FlushUses writes the uses that were counted since the last flush. What could not be written is kept for the next one.
func (ts *Tokens) FlushUses(ctx context.Context) error {
	uses := ts.cache.TakeUses()
	for batch := range slices.Chunk(uses, usesAtOnce) {
		if err := ts.store.RecordUses(ctx, batch); err != nil {
			ts.cache.ReturnUses(uses)
			return err
		}
		uses = uses[len(batch):]
	}
	return nil
}
