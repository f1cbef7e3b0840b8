package token

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"runtime"
	"sync"
	"time"

	"tokentab/backend/fault"
)

// maxStatusLists is how many signed lists are kept in memory, 110 KB each at the most. The one that was asked for the
// longest ago goes first.
const maxStatusLists = 256

// renderTimeout bounds how long the reading and signing of a list may take, the wait for its turn included, and how long
// anybody waits for one, which may be for two of them.
const renderTimeout = 10 * time.Second

// SignedStatusList is a list in the form that is sent. Nobody may change its bytes.
type SignedStatusList struct {
	JWT    []byte
	Gzip   []byte // the same, packed
	Digest string // of JWT; another for each other JWT
}

// statusLists keeps the signed lists.
//
// The rule that keeps them exact: whoever changes a token first commits, then counts the change, then answers. A list
// that was read from the store after the count stood at n shows every change up to n, so it may be given to whoever asked
// when the last change of that list was n or less.
type statusLists struct {
	// slots bounds how many lists are read and signed at once, so that validations get their share of the machine however
	// many ask for lists.
	slots chan struct{}

	mu      sync.Mutex
	changes uint64         // the count
	last    map[int]uint64 // what it was at the last change of a list, or of everyList
	lists   map[int]*statusList
	dropped uint64 // what the count was when all signatures became void
	asked   uint64 // counts the askings, to know which list was asked for the longest ago
}

// everyList stands for all lists, where nobody knows which one a change is in.
const everyList = 0

func newStatusLists() *statusLists {
	return &statusLists{
		slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		last:  map[int]uint64{}, lists: map[int]*statusList{},
	}
}

// changed counts a change in a list, or in everyList.
func (ls *statusLists) changed(number int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.changes++
	ls.last[number] = ls.changes
}

// dropAll counts a change in every list, and makes each be signed anew.
func (ls *statusLists) dropAll() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.changes++
	ls.last[everyList], ls.dropped = ls.changes, ls.changes
}

// lastChange returns the count at the last change that may be in a list.
func (ls *statusLists) lastChange(number int) uint64 {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return max(ls.last[number], ls.last[everyList])
}

// saysRevoked reports whether everybody who asks for the list of an entry from now on is told that its token is revoked,
// as far as the lists in memory go. That is so where the last one says it, since any other is read later; and where there
// is none, so that the store has to be read.
func (ls *statusLists) saysRevoked(entry StatusEntry) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.lists[entry.List]
	switch {
	case l == nil:
		return true
	case l.latest == nil:
		return false // one may have been read before the token ended
	}
	return l.latest.bits.get(entry.Index) == statusValues[Revoked]
}

// statusList is what is kept of one list, and the rendering of it that is under way. Guarded by statusLists.mu.
type statusList struct {
	latest  *rendering // the last that succeeded
	pending *rendering
	asked   uint64
}

// rendering is one reading and signing of a list, which all wait for whom its result suits.
type rendering struct {
	changes uint64 // the count before the store was read; set by whoever renders it
	done    chan struct{}
	err     error

	signed   SignedStatusList
	bits     statusBits // nobody may change them any more
	issuedAt time.Time
}

// StatusLists returns the addresses of all lists, the oldest first.
func (ts *Tokens) StatusLists(ctx context.Context) ([]string, error) {
	numbers, err := ts.store.StatusLists(ctx)
	if err != nil {
		return nil, err
	}
	uris := make([]string, len(numbers))
	for i, number := range numbers {
		uris[i] = ts.signer.StatusListURI(number)
	}
	return uris, nil
}

// StatusList returns the list with a number, else a fault.NotFound. Every change of a token that was answered before the
// call is in it. As long as nothing changes it is answered from memory, and signed anew each statusListRenewal.
func (ts *Tokens) StatusList(ctx context.Context, number int) (SignedStatusList, error) {
	if ts.halted.Load() {
		return SignedStatusList{}, errHalted
	}
	at, ls := ts.now(), ts.statusLists
	change := ls.lastChange(number)
	for {
		r, mine := ls.find(number, change, at)
		if mine {
			// Others may wait for it too, so it does not end with the request that asked first.
			ts.render(context.WithoutCancel(ctx), number, r, at)
		}
		if err := r.wait(ctx); err != nil {
			return SignedStatusList{}, err
		}
		if r.changes >= change {
			return r.signed, r.err
		}
		// It was read before a change that this caller has to see. The next one begins after that change.
	}
}

// wait returns when the rendering is done. Should the store hang in a way that no timeout ends, only those who read it
// stay behind, which the slots bound.
func (r *rendering) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return listUnavailable(ctx.Err())
	}
}

