// Package live tells open pages that something of their account has changed. A notice holds no data: the page loads again
// what it shows, with the checks of any other request.
//
// One loop serves all streams. Look reads what the audit log has gained since the last look, so it also sees what
// commands change in other processes, and the uses that validations have counted in memory. Without a stream it does
// nothing.
package live

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// LookEvery is how often the program calls Look.
const LookEvery = 500 * time.Millisecond

// Times in looks.
const (
	beatEvery      = 20 // 10 seconds
	usesEvery      = 10 // between two messages about repeated uses
	activityEvery  = 4  // between two about what agents do
	minAge, maxAge = 1200, 1800
)

// Limits of open streams, stated in docs/settings.md.
const (
	MostOfSession = 4
	MostOfAccount = 64
	MostInAll     = 256
)

// mostKnown is how many used tokens a hub remembers to tell their first uses from others.
const mostKnown = 1 << 16

// Kinds of notices that are not kinds of resources.
const (
	kindUse      = "use"      // tokens were used
	kindActivity = "activity" // agents reported instances or spans
	kindSession  = "session"  // never told: members don't see the sessions of others
)

// Store reads the audit log.
type Store interface {
	// ChangesAfter calls changed for each account, and kind of resource in it, with an event after a numbered one. It
	// returns the number of the newest event.
	ChangesAfter(ctx context.Context, number int64, changed func(account pfid.ID, kind string)) (newest int64, err error)
}

// Uses are the validations that the program counts.
type Uses interface {
	// WatchUses calls used for each token with uses that are not stored yet, and from then on before they are stored. It
	// may do so often for one token, and from several goroutines. With nil it stops.
	WatchUses(used func(token pfid.ID, refused bool))
}

// Hub holds the open streams.
type Hub struct {
	store Store
	uses  Uses

	looking sync.Mutex // held by Look, so that it tells nothing twice

	mu        sync.Mutex
	closed    bool
	last      int64                // number of the newest event that was told
	audiences map[uint32]*audience // by the partition of their account, which all ids of the account carry
	all       int
	known     map[use]struct{}
}

type use struct {
	token   pfid.ID
	refused bool
}

// audience are the streams of one account.
type audience struct {
	account   pfid.ID
	streams   map[*Stream]struct{}
	isUsed    bool // tokens were used since the last notice of uses
	isNews    bool // one of them for the first time
	ago       int  // looks since that notice
	isActive  bool // agents reported something since the last notice of activity
	activeAgo int  // looks since that notice
}

// Stream is what one page is told.
type Stream struct {
	// Woken receives when there is something to Take.
	Woken   chan struct{}
	hub     *Hub
	session pfid.ID
	of      *audience
	age     int // looks that are left
	kinds   []string
	ended   bool
}

// NewHub returns a hub without streams.
func NewHub(store Store, uses Uses) *Hub {
	return &Hub{store: store, uses: uses, audiences: map[uint32]*audience{}, known: map[use]struct{}{}}
}

// Open opens a stream for a session of an account. It tells all changes that are made after Open has returned. Beyond a
// limit it returns fault.TooManyRequests. Close the stream in the end.
func (h *Hub) Open(ctx context.Context, account, session pfid.ID) (*Stream, error) {
	newest, err := h.store.ChangesAfter(ctx, math.MaxInt64, nil)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.audiences[account.Partition()]
	if a == nil {
		a = &audience{account: account, streams: map[*Stream]struct{}{}}
	}
	same := 0
	for s := range a.streams {
		if s.session == session {
			same++
		}
	}
	switch {
	case h.closed:
		return nil, fault.New(fault.Unavailable, "The server is stopping.")
	case h.all >= MostInAll || len(a.streams) >= MostOfAccount || same >= MostOfSession:
		return nil, &fault.Error{Kind: fault.TooManyRequests, Message: "Too many pages are listening for changes. This one has to ask for them.", RetryAfter: time.Minute}
	case h.all == 0:
		h.last = newest
	}
	s := &Stream{Woken: make(chan struct{}, 1), hub: h, session: session, of: a, age: minAge + rand.IntN(maxAge-minAge)}
	a.streams[s] = struct{}{}
	h.audiences[account.Partition()] = a
	h.all++
	return s, nil
}

// Close closes the stream.
func (s *Stream) Close() {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, open := s.of.streams[s]; !open {
		return
	}
	delete(s.of.streams, s)
	if len(s.of.streams) == 0 {
		delete(h.audiences, s.of.account.Partition())
	}
	if h.all--; h.all == 0 {
		clear(h.known)
	}
}

// Take returns what has changed since the last call, as kinds of resources. None of them means that the connection needs
// a sign of life. The stream has ended if ok is false.
func (s *Stream) Take() (kinds []string, ok bool) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	kinds, s.kinds = s.kinds, nil
	return kinds, !s.ended
}

// wake is called with the hub locked.
func (s *Stream) wake(kinds ...string) {
	for _, kind := range kinds {
		if !slices.Contains(s.kinds, kind) {
			s.kinds = append(s.kinds, kind)
		}
	}
	select {
	case s.Woken <- struct{}{}:
	default: // it will take all
	}
}

// Look tells the streams what has happened since the last look.
func (h *Hub) Look(ctx context.Context) error {
	h.looking.Lock()
	defer h.looking.Unlock()
	h.mu.Lock()
	all, last := h.all, h.last
	h.mu.Unlock()
	if all == 0 {
		h.uses.WatchUses(nil)
		return nil
	}
	h.uses.WatchUses(h.used)
	h.tick()
	newest, err := h.store.ChangesAfter(ctx, last, h.changed)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = newest // lower than before if the database was replaced
	return nil
}

// changed wakes the streams of an account, also for a change that is not told: it may have ended their sessions.
func (h *Hub) changed(account pfid.ID, kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.audiences[account.Partition()]
	if a == nil {
		return
	}
	for s := range a.streams {
		if kind == kindSession {
			s.wake()
		} else {
			s.wake(kind)
		}
	}
}

// used is called with locks of the uses held, so it must not wait.
func (h *Hub) used(token pfid.ID, refused bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.audiences[token.Partition()]
	if a == nil {
		return
	}
	a.isUsed = true
	this := use{token, refused}
	if _, known := h.known[this]; !known && len(h.known) < mostKnown {
		h.known[this] = struct{}{}
		a.isNews = true
	}
}

// Report says that agents of an account reported something. Call it after it was stored.
func (h *Hub) Report(account pfid.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.audiences[account.Partition()]; a != nil {
		a.isActive = true
	}
}

// tick tells uses and activity, and wakes streams that need a sign of life or have reached their age.
func (h *Hub) tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.audiences {
		a.ago++
		tellsUse := a.isNews || a.isUsed && a.ago >= usesEvery
		if tellsUse {
			a.isUsed, a.isNews, a.ago = false, false, 0
		}
		a.activeAgo++
		tellsActivity := a.isActive && a.activeAgo >= activityEvery
		if tellsActivity {
			a.isActive, a.activeAgo = false, 0
		}
		for s := range a.streams {
			s.age--
			s.ended = s.ended || s.age <= 0
			if tellsUse {
				s.wake(kindUse)
			}
			if tellsActivity {
				s.wake(kindActivity)
			}
			if s.age%beatEvery == 0 {
				s.wake()
			}
		}
	}
}

// Close ends all streams and refuses new ones.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, a := range h.audiences {
		for s := range a.streams {
			s.ended = true
			s.wake()
		}
	}
}
