package token

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// revocable is a store with one token that implements only what revokes and lists use. It counts its reads.
type revocable struct {
	Store
	lists

	t       *State // nil once it is deleted
	entry   StatusEntry
	revoked bool

	finds, entries, readings int
}

func (s *revocable) FindToken(context.Context, Hash) (State, bool, error) {
	s.finds++
	if s.t == nil {
		return State{}, false, nil
	}
	return *s.t, true, nil
}

func (s *revocable) IsRevokedEntry(_ context.Context, entry StatusEntry) (bool, error) {
	s.entries++
	return s.revoked && entry == s.entry, nil
}

func (s *revocable) StatusList(_ context.Context, number int, _ time.Time, set func(int, Status)) (time.Time, bool, error) {
	s.readings++
	if s.revoked && number == s.entry.List {
		set(s.entry.Index, Revoked)
	}
	return time.Time{}, true, nil
}

func naming(entry StatusEntry) []byte {
	return fmt.Appendf(nil, "entry %d of list %d", entry.Index, entry.List)
}

func TestARevokeThatChangesNothingReadsNoListAndLooksASecretUpOnce(t *testing.T) {
	entry := StatusEntry{List: 3, Index: 70_000}
	for name, c := range map[string]struct {
		store   revocable
		secret  []byte
		entries int // look-ups of the entry in ten revokes
	}{
		"revoked":                           {revocable{t: &State{Status: Revoked}, revoked: true}, naming(entry), 0},
		"deleted":                           {revocable{revoked: true}, naming(entry), 0},
		"made up, with an entry of nobody":  {revocable{}, naming(entry), 10},
		"made up, with an entry of another": {revocable{}, naming(StatusEntry{List: 3, Index: 1}), 10},
		"a list that there is not":          {revocable{}, naming(StatusEntry{List: 99, Index: 1}), 10},
		"no entry":                          {revocable{}, []byte("x"), 0},
	} {
		store := &c.store
		store.entry = entry
		ts := New(store, lists{}, newCache(t, 8), Lifetimes{}, time.Now, nil)
		for range 10 {
			for number := range 4 {
				if _, err := ts.StatusList(t.Context(), number+1); err != nil {
					t.Fatal(err)
				}
			}
			if err := ts.RevokeSecret(t.Context(), c.secret, "", ""); err != nil {
				t.Fatal(err)
			}
		}
		if store.finds != 1 || store.entries != c.entries || store.readings != 4 {
			t.Errorf("%s: %d look-ups of the secret, %d of its entry, %d readings of 4 lists", name, store.finds, store.entries, store.readings)
		}
	}
}

func TestARevokeThatComesBetweenAnothersCommitAndItsCountIsInTheListWhenItReturns(t *testing.T) {
	entry := StatusEntry{List: 2, Index: 5}
	for name, end := range map[string]func(s *revocable){
		"revoked": func(s *revocable) { s.revoked, s.t = true, &State{Status: Revoked} },
		"deleted": func(s *revocable) { s.revoked, s.t = true, nil },
	} {
		store := &revocable{t: &State{Status: Active}, entry: entry}
		ts := New(store, lists{}, newCache(t, 8), Lifetimes{}, time.Now, nil)
		listed := func() byte {
			list, err := ts.StatusList(t.Context(), entry.List)
			if err != nil {
				t.Fatal(err)
			}
			return valueIn(t, list, entry.Index)
		}
		if got := listed(); got != 0 {
			t.Fatalf("%s: listed as %d before", name, got)
		}
		end(store) // a concurrent commit
		if err := ts.RevokeSecret(t.Context(), naming(entry), "", ""); err != nil {
			t.Fatal(err)
		}
		if got := listed(); got != 1 {
			t.Errorf("%s: listed as %d after the revoke has returned", name, got)
		}
	}
}

func TestARevokeThatCannotTellIsAnError(t *testing.T) {
	ts := tokensOver(t, func(context.Context, Hash) (State, bool, error) {
		return State{}, false, errors.New("the store is gone")
	}, time.Now)
	for _, secret := range [][]byte{[]byte("secret"), naming(StatusEntry{List: 1})} {
		if err := ts.RevokeSecret(t.Context(), secret, "", ""); err == nil {
			t.Errorf("%s: no error", secret)
		}
	}
	if err := ts.RevokeSecret(t.Context(), []byte(strings.Repeat("x", MaxSecret+1)), "", ""); err != nil {
		t.Errorf("what is too long was looked up: %v", err)
	}
}
