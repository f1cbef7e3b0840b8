package token

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"tokentab/backend/pfid"
)

// Cache remembers what validations need, so that a secret seen before costs no look-up in the store.
//
// It is split into shards by hash. Readers take no lock: they read under a sequence number that a writer makes odd
// while it moves things, and read again when it changed. Everything lies in flat arrays of words outside of what the
// garbage collector knows, so that their number costs it nothing; memory is taken as tokens come. What does not fit any
// more goes out by last use, oldest of a sample first.
//
// The rule that keeps revocation exact: whoever changes a token first commits, then calls Forget, then answers. Forget
// also disowns a load that is under way, so that it can't bring back what it read before the change.
type Cache struct {
	shards [shardCount]shard
	seqs   [shardCount]atomic.Uint64 // of each shard; side by side, in the few lines of memory that validations share
	room   atomic.Int64              // how many more tokens fit
	recent *recent
	tokens int // how many were to fit
}

const (
	bitsOfShard = 8
	shardCount  = 1 << bitsOfShard
	// Each shard remembers hashes of no token in sets, of which a hash chooses one and drops the oldest there. Several
	// places a set keep a few hashes that are asked for again and again from driving each other out.
	unknownSets = 64
	unknownWays = 4
	// alwaysKept is how many tokens each shard keeps at least, however small the cache.
	alwaysKept = 8
	// sampleSize is how many entries are looked at to find an old one to drop.
	sampleSize = 8
)

// EntryBytes is the memory that one cached token takes, its place in the index included.
const EntryBytes = entryWords*8 + 2*4

// State is what the cache knows of a hash.
type State uint8

// The states.
const (
	Miss         State = iota // ask the store
	Hit                       // a token, see its Standing
	KnownUnknown              // no token has this hash
)

type shard struct {
	seq   *atomic.Uint64 // odd while a writer moves entries
	table table
	_     [8]byte // readers need what is above, a line of a processor's cache, and mostly nothing else

	unknown [unknownSets * unknownWays * hashWords]atomic.Uint64

	mu      sync.Mutex // held by writers
	count   uint32     // entries in table, at slots 0 … count-1
	hand    uint32     // where the next sample starts
	flights map[Hash]*flight
	now     int64 // of the last use, in Unix milliseconds. It fills the last line of the shard
}

var errAborted = errors.New("the look-up was aborted")

// flight is one load under way, which all who miss the same hash wait for.
type flight struct {
	done     chan struct{}
	standing Standing
	ok       bool
	err      error
}

// NewCache returns a cache that holds about the given number of tokens at the most. It fails where the system grants no
// memory for them; what it grants is used as tokens come. random gives it a key that lives as long as it does.
func NewCache(tokens int, random io.Reader) (*Cache, error) {
	c := &Cache{tokens: tokens}
	var err error
	if c.recent, err = newRecent(c, random); err != nil {
		return nil, err
	}
	c.room.Store(int64(tokens))
	// Hashes spread over the shards by chance, so each may hold more than its share.
	share := tokens / shardCount
	slots := uint32(share + share/4 + 2*alwaysKept)
	memory, err := reserve(shardCount * tableWords(slots))
	if err != nil {
		return nil, fmt.Errorf("token: reserve memory for a cache of %d tokens: %w", tokens, err)
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.seq = &c.seqs[i]
		s.table = newTable(slots, memory[i*tableWords(slots):][:tableWords(slots)])
		s.flights = map[Hash]*flight{}
	}
	return c, nil
}

func (c *Cache) shardOf(h *key) *shard { return &c.shards[h[0]>>(64-bitsOfShard)] }

// Find looks a hash up without a lock. It fills in the standing of a token on a Hit, and clears it otherwise.
func (c *Cache) Find(hash *Hash, standing *Standing) State {
	h := keyOf(hash)
	s := c.shardOf(&h)
	for spins := 0; ; spins++ {
		if seq := s.seq.Load(); seq&1 == 0 {
			state := Miss
			if slot, ok := s.table.find(&h); ok {
				s.table.standing(slot, standing)
				state = Hit
			} else if _, ok := s.unknownAt(&h); ok {
				state = KnownUnknown
			}
			if s.seq.Load() == seq {
				if state != Hit {
					*standing = Standing{}
				}
				return state
			}
		}
		if spins > 16 {
			runtime.Gosched()
		}
	}
}

// Load asks find for a hash that Find missed, however many ask at once only one of them, and remembers the answer
// unless Forget was called meanwhile. An error is passed on to all who wait and not remembered.
func (c *Cache) Load(hash Hash, find func() (Standing, bool, error)) (Standing, bool, error) {
	h := keyOf(&hash)
	s := c.shardOf(&h)
	s.mu.Lock()
	if f, ok := s.flights[hash]; ok {
		s.mu.Unlock()
		<-f.done
		return f.standing, f.ok, f.err
	}
	if slot, ok := s.table.find(&h); ok { // somebody's load ended since Find
		var standing Standing
		s.table.standing(slot, &standing)
		s.mu.Unlock()
		return standing, true, nil
	}
	f := &flight{done: make(chan struct{}), err: errAborted}
	s.flights[hash] = f
	s.mu.Unlock()

	defer func() {
		s.mu.Lock()
		if s.flights[hash] == f {
			delete(s.flights, hash)
			if f.err == nil {
				c.put(s, &h, f)
			}
		}
		s.mu.Unlock()
		close(f.done)
	}()
	f.standing, f.ok, f.err = find()
	return f.standing, f.ok, f.err
}

