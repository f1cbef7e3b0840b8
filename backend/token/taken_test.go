package token

import (
	"context"
	"errors"
	"testing"
	"time"

	"tokentab/backend/pfid"
)

// recording is a store that knows tokens by id, and calls note for each piece of uses and record for some of their rows.
type recording struct {
	Store
	tokens       []Standing // each with the hash of its number
	hashes       map[pfid.ID]Hash
	note, record func(uses []Use) error
}

func (r *recording) Token(_ context.Context, _, id pfid.ID) (Listed, error) {
	return Listed{Token: Token{ID: id}, Hash: r.hashes[id]}, nil
}

func (r *recording) NoteUses(_ context.Context, uses []Use) (int64, error)   { return 1, r.note(uses) }
func (r *recording) DropNotedUses(context.Context, int64) error              { return nil }
func (r *recording) RecordUses(_ context.Context, uses []Use, _ int64) error { return r.record(uses) }
func (r *recording) RecordSeen(context.Context, []Use, int64) error          { return nil }

// usedTokens returns tokens that were all used at an instant, in Unix milliseconds, and are in the cache.
func usedTokens(t *testing.T, store *recording, tokens int, at int64) *Tokens {
	t.Helper()
	ts := New(store, nil, newCache(t, 10_000), Lifetimes{}, time.Now, nil)
	store.hashes = map[pfid.ID]Hash{}
	for n := range tokens {
		s := standingN(t, n)
		store.tokens, store.hashes[s.TokenID] = append(store.tokens, s), hashN(n)
		if _, _, err := ts.cache.Load(hashN(n), found(s)); err != nil {
			t.Fatal(err)
		}
		ts.cache.Use(hashN(n), &s, at)
	}
	return ts
}

func TestPromise6AUseThatWaitsToBeWrittenIsShownAlsoOfATokenThatLeftTheCache(t *testing.T) {
	const tokens, at = 500, 5_000_000
	store := &recording{}
	ts := usedTokens(t, store, tokens, at)
	shows := func(when string) {
		t.Helper()
		for id := range store.hashes {
			if got, err := ts.Get(t.Context(), pfid.ID{}, id); err != nil || got.LastUsedAt.UnixMilli() != at {
				t.Fatalf("%s: last used at %s, %v", when, got.LastUsedAt, err)
			}
		}
	}
	for _, step := range []struct {
		what         string
		note, record bool // fails
	}{{"piece", true, true}, {"row", false, true}} {
		calls := 0
		failing := func(fails bool) func([]Use) error {
			return func([]Use) error {
				for _, hash := range store.hashes {
					ts.Forget(hash) // as when it is suspended
				}
				shows("while a " + step.what + " is written")
				if calls++; !fails {
					return nil
				}
				return errors.New("the disk is full")
			}
		}
		store.note, store.record = failing(step.note), failing(step.record)
		if err := ts.FlushUses(t.Context(), func() {}); err == nil || calls == 0 {
			t.Fatalf("%d calls, and a flush that failed says that it did not", calls)
		}
		shows("after a " + step.what + " that could not be written")
	}
	written := 0
	store.note, store.record = func([]Use) error { return nil }, func(uses []Use) error { written += len(uses); return nil }
	if err := ts.FlushUses(t.Context(), func() {}); err != nil || written != tokens {
		t.Errorf("%d uses were written, %v", written, err)
	}
}

func TestOfSeveralUsesOfATokenTheLastIsWritten(t *testing.T) {
	const tokens, at = 500, 5_000_000
	store := &recording{}
	ts := usedTokens(t, store, tokens, at)
	fail := true
	written := map[pfid.ID]int64{}
	store.note = func([]Use) error {
		if fail {
			return errors.New("the disk is full")
		}
		return nil
	}
	store.record = func(uses []Use) error {
		if fail {
			return errors.New("the disk is full")
		}
		for _, use := range uses {
			if _, twice := written[use.TokenID]; twice {
				t.Fatal("a use was written twice")
			}
			written[use.TokenID] = use.At
		}
		return nil
	}
	if err := ts.FlushUses(t.Context(), nil); err == nil {
		t.Fatal("a flush that failed says that it did not")
	}
	// What could not be written waits elsewhere than what a token that left the cache was last used at, and than what it
	// was used at since it came back.
	for use := range int64(2) {
		for n, s := range store.tokens {
			if _, _, err := ts.cache.Load(hashN(n), found(s)); err != nil {
				t.Fatal(err)
			}
			ts.cache.Use(hashN(n), &s, at+(use+1)*useResolution)
			if use == 0 {
				ts.cache.Forget(hashN(n))
			}
		}
	}
	fail = false
	if err := ts.FlushUses(t.Context(), nil); err != nil || len(written) != tokens {
		t.Fatalf("%d uses were written, %v", len(written), err)
	}
	for _, got := range written {
		if got != at+2*useResolution {
			t.Fatalf("the use at %d was written, not the last", got)
		}
	}
}
