package token

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Found is one part of a list of tokens.
type Found struct {
	Tokens []Listed
	Total  int // how many tokens match
	Before int // how many of them come before Tokens
	// Next is where the list goes on, for paging.Page.After; empty at its end.
	Next string
}

// Summary counts the tokens of an account by what needs attention. A token may count several times.
type Summary struct {
	Total, Active, Suspended, Expired, Revoked int // each token is one of the four
	Expiring                                   int // live tokens that expire within SummaryExpiring
	Unused                                     int // live tokens that were unused for SummaryUnused
}

// The times of a Summary.
const (
	SummaryExpiring = 14 * 24 * time.Hour
	SummaryUnused   = 90 * 24 * time.Hour
)

// cursor is a place in a list: behind the token with an id, and what the list sorts that token by.
type cursor struct {
	Sort       string  `json:"s"`
	Descending bool    `json:"d,omitempty"`
	Number     int64   `json:"n,omitempty"`
	Name       []byte  `json:"t,omitempty"`
	ID         pfid.ID `json:"i"`
	// First is the number of the list with the first part, if it sorts by last use. The other parts have its order, so that
	// a use in between neither repeats nor skips a token.
	First int64 `json:"f,omitempty"`
	// Before is how many tokens came before the place, in the list of the newest of all; 0 if it is not known.
	Before int `json:"b,omitempty"`
}