// Forget drops what is known of a hash, so that the next validation asks the store again.
func (c *Cache) Forget(hash Hash) {
	h := keyOf(&hash)
	s := c.shardOf(&h)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, hash)
	s.seq.Add(1)
	defer s.seq.Add(1)
	// Two who missed it one after the other may have noted it twice.
	for range unknownWays {
		if at, ok := s.unknownAt(&h); ok {
			s.setUnknown(at, &key{})
		}
	}
	if slot, ok := s.table.find(&h); ok {
		s.remove(slot)
		c.room.Add(1)
	}
}

// ForgetAllOf drops what is known of all tokens that name an id: that of their account, environment, agent or
// deployment. It disowns every load that is under way, since whose token a load will find is not known yet.
func (c *Cache) ForgetAllOf(id pfid.ID) {
	for i := range c.shards {
		c.room.Add(int64(c.shards[i].forgetAllOf(id)))
	}
}

// forgetAllOf returns how many tokens it dropped.
func (s *shard) forgetAllOf(id pfid.ID) (dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.flights)
	// From the end, since removing an entry moves the last one into its place.
	for slot := s.count; slot > 0; slot-- {
		var t Standing
		if s.table.standing(slot-1, &t); t.AccountID == id || t.EnvironmentID == id || t.AgentID == id || t.AgentDeploymentID == id {
			s.seq.Add(1)
			s.remove(slot - 1)
			s.seq.Add(1)
			dropped++
		}
	}
	return dropped
}

// ForgetAll drops what is known of all hashes, and disowns every load that is under way.
func (c *Cache) ForgetAll() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.flights)
		s.seq.Add(1)
		for at := range unknownSets * unknownWays {
			s.setUnknown(at, &key{})
		}
		for ; s.count > 0; c.room.Add(1) {
			s.remove(s.count - 1)
		}
		s.seq.Add(1)
		s.mu.Unlock()
	}
}

// Len returns how many tokens the cache holds.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += int(s.count)
		s.mu.Unlock()
	}
	return n
}

// put keeps the answer of a load. Where there is no room it drops others of the same shard.
func (c *Cache) put(s *shard, h *key, f *flight) {
	s.seq.Add(1)
	defer s.seq.Add(1)
	if !f.ok {
		s.remember(h)
		return
	}
	e, fits := pack(h, &f.standing)
	if !fits {
		return
	}
	c.room.Add(-1)
	for s.count == s.table.slots() || s.count >= alwaysKept && c.room.Load() < 0 {
		s.remove(s.oldest())
		c.room.Add(1)
	}
	s.table.write(s.count, &e)
	s.table.link(h, s.count)
	s.count++
}

// Use moves the last use of a cached token to the given instant, in Unix milliseconds. False means that it was moved there
// already.
func (c *Cache) Use(hash Hash, at int64) bool {
	h := keyOf(&hash)
	s := c.shardOf(&h)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = at
	slot, ok := s.table.find(&h)
	if !ok {
		return true
	}
	if later(s.table.lastUsed(slot), at, at+wrongClock) != at {
		return false
	}
	s.table.use(slot, at)
	return true
}

// oldest returns the slot that was used the longest ago among a few.
func (s *shard) oldest() uint32 {
	best, bestUsed := uint32(0), int64(math.MaxInt64)
	for range sampleSize {
		s.hand = (s.hand + 1) % s.count
		used := s.table.lastUsed(s.hand)
		if used > s.now+wrongClock {
			used = 0
		}
		if used < bestUsed {
			best, bestUsed = s.hand, used
		}
	}
	return best
}

// remove takes an entry out and moves the last entry into its place.
func (s *shard) remove(slot uint32) {
	t := &s.table
	var e entry
	t.read(slot, &e)
	t.unlink(e.key(), slot)
	s.count--
	if last := s.count; slot != last {
		t.read(last, &e)
		t.unlink(e.key(), last)
		t.write(slot, &e)
		t.link(e.key(), slot)
	}
}

// unknownAt returns where the hash stands among those of no token.
func (s *shard) unknownAt(h *key) (at int, ok bool) {
	set := int(h[2]%unknownSets) * unknownWays
	for at = set; at < set+unknownWays; at++ {
		words := s.unknown[at*hashWords:][:hashWords]
		if words[0].Load() == h[0] && words[1].Load() == h[1] && words[2].Load() == h[2] && words[3].Load() == h[3] {
			return at, true
		}
	}
	return 0, false
}

// remember puts the hash first in its set, and drops the last.
func (s *shard) remember(h *key) {
	set := int(h[2]%unknownSets) * unknownWays
	for at := set + unknownWays - 1; at > set; at-- {
		var k key
		for i := range k {
			k[i] = s.unknown[(at-1)*hashWords+i].Load()
		}
		s.setUnknown(at, &k)
	}
	s.setUnknown(set, h)
}

func (s *shard) setUnknown(at int, to *key) {
	for i := range to {
		s.unknown[at*hashWords+i].Store(to[i])
	}
}

// key is a hash as four words.
type key [hashWords]uint64

const hashWords = len(Hash{}) / 8

func keyOf(hash *Hash) key {
	var k key
	for i := range k {
		k[i] = binary.LittleEndian.Uint64(hash[i*8:])
	}
	return k
}
