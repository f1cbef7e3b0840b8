package token

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// logOf is a log in memory. Each look tells begun, and waits for proceed, if they are set.
type logOf struct {
	mu      sync.Mutex
	part    LogPart // all of it
	fails   error
	looks   atomic.Int64
	begun   chan struct{}
	proceed chan struct{}
}

func newLog() *logOf {
	return &logOf{part: LogPart{Lineage: "1", Oldest: 1, Marks: []Mark{{1, "1"}}, Changes: make([]LoggedChange, 1)}}
}

func (l *logOf) add(tag int, c LoggedChange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part.Marks = append(l.part.Marks, Mark{l.part.Marks[len(l.part.Marks)-1].Number + 1, strconv.Itoa(tag)})
	l.part.Changes = append(l.part.Changes, c)
}

func (l *logOf) ChangesFrom(ctx context.Context, from Mark) (LogPart, error) {
	l.looks.Add(1)
	l.mu.Lock()
	part, fails := LogPart{Lineage: l.part.Lineage, Oldest: l.part.Oldest}, l.fails
	for i, mark := range l.part.Marks {
		if mark.Number >= max(from.Number, part.Oldest) {
			part.Marks, part.Changes = append(part.Marks, mark), append(part.Changes, l.part.Changes[i])
		}
	}
	l.mu.Unlock()
	if l.begun != nil {
		l.begun <- struct{}{}
		select {
		case <-l.proceed:
		case <-ctx.Done():
			return LogPart{}, ctx.Err()
		}
	}
	return part, fails
}

// following returns a barrier, and a function that returns what it applied since the last call; nil for a reset.
func following(log ChangeLog, limit time.Duration) (*barrier, func() [][]LoggedChange) {
	var mu sync.Mutex
	var all [][]LoggedChange
	note := func(changes []LoggedChange) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, changes)
	}
	return &barrier{log: log, limit: limit, apply: note, reset: func() { note(nil) }, tell: func(error) {}}, func() [][]LoggedChange {
		mu.Lock()
		defer mu.Unlock()
		took := all
		all = nil
		return took
	}
}

func TestAValidationWaitsForALookThatStartsAfterItArrived(t *testing.T) {
	log := newLog()
	log.begun, log.proceed = make(chan struct{}), make(chan struct{})
	b, _ := following(log, time.Minute)
	answers := make(chan int, 3)
	arrive := func(who int) {
		b.mu.Lock()
		l := b.join()
		b.mu.Unlock()
		go func() {
			<-l.done
			answers <- who
		}()
	}
	arrive(1)
	<-log.begun // it has read the log
	arrive(2)
	arrive(3)
	log.proceed <- struct{}{}
	if who := <-answers; who != 1 {
		t.Fatalf("validation %d joined a look that had read the log before it arrived", who)
	}
	<-log.begun
	log.proceed <- struct{}{}
	if sum := <-answers + <-answers; sum != 5 {
		t.Errorf("not the other two were answered: %d", sum)
	}
	if looks := log.looks.Load(); looks != 2 {
		t.Errorf("%d looks for three validations", looks)
	}
}

func TestALookAppliesWhatCameSinceTheLastOne(t *testing.T) {
	log := newLog()
	b, took := following(log, time.Minute)
	pass := func() {
		t.Helper()
		if err := b.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	pass()
	if all := took(); len(all) != 1 || all[0] != nil {
		t.Errorf("the first look did %v, want a reset", all)
	}
	pass()
	if all := took(); len(all) != 1 || len(all[0]) != 0 {
		t.Errorf("a look without news did %v", all)
	}
	one, two := LoggedChange{Token: pfid.ID{1}}, LoggedChange{Of: pfid.ID{2}}
	log.add(2, one)
	log.add(3, two)
	pass()
	if all := took(); len(all) != 1 || len(all[0]) != 2 || all[0][0] != one || all[0][1] != two {
		t.Errorf("a look with two changes applied %v", all)
	}
	// The log drops its oldest changes, also some that this copy has not seen.
	for tag := range 5 {
		log.add(10+tag, one)
	}
	log.part.Oldest = 5
	pass()
	if all := took(); len(all) != 1 || all[0] != nil {
		t.Errorf("a look behind the end of the log did %v, want a reset", all)
	}
}

func TestAHistoryThatLostChangesIsRefusedUntilSomeoneAcceptsIt(t *testing.T) {
	shorten := func(p *LogPart) { p.Marks, p.Changes = p.Marks[:2], p.Changes[:2] }
	for name, damage := range map[string]func(*LogPart){
		"shorter":              shorten,
		"shorter, and at rest": shorten,
		"as long":              func(p *LogPart) { p.Marks[2].Tag = "99" },
		"without a change":     func(p *LogPart) { p.Marks[2].Number++ },
	} {
		log := newLog()
		b, took := following(log, time.Minute)
		log.add(2, LoggedChange{})
		log.add(3, LoggedChange{})
		if err := b.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		took()
		damage(&log.part)
		for range 2 {
			if err := b.pass(t.Context()); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("%s: %v", name, err)
			}
			if name != "shorter, and at rest" {
				log.add(50, LoggedChange{}) // going on does not make up for it
			}
		}
		if all := took(); len(all) != 1 || all[0] != nil {
			t.Errorf("%s: did %v, want one reset", name, all)
		}
		log.part.Lineage = "2"
		for range 3 {
			if err := b.pass(t.Context()); err != nil {
				t.Errorf("%s, accepted: %v", name, err)
			}
		}
		if all := took(); len(all) != 3 || all[0] != nil || all[2] == nil {
			t.Errorf("%s, accepted: did %v, want a reset, and then what is new", name, all)
		}
	}
}

