package token

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"tokentab/backend/pfid"
)

// disk keeps uses as the store does, and fails when it is told to.
type disk struct {
	Store
	pieces map[int64][]Use
	rows   map[pfid.ID]int64
	fails  func() bool
	noted  func() // called for each piece
}

var errDisk = errors.New("the disk is full")

func newDisk() *disk {
	return &disk{pieces: map[int64][]Use{}, rows: map[pfid.ID]int64{}, fails: func() bool { return false }, noted: func() {}}
}

func (d *disk) lastPiece() (last int64) {
	for number := range d.pieces {
		last = max(last, number)
	}
	return last
}

func (d *disk) NoteUses(_ context.Context, uses []Use) (int64, error) {
	if d.noted(); d.fails() {
		return 0, errDisk
	}
	number := d.lastPiece() + 1
	d.pieces[number] = slices.Clone(uses)
	return number, nil
}

func (d *disk) NotedUses(context.Context) (uses []Use, last int64, err error) {
	if d.fails() {
		return nil, 0, errDisk
	}
	for _, piece := range d.pieces {
		uses = append(uses, piece...)
	}
	return uses, d.lastPiece(), nil
}

func (d *disk) DropNotedUses(_ context.Context, last int64) error {
	if d.fails() {
		return errDisk
	}
	for number := range d.pieces {
		if number <= last {
			delete(d.pieces, number)
		}
	}
	return nil
}

func (d *disk) RecordUses(_ context.Context, uses []Use, _ int64) error {
	if d.fails() {
		return errDisk
	}
	for _, use := range uses {
		d.rows[use.TokenID] = max(d.rows[use.TokenID], use.At)
	}
	return nil
}

func (d *disk) RecordSeen(context.Context, []Use, int64) error {
	if d.fails() {
		return errDisk
	}
	return nil
}

// holds is the last use of a token that a crash would leave.
func (d *disk) holds(id pfid.ID) int64 {
	at := d.rows[id]
	for _, piece := range d.pieces {
		for _, use := range piece {
			if use.TokenID == id {
				at = max(at, use.At)
			}
		}
	}
	return at
}

func TestPromise6NoFlushThatSucceededIsLostWhateverFailsBeforeOrAfter(t *testing.T) {
	const tokens = 20
	all := make([]Standing, tokens)
	for n := range all {
		all[n] = standingN(t, n)
	}
	for seed := range uint64(40) {
		random := mathrand.New(mathrand.NewPCG(seed, 0))
		d, at := newDisk(), time.UnixMilli(5_000_000_000)
		start := func() *Tokens {
			ts := New(d, nil, newCache(t, 100), Lifetimes{}, func() time.Time { return at }, nil)
			_ = ts.RecallUses(t.Context()) // the flush tries again
			return ts
		}
		ts := start()
		used, flushed := [tokens]int64{}, [tokens]int64{}
		for step := range 200 {
			at = at.Add(time.Duration(1+random.IntN(5)) * time.Second)
			failing := random.IntN(3) == 0
			d.fails = func() bool { return failing && random.IntN(2) == 0 }
			switch what := random.IntN(40); {
			case what < 18:
				n := random.IntN(tokens)
				used[n] = at.UnixMilli()
				ts.cache.Use(hashN(n), &all[n], used[n])
			case what < 32:
				if ts.FlushUses(t.Context(), func() {}) == nil {
					flushed = used
				}
			case what < 34:
				if ts.KeepUses(t.Context()) == nil {
					flushed = used
				}
			case what < 36:
				ts.settle(t.Context())
			case what < 39:
				at = at.Add(rowsEvery)
			default:
				used = flushed // at the least
				for n := range all {
					used[n] = max(used[n], d.holds(all[n].TokenID))
				}
				ts = start()
			}
			for n := range all {
				if got := d.holds(all[n].TokenID); got < flushed[n] {
					t.Fatalf("seed %d, step %d: a crash would leave %d of token %d, and %d was flushed", seed, step, got, n, flushed[n])
				}
				shown := max(ts.lastUse(hashN(n), all[n].TokenID), d.rows[all[n].TokenID])
				if !ts.taken.recalls && shown != used[n] {
					t.Fatalf("seed %d, step %d: token %d is shown as used at %d, and was at %d", seed, step, n, shown, used[n])
				}
			}
		}
		d.fails = func() bool { return false }
		if err := ts.FlushUses(t.Context(), nil); err != nil || len(d.pieces) != 0 {
			t.Fatalf("seed %d: %v, and %d pieces are left", seed, err, len(d.pieces))
		}
		for n := range all {
			if got := d.rows[all[n].TokenID]; got != used[n] {
				t.Fatalf("seed %d: the row of token %d says %d, and it was used at %d", seed, n, got, used[n])
			}
		}
	}
}

