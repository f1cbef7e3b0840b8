package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tokentab/backend/store"
)

// removalClockSetting holds a clockState as JSON.
const removalClockSetting = "removal_clock"

const (
	// clockStep is a difference that counts at once: a corrected clock, or a short stop of the server.
	clockStep = time.Hour
	// clockProof is how long servers must run with a larger difference before it counts.
	clockProof = 24 * time.Hour
	// clockKept is how old the stored state may become. It is well below clockStep, so that a crash and a restart make
	// no larger difference.
	clockKept = 10 * time.Minute
)

// clockState is what is known of the time. It survives restarts.
type clockState struct {
	Trusted time.Time     // the time by the last clock that counted, and what has passed since
	Other   time.Time     // the first time of a clock that does not count yet; zero if there is none
	Ran     time.Duration // how long servers have run since Other, with clocks that were never before it
}

// removalClock says which times are old for certain. Removal by age can't be undone, so a clock that jumps must not cause
// it. Whatever the clock says, the time that passes while the server runs is known.
type removalClock struct {
	store  *store.Store
	now    func() time.Time
	passed func() time.Duration
	log    *slog.Logger

	mu      sync.Mutex
	known   bool // whether state is set
	state   clockState
	seen    time.Duration // passed, as of state
	stored  string        // state as it was last read or written, as JSON; other copies may write it too
	kept    clockState    // stored, decoded
	waiting bool          // the log says so
	failed  bool          // to store; the log says so
}

// start begins to measure. It stores nothing, since a start must not wait for the disk.
func (c *removalClock) start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.look(ctx)
	return err
}

// bounds returns the earliest and the latest time that it may be now. What is too old at the earliest may go, and a stamp
// after the latest is from a clock that was wrong. They are equal unless the clock has jumped, or the server was off.
func (c *removalClock) bounds(ctx context.Context) (earliest, latest time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.look(ctx)
	if err != nil {
		return now, now, err
	}
	if !c.state.Other.Equal(c.kept.Other) || c.state.Trusted.Sub(c.kept.Trusted) >= clockKept {
		c.keep(ctx)
	}
	if c.state.Trusted.Before(now) {
		return c.state.Trusted, now, nil
	}
	return now, c.state.Trusted, nil
}

// look compares the clock with the time that has passed since the last look, and returns what it shows.
func (c *removalClock) look(ctx context.Context) (now time.Time, err error) {
	passed, now := c.passed(), c.now().UTC()
	if err := c.recall(ctx, now, passed); err != nil {
		return now, err
	}
	c.state.compare(now, passed-c.seen)
	c.seen = passed
	c.say(now)
	return now, nil
}

// recall reads the state if another copy has changed it, or a start. A database without one trusts the newest time that it
// has, and a new database trusts the clock.
func (c *removalClock) recall(ctx context.Context, now time.Time, passed time.Duration) error {
	text, err := c.store.Setting(ctx, removalClockSetting)
	if err != nil || c.known && text == c.stored {
		return err
	}
	state := clockState{}
	if text == "" || json.Unmarshal([]byte(text), &state) != nil {
		if state.Trusted, err = c.store.NewestTime(ctx); err != nil {
			return err
		}
		if state.Trusted.IsZero() || state.Trusted.After(now) {
			state.Trusted = now
		}
	} else {
		c.kept = state
	}
	c.known, c.state, c.stored, c.seen = true, state, text, passed
	return nil
}

// compare takes up what the clock shows after some time has passed.
func (s *clockState) compare(now time.Time, passed time.Duration) {
	s.Trusted, s.Ran = s.Trusted.Add(passed), s.Ran+passed
	isGone := now.Before(s.Other.Add(-clockStep))
	if !isNear(now, s.Trusted) && !s.Other.IsZero() && !isGone && s.Ran >= clockProof {
		*s = clockState{Trusted: s.Other.Add(s.Ran)}
	}
	switch {
	case isNear(now, s.Trusted):
		*s = clockState{Trusted: now}
	case s.Other.IsZero() || isGone:
		s.Other, s.Ran = now, 0
	}
}

func isNear(a, b time.Time) bool { return a.Sub(b).Abs() <= clockStep }

// say logs that removal waits, and that it goes on.
func (c *removalClock) say(now time.Time) {
	switch waits := !c.state.Other.IsZero(); {
	case waits && !c.waiting:
		c.log.Warn("the clock jumped, or the server was off for long: removal by age waits until the clock is right again, or the server has run with it for "+clockProof.String(),
			"clock", now, "expected", c.state.Trusted, "until", now.Add(clockProof-c.state.Ran))
	case !waits && c.waiting:
		c.log.Info("removal by age goes on", "clock", now)
	}
	c.waiting = !c.state.Other.IsZero()
}

// keep stores the state. Without it the next start may wait once more, so a failure stops no removal: on a full disk, removal is
// what helps.
func (c *removalClock) keep(ctx context.Context) {
	text, err := json.Marshal(c.state)
	if err == nil {
		err = c.store.SetSetting(ctx, removalClockSetting, string(text))
	}
	if err == nil {
		c.stored, c.kept = string(text), c.state
	} else if !c.failed && ctx.Err() == nil {
		c.log.Error("could not store the time that removal by age goes by; will retry", "cause", fmt.Errorf("%s: %w", removalClockSetting, err))
	}
	c.failed = err != nil
}
