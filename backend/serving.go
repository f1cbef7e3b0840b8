package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"time"

	"tokentab/backend/activity"
	"tokentab/backend/config"
	"tokentab/backend/live"
)

// flushEvery is how often uses are written: after a crash, counts and last uses are at most five seconds old.
const flushEvery = 3 * time.Second

// The writer of uses pauses after each batch for as long as the batch took, because on one core validations wait
// while it works. If the processors are busy it pauses restBusy times longer. A pause lasts from restLeast to
// restMost.
const (
	restBusy  = 18
	restLeast = time.Millisecond
	restMost  = time.Second
)

// movesEvery is how often the program looks for large token moves to finish. Verdicts already follow the move and
// don't wait for this.
const movesEvery = time.Second

// restBusyMoves is restBusy for large token moves, which must make progress on a busy machine.
const restBusyMoves = 4

// noticesEvery is how often the program looks for notices to write and to send.
const noticesEvery = 10 * time.Second

// trimEvery is how often the program looks for ended sessions, invites and the like, and for agent activity beyond its limits.
const trimEvery = 5 * time.Second

// overlapsEvery is how often the program looks for overlaps that a clock began ahead of time. It reads all overlaps.
const overlapsEvery = time.Minute

// logEvery is how often the program looks for audit events to append to the audit log.
const logEvery = time.Second

// auditEvery is how often the program looks for audit events that are too old.
const auditEvery = 10 * time.Second

// A stop takes at most stopTime, whatever clients do, because service managers often kill a program after ten
// seconds. Requests under way get requestTime of it, during which uses are already written. The rest is for
// remaining uses and for closing the database, which gets closeTime.
const (
	stopTime    = 7500 * time.Millisecond
	requestTime = 5 * time.Second
	closeTime   = 500 * time.Millisecond
)

