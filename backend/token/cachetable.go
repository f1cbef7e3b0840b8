package token

import (
	"sync/atomic"
	"unsafe"
)

// table is an open-addressed index over a slab of entries. Its words are atomic because readers look while a writer
// writes; a reader that met a writer throws its result away, so torn entries do no harm.
type table struct {
	index []atomic.Uint32 // tag<<slotBits | slot+1, or 0 for empty
	words []atomic.Uint64
}

// slotBits are those of a place in the index that say which slot. In the others stand some of its hash, so that hardly
// ever an entry is read that is not the one.
const slotBits = 20

func tagged(h *key, slot uint32) uint32 { return uint32(h[3]>>32)&^(1<<slotBits-1) | (slot + 1) }

func slotIn(v uint32) uint32 { return v&(1<<slotBits-1) - 1 }

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

func (t *table) read(slot uint32, e *entry) {
	words := t.words[int(slot)*entryWords:][:entryWords]
	for i := range e {
		e[i] = words[i].Load()
	}
}

// standing reads what a validation needs of an entry.
func (t *table) standing(slot uint32, into *Standing) {
	var e entry
	t.read(slot, &e)
	e.unpack(into)
}

// last is the word of what changes in an entry. Only a writer may store to it.
func (t *table) last(slot uint32) *atomic.Uint64 { return &t.words[int(slot)*entryWords+wordLast] }

// lastUsed returns when the token in a slot was last used, in Unix milliseconds.
func (t *table) lastUsed(slot uint32) int64 { return int64(t.last(slot).Load() >> bitsOfLast) }

// use moves the last use.
func (t *table) use(slot uint32, at int64) {
	rest := t.last(slot).Load() & (1<<bitsOfLast - 1)
	t.last(slot).Store(uint64(at)<<bitsOfLast | rest)
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
	i, wanted := t.home(h), tagged(h, 0)>>slotBits
	// Bounded, since an index that is being written may show no empty place for a moment.
	for range t.index {
		v := t.index[i].Load()
		if v == 0 {
			return 0, false
		}
		if v>>slotBits == wanted && t.holds(slotIn(v), h) {
			return slotIn(v), true
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
	t.index[i].Store(tagged(h, slot))
}

// unlink takes a slot out of the index and closes the gap, so that no search ends too early.
func (t *table) unlink(h *key, slot uint32) {
	i, wanted := t.home(h), tagged(h, slot)
	for t.index[i].Load() != wanted {
		i = t.next(i)
	}
	for j := t.next(i); ; j = t.next(j) {
		v := t.index[j].Load()
		if v == 0 {
			break
		}
		var k key
		for n := range k {
			k[n] = t.words[int(slotIn(v))*entryWords+n].Load()
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
