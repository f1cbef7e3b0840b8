package token

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"tokentab/backend/memory"
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
// A read of the store during which Forget was called, for any token, is not kept, so it can't outlive the change either.
type Cache struct {
	gmac   cipher.AEAD
	block  cipher.Block
	shards [shardCount]shard
	slots  []slot       // the shared ones first, then alwaysHeld for each shard
	shared atomic.Int64 // number of shared slots in use; higher if all are
	misses atomic.Uint64

	changes *[counters]atomic.Uint32
	epoch   atomic.Uint64 // counts all calls that forget; reads from before one are not kept
	loads   singleflight.Group
}

const (
	shardCount = 256
	// counters is how many counters of changes there are. In a cache of a million tokens, a change of one drops four others.
	counters = 1 << 18
)

// Key is the MAC of a secret. It identifies a cache entry.
type Key [2]uint64

// NewCache returns a cache for about the given number of tokens, and at most 2048 more. It takes about
// 165 bytes for each token that it holds. Its keys come from random.
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
	c := &Cache{gmac: gmac, block: block, changes: new([counters]atomic.Uint32)}
	slots, free, err := memory.Reserve[slot](tokens + shardCount*alwaysHeld)
	if err != nil {
		return nil, fmt.Errorf("token: make a cache for the tokens of --cache-tokens: %w", err)
	}
	c.slots = slots
	runtime.AddCleanup(c, func(free func()) { free() }, free)
	for i := range c.shards {
		c.shards[i].slots = c.slots
	}
	return c, nil
}

// Find sets state to that of the token with a secret; ok is false if there is no such token. It asks the store only if the
// cache does not know, and once for all concurrent calls with the same secret. at is now, in Unix milliseconds.
func (c *Cache) Find(ctx context.Context, store Store, secret []byte, at int64, state *State) (ok bool, err error) {
	key := c.keyOf(secret)
	if known, ok := c.lookUp(key, at, state); known {
		return ok, nil
	}
	c.misses.Add(1)
	*state, ok, err = c.load(ctx, store, key, HashOf(secret), at)
	return ok, err
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

// lookUp reports whether the cache knows a key. ok is true if it is that of a token; then lookUp sets state.
func (c *Cache) lookUp(key Key, at int64, state *State) (known, ok bool) {
	s := c.shardOf(key)
	s.mu.RLock()
	if found := s.find(key); found != nil && found.state.Status != 0 && c.counterOf(&found.state.TokenID).Load() == found.changes {
		*state, known, ok = found.state, true, true
		if now := uint32(at / 1000); atomic.LoadUint32(&found.used) != now { // a write costs the other processors more
			atomic.StoreUint32(&found.used, now)
		}
	} else {
		known = s.isUnknown(key)
	}
	if known {
		s.hits.Add(1)
	}
	s.mu.RUnlock()
	return known, ok
}

// counterOf returns the counter for a token. Ids end in random bits.
func (c *Cache) counterOf(token *pfid.ID) *atomic.Uint32 {
	return &c.changes[binary.LittleEndian.Uint32(token[pfid.Size-4:])%counters]
}

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
		if known, ok := c.lookUp(key, at, &kept); known { // counts as a hit, too
			return answer{kept, ok}, nil
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
	changes := c.counterOf(&a.state.TokenID).Load()
	// Compare the epoch last: Forget changes it first, so a counter that is already incremented can't be missed.
	if c.epoch.Load() != epoch && !keepsWhatMayBeOld {
		return
	}
	if !a.ok {
		s.keepUnknown(key)
		return
	}
	s.dropUnknown(key)
	to := s.find(key) // perhaps of a dropped token
	if to == nil {
		to = c.take(s, key, at)
	}
	s.fill(to, a.state, changes, at)
}

// take returns a slot for a key that has none: a free shared slot, else a free slot of the shard, else the least recently used
// of a sample.
func (c *Cache) take(s *shard, key Key, at int64) *slot {
	shared := len(c.slots) - shardCount*alwaysHeld
	if c.shared.Load() < int64(shared) {
		if n := c.shared.Add(1); n <= int64(shared) {
			return s.use(uint32(n), key)
		}
	}
	if held := s.numbers.held; held < alwaysHeld {
		return s.use(uint32(shared+int(key[1]%shardCount)*alwaysHeld+held+1), key)
	}
	return s.replace(key, at)
}

// Forget drops the entries of a token, so that the next validation asks the store. It also drops the entries that share
// its counter.
func (c *Cache) Forget(token pfid.ID) {
	c.epoch.Add(1)
	c.counterOf(&token).Add(1)
}

// ForgetAllOf drops the entries of all tokens of an account, environment, agent or deployment.
func (c *Cache) ForgetAllOf(id pfid.ID) {
	c.epoch.Add(1) // running loads may find such a token
	c.each(func(s *shard) {
		s.drop(func(t *State) bool {
			return t.AccountID == id || t.EnvironmentID == id || t.AgentID == id || t.AgentDeploymentID == id
		})
	})
}

// forgetUnknown drops what is known of secrets without a token.
func (c *Cache) forgetUnknown() {
	c.epoch.Add(1)
	c.each((*shard).forgetUnknown)
}

// ForgetAll drops all entries.
func (c *Cache) ForgetAll() {
	c.epoch.Add(1)
	c.each(func(s *shard) {
		s.drop(func(*State) bool { return true })
		s.forgetUnknown()
	})
}

func (c *Cache) each(change func(*shard)) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		change(s)
		s.mu.Unlock()
	}
}

// CacheStats says how well the cache works.
type CacheStats struct {
	Hits, Misses uint64 // look-ups of secrets, known and unknown ones
	Tokens, Most int    // secrets of tokens that are held, and about how many may be
	Unknown      int    // unknown secrets that are remembered
}

// Stats returns how well the cache works.
func (c *Cache) Stats() CacheStats {
	stats := CacheStats{Misses: c.misses.Load(), Most: len(c.slots) - shardCount*alwaysHeld}
	for i := range c.shards {
		s := &c.shards[i]
		stats.Hits += s.hits.Load()
		s.mu.RLock()
		stats.Tokens += s.full
		stats.Unknown += s.unknowns()
		s.mu.RUnlock()
	}
	return stats
}
