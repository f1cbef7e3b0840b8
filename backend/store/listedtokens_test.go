package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

const day = 24 * time.Hour

// newList returns a crowd of n tokens that differ in everything that lists select and sort by.
func newList(t *testing.T, random *mathrand.Rand, n int) *crowd {
	c := newCrowd(t)
	for i := range c.agents {
		c.exec("UPDATE agents SET name = ? WHERE id = ?", []string{"Billing", "Ölwechsel", "Zebra 7"}[i], c.agents[i])
		c.exec("UPDATE environments SET name = ? WHERE id = ?", []string{"Production", "Staging", "日本"}[i], c.environments[i])
	}
	c.exec("UPDATE admin_users SET removed_at = 1, name = 'Left Early' WHERE id = ?", c.members[2])
	for range n {
		c.vary(random)
	}
	return c
}

// vary issues one more token.
func (c *crowd) vary(random *mathrand.Rand) {
	c.t.Helper()
	c.issue(len(c.ids), random)
	id := c.ids[len(c.ids)-1]
	made := now().Add(-time.Duration(random.IntN(400*24)) * time.Hour)
	if random.IntN(10) == 0 { // equal times, so that ids decide
		made = now().Add(-100 * day)
	}
	name := []string{"", "billing-7", "BILLING", "öl", "Straße", "zz", "name " + fmt.Sprint(random.IntN(50))}[random.IntN(7)]
	expires := made.Add(time.Duration(random.IntN(500)) * day)
	if random.IntN(12) == 0 {
		expires = now()
	}
	c.exec("UPDATE api_tokens SET name = ?, hint = ?, inserted_at = ?, updated_at = ?, expires_at = ?, created_by_api_token_id = ? WHERE id = ?", name, fmt.Sprintf("%04X", random.IntN(1<<16)),
		made.UnixMilli(), made.UnixMilli(), expires.UnixMilli(), c.maker(random), id)
	c.exec("INSERT INTO token_uses (token_id, last_used_at) VALUES (?, ?)", id, sql.NullInt64{Valid: random.IntN(3) > 0, Int64: made.UnixMilli() + random.Int64N(now().Sub(made).Milliseconds()+1)})
	c.exec("UPDATE accounts SET api_token_count = (SELECT count(*) FROM api_tokens)")
}

func (c *crowd) delete(id pfid.ID) {
	c.t.Helper()
	c.exec("DELETE FROM api_tokens WHERE id = ?", id)
	c.exec("UPDATE accounts SET api_token_count = (SELECT count(*) FROM api_tokens)")
}

// maker returns the id of an earlier token, or none.
func (c *crowd) maker(random *mathrand.Rand) pfid.ID {
	if earlier := len(c.ids) - 1; earlier > 0 && random.IntN(3) == 0 {
		return c.ids[random.IntN(earlier)]
	}
	return pfid.ID{}
}

// all returns all tokens, read without an index.
func (c *crowd) all() []token.Listed {
	c.t.Helper()
	list, total, err := c.Tokens.NewestTokens(c.t.Context(), c.actor.AccountID, token.Entry{}, 0, len(c.ids)+10)
	if err != nil || total != len(list) {
		c.t.Fatal(total, len(list), err)
	}
	return list
}

