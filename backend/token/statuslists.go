package token

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"tokentab/backend/fault"
)

// maxStatusLists is how many signed lists stay in memory, at most 110 KB each. The least recently requested one is
// dropped first.
const maxStatusLists = 256

// renderTimeout bounds reading and signing a list, including the wait for a slot, and how long a caller waits for a list.
const renderTimeout = 10 * time.Second

// SignedStatusList is a list ready to send. Callers must not change its bytes.
type SignedStatusList struct {
	JWT    []byte
	Gzip   []byte // JWT, compressed
	Digest string // identifies JWT
}

// statusLists keeps the signed lists.
//
// The rule that keeps them exact: a change of a token commits, is counted here, and only then gets its response. A list
// that is read while the count is n shows every change up to n. A caller gets it only if the list's last change before
// the call was number n or lower.
type statusLists struct {
	slots   chan struct{}      // bounds how many lists are read and signed at once, to leave processors to validations
	renders singleflight.Group // by number

	mu      sync.Mutex
	changes uint64         // the count
	last    map[int]uint64 // the count at the last change of a list, or of everyList
	dropped uint64         // the count when all signatures became void
	lists   map[int]*statusList
	asked   uint64 // counts requests, to order lists by the last one
}

// everyList stands for all lists, for changes of tokens whose list is unknown.
const everyList = 0

// statusList is one list, signed. Its bits never change.
type statusList struct {
	signed   SignedStatusList
	bits     statusBits
	issuedAt time.Time
	until    time.Time // when a secret in the list ends, which the bits don't show; zero for never
	changes  uint64    // the count before the store was read
	asked    uint64    // statusLists.asked at the last request
}

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

// changedIn counts a change in each of these lists. It skips everyList, here the list of a token that has none.
func (ls *statusLists) changedIn(numbers ...int) {
	for _, number := range numbers {
		if number != everyList {
			ls.changed(number)
		}
	}
}

// dropAll counts a change in every list, and makes all signatures void.
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

// saysRevoked reports whether the list in memory shows an entry as revoked. Then every later list does too. If it returns
// false, ask the store.
func (ls *statusLists) saysRevoked(entry StatusEntry) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.lists[entry.List]
	return l != nil && l.bits.get(entry.Index) == statusValues[Revoked]
}

// StatusLists returns the URIs of all lists, oldest first.
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

// StatusList returns a list by its number, from 1. It shows every change of a token that returned before the call. An
// unchanged list comes from memory, and is signed again each statusListRenewal. It returns fault.NotFound if the list
// does not exist, and fault.Unavailable if it is not ready within renderTimeout.
func (ts *Tokens) StatusList(ctx context.Context, number int) (SignedStatusList, error) {
	if ts.halted.Load() {
		return SignedStatusList{}, errHalted
	}
	if err := ts.barrier.pass(ctx); err != nil {
		return SignedStatusList{}, err
	}
	at, ls := ts.now(), ts.statusLists
	waiting, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	for change := ls.lastChange(number); ; {
		if l := ls.kept(number); l != nil && l.changes >= change && l.isFresh(at) {
			return l.signed, nil
		}
		// Other callers share the result, so it must outlive this request.
		rendered := ls.renders.DoChan(strconv.Itoa(number), func() (any, error) {
			return ts.render(context.WithoutCancel(ctx), number, at)
		})
		select {
		case r := <-rendered:
			// Try again if it got no slot, or was read before a change or an end that this caller must see.
			if l := r.Val.(*statusList); l != nil && l.changes >= change && (r.Err != nil || l.isTrue(at)) {
				return l.signed, r.Err
			}
		case <-waiting.Done():
			return SignedStatusList{}, listUnavailable(waiting.Err())
		}
	}
}

func listUnavailable(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: "The status lists can't be read right now. Try again.", RetryAfter: time.Second, Cause: cause}
}

// kept returns the list in memory, or nil.
func (ls *statusLists) kept(number int) *statusList {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.lists[number]
	if l != nil {
		ls.asked++
		l.asked = ls.asked
	}
	return l
}

