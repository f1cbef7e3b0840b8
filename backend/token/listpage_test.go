package token

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// FuzzCursor guarantees that every cursor comes back as it was, and that a text is refused or means one cursor of the
// list's order.
func FuzzCursor(f *testing.F) {
	f.Add("last_used_at", true, int64(1_772_366_400_000), []byte(nil), []byte("01234567890123456789"), int64(7), "")
	f.Add("name", false, int64(0), []byte("Invoice reader"), []byte("\xff"), int64(0), "eyJzIjoibmFtZSJ9")
	f.Add("id", false, int64(-1<<63), []byte{0xff}, []byte{1}, int64(1<<62), `{"s":"id","i":"013xrzp12g3nqk8n9205sg2saed3z4m7"}`)
	f.Fuzz(func(t *testing.T, sort string, descending bool, number int64, name, id []byte, first int64, text string) {
		was := cursor{Sort: sort, Descending: descending, Number: number, Name: name, First: first}
		copy(was.ID[:], id)
		if parsed, err := pfid.Parse(was.ID.String()); err != nil || parsed != was.ID || string([]rune(sort)) != sort {
			return // no id or no text
		}
		page := paging.Page{Sort: sort, Descending: descending, After: was.String(), Size: 3}
		c, err := parseCursor(page)
		if err != nil || c.String() != was.String() {
			t.Fatalf("%+v comes back as %+v, %v", was, c, err)
		}
		if page.Descending = !descending; !isRefused(page) {
			t.Errorf("%+v is taken in the other order", was)
		}
		for _, after := range []string{text, base64.RawURLEncoding.EncodeToString([]byte(text))} {
			page := paging.Page{Sort: sort, Descending: descending, After: after}
			c, err := parseCursor(page)
			if err != nil || c == nil {
				if err != nil && !isRefused(page) {
					t.Errorf("%q fails with %v", after, err)
				}
				continue
			}
			page.After = c.String()
			if again, err := parseCursor(page); err != nil || again.String() != c.String() {
				t.Errorf("%q means %+v and then %+v, %v", after, c, again, err)
			}
		}
	})
}

// Enough tokens that most are excluded by comparing them with the last one found.
func TestEveryPageOfALongListHoldsTheNextTokensInItsOrder(t *testing.T) {
	const tokens, size = 2000, 7
	ix := newIndex(0)
	ix.clear(0)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range tokens {
		id := pfid.ID{0: 1, 2: byte(i >> 8), 3: byte(i), 19: 1}
		ix.add(&Entry{ID: id, Name: fmt.Sprint(random.IntN(100)), Scope: ScopeAccount, Status: Active, ExpiresAt: random.Int64N(100)})
	}
	for _, sort := range []string{"name", "expires_at", "id"} {
		for _, descending := range []bool{false, true} {
			order := make([]int, tokens)
			for i := range order {
				order[i] = i
			}
			slices.SortFunc(order, func(a, b int) int {
				c := cmp.Compare(a, b)
				switch sort {
				case "name":
					c = cmp.Or(bytes.Compare(ix.name(uint32(a)), ix.name(uint32(b))), c)
				case "expires_at":
					c = cmp.Or(cmp.Compare(ix.times[expiresAt][a], ix.times[expiresAt][b]), c)
				}
				if descending {
					return -c
				}
				return c
			})
			page := paging.Page{Sort: sort, Descending: descending, Size: size}
			for before := 0; before < tokens; before += size {
				after, err := parseCursor(page)
				if err != nil {
					t.Fatal(err)
				}
				ids, found := ix.page(ix.selected(Filter{}, wanted{}, 0), page, after)
				for i, id := range ids {
					if want := ix.ids[order[before+i]]; id != want {
						t.Fatalf("by %s, descending %v: number %d is %v, want %v", sort, descending, before+i, id, want)
					}
				}
				if len(ids) != min(size, tokens-before) || found.Before != before {
					t.Fatalf("by %s, descending %v: %d tokens after %d, want them after %d", sort, descending, len(ids), found.Before, before)
				}
				page.After = found.Next
			}
		}
	}
}

func isRefused(page paging.Page) bool {
	_, err := parseCursor(page)
	return fault.KindOf(err) == fault.Validation
}
