package token

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestATableFindsWhatWasAddedAndNotRemoved(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var found table
	want := map[uint32][]uint32{} // numbers by hash
	var held []uint64
	hash := func() uint32 { // near both ends, so that look-ups meet each other and go round
		return uint32(random.IntN(60)) - 30 + uint32(random.IntN(3))<<20
	}
	check := func(hash uint32) {
		t.Helper()
		var got []uint32
		for n, at := found.first(hash); n != 0; n, at = found.next(hash, at) {
			got = append(got, n)
		}
		slices.Sort(got)
		if slices.Sort(want[hash]); !slices.Equal(got, want[hash]) {
			t.Fatalf("hash %d has the numbers %d, want %d", hash, got, want[hash])
		}
	}
	for step := range uint32(60_000) {
		if goal := []int{0, 5, 300, 40}[step/500%4]; len(held) <= goal {
			h := hash()
			found.add(h, step+1)
			want[h], held = append(want[h], step+1), append(held, cellOf(h, step+1))
		} else {
			i := random.IntN(len(held))
			h, n := uint32(held[i]>>32), uint32(held[i])
			found.remove(h, n)
			want[h] = slices.DeleteFunc(want[h], func(other uint32) bool { return other == n })
			held = slices.Delete(held, i, i+1)
		}
		check(hash())
		if step%500 == 0 {
			for h := range maps.Keys(want) {
				check(h)
			}
		}
	}
	if len(found.cells) > 1024 {
		t.Errorf("%d cells for at most 301 numbers", len(found.cells))
	}
}
