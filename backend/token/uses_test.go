package token

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"tokentab/backend/pfid"
)

// disk keeps uses like the store, and fails on demand.
type disk struct {
	Store
	rows map[pfid.ID]StoredUse
	last map[int64]int64 // by writer

	batches [][]Use // each batch that was written
	seen    []Seen  // in order
	before  func()  // called before each batch
	fails   func() bool
	unsure  func() bool // whether a batch that is written returns an error all the same
}

var errDisk = errors.New("the disk is full")

func newDisk() *disk {
	never := func() bool { return false }
	return &disk{rows: map[pfid.ID]StoredUse{}, last: map[int64]int64{}, before: func() {}, fails: never, unsure: never}
}

func (d *disk) RecordUses(_ context.Context, batch UseBatch) error {
	if d.before(); d.fails() {
		return errDisk
	}
	if batch.Number == d.last[batch.Writer] {
		return nil
	}
	d.last[batch.Writer] = batch.Number
	d.batches = append(d.batches, batch.Uses)
	for _, use := range batch.Uses {
		row := d.rows[use.TokenID].clone()
		row.Add(&use, 0, batch.At)
		d.rows[use.TokenID] = row
	}
	if d.unsure() {
		return errDisk
	}
	return nil
}

func (s StoredUse) clone() StoredUse {
	s.History = History{slices.Clone(s.History.Hours), slices.Clone(s.History.Days), slices.Clone(s.History.Clients), s.History.Secrets}
	return s
}

func (d *disk) Uses(_ context.Context, _ []pfid.ID, writer int64) (StoredUses, error) {
	rows := map[pfid.ID]StoredUse{}
	for id, row := range d.rows {
		rows[id] = row.clone()
	}
	return StoredUses{Batch: d.last[writer], Tokens: rows}, nil
}

func (d *disk) RecordSeen(_ context.Context, seen []Seen, _ int64) error {
	if d.fails() {
		return errDisk
	}
	d.seen = append(d.seen, seen...)
	return nil
}

func (d *disk) Token(_ context.Context, _, id pfid.ID) (Listed, error) {
	return Listed{Token: Token{ID: id, LastUsedAt: timeOf(d.rows[id].At)}}, nil
}

// usesOver returns tokens over a disk, and a function that counts a use of the nth token.
func usesOver(t *testing.T, d *disk, tokens int, at *time.Time) (ts *Tokens, all []State, use func(n int)) {
	t.Helper()
	ts = New(d, nil, newCache(t, 100), Lifetimes{}, func() time.Time { return *at }, nil)
	for n := range tokens {
		all = append(all, stateN(t, n))
	}
	return ts, all, func(n int) { ts.uses.count(&all[n], at.UnixMilli(), true) }
}

// counted returns how many accepted uses of a token are known.
func counted(t *testing.T, ts *Tokens, id pfid.ID) (n int) {
	t.Helper()
	usages, err := ts.Usages(t.Context(), []Listed{{Token: Token{ID: id}}})
	if err != nil {
		t.Fatal(err)
	}
	return total(usages[0].History)
}

func total(h History) (n int) {
	for _, day := range h.Days {
		n += int(day.Accepted)
	}
	return n
}

func shown(t *testing.T, ts *Tokens, id pfid.ID) int64 {
	t.Helper()
	found, err := ts.Get(t.Context(), pfid.ID{}, id)
	if err != nil {
		t.Fatal(err)
	}
	if found.LastUsedAt.IsZero() {
		return 0
	}
	return found.LastUsedAt.UnixMilli()
}