// matches is what a filter means, for one token.
func (c *crowd) matches(f token.Filter, t token.Listed, all []token.Listed) bool {
	at, revoked, expired := now(), t.Status == token.Revoked, !t.ExpiresAt.After(now())
	last := t.InsertedAt
	if t.LastUsedAt.After(last) {
		last = t.LastUsedAt
	}
	var isDescendant func(token.Listed) bool
	isDescendant = func(t token.Listed) bool {
		if t.CreatedByAPITokenID == f.DescendantsOf {
			return true
		}
		i := slices.IndexFunc(all, func(maker token.Listed) bool { return maker.ID == t.CreatedByAPITokenID && maker.ID != t.ID })
		return i >= 0 && isDescendant(all[i])
	}
	word := strings.ToLower(strings.TrimPrefix(f.Search, "…"))
	isPart := len(word) >= 6 && strings.ContainsAny(word, "0123456789")
	found := word == "" || strings.ToLower(t.Hint) == word || isPart && strings.Contains(t.ID.String(), word)
	for _, name := range []string{t.Name, t.AgentName, t.EnvironmentName, map[bool]string{true: "Left Early"}[t.CreatedByAdminUserID == c.members[2]]} {
		found = found || strings.Contains(strings.ToLower(name), word)
	}
	return found &&
		(f.Scope == 0 || t.Scope == f.Scope) && (f.Role == 0 || t.Scope == token.ScopeAccount && t.Role == f.Role) && (f.Status == 0 || t.Status == f.Status) &&
		(!f.Expired || expired && !revoked) && (!f.Unexpired || !expired) && (!f.Live || !expired && !revoked) &&
		(f.AgentID.IsZero() || t.AgentID == f.AgentID) && (f.EnvironmentID.IsZero() || t.EnvironmentID == f.EnvironmentID) &&
		(f.CreatedByAdminUserID.IsZero() || t.CreatedByAdminUserID == f.CreatedByAdminUserID) &&
		(f.CreatedByAPITokenID.IsZero() || t.CreatedByAPITokenID == f.CreatedByAPITokenID) &&
		(!f.CreatorLeft || t.CreatedByAdminUserID == c.members[2]) && (f.DescendantsOf.IsZero() || isDescendant(t)) &&
		(f.ExpiresWithin == 0 || !expired && !revoked && !t.ExpiresAt.After(at.Add(f.ExpiresWithin))) &&
		(f.UnusedFor == 0 || !last.After(at.Add(-f.UnusedFor))) && (!f.NeverUsed || t.LastUsedAt.IsZero()) &&
		(f.CreatedAfter.IsZero() || !t.InsertedAt.Before(f.CreatedAfter)) && (f.CreatedBefore.IsZero() || t.InsertedAt.Before(f.CreatedBefore))
}

// conditions returns functions that each set one condition of a filter.
func (c *crowd) conditions(random *mathrand.Rand, one token.Listed) []func(*token.Filter) {
	pick := func(ids []pfid.ID) pfid.ID { return ids[random.IntN(len(ids))] }
	words := []string{"billing", "ILL", "öl", "straße", "zebra", "production", "日", "left", "…" + one.Hint, strings.ToLower(one.Hint), one.ID.String(), one.ID.String()[:12], one.ID.String()[26:], one.ID.String()[9:21], "nothing like it"}
	return []func(*token.Filter){
		func(f *token.Filter) { f.Search = words[random.IntN(len(words))] },
		func(f *token.Filter) { f.Scope = token.Scope(1 + random.IntN(3)) },
		func(f *token.Filter) { f.Role = token.Role(1 + random.IntN(2)) },
		func(f *token.Filter) { f.Status = token.Status(1 + random.IntN(3)) },
		func(f *token.Filter) { f.Expired = true },
		func(f *token.Filter) { f.Unexpired = true },
		func(f *token.Filter) { f.Live = true },
		func(f *token.Filter) { f.AgentID = pick(append([]pfid.ID{c.id()}, c.agents...)) },
		func(f *token.Filter) { f.EnvironmentID = pick(c.environments) },
		func(f *token.Filter) { f.CreatedByAdminUserID = pick(c.members) },
		func(f *token.Filter) { f.CreatedByAPITokenID = one.CreatedByAPITokenID },
		func(f *token.Filter) { f.CreatorLeft = true },
		func(f *token.Filter) { f.DescendantsOf = pick(c.ids) },
		func(f *token.Filter) { f.ExpiresWithin = 200 * day },
		func(f *token.Filter) { f.UnusedFor = 60 * day },
		func(f *token.Filter) { f.NeverUsed = true },
		func(f *token.Filter) { f.CreatedAfter = now().Add(-200 * day) },
		func(f *token.Filter) { f.CreatedBefore = now().Add(-100 * day) },
	}
}

// walk returns all tokens of a list, part by part, by cursors or by offsets.
func (c *crowd) walk(f token.Filter, page paging.Page, byCursor bool, between func()) (list []token.Listed) {
	c.t.Helper()
	for {
		found, err := c.lists.List(c.t.Context(), c.actor.AccountID, f, page)
		if err != nil {
			c.t.Fatal(err)
		}
		if found.Before != len(list) && between == nil {
			c.t.Fatalf("%d tokens before a part that follows %d", found.Before, len(list))
		}
		list = append(list, found.Tokens...)
		if isLast := found.Before+len(found.Tokens) >= found.Total; isLast != (found.Next == "") {
			c.t.Errorf("%d tokens of %d behind %d, with the cursor %q", len(found.Tokens), found.Total, found.Before, found.Next)
		}
		if found.Next == "" {
			if len(list) != found.Total && between == nil {
				c.t.Fatalf("%d of %d tokens", len(list), found.Total)
			}
			return list
		}
		if between != nil {
			between()
		}
		if byCursor {
			page.After = found.Next
		} else {
			page.Offset += len(found.Tokens)
		}
	}
}

