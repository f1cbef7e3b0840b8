package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/signer"
)

// verifies checks all chains and returns the head of one.
func verifies(t *testing.T, s *Store, chain string) audit.Head {
	t.Helper()
	trail := audit.NewTrail(s.Events, testSealer{})
	all, err := trail.Chains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var found audit.Head
	for _, name := range all {
		head, err := trail.Verify(t.Context(), name, nil)
		if err != nil {
			t.Fatalf("chain %q: %v", name, err)
		}
		if name == chain {
			found = head
		}
	}
	return found
}

// newChained returns a shelf whose account has the first event of its chain.
func newChained(t *testing.T) *shelf {
	s := newShelf(t)
	err := s.change(t.Context(), func(tx *gorm.DB) error {
		return recordWith(tx, audit.NewRecorder(now(), s.actor, rand.Reader), audit.AccountCreated, "", s.actor.AccountID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// note records n events of the shelf's account at an instant.
func (s *shelf) note(at time.Time, n int) {
	s.t.Helper()
	err := s.change(s.t.Context(), func(tx *gorm.DB) error {
		recorder := audit.NewRecorder(at, s.actor, rand.Reader)
		for range n {
			if err := recordWith(tx, recorder, audit.AgentUpdated, "", s.actor.AccountID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestRetentionRemovesOldEventsAndTheChainStaysProvable(t *testing.T) {
	s := newChained(t)
	chain := s.actor.AccountID.String()
	s.note(now(), chainedAtOnce+700)
	s.note(now().Add(48*time.Hour), 3)
	before := verifies(t, s.Store, chain)
	steps := 0
	if err := s.Events.RemoveEvents(t.Context(), now().Add(24*time.Hour), now().Add(72*time.Hour), func() { steps++ }); err != nil {
		t.Fatal(err)
	}
	after := verifies(t, s.Store, chain)
	if after.Sequence != before.Sequence || after.Hash != before.Hash || after.KeptAfter != before.Sequence-3 || steps < 3 {
		t.Errorf("from %+v to %+v in %d steps", before, after, steps)
	}
	if n := s.count("audit_events WHERE account_id = '" + chain + "'"); n != 3 {
		t.Errorf("%d events are left", n)
	}
	// The newest event of each chain stays, and it goes on behind it.
	if err := s.Events.RemoveEvents(t.Context(), now().Add(240*time.Hour), now().Add(240*time.Hour), func() {}); err != nil {
		t.Fatal(err)
	}
	if head := verifies(t, s.Store, chain); head.KeptAfter != before.Sequence-1 {
		t.Errorf("%+v", head)
	}
	s.note(now().Add(49*time.Hour), 1)
	if head := verifies(t, s.Store, chain); head.Sequence != before.Sequence+1 {
		t.Errorf("%+v", head)
	}
	trail := audit.NewTrail(s.Events, testSealer{})
	if _, err := trail.Verify(t.Context(), chain, &audit.Point{Sequence: before.Sequence, Hash: before.Hash}); err != nil {
		t.Errorf("since the head before: %v", err)
	}
	if _, err := trail.Verify(t.Context(), chain, &audit.Point{Sequence: 1}); err == nil {
		t.Error("a removed event was proved")
	}
}

// TestEventsOfAClockThatWasAheadHoldUpNoRemoval covers one such event, and more than a step removes.
func TestEventsOfAClockThatWasAheadHoldUpNoRemoval(t *testing.T) {
	for _, ahead := range []int{1, chainedAtOnce + 700} {
		s := newChained(t)
		s.note(now(), 2)
		s.note(now().AddDate(14, 0, 0), ahead)
		s.note(now(), 2)
		s.note(now().Add(48*time.Hour), 3)
		s.note(now().AddDate(14, 0, 0), 1) // stays, as the one before it does
		s.note(now().Add(49*time.Hour), 1)
		before := verifies(t, s.Store, s.actor.AccountID.String())
		if err := s.Events.RemoveEvents(t.Context(), now().Add(24*time.Hour), now().Add(72*time.Hour), func() {}); err != nil {
			t.Fatal(err)
		}
		if after := verifies(t, s.Store, s.actor.AccountID.String()); after.KeptAfter != before.Sequence-5 {
			t.Errorf("%d ahead: %d of %d events are removed, want all but 5", ahead, after.KeptAfter, before.Sequence)
		}
	}
}

func TestRetentionLeavesAChainThatDoesNotVerify(t *testing.T) {
	s := newChained(t)
	s.note(now(), 10)
	s.note(now().Add(48*time.Hour), 1)
	if err := s.writer.Exec("UPDATE audit_events SET detail = 'changed' WHERE account_id = ? AND sequence = 4", s.actor.AccountID).Error; err != nil {
		t.Fatal(err)
	}
	held := s.count("audit_events")
	err := s.Events.RemoveEvents(t.Context(), now().Add(24*time.Hour), now().Add(72*time.Hour), func() {})
	if broken, ok := errors.AsType[*audit.Broken](err); !ok || broken.Sequence != 4 {
		t.Errorf("%v", err)
	}
	if n := s.count("audit_events"); n != held {
		t.Errorf("%d of %d events are left", n, held)
	}
}

func TestEventsFromBeforeTheChainAreChainedInTheirOrderBeforeTheFirstChange(t *testing.T) {
	s := newChained(t)
	const earlier = 2*chainedAtOnce + 17
	s.note(now(), earlier)
	written := s.count("audit_events")
	for _, statement := range []string{"UPDATE audit_events SET sequence = 0, hash = CAST('' AS " + blob() + "), actor_kind = ''", "DELETE FROM audit_chains", "DELETE FROM settings WHERE name = '" + chainedSetting + "'"} {
		if err := s.writer.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	s.chains.ready.Store(false)
	err := s.change(t.Context(), func(tx *gorm.DB) error {
		return recordWith(tx, audit.NewRecorder(now(), s.actor, rand.Reader), audit.AgentUpdated, "", s.actor.AccountID)
	})
	if err == nil {
		t.Fatal("an event was written before the earlier ones were chained")
	}
	var events int
	err = s.Events.ChainEvents(t.Context(), testSealer{}, func([]signer.StoredKey) bool { return true }, func(n int) (audit.Event, error) {
		events = n
		return audit.New(now(), audit.Actor{}, audit.ChainStarted, "", fmt.Sprint(n), rand.Reader)
	})
	if err != nil || events != written {
		t.Fatalf("%d of %d events, %v", events, written, err)
	}
	s.note(now(), 1)
	head := verifies(t, s.Store, s.actor.AccountID.String())
	if n := s.count("audit_events WHERE account_id = '" + s.actor.AccountID.String() + "'"); head.Sequence != int64(n) {
		t.Errorf("head %s, %d events", head, n)
	}
	// The old hashes cover that the new columns are as they were added, and the new ones cover them.
	trail := audit.NewTrail(s.Events, testSealer{})
	for change, undo := range map[string]string{
		"times = 2 WHERE sequence = 2 AND account_id IS NOT NULL":                                    "times = 1 WHERE sequence = 2 AND account_id IS NOT NULL",
		"actor_kind = 'server' WHERE sequence = 2 AND account_id IS NOT NULL":                        "actor_kind = '' WHERE sequence = 2 AND account_id IS NOT NULL",
		fmt.Sprintf("times = 3 WHERE sequence = %d AND account_id IS NOT NULL", head.Sequence):       fmt.Sprintf("times = 1 WHERE sequence = %d AND account_id IS NOT NULL", head.Sequence),
		fmt.Sprintf("actor_kind = '' WHERE sequence = %d AND account_id IS NOT NULL", head.Sequence): fmt.Sprintf("actor_kind = 'server' WHERE sequence = %d AND account_id IS NOT NULL", head.Sequence),
	} {
		if err := s.writer.Exec("UPDATE audit_events SET " + change).Error; err != nil {
			t.Fatal(err)
		}
		if _, err := trail.Verify(t.Context(), s.actor.AccountID.String(), nil); err == nil {
			t.Errorf("%s: the chain verifies", change)
		}
		if err := s.writer.Exec("UPDATE audit_events SET " + undo).Error; err != nil {
			t.Fatal(err)
		}
		verifies(t, s.Store, s.actor.AccountID.String())
	}
	if n := s.count("audit_events a JOIN audit_events b ON a.account_id = b.account_id AND a.sequence < b.sequence AND a.rowid > b.rowid WHERE a.sequence < 20"); n > 0 {
		t.Errorf("%d events are out of order", n)
	}
}

func TestChainsSurviveChangesThatFailInASharedTransaction(t *testing.T) {
	s := newChained(t)
	failed := errors.New("failed")
	var done sync.WaitGroup
	for i := range 40 {
		done.Go(func() {
			one := func(ctx context.Context) error {
				return s.change(ctx, func(tx *gorm.DB) error {
					err := recordWith(tx, audit.NewRecorder(now(), s.actor, rand.Reader), audit.AgentUpdated, "", s.actor.AccountID, s.actor.AccountID)
					if i%3 == 0 && err == nil {
						return failed
					}
					return err
				})
			}
			err := one(t.Context())
			if i%2 == 0 {
				err = s.Together(t.Context(), func(ctx context.Context) error { return errors.Join(one(ctx), one(ctx)) })
			}
			if err != nil && !errors.Is(err, failed) {
				t.Error(err)
			}
		})
	}
	done.Wait()
	verifies(t, s.Store, "")
}
