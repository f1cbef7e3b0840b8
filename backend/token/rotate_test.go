package token

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// overlapping is a store with one list in which one secret ends.
type overlapping struct {
	Store
	ends    time.Time
	reading func()
}

func (s overlapping) StatusList(_ context.Context, _ int, at time.Time, set func(int, Status)) (time.Time, bool, error) {
	s.reading()
	if at.Before(s.ends) {
		return s.ends, true, nil
	}
	set(7, Revoked)
	return time.Time{}, true, nil
}

func TestPromise1AListThatWasAskedForBeforeASecretEndedIsNotSharedAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		store := overlapping{ends: time.Now().Add(time.Minute), reading: func() { <-slow }}
		ts := New(store, lists{}, newCache(t, 8), Lifetimes{}, time.Now, nil)
		ask := func(want byte) {
			list, err := ts.StatusList(t.Context(), 1)
			if err != nil {
				t.Error(err)
			} else if got := valueIn(t, list, 7); got != want {
				t.Errorf("%d, want %d", got, want)
			}
		}
		time.Sleep(time.Minute - renderTimeout/2) // of the test's own clock
		var asking sync.WaitGroup
		asking.Go(func() { ask(0) })
		synctest.Wait()
		time.Sleep(renderTimeout/2 + time.Second)
		asking.Go(func() { ask(1) })
		synctest.Wait()
		close(slow)
		asking.Wait()
	})
}

// rotatedMeanwhile is a store in which another rotation commits after the token was read.
type rotatedMeanwhile struct {
	Store
	t Listed
}

func (s rotatedMeanwhile) Token(context.Context, pfid.ID, pfid.ID) (Listed, error) { return s.t, nil }
func (s rotatedMeanwhile) OpenStatusList(context.Context) (int, error)             { return 1, nil }
func (s rotatedMeanwhile) RotateToken(_ context.Context, _, _ pfid.ID, _ NewSecret, decide func(Listed) error, _ audit.Recorder) (Listed, error) {
	s.t.Hash[0]++
	return s.t, decide(s.t)
}

func (l lists) Sign(context.Context, Claims) (secret, keyID string, err error) {
	return "a secret", "key", nil
}

func TestARotationThatDidNotSeeAnotherIsRefused(t *testing.T) {
	s := stateN(t, 1)
	store := rotatedMeanwhile{t: Listed{Token: Token{ID: s.TokenID, AccountID: s.AccountID, Status: Active, ExpiresAt: time.Now().Add(time.Hour)}}}
	ts := New(store, lists{}, newCache(t, 8), Lifetimes{Max: 24 * time.Hour}, time.Now, zeros{})
	_, secret, err := ts.Rotate(t.Context(), audit.Actor{AccountID: s.AccountID}, s.TokenID, Rotation{})
	var refusal *fault.Error
	if !errors.As(err, &refusal) || refusal.Kind != fault.InvalidAction || secret != "" {
		t.Errorf("%q %v", secret, err)
	}
}

// zeros is a source of zeros.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
