package token

import (
	"errors"
	"sync/atomic"
	"unsafe"
)

var errAborted = errors.New("the look-up was aborted")

// entry is one cached token as flat words: the hash, its Standing, and a word of flags.
type entry [entryWords]uint64

const (
	standingWords = int(unsafe.Sizeof(Standing{}) / 8)

	wordStanding = hashWords
	wordUsed     = wordStanding + int(unsafe.Offsetof(Standing{}.LastUsedAt)/8)
	wordMeta     = wordStanding + standingWords
	entryWords   = wordMeta + 1

	metaUsed = 1 // the use has not been taken for writing yet
)

// words views a Standing as what it is made of.
func (s *Standing) words() *[standingWords]uint64 { return (*[standingWords]uint64)(unsafe.Pointer(s)) }

func (e *entry) key() *key { return (*key)(e[:hashWords]) }

func (e *entry) standing() *Standing { return (*Standing)(unsafe.Pointer(&e[wordStanding])) }

func (e *entry) use() Use {
	s := e.standing()
	return Use{TokenID: s.TokenID, AgentID: s.AgentID, At: s.LastUsedAt}
}

func entryOf(h *key, s *Standing) entry {
	var e entry
	copy(e[:], h[:])
	*e.standing() = *s
	return e
}

// table is an open-addressed index over a slab of entries. Its words are atomic because readers look while a writer
// writes; a reader that met a writer throws its result away, so torn entries do no harm.
type table struct {
	index []atomic.Uint32 // slot+1, or 0 for empty
	words []atomic.Uint64
}

// indexSize is how many places the index of a table has: a power of two, of which at most three in four are taken.
func indexSize(slots uint32) uint32 {
	size := uint32(16)
	for size < slots+slots/3 {
		size *= 2
	}
	return size
}

// tableWords is how many words of memory a table takes.
func tableWords(slots uint32) int { return int(slots)*entryWords + int(indexSize(slots))/2 }

// newTable lays a table out in memory of zeros, tableWords long.
func newTable(slots uint32, memory []uint64) table {
	entries, index := memory[:int(slots)*entryWords], memory[int(slots)*entryWords:]
	return table{
		words: unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&entries[0])), len(entries)),
		index: unsafe.Slice((*atomic.Uint32)(unsafe.Pointer(&index[0])), 2*len(index)),
	}
}

func (t *table) slots() uint32 { return uint32(len(t.words) / entryWords) }

func (t *table) word(slot uint32, n int) *atomic.Uint64 { return &t.words[int(slot)*entryWords+n] }

func (t *table) read(slot uint32, e *entry) {
	words := t.words[int(slot)*entryWords:][:entryWords]
	for i := range e {
		e[i] = words[i].Load()
	}
}

// readStanding reads only what a validation needs of an entry.
func (t *table) readStanding(slot uint32, into *Standing) {
	words := t.words[int(slot)*entryWords+wordStanding:][:standingWords]
	to := into.words()
	for i := range to {
		to[i] = words[i].Load()
	}
}

func (t *table) write(slot uint32, e *entry) {
	words := t.words[int(slot)*entryWords:][:entryWords]
	for i := range e {
		words[i].Store(e[i])
	}
}

// home is where the search for a hash starts. The shard took its bits from another word.
func (t *table) home(h *key) uint32 { return uint32(h[1]) & uint32(len(t.index)-1) }

func (t *table) next(i uint32) uint32 { return (i + 1) & uint32(len(t.index)-1) }

func (t *table) find(h *key) (slot uint32, ok bool) {
	i := t.home(h)
	// Bounded, since an index that is being written may show no empty place for a moment.
	for range t.index {
		v := t.index[i].Load()
		if v == 0 {
			return 0, false
		}
		if slot = v - 1; t.holds(slot, h) {
			return slot, true
		}
		i = t.next(i)
	}
	return 0, false
}

func (t *table) holds(slot uint32, h *key) bool {
	words := t.words[int(slot)*entryWords:][:hashWords]
	for i := range h {
		if words[i].Load() != h[i] {
			return false
		}
	}
	return true
}

func (t *table) link(h *key, slot uint32) {
	i := t.home(h)
	for t.index[i].Load() != 0 {
		i = t.next(i)
	}
	t.index[i].Store(slot + 1)
}

// unlink takes a hash out of the index and closes the gap, so that no search ends too early.
func (t *table) unlink(h *key) {
	i := t.home(h)
	for !t.holds(t.index[i].Load()-1, h) {
		i = t.next(i)
	}
	for j := t.next(i); ; j = t.next(j) {
		v := t.index[j].Load()
		if v == 0 {
			break
		}
		var k key
		for n := range k {
			k[n] = t.word(v-1, n).Load()
		}
		// An entry may move back into the gap unless its home lies behind the gap, going round.
		home, mask := t.home(&k), uint32(len(t.index)-1)
		if (j-home)&mask >= (j-i)&mask {
			t.index[i].Store(v)
			i = j
		}
	}
	t.index[i].Store(0)
}