func TestPiecesDoNotAddUpWhileRowsCannotBeWritten(t *testing.T) {
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts := New(rowless{d}, nil, newCache(t, 100), Lifetimes{}, func() time.Time { return at }, nil)
	s := standingN(t, 1)
	for range 1000 {
		ts.cache.Use(hashN(1), &s, at.UnixMilli())
		if err := ts.FlushUses(t.Context(), func() {}); err == nil {
			t.Fatal("it says that it did not fail")
		}
		at = at.Add(3 * time.Second)
	}
	if len(d.pieces) > 1 {
		t.Errorf("there are %d pieces", len(d.pieces))
	}
}

func TestPromise6AStopKeepsUsesForWhoseRowsItHasNoTime(t *testing.T) {
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts := New(rowless{d}, nil, newCache(t, 100), Lifetimes{}, func() time.Time { return at }, nil)
	s := standingN(t, 1)
	for range 3 {
		at = at.Add(time.Minute)
		ts.cache.Use(hashN(1), &s, at.UnixMilli())
		_ = ts.FlushUses(t.Context(), nil) // gets stuck
		at = at.Add(time.Minute)
		ts.cache.Use(hashN(1), &s, at.UnixMilli())
		if err := ts.KeepUses(t.Context()); err != nil || d.holds(s.TokenID) != at.UnixMilli() {
			t.Fatalf("%v, the use at %d is kept as %d", err, at.UnixMilli(), d.holds(s.TokenID))
		}
	}
}

// rowless is a disk on which no row can be written.
type rowless struct{ *disk }

func (rowless) RecordUses(context.Context, []Use, int64) error { return errDisk }

func TestUsesAreKeptMeanwhileHoweverManyAgentsWereSeen(t *testing.T) {
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts := New(d, nil, newCache(t, 100_000), Lifetimes{}, func() time.Time { return at }, nil)
	all := make([]Standing, 8000)
	for n := range all {
		all[n] = standingN(t, n)
	}
	gap, last := time.Duration(0), at
	d.noted = func() { gap, last = max(gap, at.Sub(last)), at }
	for range 25 {
		for n := range all {
			ts.cache.Use(hashN(n), &all[n], at.UnixMilli())
		}
		err := ts.FlushUses(t.Context(), func() {
			at = at.Add(7 * time.Millisecond) // which ten rows may take on a busy core
			ts.cache.Use(hashN(0), &all[0], at.UnixMilli())
		})
		if err != nil {
			t.Fatal(err)
		}
		at = at.Add(3 * time.Second)
	}
	if gap > 3*time.Second+2*rowsTurn+time.Second {
		t.Errorf("nothing was kept for %s", gap)
	}
}

func TestPiecesAreDroppedAlsoAfterOneThatCouldNotBeWritten(t *testing.T) {
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts := New(d, nil, newCache(t, 100), Lifetimes{}, func() time.Time { return at }, nil)
	s := standingN(t, 1)
	for _, fails := range []bool{false, false, true} { // the first brings the use to its row, too
		ts.cache.Use(hashN(1), &s, at.UnixMilli())
		d.fails = func() bool { return fails }
		if err := ts.FlushUses(t.Context(), func() {}); (err != nil) != fails {
			t.Fatal(err)
		}
		at = at.Add(3 * time.Second)
	}
	d.fails = func() bool { return false }
	ts.settle(t.Context())
	if len(d.pieces) != 0 || d.rows[s.TokenID] == 0 {
		t.Errorf("%d pieces are left", len(d.pieces))
	}
}