func TestListsHaveExactlyTheTokensThatMatchInOrder(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	c := newList(t, random, 120)
	keys := map[string]func(a, b token.Listed) int{
		"id": func(a, b token.Listed) int { return 0 }, "inserted_at": func(a, b token.Listed) int { return a.InsertedAt.Compare(b.InsertedAt) },
		"updated_at": func(a, b token.Listed) int { return a.UpdatedAt.Compare(b.UpdatedAt) }, "expires_at": func(a, b token.Listed) int { return a.ExpiresAt.Compare(b.ExpiresAt) },
		"last_used_at": func(a, b token.Listed) int { return a.LastUsedAt.Compare(b.LastUsedAt) },
		"name":         func(a, b token.Listed) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) },
		"status":       func(a, b token.Listed) int { return cmp.Compare(a.Status.String(), b.Status.String()) },
		"token_scope":  func(a, b token.Listed) int { return cmp.Compare(a.Scope.String(), b.Scope.String()) },
		"":             func(a, b token.Listed) int { return b.InsertedAt.Compare(a.InsertedAt) },
	}
	sorts := []string{"", "id", "inserted_at", "updated_at", "expires_at", "last_used_at", "name", "status", "token_scope"}
	matched := 0
	for round := range 170 {
		if round%40 == 20 { // the index follows
			c.vary(random)
			c.delete(c.ids[round%len(c.ids)])
		}
		all := c.all()
		conditions := c.conditions(random, all[random.IntN(len(all))])
		var f token.Filter
		conditions[round%len(conditions)](&f)
		if round > 50 {
			conditions[random.IntN(len(conditions))](&f)
		}
		page := paging.Page{Size: 10 + random.IntN(60), Sort: sorts[random.IntN(len(sorts))], Descending: random.IntN(2) == 0}
		want := slices.DeleteFunc(slices.Clone(all), func(t token.Listed) bool { return !c.matches(f, t, all) })
		slices.SortFunc(want, func(a, b token.Listed) int {
			order := cmp.Or(keys[page.Sort](a, b), cmp.Compare(a.ID.String(), b.ID.String()))
			if page.Sort == "" {
				order = cmp.Or(keys[""](a, b), cmp.Compare(b.ID.String(), a.ID.String()))
			} else if page.Descending {
				order = -order
			}
			return order
		})
		got := c.walk(f, page, round%2 == 0, nil)
		if !slices.EqualFunc(got, want, func(a, b token.Listed) bool { return a == b }) {
			t.Fatalf("%+v by %+v: %d tokens, want %d", f, page, len(got), len(want))
		}
		matched += len(want)
	}
	if matched < 2000 {
		t.Errorf("only %d tokens matched in all, so this compares little", matched)
	}
}

func TestACursorNeitherRepeatsNorSkipsWhileTokensComeGoAndAreUsed(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(3, 4))
	c := newList(t, random, 60)
	for round, page := range []paging.Page{{Size: 7}, {Size: 7}, {Size: 7}, {Size: 7, Sort: "name"}, {Size: 7, Sort: "last_used_at", Descending: true}, {Size: 7, Sort: "expires_at"}} {
		before := c.all()
		gone := map[pfid.ID]bool{}
		got := c.walk(token.Filter{}, page, true, func() {
			c.vary(random)
			for range 5 {
				if _, err := c.lists.Check(t.Context(), []byte(fmt.Sprint(random.IntN(len(c.ids))))); err != nil {
					t.Fatal(err)
				}
			}
			for range []int{1, 0, 4, 1, 1, 1}[round] { // fewer than come, as many, or more
				id := c.ids[random.IntN(len(c.ids))]
				gone[id] = true
				c.delete(id)
			}
		})
		seen := map[pfid.ID]int{}
		for _, listed := range got {
			seen[listed.ID]++
		}
		for _, listed := range before {
			if n := seen[listed.ID]; n > 1 || n == 0 && !gone[listed.ID] {
				t.Errorf("by %q: a token comes %d times", page.Sort, n)
			}
		}
	}
}

func TestACursorOfAnotherOrderOrNoneIsRefused(t *testing.T) {
	c := newList(t, mathrand.New(mathrand.NewPCG(5, 6)), 5)
	found, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, paging.Page{Size: 2, Sort: "name"})
	if err != nil || found.Next == "" {
		t.Fatal(found.Next, err)
	}
	for _, page := range []paging.Page{{Size: 2, After: found.Next}, {Size: 2, Sort: "name", Descending: true, After: found.Next}, {Size: 2, Sort: "name", After: "e30"}, {Size: 2, Sort: "name", After: "%"}, {Size: 2, Sort: "hint"}} {
		if _, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, page); err == nil {
			t.Errorf("%+v is listed", page)
		}
	}
}

