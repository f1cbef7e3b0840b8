package token

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"tokentab/backend/pfid"
)

// Cache keeps the states of tokens, so that validating a known secret costs neither a store look-up nor a SHA-256.
//
// Entries are keyed by a MAC of the secret under keys of this process, so the cache holds no secret, also in a swap
// file or a core dump. MACs are not compared in constant time: without the keys, a caller can't choose one or learn from the timing.
//
// The rule that keeps revocation exact: a change of a token commits, calls Forget, and only then gets its response. Forget
// does not look for the token's entries, one for each of its secrets. It increments one of many counters, which the token's
// id chooses. An entry holds the counter's value from when it was kept, and is valid only while the counter is unchanged.
// What was read from the store while anything was forgotten is not kept, so it does not outlive the change either.
type Cache struct {
	gmac   cipher.AEAD
	block  cipher.Block
	shards [shardCount]shard
	tokens int          // how many fit
	held   atomic.Int64 // how many slots there are
	misses atomic.Uint64

	changes []atomic.Uint32 // the counters; their number is a power of two
	epoch   atomic.Uint64   // counts all calls that forget; reads from before one are not kept
	loads   singleflight.Group
}

const (
	shardCount = 256
	// slabSlots is how many slots a shard allocates at once.
	slabSlots = 64
	// alwaysHeld is how many tokens each shard can hold even if the cache is full.
	alwaysHeld = 8
	// unknownPerShard is how many keys of unknown secrets a shard remembers, which bounds their memory.
	unknownPerShard = 256
	// sampleSize is how many slots are compared to find the one to replace.
	sampleSize = 8
)

// Key is the MAC of a secret. It identifies a cache entry.
type Key [2]uint64

// shard holds a part of the tokens. The maps and slabs hold no pointers, so their size costs the garbage collector
// nothing.
type shard struct {
	mu      sync.RWMutex
	hits    atomic.Uint64     // look-ups that found the key; beside mu, which they write to anyway
	index   map[uint64]uint32 // slot by the first half of the key
	slabs   []*[slabSlots]slot
	used    uint32 // slots
	hand    uint32 // the slot that the next sample begins after
	unknown map[Key]struct{}
	_       [48]byte // keeps the locks of two shards apart in the processor's cache
}

// slot holds the state of the token with one secret. With a zero State it is empty.
type slot struct {
	key     Key
	version version
	state   State
	used    uint32 // when it was last looked up, in Unix seconds; see oldest
	hint    uint32 // where the pending uses of the token were last; see pendingUses.count
}

// version is a counter's index and the value that was read from it.
type version struct{ counter, changes uint32 }

// NewCache returns a cache for about the given number of tokens, or for a few thousand if that is less. It allocates about
// 190 bytes for each token that it holds. Its keys come from random.
func NewCache(tokens int, random io.Reader) (*Cache, error) {
	var keys [32]byte
	if _, err := io.ReadFull(random, keys[:]); err != nil {
		return nil, fmt.Errorf("token: read random bytes: %w", err)
	}
	block, err := aes.NewCipher(keys[:16])
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	gmac, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if block, err = aes.NewCipher(keys[16:]); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	c := &Cache{gmac: gmac, block: block, tokens: tokens}
	c.changes = make([]atomic.Uint32, 1<<bits.Len(uint(max(tokens, 1<<10)-1)))
	c.ForgetAll()
	return c, nil
}

// Find returns the state of the token with a secret; ok is false if there is no such token. It asks the store only if the
// cache does not know, and once for all concurrent calls with the same secret. at is now, in Unix milliseconds.
// hint is for pendingUses.count; nil for a token that was not in the cache.
func (c *Cache) Find(ctx context.Context, store Store, secret []byte, at int64, state *State) (hint *uint32, ok bool, err error) {
	key := c.keyOf(secret)
	known, hint := c.lookUp(key, at, state)
	if known {
		return hint, hint != nil, nil
	}
	c.misses.Add(1)
	*state, ok, err = c.load(ctx, store, key, HashOf(secret), at)
	return nil, ok, err
}

