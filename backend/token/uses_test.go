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
}

func (w *written) RecordUses(_ context.Context, uses []Use) error {
	w.uses, w.most = append(w.uses, uses...), max(w.most, len(uses))
	return nil
}

func (w *written) RecordSeen(_ context.Context, seen []Use) error {
	w.seen = append(w.seen, seen...)
	return nil
}

func TestAnAgentInConstantUseIsWrittenAtOnceAndThenOnceAMinute(t *testing.T) {
	store := &written{}
	ts := New(store, nil, newCache(t, 1000), Lifetimes{}, time.Now, nil)
	s := standingN(t, 1)
	var at []int64
	const began, minutes = 1_000_000_000, 5
	last := int64(began)
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
	if want := minutes*20 + 2; len(store.uses) != want {
		t.Errorf("%d uses of the token were written, want %d", len(store.uses), want)
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