func TestALogWithoutChangesHasLostNone(t *testing.T) {
	log := newLog()
	first := log.part.Marks
	log.part.Marks = nil
	b, took := following(log, time.Minute)
	for _, marks := range [][]Mark{nil, nil, first, first} {
		log.part.Marks = marks
		if err := b.pass(t.Context()); err != nil {
			t.Errorf("with the changes %v: %v", marks, err)
		}
	}
	if all := took(); len(all) != 4 || all[2] != nil {
		t.Errorf("the looks did %v, want a reset for the first change", all)
	}
}

func TestAFailedLookRefusesThoseThatWaitForIt(t *testing.T) {
	log := newLog()
	b, _ := following(log, time.Minute)
	if err := b.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	var told []error
	b.tell = func(cause error) { told = append(told, cause) }
	outdated := fault.New(fault.Unavailable, "Start the newer version.")
	for _, fails := range []error{errors.New("connection reset"), outdated} {
		log.fails = fails
		for range 2 {
			if err := b.pass(t.Context()); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, fails) {
				t.Error(err)
			}
		}
	}
	if err := b.pass(t.Context()); err == nil || err.Error() != outdated.Error() {
		t.Errorf("callers are told %v", err)
	}
	log.fails = nil
	for range 2 {
		if err := b.pass(t.Context()); err != nil {
			t.Errorf("the next look: %v", err)
		}
	}
	if len(told) != 3 || told[0] == nil || !errors.Is(told[1], outdated) || told[2] != nil {
		t.Errorf("told %v, want each cause once, and the end", told)
	}
}

func TestALookGoesOnForTheOthersWhenARequestThatWaitsForItEnds(t *testing.T) {
	log := newLog()
	log.begun, log.proceed = make(chan struct{}), make(chan struct{})
	b, _ := following(log, time.Minute)
	ended, end := context.WithCancel(t.Context())
	pass := func(ctx context.Context) <-chan error {
		before, answer := b.waiting.Load(), make(chan error, 1)
		go func() { answer <- b.pass(ctx) }()
		for b.waiting.Load() == before {
			runtime.Gosched()
		}
		return answer
	}
	first := pass(t.Context())
	<-log.begun
	ends, stays := pass(ended), pass(t.Context()) // both wait for the next look, which the one that ends has asked for
	log.proceed <- struct{}{}
	<-log.begun
	end()
	if err := <-ends; !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the request that ended got %v", err)
	}
	log.proceed <- struct{}{}
	if err := errors.Join(<-first, <-stays); err != nil {
		t.Errorf("the others got %v", err)
	}
}

func TestALookThatReachesItsLimitRefusesArrivalsAtOnceUntilOneSucceeds(t *testing.T) {
	log := newLog()
	log.begun, log.proceed = make(chan struct{}), make(chan struct{})
	b, _ := following(log, time.Millisecond)
	first := make(chan error, 1)
	go func() { first <- b.pass(context.Background()) }()
	<-log.begun // it stays under way
	if err := <-first; fault.KindOf(err) != fault.Unavailable {
		t.Fatal(err)
	}
	b.limit = time.Minute
	if err := b.pass(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an arrival while the log can't be read: %v", err)
	}
	<-log.begun // the look that it caused
	b.mu.Lock()
	l := b.join()
	b.mu.Unlock()
	log.proceed <- struct{}{}
	<-log.begun
	log.proceed <- struct{}{}
	<-l.done
	go func() { <-log.begun; log.proceed <- struct{}{} }()
	if err := b.pass(t.Context()); err != nil {
		t.Errorf("after a look that succeeded: %v", err)
	}
}
