package token

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// recent remembers what the cache knew of the secrets that were asked for last. It spares them SHA-256, which takes as
// long as all else that a validation does, and the way through the cache, which waits for the memory at every step.
//
// What it remembers holds only as long as nothing moves in the shard of the cache that it is from: a revocation moves
// something before it returns.
//
// It knows a secret again by its GMAC (NIST SP 800-38D) of 128 bits, under a key of this process. No MAC is ever shown, so
// they may all have one nonce: each is a universal hash with a secret key, and whoever wants another secret to be taken
// for a remembered one, which he does not know, has less than one chance in 2^100 for each try. How long something takes
// may tell that two secrets share a set, and no more. Neither key nor MACs are stored, nor do secrets stay in memory.
type recent struct {
	cache  *Cache
	gmac   cipher.AEAD
	_      [40]byte // places are whole lines of a processor's cache
	places [recentSets * recentWays]place
	worth  atomic.Int32 // from 0 to worthMost: whether what is looked up is remembered, mostly
}

const (
	// A MAC chooses a set. With several places in one a few secrets that come again and again do not drive each other out.
	recentSets, recentWays = 1 << 13, 2
	// Where few secrets come again, looking for them costs more than it saves. So one look-up in worthSample, by chance,
	// moves worth up or down, and below the half of worthMost no others are made.
	worthSample, worthMost = 16, 64
)

// place holds what is remembered of one secret, in two lines of a processor's cache.
type place struct {
	seq   atomic.Uint64 // odd while it is written
	mac   [2]atomic.Uint64
	since atomic.Uint64 // the sequence number of the shard << bitsOfShard | the shard
	rest  [entryWords - hashWords]atomic.Uint64
}

// mac is what a secret is known by.
type mac [2]uint64

func newRecent(cache *Cache, random io.Reader) (*recent, error) {
	var key [16]byte
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return nil, fmt.Errorf("token: read random bytes: %w", err)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	gmac, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return &recent{cache: cache, gmac: gmac}, nil
}

// recall fills in the standing of a secret's token, or clears it where there is no such token, if it remembers that; ok
// says so. looked is false where it did not look, since it hardly ever pays now: else what is found by other ways may be
// remembered under the MAC.
func (r *recent) recall(secret []byte, standing *Standing) (m mac, looked, ok bool) {
	worth := r.worth.Load()
	sample := rand.Uint32()%worthSample == 0
	if worth < worthMost/2 && !sample {
		return mac{}, false, false
	}
	m = r.macOf(secret)
	ok = r.find(&m, standing)
	if sample {
		r.weigh(worth, ok)
	}
	return m, true, ok
}

// weigh moves worth. Where others do so at this moment, or it is at its end, nothing is written that processors share.
func (r *recent) weigh(worth int32, known bool) {
	switch {
	case known && worth < worthMost:
		r.worth.CompareAndSwap(worth, worth+1)
	case !known && worth > 0:
		r.worth.CompareAndSwap(worth, worth-1)
	}
}

// macRoom lends what a MAC is written to, since what is handed to a cipher would else be allocated each time.
var macRoom = sync.Pool{New: func() any { return new([16]byte) }}

// macNonce is that of all MACs, see recent.
var macNonce [12]byte

func (r *recent) macOf(secret []byte) mac {
	room := macRoom.Get().(*[16]byte)
	defer macRoom.Put(room)
	sum := r.gmac.Seal(room[:0], macNonce[:], nil, secret)
	return mac{binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])}
}

func (r *recent) setOf(m *mac) []place {
	set := int(m[0]%recentSets) * recentWays
	return r.places[set : set+recentWays]
}

// find looks without a lock: a place that is written meanwhile is as if it were another's.
func (r *recent) find(m *mac, standing *Standing) bool {
	set := r.setOf(m)
	for i := range set {
		p := &set[i]
		seq := p.seq.Load()
		if seq&1 != 0 || p.mac[0].Load() != m[0] || p.mac[1].Load() != m[1] {
			continue
		}
		var e entry
		for i := range p.rest {
			e[hashWords+i] = p.rest[i].Load()
		}
		since := p.since.Load()
		if p.seq.Load() != seq {
			continue
		}
		if r.cache.seqs[since%shardCount].Load() != since>>bitsOfShard {
			return false
		}
		e.unpack(standing)
		return true
	}
	return false
}

// remember writes down what the cache knows of a hash at this moment, in the place of its set that was written the
// fewest times or held the same secret, unless somebody else is about to write there.
func (r *recent) remember(m *mac, hash *Hash) {
	h := keyOf(hash)
	s := r.cache.shardOf(&h)
	since := s.seq.Load()
	if since&1 != 0 {
		return
	}
	var e entry
	if slot, ok := s.table.find(&h); ok {
		s.table.read(slot, &e)
	} else if _, ok := s.unknownAt(&h); !ok {
		return
	}
	// Should something have moved since, then what was read may be wrong, but it does not hold any more either.
	set := r.setOf(m)
	p, seq := &set[0], set[0].seq.Load()
	for i := range set {
		other := set[i].seq.Load()
		if set[i].mac[0].Load() == m[0] {
			p, seq = &set[i], other
			break
		}
		if other < seq {
			p, seq = &set[i], other
		}
	}
	if seq&1 != 0 || !p.seq.CompareAndSwap(seq, seq+1) {
		return
	}
	p.mac[0].Store(m[0])
	p.mac[1].Store(m[1])
	p.since.Store(since<<bitsOfShard | h[0]>>(64-bitsOfShard))
	for i := range p.rest {
		p.rest[i].Store(e[hashWords+i])
	}
	p.seq.Store(seq + 2)
}