// macs pools the output buffers of MACs, which would otherwise escape to the heap on each call.
var macs = sync.Pool{New: func() any { return new([16]byte) }}

// sameNonce is the nonce of all GMACs (NIST SP 800-38D). With one nonce GMAC is a keyed universal hash: two secrets collide
// with a chance below 2^-120. GMAC is linear, so keyOf encrypts it: then timing reveals nothing about the MAC key.
var sameNonce [12]byte

func (c *Cache) keyOf(secret []byte) Key {
	mac := macs.Get().(*[16]byte)
	defer macs.Put(mac)
	c.gmac.Seal(mac[:0], sameNonce[:], nil, secret)
	c.block.Encrypt(mac[:], mac[:])
	return Key{binary.LittleEndian.Uint64(mac[:]), binary.LittleEndian.Uint64(mac[8:])}
}

func (c *Cache) shardOf(key Key) *shard { return &c.shards[key[1]%shardCount] }

// lookUp reports whether the cache knows a key. If the key is that of a token, it sets state, and hint is not nil.
func (c *Cache) lookUp(key Key, at int64, state *State) (known bool, hint *uint32) {
	s := c.shardOf(key)
	s.mu.RLock()
	if found := s.find(key); found != nil && c.isCurrent(found.version) {
		*state, hint, known = found.state, &found.hint, true
		if now := uint32(at / 1000); atomic.LoadUint32(&found.used) != now { // a write costs the other processors more
			atomic.StoreUint32(&found.used, now)
		}
	}
	if !known {
		_, known = s.unknown[key]
	}
	if known {
		s.hits.Add(1)
	}
	s.mu.RUnlock()
	return known, hint
}

// counterOf returns the index of the counter for a token. Ids end in random bits.
func (c *Cache) counterOf(token pfid.ID) uint32 {
	return binary.LittleEndian.Uint32(token[pfid.Size-4:]) & uint32(len(c.changes)-1)
}

func (c *Cache) isCurrent(v version) bool { return c.changes[v.counter].Load() == v.changes }

// answer is the store's result for a hash.
type answer struct {
	state State
	ok    bool
}

// load asks the store, and caches the result unless something changed meanwhile.
func (c *Cache) load(ctx context.Context, store Store, key Key, hash Hash, at int64) (State, bool, error) {
	epoch := c.epoch.Load()
	// Only calls that began after the same changes share a result.
	flight := string(binary.LittleEndian.AppendUint64(hash[:], epoch))
	loaded, err, _ := c.loads.Do(flight, func() (any, error) {
		// A call that has just ended may have kept it since this one looked.
		var kept State
		if known, hint := c.lookUp(key, at, &kept); known { // counts as a hit, too
			return answer{kept, hint != nil}, nil
		}
		// Other requests may share the result, so it must outlive this one.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTimeout)
		defer cancel()
		state, ok, err := store.FindToken(ctx, hash)
		if err != nil {
			return answer{}, err
		}
		c.keep(key, answer{state, ok}, epoch, at)
		return answer{state, ok}, nil
	})
	if err != nil {
		return State{}, false, err
	}
	a := loaded.(answer)
	return a.state, a.ok, nil
}

