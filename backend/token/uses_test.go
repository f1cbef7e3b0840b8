package token

import (
	"context"
	"slices"
	"testing"
	"time"
)

// written is a store of which only what is written of uses is there.
type written struct {
	Store
	uses, seen []Use
	most       int // uses in one transaction
	pieces     [][]Use
	dropped    int64 // the last piece that was
}

func (w *written) NoteUses(_ context.Context, uses []Use) (int64, error) {
	w.pieces = append(w.pieces, slices.Clone(uses))
	return int64(len(w.pieces)), nil
}

func (w *written) NotedUses(context.Context) (uses []Use, last int64, err error) {
	return slices.Concat(w.pieces[w.dropped:]...), int64(len(w.pieces)), nil
}

func (w *written) DropNotedUses(_ context.Context, last int64) error {
	w.dropped = last
	return nil
}

func (w *written) RecordUses(_ context.Context, uses []Use, _ int64) error {
	w.uses, w.most = append(w.uses, uses...), max(w.most, len(uses))
	return nil
}

func (w *written) RecordSeen(_ context.Context, seen []Use, _ int64) error {
	w.seen = append(w.seen, seen...)
	return nil
}

func TestAnAgentInConstantUseIsWrittenAtOnceAndThenOnceAMinute(t *testing.T) {
	store := &written{}
	const began, minutes = 1_000_000_000, 5
	last := int64(began)
	ts := New(store, nil, newCache(t, 1000), Lifetimes{}, func() time.Time { return time.UnixMilli(last) }, nil)
	s := standingN(t, 1)
	var at []int64
	for ; last <= began+minutes*seenResolution; last += 3000 {
		ts.cache.Use(hashN(1), &s, last)
		if err := ts.FlushUses(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
	}
	last -= 3000
	ts.cache.Use(hashN(1), &s, last+1500)
	if err := ts.FlushUses(t.Context(), nil); err != nil { // as at a stop
		t.Fatal(err)
	}
	for _, seen := range store.seen {
		at = append(at, seen.At-began)
	}
	if want := []int64{0, 60_000, 120_000, 180_000, 240_000, 300_000, 301_500}; !slices.Equal(at, want) {
		t.Errorf("seen was written at %v ms, want %v", at, want)
	}
	if want := minutes*20 + 2; len(store.pieces) != want {
		t.Errorf("%d uses of the token were kept, want %d", len(store.pieces), want)
	}
	at = at[:0]
	for _, use := range store.uses {
		at = append(at, use.At-began)
	}
	if want := []int64{0, 60_000, 120_000, 180_000, 240_000, 300_000, 301_500}; !slices.Equal(at, want) {
		t.Errorf("its row was written with the uses at %v ms, want %v", at, want)
	}
	if store.dropped != int64(len(store.pieces)) {
		t.Errorf("of %d pieces %d were dropped", len(store.pieces), store.dropped)
	}
}

func TestUsesAreWrittenInTheOrderOfTheirRowsAndFewAtATime(t *testing.T) {
	store := &written{}
	ts := New(store, nil, newCache(t, 10_000), Lifetimes{}, time.Now, nil)
	const tokens = 3000
	for n := range tokens {
		s := standingN(t, n)
		if _, _, err := ts.cache.Load(hashN(n), found(s)); err != nil {
			t.Fatal(err)
		}
		ts.cache.Use(hashN(n), &s, 5_000_000)
	}
	rests := 0
	if err := ts.FlushUses(t.Context(), func() { rests++ }); err != nil {
		t.Fatal(err)
	}
	inOrder := slices.IsSortedFunc(store.uses, func(a, b Use) int { return slices.Compare(a.TokenID[:], b.TokenID[:]) })
	if len(store.uses) != tokens || !inOrder || store.most > usesAtOnce || rests < tokens/usesAtOnce {
		t.Errorf("%d uses, in order: %v, %d at once, %d rests", len(store.uses), inOrder, store.most, rests)
	}
}

func TestUsesThatWereKeptAreRecalledAfterACrash(t *testing.T) {
	store := &written{}
	at := time.UnixMilli(5_000_000)
	now := func() time.Time { return at }
	s, other := standingN(t, 1), standingN(t, 2)
	ts := New(store, nil, newCache(t, 100), Lifetimes{}, now, nil)
	for range 3 {
		ts.cache.Use(hashN(1), &s, at.UnixMilli())
		if err := ts.FlushUses(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
		at = at.Add(3 * time.Second)
	}
	last := at.Add(-3 * time.Second).UnixMilli()
	if len(store.uses) != 1 || len(store.pieces) != 3 {
		t.Fatalf("%d uses are in their rows and %d in pieces", len(store.uses), len(store.pieces))
	}
	after := New(store, nil, newCache(t, 100), Lifetimes{}, now, nil)
	if err := after.RecallUses(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := after.lastUse(hashN(1), s.TokenID); got != last {
		t.Errorf("last used at %d, want %d", got, last)
	}
	after.cache.Use(hashN(2), &other, at.UnixMilli())
	for range 30 {
		if err := after.FlushUses(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
		at = at.Add(3 * time.Second)
	}
	if n := len(store.uses); n != 3 || store.uses[1].At != last || store.uses[2].TokenID != other.TokenID || store.dropped != 4 {
		t.Errorf("%d uses are in their rows: %v; dropped to %d", n, store.uses, store.dropped)
	}
	if seen := store.seen[len(store.seen)-2:]; seen[0].At != last && seen[1].At != last {
		t.Errorf("the agent was seen at %v, want %d", seen, last)
	}
}

func TestWhereMoreIsUsedThanCanBeKeptNoTokenWaitsForever(t *testing.T) {
	store := &written{}
	at := time.UnixMilli(5_000_000)
	tokens := usesKept + usesKept/2
	ts := New(store, nil, newCache(t, 2*tokens), Lifetimes{}, func() time.Time { return at }, nil)
	all := make([]Standing, tokens)
	for n := range all {
		all[n] = standingN(t, n)
		if _, _, err := ts.cache.Load(hashN(n), found(all[n])); err != nil {
			t.Fatal(err)
		}
	}
	written := map[string]bool{}
	for range 4 {
		for n := range all {
			ts.cache.Use(hashN(n), &all[n], at.UnixMilli())
		}
		turns := 0
		err := ts.FlushUses(t.Context(), func() {
			if turns++; turns%5000 == 0 {
				at = at.Add(rowsTurn)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		at = at.Add(3 * time.Second)
		if n := ts.kept(); n > usesKept+usesKept/10 {
			t.Fatalf("%d uses are kept", n)
		}
		for _, use := range store.uses {
			written[use.TokenID.String()] = true
		}
		store.uses = store.uses[:0]
	}
	if len(written) < tokens*9/10 {
		t.Errorf("after four flushes %d of %d tokens were written", len(written), tokens)
	}
}
