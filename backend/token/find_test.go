package token

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// BenchmarkPage finds the first page of lists of a million tokens.
func BenchmarkPage(b *testing.B) {
	const tokens = 1_000_000
	ix := newIndex(0)
	ix.clear(0)
	entries := make([]Entry, tokens)
	for i := range entries {
		id := pfid.ID{0: 1, 19: 1}
		id[2], id[3], id[4] = byte(i>>16), byte(i>>8), byte(i)
		entries[i] = Entry{
			ID: id, Name: fmt.Sprintf("billing-%06d", i*7919%tokens), Hint: fmt.Sprintf("%04x", i&0xffff), Scope: ScopeAccount, Status: Status(1 + i%3),
			InsertedAt: int64(i), ExpiresAt: int64(i*31%tokens) + tokens, LastUsedAt: int64(i * 17 % tokens),
		}
	}
	for i := range entries {
		ix.add(&entries[i])
	}
	for _, c := range []struct {
		name   string
		filter Filter
		page   paging.Page
		before int // tokens before the page, which has a cursor then
	}{
		{"all", Filter{}, paging.Page{Sort: "inserted_at", Descending: true}, 0},
		{"all, page 1,000", Filter{}, paging.Page{Sort: "inserted_at", Descending: true}, 49_950},
		{"status", Filter{Status: Active}, paging.Page{Sort: "inserted_at", Descending: true}, 0},
		{"by name", Filter{}, paging.Page{Sort: "name"}, 0},
		{"by name, page 1,000", Filter{}, paging.Page{Sort: "name"}, 49_950},
		{"by last use", Filter{Status: Active}, paging.Page{Sort: "last_used_at"}, 0},
		{"search", Filter{Search: "billing-77"}, paging.Page{Sort: "inserted_at", Descending: true}, 0},
		{"search nothing", Filter{Search: "zzzzzz"}, paging.Page{Sort: "inserted_at", Descending: true}, 0},
		{"search part of an id", Filter{Search: "zzzzz7"}, paging.Page{Sort: "inserted_at", Descending: true}, 0},
		{"search letter", Filter{Search: "i"}, paging.Page{Sort: "name", Descending: true}, 0},
	} {
		var after *cursor
		if c.before > 0 {
			c.page.Size = c.before
			_, found := ix.page(ix.selected(c.filter, wanted{}, tokens), c.page, nil)
			c.page.After = found.Next
			after, _ = parseCursor(c.page)
		}
		c.page.Size = 50
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				ix.page(ix.selected(c.filter, wanted{}, tokens), c.page, after)
			}
		})
	}
}

func TestListsOfAnAccountThatWaitAreLimited(t *testing.T) {
	ix := newIndex(0)
	if err := ix.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	for range mostWaiting {
		go func() { left <- ix.take(ctx) }()
	}
	for ix.waiting.Load() < mostWaiting {
		runtime.Gosched()
	}
	if err := ix.take(t.Context()); fault.KindOf(err) != fault.TooManyRequests {
		t.Errorf("one list too many gets %v", err)
	}
	leave()
	for range mostWaiting {
		if err := <-left; err == nil {
			t.Error("a list whose client has left got a turn")
		}
	}
	ix.leave()
	if err := ix.take(t.Context()); err != nil {
		t.Errorf("in its turn: %v", err)
	}
}

func TestUsesThatWaitForAListTakeMemoryOnceForEachToken(t *testing.T) {
	all := indexes{accounts: map[uint32]*index{}}
	id := pfid.ID{19: 1}
	ix := all.of(id, 0)
	for at := range int64(10_000) {
		all.recordUses([]Use{{TokenID: id, At: at}, {TokenID: pfid.ID{19: 2}, At: 1}}, 1<<40)
	}
	if len(ix.used) != 2 || ix.used[id] != 9_999 {
		t.Errorf("%d uses wait, of one token until %d", len(ix.used), ix.used[id])
	}
}

func TestASearchFindsPartsOfIDsAlsoWithoutDigits(t *testing.T) {
	id, err := pfid.Parse("01m8fqe9spg6s4qmabcdefghjkmnpqrs")
	if err != nil {
		t.Fatal(err)
	}
	ix := newIndex(0)
	ix.clear(0)
	ix.fill([]Entry{{ID: id, Name: "Billing", Status: Active}})
	for search, want := range map[string]int{"abcdefg": 1, "hjkmnpqrs": 1, "abcdef": 0, "4qmabc": 1, "abcdefh": 0, "bill": 1} {
		if found := ix.selected(Filter{Search: search}, wanted{}, 0); len(found) != want {
			t.Errorf("%q finds %d tokens, want %d", search, len(found), want)
		}
	}
}