// isFresh reports whether the list needs no new signature yet.
func (l *statusList) isFresh(at time.Time) bool {
	age := at.Sub(l.issuedAt)
	return age > -time.Second && age < statusListRenewal && l.isTrue(at) // a concurrent caller may have read the clock later
}

// isTrue reports whether the bits show every secret that has ended by the given instant.
func (l *statusList) isTrue(at time.Time) bool { return l.until.IsZero() || at.Before(l.until) }

// render reads and signs a list, and keeps it. After an error the list holds only the count. The list is nil if there was
// no free slot within renderTimeout.
func (ts *Tokens) render(ctx context.Context, number int, at time.Time) (l *statusList, err error) {
	ls := ts.statusLists
	l = &statusList{}
	defer func() {
		if cause := recover(); cause != nil { // this runs in its own goroutine, so a panic would end the program
			err = fmt.Errorf("token: rendering a status list panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	select {
	case ls.slots <- struct{}{}:
		defer func() { <-ls.slots }()
	case <-ctx.Done():
		return nil, listUnavailable(ctx.Err())
	}
	ls.mu.Lock()
	l.changes = ls.changes
	last, dropped := ls.lists[number], ls.dropped
	ls.mu.Unlock()
	bits := newStatusBits(StatusListSize)
	until, ok, err := ts.store.StatusList(ctx, number, at, func(index int, status Status) { bits.set(index, statusValues[status]) })
	if err != nil {
		return l, err
	}
	if !ok {
		return l, ts.renderForgotten(ctx, number, at, l)
	}
	if last != nil && last.changes >= dropped && bytes.Equal(last.bits, bits) && last.isFresh(at) {
		l.signed, l.bits, l.issuedAt = last.signed, last.bits, last.issuedAt // clients that have it get a 304
	} else if err := ts.sign(ctx, number, bits, at, l); err != nil {
		return l, err
	}
	l.until = until
	ls.keep(number, l)
	return l, nil
}

// renderForgotten signs a list that does not exist, if a restore may have forgotten it: tokens that were issued since the
// backup name it, and every one of them is refused. It keeps nothing, because callers may make up numbers. It returns
// fault.NotFound if no restore forgot any list.
func (ts *Tokens) renderForgotten(ctx context.Context, number int, at time.Time, l *statusList) error {
	forgot, err := ts.store.ForgotStatusLists(ctx)
	if err != nil {
		return err
	}
	if !forgot {
		return fault.New(fault.NotFound, "There is no such status list.")
	}
	bits := newStatusBits(StatusListSize)
	for index := range StatusListSize {
		bits.set(index, statusValues[Revoked])
	}
	return ts.sign(ctx, number, bits, at, l)
}

func (ts *Tokens) sign(ctx context.Context, number int, bits statusBits, at time.Time, l *statusList) error {
	l.bits, l.issuedAt = bits, at.UTC().Truncate(time.Second)
	lst, err := bits.encode()
	if err != nil {
		return fmt.Errorf("token: pack a status list: %w", err)
	}
	signed, err := ts.signer.SignStatusList(ctx, StatusListClaims{
		Number: number, IssuedAt: l.issuedAt, ExpiresAt: l.issuedAt.Add(StatusListLifetime), TTL: StatusListTTL, Bits: StatusListBits, List: lst,
	})
	if err != nil {
		return err
	}
	l.signed, err = readyToSend([]byte(signed))
	return err
}

// keep stores a list, and drops the least recently requested one if there are too many.
func (ls *statusLists) keep(number int, l *statusList) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.asked++
	l.asked = ls.asked
	ls.lists[number] = l
	if len(ls.lists) <= maxStatusLists {
		return
	}
	oldest := number
	for other, l := range ls.lists {
		if l.asked < ls.lists[oldest].asked {
			oldest = other
		}
	}
	delete(ls.lists, oldest)
}

func readyToSend(signed []byte) (SignedStatusList, error) {
	var packed bytes.Buffer
	// The list is already compressed; Huffman coding only undoes the expansion by base64.
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
