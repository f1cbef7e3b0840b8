package store

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"tokentab/backend/fault"
)

func set(name, value string) func(tx *gorm.DB) error {
	return func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value).Error
	}
}

func holdsSettings(t *testing.T, s *Store, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got, err := s.Setting(t.Context(), name); err != nil || got != value {
			t.Errorf("%s is %q, %v; want %q", name, got, err, value)
		}
	}
}

// joined lets changes join one group, as if each waited while the one before it ran.
func joined(t *testing.T, s *Store, changes ...func(tx *gorm.DB) error) (*group, []error) {
	t.Helper()
	var g *group
	var errs []error
	for _, f := range changes {
		with, err := s.join(t.Context(), f)
		if g != nil && with != g {
			t.Fatal("the changes do not share a group")
		}
		g, errs = with, append(errs, err)
	}
	return g, errs
}

func TestChangesThatWaitForEachOtherAreCommittedTogether(t *testing.T) {
	s, _ := openQuiet(t, t.TempDir())
	refusal := fault.New(fault.InvalidAction, "no")
	g, errs := joined(t, s,
		set("a", "1"),
		func(tx *gorm.DB) error {
			if err := set("b", "undone")(tx); err != nil {
				return err
			}
			return refusal
		},
		func(tx *gorm.DB) error { // sees what the group did before
			a, err := value[string](tx, "SELECT value FROM settings WHERE name = 'a'")
			return errors.Join(err, set("c", a+"2")(tx))
		},
	)
	if errs[0] != nil || !errors.Is(errs[1], refusal) || errs[2] != nil {
		t.Errorf("the changes returned %v", errs)
	}
	holdsSettings(t, s, map[string]string{"a": "", "b": "", "c": ""}) // not before the commit
	for range 2 {                                                     // the first of them commits, the others find it done
		if err := s.end(g); err != nil {
			t.Error(err)
		}
	}
	holdsSettings(t, s, map[string]string{"a": "1", "b": "", "c": "12"})
	if s.group != nil {
		t.Error("the group is still open")
	}
}

func TestAGroupThatHasTakenItsTimeIsCommittedAlthoughOthersWait(t *testing.T) {
	s, later := openQuiet(t, t.TempDir())
	g, _ := joined(t, s, set("a", "1"), func(tx *gorm.DB) error {
		later()
		return set("b", "2")(tx)
	})
	select {
	case <-g.over:
	default:
		t.Fatal("the group goes on")
	}
	holdsSettings(t, s, map[string]string{"a": "1", "b": "2"})
	next, _ := joined(t, s, set("a", "3"))
	if err := errors.Join(s.end(g), s.end(next)); err != nil || next == g {
		t.Errorf("the next change is part of the group that is over, %v", err)
	}
	holdsSettings(t, s, map[string]string{"a": "3"})
}

func TestALostTransactionFailsAllChangesInItAndNoOthers(t *testing.T) {
	for name, fail := range map[string]func(s *Store, tx *gorm.DB) error{
		"undone and noticed":     func(s *Store, tx *gorm.DB) error { return errors.Join(tx.Exec("ROLLBACK").Error, errors.New("failed")) },
		"undone and not noticed": func(s *Store, tx *gorm.DB) error { return tx.Exec("ROLLBACK").Error },
		"it took too long":       func(s *Store, tx *gorm.DB) error { s.group.free(); return set("b", "late")(tx) },
		"a fault": func(s *Store, tx *gorm.DB) error {
			return errors.Join(tx.Exec("ROLLBACK").Error, fault.New(fault.NotFound, ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := openQuiet(t, t.TempDir())
			g, errs := joined(t, s, set("a", "1"), func(tx *gorm.DB) error { return fail(s, tx) })
			if errs[1] == nil {
				t.Error("the change that lost the transaction succeeded")
			}
			if err := classify(s.end(g)); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("the change before it returned %v", err)
			}
			if err := s.SetSetting(t.Context(), "b", "2"); err != nil {
				t.Errorf("the next change: %v", err)
			}
			holdsSettings(t, s, map[string]string{"a": "", "b": "2"})
		})
	}
}