func (b *Backend) keepIssuing(ctx context.Context, c config.Config) error {
	for name, value := range map[string]string{
		publicURLSetting: c.Origin(), audienceSetting: c.Audience, lifetimeSetting: time.Duration(c.MaxTokenLifetime).String(),
	} {
		kept, err := b.store.Setting(ctx, name)
		if err == nil && kept != value { // each write waits for the disk, and requests wait for this
			if kept != "" && b.store.Copies() != nil {
				b.log.Warn("a setting is not that of the last start, perhaps of another copy: all copies need the same",
					"setting", "--"+strings.ReplaceAll(name, "_", "-"), "here", value, "there", kept)
			}
			err = b.store.SetSetting(ctx, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Serve answers on the listeners until the context ends, then gives requests under way requestTime to finish. It
// stores the settings that commands read; see recallIssuing.
func (b *Backend) Serve(ctx context.Context, c config.Config, listeners ...net.Listener) (err error) {
	if err := b.keepIssuing(context.WithoutCancel(ctx), c); err != nil { // validations don't need these settings
		b.log.Error("could not store the settings that commands need to create tokens", "cause", err)
	}
	b.seeOutsideChanges()
	b.repeat(flushEvery, "could not write the uses of tokens; will retry", func(ctx context.Context) error {
		return b.Tokens.FlushUses(ctx, resting(ctx, restBusy))
	})
	b.repeatAlone(movesEvery, "could not write the records of a large token move; will retry", func(ctx context.Context) error {
		return b.Tokens.FinishMoves(ctx, resting(ctx, restBusyMoves))
	})
	b.repeatAlone(noticesEvery, "could not write or settle notices of expiring tokens; will retry", b.Notices.Post)
	b.repeatAlone(noticesEvery, "could not settle mails; will retry", b.Notices.SendMails)
	keep := activity.Keep{For: time.Duration(c.ActivityRetention), Most: int64(c.ActivityMax)}
	b.repeatAlone(trimEvery, "could not remove old activity of agents; will retry", func(ctx context.Context) error {
		return b.RemoveOldActivity(ctx, keep)
	})
	b.repeatAlone(trimEvery, "could not remove ended sessions, invites and the like; will retry", b.RemoveEnded)
	b.repeatAlone(overlapsEvery, "could not look for overlaps of secrets that a clock ahead began; will retry", b.CorrectOverlaps)
	b.scheduleBackups(c.Backups)
	b.repeatAlone(auditEvery, "could not keep the audit trail; will retry", func(ctx context.Context) error {
		if err := b.chainEvents(ctx); err != nil {
			return err
		}
		if err := b.Signer.NoteChains(ctx); err != nil || c.AuditRetention == 0 {
			return err
		}
		return b.RemoveOldEvents(ctx, time.Duration(c.AuditRetention))
	})
	if b.AuditLog != nil {
		b.logging.Go(func() {
			b.repeatHere(logEvery, "could not write the audit log; will retry, and go on where it stopped", b.alone(b.AuditLog.Write))
		})
	}
	if copies := b.store.Copies(); copies != nil {
		follow := func(ctx context.Context) error { return b.Tokens.FollowUses(ctx, copies) }
		_ = follow(b.working) // from now on; a failure is logged with the next one
		b.repeat(flushEvery, "could not read the uses that other copies have written; will retry", follow)
	}
	b.repeat(auditEvery, "could not write refusals to the audit trail; will retry", func(ctx context.Context) error { return b.Refusals.Flush(ctx, false) })
	b.repeat(live.LookEvery, "could not look for changes to tell open pages; will retry", b.Live.Look)
	failed := make(chan error, 1)
	go func() { failed <- b.Web.Serve(listeners...) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	b.log.Info("stopping")
	b.until = time.Now().Add(stopTime)
	b.Live.Close()
	b.flushWhile(func() { err = b.Web.Shutdown(requestTime) })
	return err
}

// RemoveEnded removes what has ended and only takes room. Serve calls it every few seconds.
func (b *Backend) RemoveEnded(ctx context.Context) error {
	earliest, latest, err := b.removal.bounds(ctx)
	if err != nil {
		return err
	}
	return b.store.RemoveEnded(ctx, earliest, latest, resting(ctx, restBusyMoves))
}

// CorrectOverlaps lets overlaps of two secrets that began by a clock that was ahead begin now, so that they end in time. Serve calls
// it every minute.
func (b *Backend) CorrectOverlaps(ctx context.Context) error {
	_, latest, err := b.removal.bounds(ctx)
	if err != nil {
		return err
	}
	n, err := b.Tokens.CorrectOverlaps(ctx, latest)
	if n > 0 {
		b.log.Warn("the clock was ahead while tokens were rotated: the overlap of their secrets begins again now", "tokens", n)
	}
	return err
}

// RemoveOldActivity removes activity of agents that is not to be kept. Serve calls it every few seconds.
func (b *Backend) RemoveOldActivity(ctx context.Context, keep activity.Keep) error {
	return b.Activity.Trim(ctx, keep, b.removal.bounds, resting(ctx, restBusyMoves))
}

// RemoveOldEvents removes audit events that are older than a time. Serve calls it every few seconds.
func (b *Backend) RemoveOldEvents(ctx context.Context, kept time.Duration) error {
	earliest, latest, err := b.removal.bounds(ctx)
	if err != nil {
		return err
	}
	return b.store.Events.RemoveEvents(ctx, earliest.Add(-kept), latest, resting(ctx, restBusyMoves))
}

// flushWhile writes uses while others finish, so that little is left to write at the end.
func (b *Backend) flushWhile(others func()) {
	b.stopRepeating()
	ctx, cancel := context.WithCancel(context.Background())
	var flushed sync.WaitGroup
	flushed.Go(func() { _ = b.Tokens.FlushUses(ctx, nil) }) // Close tries again
	others()
	cancel()
	flushed.Wait()
}

// repeat calls do at each interval until Close. It logs only the first of consecutive failures.
func (b *Backend) repeat(every time.Duration, failed string, do func(context.Context) error) {
	b.done.Go(func() { b.repeatHere(every, failed, do) })
}

func (b *Backend) repeatHere(every time.Duration, failed string, do func(context.Context) error) {
	ticker, fails := time.NewTicker(every), false
	defer ticker.Stop()
	for {
		select {
		case <-b.working.Done():
			return
		case <-ticker.C:
			err := do(b.working)
			isNews := err != nil && !fails && b.working.Err() == nil
			if fails = err != nil; isNews {
				b.log.Error(failed, "cause", err)
			}
		}
	}
}

// resting returns a function that pauses for as long as the work since the last pause took, and for busy times longer
// if the processors are busy. The end of the context cuts a pause short.
func resting(ctx context.Context, busy time.Duration) func() {
	pause := func(d time.Duration) {
		select {
		case <-time.After(min(d, restMost)):
		case <-ctx.Done():
		}
	}
	working := time.Now()
	return func() {
		worked := time.Since(working)
		began, used := time.Now(), processorTime()
		pause(max(worked, restLeast))
		if processorTime()-used > time.Since(began)*time.Duration(runtime.GOMAXPROCS(0))/2 {
			pause(busy * worked)
		}
		working = time.Now()
	}
}

// stopRepeating ends the work of repeat and waits for it.
func (b *Backend) stopRepeating() {
	b.stop()
	b.done.Wait()
}

// Close writes the uses and closes the database. It stops waiting for other processes closeTime before the
// deadline of the stop, to have time left to close.
func (b *Backend) Close() error {
	b.stopRepeating()
	if b.until.IsZero() {
		b.until = time.Now().Add(stopTime)
	}
	ctx, cancel := context.WithDeadline(context.Background(), b.until.Add(-closeTime))
	defer cancel()
	err := b.Tokens.FlushUses(ctx, nil)
	if err != nil {
		err = fmt.Errorf("could not write all uses of tokens: %w", err)
	}
	if failed := b.Refusals.Flush(ctx, true); failed != nil {
		err = errors.Join(err, fmt.Errorf("could not write all refusals to the audit trail: %w", failed))
	}
	b.finishAuditLog(ctx)
	return errors.Join(err, b.store.CloseWithin(ctx))
}
