package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// shelf is a store with an account to put tokens in.
type shelf struct {
	*Store
	t     testing.TB
	lists *token.Tokens // over Store, for lists alone
	actor audit.Actor
	n     int
	batch int64 // of uses
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	s := open(t, t.TempDir(), now)
	t.Cleanup(func() { _ = s.Close() })
	sh := &shelf{Store: s, t: t}
	sh.lists = sh.newLists()
	sh.actor.AccountID = sh.id()
	acme := account.Account{ID: sh.actor.AccountID, Name: "Acme", Purpose: "business", InsertedAt: now(), UpdatedAt: now()}
	if err := s.Accounts.InsertAccount(t.Context(), acme, nil, nil, true); err != nil {
		t.Fatal(err)
	}
	return sh
}

// newLists returns the tokens in the store with indexes of their own.
func (s *shelf) newLists() *token.Tokens {
	s.t.Helper()
	cache, err := token.NewCache(1, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return token.New(s.Tokens, nil, cache, token.Lifetimes{}, now, rand.Reader)
}

// exec runs a statement without the store's knowledge.
func (s *shelf) exec(statement string, values ...any) {
	s.t.Helper()
	if err := s.writer.Exec(statement, values...).Error; err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) id() pfid.ID {
	s.t.Helper()
	id, err := pfid.New(now(), 7, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// insert stores a token that has a status entry and expires after the given time.
func (s *shelf) insert(entry token.StatusEntry, lifetime time.Duration) (token.Token, error) {
	s.t.Helper()
	s.n++
	made := token.Token{
		ID: s.id(), AccountID: s.actor.AccountID, Scope: token.ScopeAccount, Role: token.Manage, Status: token.Active, StatusEntry: entry,
		ExpiresAt: now().Add(lifetime), InsertedAt: now(), UpdatedAt: now(),
	}
	created, err := audit.New(now(), s.actor, audit.APITokenCreated, made.ID.String(), "", rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return made, s.Tokens.InsertToken(s.t.Context(), made, token.HashOf([]byte(fmt.Sprint(s.n))), created, audit.Event{})
}

// rotate gives a token a secret with a status entry.
func (s *shelf) rotate(made token.Token, entry token.StatusEntry) error {
	s.n++
	to := token.NewSecret{Hash: token.HashOf([]byte(fmt.Sprint(s.n))), StatusEntry: entry, IssuedAt: now(), ExpiresAt: made.ExpiresAt}
	_, err := s.Tokens.RotateToken(s.t.Context(), s.actor.AccountID, made.ID, to, func(token.Listed) error { return nil }, audit.NewRecorder(now(), s.actor, rand.Reader))
	return err
}

func (s *shelf) remove(made token.Token, at time.Time) {
	s.t.Helper()
	all := func([]token.Listed) ([]pfid.ID, error) { return []pfid.ID{made.ID}, nil }
	_, err := s.Tokens.ChangeTokens(s.t.Context(), s.actor.AccountID, []pfid.ID{made.ID}, 0, at, all, audit.NewRecorder(at, s.actor, rand.Reader))
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) count(from string) int {
	s.t.Helper()
	var n int
	if err := s.reader.Raw("SELECT count(*) FROM " + from).Scan(&n).Error; err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestAnEntryIsGivenToOneTokenAndAfterItsDeleteToNone(t *testing.T) {
	s := newShelf(t)
	entry := token.StatusEntry{List: 1, Index: 77}
	made, err := s.insert(entry, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.Tokens.Token(t.Context(), s.actor.AccountID, made.ID); err != nil || found.StatusEntry != entry {
		t.Errorf("stored as %+v, %v", found.StatusEntry, err)
	}
	refused := func(when string) {
		t.Helper()
		if _, err := s.insert(entry, time.Hour); !errors.Is(err, token.ErrEntryTaken) {
			t.Errorf("%s: %v", when, err)
		}
		if events, tokens, taken := s.count("audit_events WHERE action = 'api_token.created'"), s.count("api_tokens"), s.count("status_lists WHERE taken = 1"); events != 1 || tokens > 1 || taken != 1 {
			t.Errorf("%s: %d events, %d tokens, %d lists with one entry taken", when, events, tokens, taken)
		}
	}
	refused("while its token is there")
	s.remove(made, now())
	refused("after its token was deleted")
	replaced, err := s.insert(token.StatusEntry{List: 3, Index: 79}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.rotate(replaced, token.StatusEntry{List: 3, Index: 80}); err != nil {
		t.Fatal(err)
	}
	for _, entry := range []token.StatusEntry{{List: 3, Index: 79}, {List: 3, Index: 80}} {
		if _, err := s.insert(entry, time.Hour); !errors.Is(err, token.ErrEntryTaken) {
			t.Errorf("entry %d of a rotated token: %v", entry.Index, err)
		}
	}
	for _, index := range []int{79, 80, 77} {
		if err := s.rotate(replaced, token.StatusEntry{List: 3, Index: index}); errors.Is(err, token.ErrEntryTaken) != (index != 77) {
			t.Errorf("a rotation to entry %d: %v", index, err)
		}
	}
	// Another delete, after the expiry, keeps the entry.
	other, err := s.insert(token.StatusEntry{List: 2, Index: 78}, 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.remove(other, now().Add(time.Hour))
	if _, err := s.insert(entry, time.Hour); !errors.Is(err, token.ErrEntryTaken) {
		t.Errorf("after it has expired: %v", err)
	}
}

func TestAListTakesTokensUntilHalfOfItIsTaken(t *testing.T) {
	s := newShelf(t)
	open := func() int {
		t.Helper()
		number, err := s.Tokens.OpenStatusList(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	if n := open(); n != 1 {
		t.Errorf("the first list is %d", n)
	}
	if _, err := s.insert(token.StatusEntry{List: 1, Index: 1}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.Exec("UPDATE status_lists SET taken = ?", token.StatusListFill-1).Error; err != nil {
		t.Fatal(err)
	}
	if n := open(); n != 1 {
		t.Errorf("with room for one more the list is %d", n)
	}
	if _, err := s.insert(token.StatusEntry{List: 1, Index: 2}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := open(); n != 2 {
		t.Errorf("after that it is %d", n)
	}
	if _, err := s.insert(token.StatusEntry{List: 1, Index: 3}, time.Hour); !errors.Is(err, token.ErrEntryTaken) {
		t.Errorf("a full list takes more: %v", err)
	}
	if _, err := s.insert(token.StatusEntry{List: 2, Index: 3}, time.Hour); err != nil {
		t.Error(err)
	}
	if err := s.writer.Exec("UPDATE status_lists SET restored_at = 1 WHERE number = 2").Error; err != nil {
		t.Fatal(err)
	}
	if _, err := s.insert(token.StatusEntry{List: 2, Index: 4}, time.Hour); !errors.Is(err, token.ErrEntryTaken) {
		t.Errorf("a list that a restore has closed takes more: %v", err)
	}
	if numbers, err := s.Tokens.StatusLists(t.Context()); err != nil || !slices.Equal(numbers, []int{1, 2}) {
		t.Errorf("%v %v", numbers, err)
	}
}

func TestADeletedAccountLeavesItsTokensRevokedInTheirLists(t *testing.T) {
	s := newShelf(t)
	for index, lifetime := range []time.Duration{time.Hour, time.Hour, 0, time.Hour} {
		if _, err := s.insert(token.StatusEntry{List: 1 + index%2, Index: index}, lifetime); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.insert(token.StatusEntry{}, time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err := s.Accounts.DeleteAccount(t.Context(), s.actor.AccountID, func(a account.Account) (audit.Event, error) {
		return audit.New(now(), s.actor, audit.AccountDeleted, a.ID.String(), "", rand.Reader)
	})
	if err != nil {
		t.Fatal(err)
	}
	for number, want := range map[int]string{1: "map[0:revoked 2:revoked]", 2: "map[1:revoked 3:revoked]"} {
		entries := map[int]token.Status{}
		_, ok, err := s.Tokens.StatusList(t.Context(), number, now(), func(index int, status token.Status) { entries[index] = status })
		if err != nil || !ok || fmt.Sprint(entries) != want {
			t.Errorf("list %d: %v %v %v, want %s", number, ok, entries, err, want)
		}
	}
}

func TestAListIsReadFromAnIndexOfInactiveTokens(t *testing.T) {
	pgtest.OnSQLite(t, "the plan of its optimizer")
	s := newShelf(t)
	var plan []struct{ Detail string }
	if err := s.reader.Raw("EXPLAIN QUERY PLAN "+entriesOfList, map[string]any{"list": 1, "at": 1}).Scan(&plan).Error; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(plan), "COVERING INDEX api_tokens_not_active") || strings.Contains(fmt.Sprint(plan), "SCAN") {
		t.Errorf("%v", plan)
	}
}

func TestAnUnknownEntryIsAnErrorAndNotValid(t *testing.T) {
	s := newShelf(t)
	if _, err := s.insert(token.StatusEntry{List: 1, Index: token.StatusListSize}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.Exec("UPDATE api_tokens SET status = 'revoked'").Error; err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Tokens.StatusList(t.Context(), 1, now(), func(int, token.Status) {}); err == nil {
		t.Error("an entry that is outside of its list was left out")
	}
}
