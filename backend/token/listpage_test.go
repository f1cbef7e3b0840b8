package token

import (
	"encoding/base64"
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

func isRefused(page paging.Page) bool {
	_, err := parseCursor(page)
	return fault.KindOf(err) == fault.Validation
}