// keep adds what was read from the store after the epoch was loaded.
func (c *Cache) keep(key Key, a answer, epoch uint64, at int64) {
	s := c.shardOf(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	v := version{counter: c.counterOf(a.state.TokenID)}
	v.changes = c.changes[v.counter].Load()
	// Compare the epoch last: Forget changes it first, so a counter that is already incremented can't be missed.
	if c.epoch.Load() != epoch && !keepsWhatMayBeOld {
		return
	}
	if !a.ok {
		if len(s.unknown) >= unknownPerShard {
			clear(s.unknown)
		}
		s.unknown[key] = struct{}{}
		return
	}
	delete(s.unknown, key)
	to := s.find(key)
	if to == nil {
		to = c.take(s, key, at)
	}
	to.key, to.version, to.state, to.used = key, v, a.state, uint32(at/1000) // count writes hint without the lock
}

// find returns the slot of a key, or nil.
func (s *shard) find(key Key) *slot {
	i, ok := s.index[key[0]]
	if !ok {
		return nil
	}
	if found := s.at(i); found.key == key && found.state.Status != 0 {
		return found
	}
	return nil
}

func (s *shard) at(i uint32) *slot { return &s.slabs[i/slabSlots][i%slabSlots] }

// take returns a slot for a key that has none: a new slot, or if the cache is full, the least recently used one of a sample
// of the shard.
func (c *Cache) take(s *shard, key Key, at int64) *slot {
	i, ok := s.index[key[0]] // of a dropped token, or with a chance of 2^-64 of another one
	switch {
	case ok:
	case s.used >= alwaysHeld && c.held.Load() >= int64(c.tokens):
		i = s.oldest(at)
		delete(s.index, s.at(i).key[0])
	default:
		if i = s.used; i%slabSlots == 0 {
			s.slabs = append(s.slabs, new([slabSlots]slot))
		}
		s.used++
		c.held.Add(1)
	}
	s.index[key[0]] = i
	return s.at(i)
}

// oldest returns the slot of a sample that was not looked up for the longest time. A time in the future is from a wrong
// clock and counts as the longest.
func (s *shard) oldest(at int64) (oldest uint32) {
	least := int64(1<<63 - 1)
	for range sampleSize {
		s.hand = (s.hand + 1) % s.used
		used := int64(s.at(s.hand).used) * 1000
		if used > at+wrongClock {
			used = 0
		}
		if used < least {
			oldest, least = s.hand, used
		}
	}
	return oldest
}

// Forget drops the entries of a token, so that the next validation asks the store. It also drops the entries that share
// its counter.
func (c *Cache) Forget(token pfid.ID) {
	c.epoch.Add(1)
	c.changes[c.counterOf(token)].Add(1)
}

// ForgetAllOf drops the entries of all tokens of an account, environment, agent or deployment.
func (c *Cache) ForgetAllOf(id pfid.ID) {
	c.epoch.Add(1) // running loads may find such a token
	for i := range c.shards {
		c.shards[i].forgetAllOf(id)
	}
}

func (s *shard) forgetAllOf(id pfid.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.used {
		if t := &s.at(i).state; t.AccountID == id || t.EnvironmentID == id || t.AgentID == id || t.AgentDeploymentID == id {
			*t = State{}
		}
	}
}

// forgetUnknown drops what is known of secrets without a token.
func (c *Cache) forgetUnknown() {
	c.epoch.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		if len(s.unknown) > 0 {
			clear(s.unknown)
		}
		s.mu.Unlock()
	}
}

// ForgetAll drops all entries.
func (c *Cache) ForgetAll() {
	c.epoch.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		c.held.Add(-int64(s.used))
		s.index, s.unknown, s.slabs, s.used, s.hand = map[uint64]uint32{}, map[Key]struct{}{}, nil, 0, 0
		s.mu.Unlock()
	}
}

// CacheStats says how well the cache works.
type CacheStats struct {
	Hits, Misses uint64 // look-ups of secrets, known and unknown ones
	Tokens, Most int    // secrets of tokens that have a slot, and how many may have one
	Unknown      int    // unknown secrets that are remembered
}

// Stats returns how well the cache works.
func (c *Cache) Stats() CacheStats {
	stats := CacheStats{Misses: c.misses.Load(), Tokens: int(c.held.Load()), Most: c.tokens}
	for i := range c.shards {
		s := &c.shards[i]
		stats.Hits += s.hits.Load()
		s.mu.RLock()
		stats.Unknown += len(s.unknown)
		s.mu.RUnlock()
	}
	return stats
}