// TestALostTransactionKeepsNothingOfWhatFollowsInIt covers a caller that goes on after a part has lost the transaction.
func TestALostTransactionKeepsNothingOfWhatFollowsInIt(t *testing.T) {
	s, _ := openQuiet(t, t.TempDir())
	err := s.Together(t.Context(), func(ctx context.Context) error {
		_ = s.change(ctx, func(tx *gorm.DB) error { return errors.Join(tx.Exec("ROLLBACK").Error, errors.New("failed")) })
		if err := s.change(ctx, set("a", "1")); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("the next part returned %v", err)
		}
		return nil
	})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the whole returned %v", err)
	}
	holdsSettings(t, s, map[string]string{"a": ""})
}

func TestAPanicUndoesItsGroup(t *testing.T) {
	s, _ := openQuiet(t, t.TempDir())
	g, _ := joined(t, s, set("a", "1"))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach its caller")
			}
		}()
		_ = s.change(t.Context(), func(*gorm.DB) error { panic("no") })
	}()
	if err := classify(s.end(g)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the other change returned %v", err)
	}
	if err := s.SetSetting(t.Context(), "b", "2"); err != nil {
		t.Errorf("the next change: %v", err)
	}
	holdsSettings(t, s, map[string]string{"a": "", "b": "2"})
}

func TestWritesOfOtherConnectionsWaitForNoOpenGroup(t *testing.T) {
	s, _ := openQuiet(t, t.TempDir())
	g, _ := joined(t, s, set("a", "1"))
	if err := s.changeSoon(t.Context(), set("b", "2")); err != nil {
		t.Error(err)
	}
	<-g.over // it was committed first
	holdsSettings(t, s, map[string]string{"a": "1", "b": "2"})
}

// TestAcknowledgedChangesAreKeptAndFailedOnesAreNot runs changes of every outcome side by side.
func TestAcknowledgedChangesAreKeptAndFailedOnesAreNot(t *testing.T) {
	s, _ := openQuiet(t, t.TempDir())
	const workers, changes = 16, 60
	want := make([]map[string]string, workers)
	var done sync.WaitGroup
	for w := range workers {
		want[w] = map[string]string{}
		done.Go(func() {
			random := mathrand.New(mathrand.NewPCG(1, uint64(w)))
			for i := range changes {
				name := fmt.Sprintf("%d of %d", i, w)
				ctx, cancel := context.WithCancel(t.Context())
				var err error
				switch random.IntN(12) {
				case 0:
					err = s.change(ctx, func(tx *gorm.DB) error {
						return errors.Join(set(name, "undone")(tx), fault.New(fault.InvalidAction, "no"))
					})
				case 1:
					err = s.change(ctx, func(tx *gorm.DB) error { return errors.Join(set(name, "lost")(tx), tx.Exec("ROLLBACK").Error) })
				case 2:
					cancel() // may still come in time
					err = s.change(ctx, set(name, "kept"))
				case 3:
					err = s.changeSoon(ctx, set(name, "kept"))
				case 4:
					err = s.Together(ctx, func(ctx context.Context) error {
						_ = s.change(ctx, func(tx *gorm.DB) error { return errors.Join(set(name, "undone")(tx), errors.New("no")) })
						return s.change(ctx, set(name, "kept"))
					})
				default:
					err = s.change(ctx, set(name, "kept"))
				}
				cancel()
				if want[w][name] = ""; err == nil {
					want[w][name] = "kept"
				}
			}
		})
	}
	done.Wait()
	kept := 0
	for w := range workers {
		holdsSettings(t, s, want[w])
		for _, value := range want[w] {
			kept += len(value) / len("kept")
		}
	}
	if kept < workers*changes/4 {
		t.Errorf("only %d changes were kept", kept)
	}
}

// BenchmarkChange measures a durable change of one row, alone and while others wait.
func BenchmarkChange(b *testing.B) {
	for _, atOnce := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d at once", atOnce), func(b *testing.B) {
			s := open(b, b.TempDir(), now)
			defer s.Close()
			var next atomic.Int64
			var done sync.WaitGroup
			b.ResetTimer()
			for range atOnce {
				done.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						if err := s.SetSetting(b.Context(), fmt.Sprint(n%1000), "value"); err != nil {
							b.Error(err)
						}
					}
				})
			}
			done.Wait()
		})
	}
}