func TestASummaryCountsWhatItsListsHold(t *testing.T) {
	c := newList(t, mathrand.New(mathrand.NewPCG(7, 8)), 200)
	for _, agent := range append([]pfid.ID{{}}, c.agents...) {
		f := token.Filter{AgentID: agent}
		sum, err := c.lists.Summarize(t.Context(), c.actor.AccountID, f)
		if err != nil {
			t.Fatal(err)
		}
		count := func(f token.Filter) int {
			f.AgentID = agent
			found, err := c.lists.List(t.Context(), c.actor.AccountID, f, paging.Page{Size: 1, Sort: "id"})
			if err != nil {
				t.Fatal(err)
			}
			return found.Total
		}
		want := token.Summary{
			Total: count(token.Filter{}), Active: count(token.Filter{Status: token.Active, Unexpired: true}), Suspended: count(token.Filter{Status: token.Suspended, Unexpired: true}),
			Expired: count(token.Filter{Expired: true}), Revoked: count(token.Filter{Status: token.Revoked}),
			Expiring: count(token.Filter{ExpiresWithin: token.SummaryExpiring}), Unused: count(token.Filter{Live: true, UnusedFor: token.SummaryUnused}),
		}
		if sum != want || sum.Total == 0 {
			t.Errorf("%+v, but the lists hold %+v", sum, want)
		}
	}
}

func TestAnIndexThatMissedTooManyChangesIsFilledAgain(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(9, 10))
	c := newList(t, random, 20)
	list := func() int { return len(c.walk(token.Filter{}, paging.Page{Size: 50, Sort: "id"}, true, nil)) }
	if n := list(); n != 20 {
		t.Fatal(n)
	}
	c.vary(random)
	c.vary(random)
	c.exec("DELETE FROM token_changes WHERE number < (SELECT MAX(number) FROM token_changes)")
	if n := list(); n != 22 {
		t.Errorf("%d tokens are listed, want 22", n)
	}
}

func TestAnIndexHoldsNothingThatIsUndone(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(11, 12))
	c := newList(t, random, 10)
	list := func(ctx context.Context) int {
		found, err := c.lists.List(ctx, c.actor.AccountID, token.Filter{}, paging.Page{Size: 50, Sort: "id"})
		if err != nil {
			t.Fatal(err)
		}
		return found.Total
	}
	undone := errors.New("undone")
	for range 2 { // with an index that is filled meanwhile, and with one that follows
		err := c.Together(t.Context(), func(ctx context.Context) error {
			return errors.Join(undone, c.change(ctx, func(tx *gorm.DB) error {
				err := tx.Exec("DELETE FROM api_tokens WHERE id = ?", c.ids[0]).Error
				if n := list(ctx); n != 10 {
					t.Errorf("%d tokens are listed before the commit, want 10", n)
				}
				return err
			}))
		})
		if n := list(t.Context()); n != 10 || !errors.Is(err, undone) {
			t.Errorf("%d tokens are listed after the change was undone (%v), want 10", n, err)
		}
	}
}

func TestTheNewestTokensNeedNoIndex(t *testing.T) {
	c := newList(t, mathrand.New(mathrand.NewPCG(13, 14)), 10)
	c.exec("ALTER TABLE token_changes RENAME TO gone") // which every index reads
	for _, page := range []paging.Page{{Size: 4}, {Size: 4, Offset: 8}, {Size: 4, Sort: "inserted_at", Descending: true}} {
		if found, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, page); err != nil || found.Total != 10 || len(found.Tokens) != min(4, 10-page.Offset) {
			t.Errorf("%+v: %d of %d tokens, %v", page, len(found.Tokens), found.Total, err)
		}
	}
	for _, size := range []int{3, 5} { // with a part that is not full, and without
		page, want := paging.Page{Size: size}, c.all()
		for before := 0; before < len(want); before += size {
			found, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, page)
			rest := want[before:min(before+size, len(want))]
			if err != nil || found.Total != len(want) || found.Before != before || !slices.EqualFunc(found.Tokens, rest, func(a, b token.Listed) bool { return a.ID == b.ID }) {
				t.Fatalf("behind %d: %d of %d tokens behind %d, %v", before, len(found.Tokens), found.Total, found.Before, err)
			}
			if page.After = found.Next; (page.After == "") != (before+size >= len(want)) {
				t.Fatalf("behind %d: the cursor is %q", before, page.After)
			}
		}
	}
	if _, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, paging.Page{Size: 4, Sort: "name"}); err == nil {
		t.Error("another list needs none either, so this shows nothing")
	}
}