func TestPromise6NoFlushThatSucceededIsLostWhateverFailsBeforeOrAfter(t *testing.T) {
	const tokens = 20
	for seed := range uint64(40) {
		random := mathrand.New(mathrand.NewPCG(seed, 0))
		d, at := newDisk(), time.UnixMilli(5_000_000_000)
		ts, all, use := usesOver(t, d, tokens, &at)
		used, flushed := [tokens]int64{}, [tokens]int64{}
		uses, flushedUses := [tokens]int{}, [tokens]int{}
		for step := range 200 {
			at = at.Add(time.Duration(1+random.IntN(5)) * time.Second)
			failing, unsure := random.IntN(3) == 0, random.IntN(3) == 0
			d.fails = func() bool { return failing && random.IntN(2) == 0 }
			d.unsure = func() bool { return unsure && random.IntN(2) == 0 }
			switch what := random.IntN(40); {
			case what < 18:
				n := random.IntN(tokens)
				used[n] = at.UnixMilli()
				uses[n]++
				use(n)
			case what < 34:
				if ts.FlushUses(t.Context(), func() {}) == nil {
					flushed, flushedUses = used, uses
				}
			case what < 36:
				ts.settleUses(t.Context())
			case what < 39:
				at = at.Add(time.Minute)
			default: // a crash
				for n := range all {
					used[n], uses[n] = d.rows[all[n].TokenID].At, total(d.rows[all[n].TokenID].History)
				}
				flushed, flushedUses = used, uses
				ts.uses = newPendingUses(tokens)
			}
			for n := range all {
				if row := d.rows[all[n].TokenID]; row.At < flushed[n] || total(row.History) < flushedUses[n] {
					t.Fatalf("seed %d, step %d: a crash would leave %d and %d uses of token %d, and %d and %d were flushed", seed, step, row.At, total(row.History), n, flushed[n], flushedUses[n])
				}
				if got := shown(t, ts, all[n].TokenID); got != used[n] {
					t.Fatalf("seed %d, step %d: token %d is shown as used at %d, and was at %d", seed, step, n, got, used[n])
				}
				if got := counted(t, ts, all[n].TokenID); got != uses[n] {
					t.Fatalf("seed %d, step %d: %d uses of token %d are counted, want %d", seed, step, got, n, uses[n])
				}
			}
		}
		d.fails, d.unsure = func() bool { return false }, func() bool { return false }
		if err := ts.FlushUses(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for n := range all {
			if row := d.rows[all[n].TokenID]; row.At != used[n] || total(row.History) != uses[n] {
				t.Fatalf("seed %d: the row of token %d says %d and %d uses, want %d and %d", seed, n, row.At, total(row.History), used[n], uses[n])
			}
		}
	}
}

func TestPromise6AUseIsShownBeforeWhileAndAfterItIsWritten(t *testing.T) {
	const tokens = 500
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts, all, use := usesOver(t, d, tokens, &at)
	shows := func(when string) {
		t.Helper()
		for n := range all {
			if got := shown(t, ts, all[n].TokenID); got != at.UnixMilli() {
				t.Fatalf("%s: last used at %d, want %d", when, got, at.UnixMilli())
			}
		}
	}
	for n := range all {
		use(n)
	}
	shows("before")
	d.before = func() { shows("while it is written") }
	calls := 0
	d.fails = func() bool { calls++; return calls > 1 }
	if err := ts.FlushUses(t.Context(), func() {}); err == nil || calls != 2 {
		t.Fatalf("%d statements, and a flush that failed says that it did not", calls)
	}
	shows("after a statement that failed")
	at = at.Add(time.Hour)
	for n := range all {
		use(n)
	}
	shows("used again")
	d.fails = func() bool { return false }
	if err := ts.FlushUses(t.Context(), func() {}); err != nil || ts.uses.size() != 0 {
		t.Fatalf("%v, %d uses are left", err, ts.uses.size())
	}
	shows("written")
}

func TestOfSeveralUsesOfATokenTheLastIsWrittenOnce(t *testing.T) {
	const tokens = 500
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts, all, use := usesOver(t, d, tokens, &at)
	for range 3 {
		at = at.Add(time.Second)
		for n := range all {
			use(n)
		}
	}
	if err := ts.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	written := slices.Concat(d.batches...)
	for _, use := range written {
		if use.At != at.UnixMilli() || use.Accepted != 3 {
			t.Fatalf("%d uses until %d were written, not 3 until the last", use.Accepted, use.At)
		}
	}
	if len(written) != tokens || len(d.rows) != tokens {
		t.Errorf("%d uses of %d tokens were written", len(written), len(d.rows))
	}
}

func TestUsesAreWrittenInTheOrderOfTheirRowsAndFewAtATime(t *testing.T) {
	const tokens = 3000
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts, all, use := usesOver(t, d, tokens, &at)
	for n := range all {
		use(n)
	}
	rests, most := 0, 0
	if err := ts.FlushUses(t.Context(), func() { rests++ }); err != nil {
		t.Fatal(err)
	}
	for _, statement := range d.batches {
		most = max(most, len(statement))
	}
	written := slices.Concat(d.batches...)
	inOrder := slices.IsSortedFunc(written, func(a, b Use) int { return slices.Compare(a.TokenID[:], b.TokenID[:]) })
	if len(written) != tokens || !inOrder || most > usesAtOnce || rests < tokens/usesAtOnce {
		t.Errorf("%d uses, in order: %v, %d at once, %d rests", len(written), inOrder, most, rests)
	}
}

func TestAnAgentInConstantUseIsWrittenAtOnceAndThenOnceAMinute(t *testing.T) {
	const began, minutes = 1_000_000_000, 5
	d, at := newDisk(), time.UnixMilli(began)
	ts, all, use := usesOver(t, d, 1, &at)
	flush := func(rest func()) {
		t.Helper()
		if err := ts.FlushUses(t.Context(), rest); err != nil {
			t.Fatal(err)
		}
	}
	flushes := 0
	for ; at.UnixMilli() <= began+minutes*seenEvery; at = at.Add(3 * time.Second) {
		use(0)
		flush(func() {})
		flushes++
	}
	at = at.Add(-1500 * time.Millisecond)
	use(0)
	flush(nil) // as at a stop
	var seen []int64
	for _, s := range d.seen {
		if s.AgentID != all[0].AgentID {
			t.Fatal("another agent was seen")
		}
		seen = append(seen, s.At-began)
	}
	if want := []int64{0, 60_000, 120_000, 180_000, 240_000, 300_000, 301_500}; !slices.Equal(seen, want) {
		t.Errorf("seen was written at %v ms, want %v", seen, want)
	}
	if len(d.batches) != flushes+1 {
		t.Errorf("its last use was written %d times in %d flushes", len(d.batches), flushes+1)
	}
}

func TestAnAgentThatIsNotUsedAnyMoreIsWrittenToTheEndAndForgotten(t *testing.T) {
	d, at := newDisk(), time.UnixMilli(1_000_000_000)
	ts, _, use := usesOver(t, d, 1, &at)
	use(0)
	if err := ts.FlushUses(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	at = at.Add(30 * time.Second)
	use(0)
	last := at.UnixMilli()
	for range 60 {
		if err := ts.FlushUses(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
		at = at.Add(3 * time.Second)
	}
	if n := len(d.seen); n != 2 || d.seen[n-1].At != last || len(ts.uses.seen) != 0 {
		t.Errorf("written %d times, the last at %d, want 2 and %d; %d agents are remembered", n, d.seen[n-1].At, last, len(ts.uses.seen))
	}
}

func TestAUseByAClockThatWasAheadHidesNoLaterOne(t *testing.T) {
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	ts, all, use := usesOver(t, d, 1, &at)
	right := at
	for _, flushed := range []bool{false, true} {
		at = right.AddDate(1, 0, 0)
		use(0)
		if flushed {
			if err := ts.FlushUses(t.Context(), func() {}); err != nil {
				t.Fatal(err)
			}
		}
		right = right.Add(time.Minute)
		at = right
		use(0)
		if got := shown(t, ts, all[0].TokenID); got != right.UnixMilli() {
			t.Errorf("flushed %v: last used at %d, want %d", flushed, got, right.UnixMilli())
		}
		if err := ts.FlushUses(t.Context(), func() {}); err != nil || d.rows[all[0].TokenID].At != right.UnixMilli() {
			t.Errorf("flushed %v: %v, the row says %d, want %d", flushed, err, d.rows[all[0].TokenID].At, right.UnixMilli())
		}
	}
}

func TestUsesThatCannotBeWrittenTakeNoMoreThanTheirRoom(t *testing.T) {
	d, at := newDisk(), time.UnixMilli(5_000_000_000)
	d.fails = func() bool { return true }
	ts, _, _ := usesOver(t, d, 0, &at)
	const room = pendingShards * pendingPerShard
	var id pfid.ID
	for n := range 2 * room {
		id[0], id[1], id[2], id[pfid.Size-1] = byte(n>>16), byte(n>>8), byte(n), byte(n)
		s := State{TokenID: id}
		ts.uses.count(&s, at.UnixMilli(), true)
		ts.uses.recordAddress(&s, at.UnixMilli(), true, netip.IPv6Loopback())
	}
	addresses := 0
	for i := range ts.uses.shards {
		addresses += int(ts.uses.shards[i].clients.used)
	}
	if n := ts.uses.size(); n > room || addresses > room {
		t.Errorf("%d uses are kept, and there is room for %d", n, room)
	}
}

func TestUsesOfTokensWhoseIdsDifferLittleAreFoundAsFast(t *testing.T) {
	at := time.UnixMilli(5_000_000_000)
	ts, _, _ := usesOver(t, newDisk(), 0, &at)
	const tokens = 64_000
	for n := range tokens {
		var s State
		copy(s.TokenID[:], fmt.Sprintf("%020d", n))
		ts.uses.count(&s, at.UnixMilli(), true)
	}
	steps := 0
	for i := range ts.uses.shards {
		shard := &ts.uses.shards[i]
		if n := int(shard.entries.used); n < tokens/pendingShards/2 || n > tokens/pendingShards*2 {
			t.Errorf("shard %d has %d of %d uses", i, n, tokens)
		}
		for n := uint32(1); n <= shard.entries.used; n++ {
			hash := hashOfUse(&shard.entries.at(n).token)
			for at := hash; shard.numbers.numberAt(at) != n; at++ {
				steps++
			}
		}
	}
	if steps > 3*tokens {
		t.Errorf("%d steps to find %d uses", steps, tokens)
	}
}

func TestPromise6AShownUseNeverMovesBackWhileTokensAreUsedAndFlushed(t *testing.T) {
	const tokens, uses = 8, 2000
	d := newDisk()
	at := time.UnixMilli(5_000_000_000)
	ts, all, _ := usesOver(t, d, tokens, &at)
	done := make(chan struct{})
	var users, others sync.WaitGroup
	for n := range all {
		users.Go(func() {
			for i := range int64(uses) {
				use := at.UnixMilli() + i
				ts.uses.count(&all[n], use, true)
				if got := ts.uses.lastOf(all[n].TokenID, ts.latest()); got != 0 && got != use {
					t.Errorf("token %d is shown as used at %d, and was at %d", n, got, use)
					return
				}
			}
		})
	}
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := ts.FlushUses(t.Context(), func() {}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	users.Wait()
	close(done)
	others.Wait()
	if err := ts.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for n := range all {
		if row := d.rows[all[n].TokenID]; row.At != at.UnixMilli()+uses-1 || total(row.History) != uses {
			t.Errorf("the last of %d uses of token %d is written as %d, want %d of %d", total(row.History), n, row.At, at.UnixMilli()+uses-1, uses)
		}
	}
}