func listUnavailable(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: "The status lists can't be read right now. Try again.", RetryAfter: time.Second, Cause: cause}
}

// find returns the rendering to wait for. It is done already where one in memory suits; where it is mine, the caller has
// to render it.
func (ls *statusLists) find(number int, change uint64, at time.Time) (r *rendering, mine bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.lists[number]
	if l == nil {
		l = &statusList{}
		ls.lists[number] = l
	}
	ls.asked++
	l.asked = ls.asked
	switch {
	case l.latest != nil && l.latest.changes >= change && l.latest.isFresh(at):
		return l.latest, false
	case l.pending != nil:
		return l.pending, false
	}
	l.pending = &rendering{done: make(chan struct{}), err: errAborted}
	return l.pending, true
}

// isFresh reports whether a verifier that gets the list now may keep it for a while.
func (r *rendering) isFresh(at time.Time) bool {
	age := at.Sub(r.issuedAt)
	// Somebody who read the clock a moment later may have been faster.
	return age > -time.Second && age < statusListRenewal
}

// render completes a rendering and tells all who wait for it.
func (ts *Tokens) render(ctx context.Context, number int, r *rendering, at time.Time) {
	ls := ts.statusLists
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	defer func() {
		ls.mu.Lock()
		defer ls.mu.Unlock()
		defer close(r.done)
		l := ls.lists[number]
		l.pending = nil
		if r.err == nil {
			l.latest = r
		}
		ls.trim()
	}()
	select {
	case ls.slots <- struct{}{}:
		defer func() { <-ls.slots }()
	case <-ctx.Done():
	}
	ls.mu.Lock()
	r.changes = ls.changes
	ls.mu.Unlock()
	if err := ctx.Err(); err != nil {
		r.err = listUnavailable(err)
		return
	}
	r.err = ts.renderInto(ctx, number, r, at) // until then it is errAborted, for those who wait while this panics
}

func (ts *Tokens) renderInto(ctx context.Context, number int, r *rendering, at time.Time) error {
	bits := newStatusBits(StatusListSize)
	ok, err := ts.store.StatusList(ctx, number, func(index int, status Status) { bits.set(index, statusValues[status]) })
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.NotFound, "There is no such status list.")
	}
	r.bits = bits
	if last := ts.statusLists.latestOf(number); last != nil && bytes.Equal(last.bits, bits) && last.isFresh(at) {
		r.signed, r.bits, r.issuedAt = last.signed, last.bits, last.issuedAt // who has it already need not fetch it again
		return nil
	}
	r.issuedAt = at.UTC().Truncate(time.Second)
	lst, err := bits.encode()
	if err != nil {
		return fmt.Errorf("token: pack a status list: %w", err)
	}
	signed, err := ts.signer.SignStatusList(ctx, StatusListClaims{
		Number: number, IssuedAt: r.issuedAt, ExpiresAt: r.issuedAt.Add(StatusListLifetime), TTL: StatusListTTL, Bits: StatusListBits, List: lst,
	})
	if err != nil {
		return err
	}
	r.signed, err = readyToSend([]byte(signed))
	return err
}

func readyToSend(signed []byte) (SignedStatusList, error) {
	var packed bytes.Buffer
	// What is packed already, and then written in 64 characters, gets shorter by their code alone.
	w, err := gzip.NewWriterLevel(&packed, gzip.HuffmanOnly)
	if err != nil {
		return SignedStatusList{}, err
	}
	if _, err := w.Write(signed); err != nil {
		return SignedStatusList{}, err
	}
	if err := w.Close(); err != nil {
		return SignedStatusList{}, err
	}
	sum := sha256.Sum256(signed)
	return SignedStatusList{JWT: signed, Gzip: packed.Bytes(), Digest: base64.RawURLEncoding.EncodeToString(sum[:12])}, nil
}

func (ls *statusLists) latestOf(number int) *rendering {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if last := ls.lists[number].latest; last != nil && last.changes >= ls.dropped {
		return last
	}
	return nil
}

// trim drops what there is nothing of, such as a number that names no list, and then what was asked for the longest ago.
// What is under way stays.
func (ls *statusLists) trim() {
	for number, l := range ls.lists {
		if l.latest == nil && l.pending == nil {
			delete(ls.lists, number)
		}
	}
	for len(ls.lists) > maxStatusLists {
		oldest := 0
		for number, l := range ls.lists {
			if l.pending == nil && (oldest == 0 || l.asked < ls.lists[oldest].asked) {
				oldest = number
			}
		}
		if oldest == 0 {
			return
		}
		delete(ls.lists, oldest)
	}
}
