package main

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// signalled runs awaitEnd on a fake clock, with signals at the given times. It returns the times at which awaitEnd called
// stop and returned, and its reason.
func signalled(t *testing.T, at ...time.Duration) (stopped, ended time.Duration, why string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		signals := make(chan os.Signal, 2)
		stopping, stop := context.WithCancel(context.Background())
		context.AfterFunc(stopping, func() { stopped = time.Since(began) })
		done := make(chan struct{})
		go func() {
			defer close(done)
			why = awaitEnd(signals, stop)
			ended = time.Since(began)
		}()
		for _, d := range at {
			time.Sleep(d - time.Since(began)) // on the fake clock
			signals <- syscall.SIGTERM
			synctest.Wait()
		}
		<-done
	})
	return stopped, ended, why
}

func TestSignalsSentAsOneAreOne(t *testing.T) {
	for name, at := range map[string][]time.Duration{
		"one":                               {0},
		"two, as GNU timeout sends them":    {0, 5 * time.Microsecond},
		"three, from a terminal and a tool": {0, 0, sameSignal - time.Millisecond},
	} {
		stopped, ended, why := signalled(t, at...)
		if stopped != 0 || ended != stopTime || !strings.Contains(why, "did not stop in time") {
			t.Errorf("%s: stopped after %s, ended after %s, %s", name, stopped, ended, why)
		}
	}
}

func TestALaterSignalEndsTheProgramImmediately(t *testing.T) {
	for _, later := range []time.Duration{sameSignal, time.Second} {
		stopped, ended, why := signalled(t, 0, time.Microsecond, later)
		if stopped != 0 || ended != later || !strings.Contains(why, "second signal") {
			t.Errorf("%s: stopped after %s, ended after %s, %s", later, stopped, ended, why)
		}
	}
}
