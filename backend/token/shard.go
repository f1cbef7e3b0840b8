package token

import (
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// alwaysHeld is how many slots belong to each shard, so that it has some to replace when the cache is full.
	alwaysHeld = 8
	// unknownSets and unknownPerSet are how many keys of unknown secrets a shard remembers, which bounds their memory.
	unknownSets, unknownPerSet = 64, 4
	// sampleSize is how many slots are compared to find the one to replace.
	sampleSize = 8
)

// shard finds a part of the cache's slots. It holds no pointers to them, so their number costs the garbage collector nothing.
type shard struct {
	mu      sync.RWMutex
	hits    atomic.Uint64 // look-ups that found the key; beside mu, which they write to anyway
	numbers table         // of slots, from 1
	slots   []slot        // of the whole cache
	full    int           // how many of its slots have a state
	hand    uint32        // where in numbers the next sample begins
	// unknown remembers keys without a token, the newest first in each set. A look-up reads one set, which is a line of the
	// processor's cache. It is nil until there is one.
	unknown *[unknownSets][unknownPerSet]Key
	_       [16]byte // keeps the locks of two shards apart in the processor's cache
}

// slot holds the state of the token with one secret. With a zero State it is empty.
type slot struct {
	key     Key
	changes uint32 // value of the token's counter when the state was read
	used    uint32 // when it was last looked up, in Unix seconds; see oldest
	state   State
}

// hash is the part of a key that places it within a shard.
func (k Key) hash() uint32 { return uint32(k[0]) }

// find returns the slot of a key, or nil.
func (s *shard) find(key Key) *slot {
	for n, at := s.numbers.first(key.hash()); n != 0; n, at = s.numbers.next(key.hash(), at) {
		if found := &s.slots[n-1]; found.key == key {
			return found
		}
	}
	return nil
}

// use returns the slot with a number that no shard has yet, for a key that has none.
func (s *shard) use(number uint32, key Key) *slot {
	s.numbers.add(key.hash(), number)
	to := &s.slots[number-1]
	to.key = key
	return to
}

// fill sets the state of a slot, as it was read from the store when the token's counter had a value.
func (s *shard) fill(to *slot, state State, changes uint32, at int64) {
	if to.state.Status == 0 {
		s.full++
	}
	to.changes, to.used, to.state = changes, uint32(at/1000), state
}

// replace returns the slot of a sample that was not looked up for the longest time, for a key that has none.
func (s *shard) replace(key Key, at int64) *slot {
	number := s.oldest(at)
	s.numbers.remove(s.slots[number-1].key.hash(), number)
	return s.use(number, key)
}

// oldest returns the number of the slot of a sample that was not looked up for the longest time. A time in the future is from
// a wrong clock and counts as the longest.
func (s *shard) oldest(at int64) (oldest uint32) {
	least := int64(1<<63 - 1)
	for sampled := 0; sampled < sampleSize; s.hand++ {
		number := s.numbers.numberAt(s.hand)
		if number == 0 {
			continue
		}
		sampled++
		used := int64(s.slots[number-1].used) * 1000
		if used > at+wrongClock {
			used = 0
		}
		if used < least {
			oldest, least = number, used
		}
	}
	return oldest
}

// drop empties the slots of the tokens that match. They are the first to be replaced.
func (s *shard) drop(matches func(*State) bool) {
	for i := range uint32(len(s.numbers.cells)) {
		number := s.numbers.numberAt(i)
		if number == 0 {
			continue
		}
		if dropped := &s.slots[number-1]; dropped.state.Status != 0 && matches(&dropped.state) {
			dropped.state, dropped.used = State{}, 0
			s.full--
		}
	}
}

// isUnknown reports whether it is known that no token has the key's secret.
func (s *shard) isUnknown(key Key) bool {
	return s.unknown != nil && slices.Contains(s.setOf(key), key)
}

func (s *shard) setOf(key Key) []Key { return s.unknown[key.hash()%unknownSets][:] }

// keepUnknown remembers that no token has the key's secret.
func (s *shard) keepUnknown(key Key) {
	if s.unknown == nil {
		s.unknown = new([unknownSets][unknownPerSet]Key)
	}
	if set := s.setOf(key); !slices.Contains(set, key) {
		copy(set[1:], set)
		set[0] = key
	}
}

// dropUnknown drops a key whose secret has a token now. Otherwise it would be refused once the token is forgotten.
func (s *shard) dropUnknown(key Key) {
	if s.isUnknown(key) {
		set := s.setOf(key)
		set[slices.Index(set, key)] = Key{}
	}
}

func (s *shard) forgetUnknown() {
	if s.unknown != nil {
		clear(s.unknown[:])
	}
}

// unknowns returns how many keys without a token the shard remembers.
func (s *shard) unknowns() (n int) {
	if s.unknown == nil {
		return 0
	}
	for _, set := range s.unknown {
		for _, key := range set {
			if key != (Key{}) {
				n++
			}
		}
	}
	return n
}