func TestACursorOfAFilteredListGoesOnAtItsPlaceInTheWholeList(t *testing.T) {
	c := newList(t, mathrand.New(mathrand.NewPCG(21, 22)), 30)
	filtered, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{Scope: token.ScopeAccount}, paging.Page{Size: 2})
	if err != nil || filtered.Next == "" {
		t.Fatal(filtered.Next, err)
	}
	all := c.all()
	place := 1 + slices.IndexFunc(all, func(t token.Listed) bool { return t.ID == filtered.Tokens[1].ID })
	found, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, paging.Page{Size: 5, After: filtered.Next})
	if err != nil || place == 2 || found.Before != place || found.Tokens[0].ID != all[place].ID {
		t.Errorf("%d tokens behind %d, want them behind %d: %v", len(found.Tokens), found.Before, place, err)
	}
}

func TestATokenThatIsUsedAndChangedKeepsItsPlaceForACursor(t *testing.T) {
	c := newList(t, mathrand.New(mathrand.NewPCG(17, 18)), 20)
	c.exec("UPDATE api_tokens SET status = 'active', expires_at = ?", now().Add(day).UnixMilli())
	c.exec("UPDATE token_uses SET last_used_at = 1000 + (SELECT count(*) FROM api_tokens o WHERE o.id < t.id) FROM api_tokens t WHERE t.id = token_id")
	for _, descending := range []bool{true, false} {
		page := paging.Page{Size: 5, Sort: "last_used_at", Descending: descending}
		order := c.walk(token.Filter{}, page, true, nil)
		next := 7 // on the second page
		got := c.walk(token.Filter{}, page, true, func() {
			id := order[next].ID
			if _, err := c.lists.Check(t.Context(), []byte(fmt.Sprint(slices.Index(c.ids, id)))); err != nil {
				t.Fatal(err)
			}
			if err := c.lists.FlushUses(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			c.exec("UPDATE api_tokens SET updated_at = updated_at + 1 WHERE id = ?", id)
			next = (next + 5) % len(order)
		})
		if !slices.EqualFunc(got, order, func(a, b token.Listed) bool { return a.ID == b.ID }) {
			t.Errorf("descending %v: the pages hold %d tokens in another order", descending, len(got))
		}
	}
}

func TestATokenThatWasUsedJustNowIsFirstByLastUse(t *testing.T) {
	c := newList(t, mathrand.New(mathrand.NewPCG(23, 24)), 20)
	c.exec("UPDATE api_tokens SET status = 'active', expires_at = ?", now().Add(day).UnixMilli())
	page := paging.Page{Size: 20, Sort: "last_used_at", Descending: true}
	for range 3 {
		found, err := c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		last := found.Tokens[len(found.Tokens)-1].ID
		if _, err := c.lists.Check(t.Context(), []byte(fmt.Sprint(slices.Index(c.ids, last)))); err != nil {
			t.Fatal(err)
		}
		found, err = c.lists.List(t.Context(), c.actor.AccountID, token.Filter{NeverUsed: true}, page)
		isIn := func(t token.Listed) bool { return t.ID == last }
		if err != nil || slices.ContainsFunc(found.Tokens, isIn) {
			t.Errorf("a token that was used just now is listed as never used, %v", err)
		}
		found, err = c.lists.List(t.Context(), c.actor.AccountID, token.Filter{}, page)
		if err != nil || found.Tokens[0].ID != last {
			t.Errorf("a token that was used just now is not the first of %d, %v", len(found.Tokens), err)
		}
	}
}

func TestAListInASharedTransactionDoesNotWaitForWhoWaitsForTheTransaction(t *testing.T) {
	c := newList(t, mathrand.New(mathrand.NewPCG(19, 20)), 5)
	replaced := make(chan struct{})
	err := c.Together(t.Context(), func(ctx context.Context) error {
		go func() { // as when the disk can be written again
			c.pools.Lock()
			defer c.pools.Unlock()
			close(replaced)
		}()
		for c.pools.TryRLock() { // until it waits
			c.pools.RUnlock()
			runtime.Gosched()
		}
		_, err := c.lists.List(ctx, c.actor.AccountID, token.Filter{}, paging.Page{Size: 5, Sort: "id"})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	<-replaced
}
