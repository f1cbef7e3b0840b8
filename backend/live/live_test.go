package live

import (
	"context"
	"crypto/rand"
	"math"
	"testing"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// quiet is a store in which nothing changes, and the uses that a test makes.
type quiet struct{ used func(pfid.ID, bool) }

func (*quiet) ChangesAfter(context.Context, int64, func(pfid.ID, string)) (int64, error) {
	return 0, nil
}

func (q *quiet) WatchUses(used func(pfid.ID, bool)) { q.used = used }

func newID(t *testing.T, partition uint32) pfid.ID {
	t.Helper()
	id, err := pfid.New(time.UnixMilli(1), partition, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func open(t *testing.T, h *Hub, account, session pfid.ID) *Stream {
	t.Helper()
	s, err := h.Open(t.Context(), account, session)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// looks looks that often, and returns how often the stream is told of uses.
func looks(t *testing.T, h *Hub, s *Stream, n int) (told int) {
	t.Helper()
	for range n {
		if err := h.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if kinds, _ := s.Take(); len(kinds) > 0 {
			told++
		}
	}
	return told
}

func TestTheFirstUseOfATokenIsToldAtOnceAndItsNextUsesAtAGentleRate(t *testing.T) {
	q := &quiet{}
	h := NewHub(q, q)
	s := open(t, h, newID(t, 1), newID(t, 1))
	looks(t, h, s, 1)
	first, second := newID(t, 1), newID(t, 1)
	for _, token := range []pfid.ID{first, second} {
		q.used(token, false)
		if n := looks(t, h, s, 1); n != 1 {
			t.Errorf("a first use is told %d times", n)
		}
	}
	told := 0
	for range 10 * usesEvery {
		q.used(first, false)
		told += looks(t, h, s, 1)
	}
	if told != 10 {
		t.Errorf("uses in %d looks are told %d times", 10*usesEvery, told)
	}
	q.used(first, true)
	if n := looks(t, h, s, 1); n != 1 {
		t.Errorf("a first refused use is told %d times", n)
	}
	q.used(newID(t, 2), false)
	if n := looks(t, h, s, 2*usesEvery); n != 0 {
		t.Errorf("uses in another account are told %d times", n)
	}
	s.Close()
	looks(t, h, s, 1)
	if q.used != nil || len(h.known) != 0 {
		t.Error("uses are watched though no stream is open")
	}
}

func TestABusyAgentIsToldEveryTwoSecondsAndItsLastReportToo(t *testing.T) {
	q := &quiet{}
	h := NewHub(q, q)
	account := newID(t, 1)
	h.Report(account) // without a stream
	s := open(t, h, account, newID(t, 1))
	if n := looks(t, h, s, 2*activityEvery); n != 0 {
		t.Errorf("told %d times before anything was reported", n)
	}
	h.Report(account)
	if n := looks(t, h, s, 1); n != 1 {
		t.Errorf("the first report is told %d times in the next look", n)
	}
	told := 0
	for range 10 * activityEvery {
		h.Report(account)
		told += looks(t, h, s, 1)
	}
	if told != 10 {
		t.Errorf("reports in %d looks are told %d times", 10*activityEvery, told)
	}
	h.Report(account)
	h.Report(newID(t, 2))
	if n := looks(t, h, s, 2*activityEvery); n != 1 {
		t.Errorf("the last report is told %d times", n)
	}
}

func TestTheMemoryForUsedTokensIsBounded(t *testing.T) {
	q := &quiet{}
	h := NewHub(q, q)
	s := open(t, h, newID(t, 1), newID(t, 1))
	looks(t, h, s, 1)
	token := newID(t, 1)
	for i := range mostKnown + 10 {
		token[0], token[1], token[2] = byte(i), byte(i>>8), byte(i>>16)
		q.used(token, false)
	}
	if len(h.known) != mostKnown {
		t.Errorf("%d are remembered", len(h.known))
	}
}

func TestStreamsAreLimitedForEachSessionForEachAccountAndInAll(t *testing.T) {
	for _, c := range []struct {
		name             string
		session, account func(i int) uint32 // partitions, which stand for ids
		want             int
	}{
		{"one session", func(int) uint32 { return 1 }, func(int) uint32 { return 1 }, MostOfSession},
		{"one account", func(i int) uint32 { return uint32(i) }, func(int) uint32 { return 1 }, MostOfAccount},
		{"in all", func(i int) uint32 { return uint32(i) }, func(i int) uint32 { return uint32(i) }, MostInAll},
	} {
		h := NewHub(&quiet{}, &quiet{})
		sessions := map[uint32]pfid.ID{}
		next := func(i int) (*Stream, error) {
			n := c.session(i)
			if _, ok := sessions[n]; !ok {
				sessions[n] = newID(t, n)
			}
			return h.Open(t.Context(), newID(t, c.account(i)), sessions[n])
		}
		var streams []*Stream
		for range math.MaxInt16 {
			s, err := next(len(streams))
			if err != nil {
				if fault.KindOf(err) != fault.TooManyRequests {
					t.Errorf("%s: %v", c.name, err)
				}
				break
			}
			streams = append(streams, s)
		}
		if len(streams) != c.want {
			t.Errorf("%s: %d streams, want %d", c.name, len(streams), c.want)
		}
		for range 2 { // the second time does nothing
			streams[0].Close()
		}
		if _, err := next(0); err != nil {
			t.Errorf("%s: after one has closed: %v", c.name, err)
		}
		if _, err := next(0); err == nil {
			t.Errorf("%s: one close makes room for two", c.name)
		}
		if h.Close(); len(h.audiences) == 0 {
			t.Errorf("%s: a stream must close itself", c.name)
		}
		if _, ok := streams[1].Take(); ok {
			t.Errorf("%s: a stream goes on after the hub has closed", c.name)
		}
		if _, err := h.Open(t.Context(), newID(t, 0), newID(t, 0)); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: after the hub has closed: %v", c.name, err)
		}
	}
}