func (c cursor) String() string {
	text, _ := json.Marshal(c) // it has no value that JSON lacks
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseCursor returns fault.Validation if after is not a cursor of a list with this order.
func parseCursor(page paging.Page) (*cursor, error) {
	if page.After == "" {
		return nil, nil
	}
	var c cursor
	text, err := base64.RawURLEncoding.DecodeString(page.After)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil || c.ID.IsZero() {
		return nil, fault.Field("pagination[after]", "must be a next_cursor of an earlier response")
	}
	if c.Sort != page.Sort || c.Descending != page.Descending {
		return nil, fault.Field("pagination[after]", "belongs to a list in another order")
	}
	return &c, nil
}

// ordered returns the page with its sort field filled in, and its cursor; nil if it begins at the start. It returns
// fault.Validation if tokens can't be sorted by the field.
func ordered(page paging.Page) (paging.Page, *cursor, error) {
	if page.Sort == "" {
		page.Sort, page.Descending = "inserted_at", true
	}
	if !slices.Contains(sorts, page.Sort) {
		return page, nil, fault.Field("sorting", "must be one of %s", strings.Join(sorts, ", "))
	}
	after, err := parseCursor(page)
	return page, after, err
}

// sorts are the wire fields that lists of tokens sort by.
var sorts = []string{"id", "inserted_at", "updated_at", "expires_at", "last_used_at", "name", "status", "token_scope"}

// key is what a list sorts a token by: a number, then its name unless that is nil, then its place. Places are in order of ids.
type key struct {
	number int64
	name   []byte
	place  int64 // twice that of the token, so that a cursor can be between two tokens
}

func compareKeys(a, b *key) int {
	switch {
	case a.number != b.number:
		return cmp.Compare(a.number, b.number)
	case a.name != nil:
		if order := bytes.Compare(a.name, b.name); order != 0 {
			return order
		}
	}
	return cmp.Compare(a.place, b.place)
}

// numbers returns what a list sorts by first, by place; nil for lists that sort by the name or the id. Statuses and scopes
// sort by their words.
func (ix *index) numbers(sort string) []int64 {
	switch sort {
	case "inserted_at":
		return ix.times[insertedAt]
	case "updated_at":
		return ix.times[updatedAt]
	case "expires_at":
		return ix.times[expiresAt]
	case "last_used_at":
		return ix.times[lastUsedAt]
	case "status":
		return ranks(ix.status, []int64{Active: 1, Revoked: 2, Suspended: 3})
	case "token_scope":
		return ranks(ix.scope, []int64{ScopeAccount: 1, ScopeAgentDeployment: 2, ScopeEnvironment: 3})
	}
	return nil
}

func ranks[T ~uint8](column []T, ranks []int64) []int64 {
	numbers := make([]int64, len(column))
	for i, value := range column {
		numbers[i] = ranks[value]
	}
	return numbers
}

// page returns the ids of one page of the tokens at the places, and fills in everything else of Found.
func (ix *index) page(places []uint32, page paging.Page, after *cursor) (ids []pfid.ID, found Found) {
	if after == nil && page.Offset >= len(places) {
		return nil, Found{Total: len(places), Before: len(places)}
	}
	numbers, byName := ix.numbers(page.Sort), page.Sort == "name"
	list := int64(0)
	if page.Sort == "last_used_at" {
		if list = ix.list; after != nil {
			list = after.First
			numbers = ix.lastUsesOf(list)
		}
		ix.lastCursor = ix.now
	}
	first := firstKeys{most: page.Offset + page.Size, sign: 1}
	if page.Descending {
		first.sign = -1
		slices.Reverse(places) // what comes first is usually met first then, because ids are in order of time
	}
	var start *key
	if after != nil {
		at, exact := ix.find(after.ID)
		start = &key{after.Number, after.Name, int64(2*at - 1)}
		if exact {
			start.place++
		}
	}
	var k key
	for _, at := range places {
		k.place = 2 * int64(at)
		if numbers != nil {
			k.number = numbers[at]
		} else if byName {
			k.name = ix.name(at)
		}
		switch {
		case first.excludes(&k): // nearly all, once enough are found; what it excludes is not before the start either
		case start != nil && first.sign*compareKeys(&k, start) <= 0:
			found.Before++
		default:
			first.add(&k)
		}
	}
	keys := first.sorted()
	skipped := min(page.Offset, len(keys))
	keys = keys[skipped:]
	found.Total, found.Before = len(places), found.Before+skipped
	for _, k := range keys {
		ids = append(ids, ix.ids[k.place/2])
	}
	if len(keys) > 0 && found.Before+len(keys) < found.Total {
		last := keys[len(keys)-1]
		found.Next = cursor{Sort: page.Sort, Descending: page.Descending, Number: last.number, Name: last.name, ID: ix.ids[last.place/2], First: list}.String()
	}
	return ids, found
}

// firstKeys keeps the first keys, at most most of them, of those that are added. Twice as many wait to be sorted, so
// adding one takes constant time on average.
type firstKeys struct {
	most  int
	sign  int // -1 for the opposite order
	keys  []key
	isCut bool
	last  key // if isCut, a key from here on is not among the first
}

func (f *firstKeys) add(k *key) {
	if f.keys = append(f.keys, *k); len(f.keys) >= 2*f.most+64 {
		f.sorted()
	}
}

// excludes reports whether enough keys are known that come before this one.
func (f *firstKeys) excludes(k *key) bool { return f.isCut && f.sign*compareKeys(k, &f.last) >= 0 }

// sorted returns the first keys in order.
func (f *firstKeys) sorted() []key {
	slices.SortFunc(f.keys, func(a, b key) int { return f.sign * compareKeys(&a, &b) })
	if len(f.keys) > f.most {
		f.keys = f.keys[:f.most]
		f.isCut, f.last = true, f.keys[f.most-1]
	}
	return f.keys
}

// summary counts the tokens at the places.
func (ix *index) summary(places []uint32, now int64) (sum Summary) {
	soon, since := now+SummaryExpiring.Milliseconds(), now-SummaryUnused.Milliseconds()
	for _, at := range places {
		expires := ix.times[expiresAt][at]
		if !sum.add(ix.status[at], expires, now) {
			continue
		}
		if expires <= soon {
			sum.Expiring++
		}
		if ix.times[insertedAt][at] <= since && ix.times[lastUsedAt][at] <= since {
			sum.Unused++
		}
	}
	return sum
}

// add counts a token by its state and reports whether it is live. Times are in Unix milliseconds.
func (s *Summary) add(status Status, expires, now int64) (isLive bool) {
	s.Total++
	switch {
	case status == Revoked:
		s.Revoked++
	case expires <= now:
		s.Expired++
	case status == Suspended:
		s.Suspended++
	default:
		s.Active++
	}
	return status != Revoked && expires > now
}
