package token

// table finds numbers by 32 bits of a hash. It is a hash table with open addressing and linear probing, in one piece of
// memory without pointers: a look-up touches one line of the processor's cache, mostly, and the garbage collector none.
// Several numbers may have the same hash. The caller compares what they stand for.
type table struct {
	cells []uint64 // a hash and a number; 0 if free. Their number is a power of two
	held  int
}

// leastCells is how many cells a table begins with. It doubles when it is two thirds full.
const leastCells = 16

func cellOf(hash, number uint32) uint64 { return uint64(hash)<<32 | uint64(number) }

// first returns the first number with a hash, and where it is; 0 if there is none.
func (t *table) first(hash uint32) (number, at uint32) { return t.next(hash, hash-1) }

// next returns the number with a hash that follows the one at a place, and where it is; 0 if there is none.
func (t *table) next(hash, at uint32) (number, found uint32) {
	cells := t.cells
	if len(cells) == 0 {
		return 0, 0
	}
	for {
		at = (at + 1) & uint32(len(cells)-1)
		switch cell := cells[at]; {
		case cell == 0:
			return 0, at
		case uint32(cell>>32) == hash:
			return uint32(cell), at
		}
	}
}

// numberAt returns the number in a cell, or 0. cell wraps around.
func (t *table) numberAt(cell uint32) uint32 { return uint32(t.cells[cell&uint32(len(t.cells)-1)]) }

// add adds a number, which is not 0.
func (t *table) add(hash, number uint32) {
	if t.held >= len(t.cells)*2/3 {
		cells := t.cells
		t.cells = make([]uint64, max(2*len(cells), leastCells))
		for _, cell := range cells {
			if cell != 0 {
				t.put(cell)
			}
		}
	}
	t.put(cellOf(hash, number))
	t.held++
}

func (t *table) put(cell uint64) {
	last := uint32(len(t.cells) - 1)
	at := uint32(cell>>32) & last
	for t.cells[at] != 0 {
		at = (at + 1) & last
	}
	t.cells[at] = cell
}

// remove removes a number that was added with the hash. It panics if there is none.
func (t *table) remove(hash, number uint32) {
	last := uint32(len(t.cells) - 1)
	at := hash & last
	for t.cells[at] != cellOf(hash, number) {
		if t.cells[at] == 0 {
			panic("token: a number to remove is not in the table")
		}
		at = (at + 1) & last
	}
	// What follows without a gap takes the free place, unless that is before the place where a look-up for it begins.
	for next := (at + 1) & last; t.cells[next] != 0; next = (next + 1) & last {
		if begins := uint32(t.cells[next] >> 32); (next-begins)&last >= (next-at)&last {
			t.cells[at], at = t.cells[next], next
		}
	}
	t.cells[at] = 0
	t.held--
}
