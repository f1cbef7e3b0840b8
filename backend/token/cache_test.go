package token

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend/pfid"
)

func hashN(n int) Hash { return HashOf(fmt.Appendf(nil, "secret %d", n)) }

func standingN(t testing.TB, n int) Standing {
	t.Helper()
	s := Standing{Status: Active, Scope: ScopeAgentDeployment, ExpiresAt: int64(n), LastUsedAt: 1}
	for _, id := range []*pfid.ID{&s.TokenID, &s.AccountID, &s.EnvironmentID, &s.AgentID, &s.AgentDeploymentID} {
		made, err := pfid.New(time.UnixMilli(int64(n)), 7, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		*id = made
	}
	return s
}

func newCache(t testing.TB, tokens int) *Cache {
	t.Helper()
	c, err := NewCache(tokens, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func find(c *Cache, hash Hash) (s Standing, state State) {
	state = c.Find(&hash, &s)
	return s, state
}

func found(s Standing) func() (Standing, bool, error) {
	return func() (Standing, bool, error) { return s, true, nil }
}

func TestTheCacheReturnsExactlyWhatWasLoaded(t *testing.T) {
	c := newCache(t, 10_000)
	want := map[int]Standing{}
	for n := range 5000 {
		want[n] = standingN(t, n)
		if _, _, err := c.Load(hashN(n), found(want[n])); err != nil {
			t.Fatal(err)
		}
	}
	for n, w := range want {
		if got, state := find(c, hashN(n)); state != Hit || got != w {
			t.Fatalf("token %d: %v %+v, want %+v", n, state, got, w)
		}
	}
	if c.Len() != len(want) {
		t.Errorf("%d tokens, want %d", c.Len(), len(want))
	}
}

func TestTheCacheHoldsAsManyAsItsBoundAndNoMore(t *testing.T) {
	const bound = 100 * shardCount
	c := newCache(t, bound)
	for n := range 4 * bound {
		if _, _, err := c.Load(hashN(n), found(standingN(t, n))); err != nil {
			t.Fatal(err)
		}
	}
	if c.Len() != bound {
		t.Errorf("%d tokens in a cache of %d", c.Len(), bound)
	}
}

func TestTheCacheKeepsWhatIsUsed(t *testing.T) {
	const bound = 20 * shardCount
	c := newCache(t, bound)
	hot := standingN(t, 0)
	if _, _, err := c.Load(hashN(0), found(hot)); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 20*bound; n++ {
		c.Use(hashN(0), int64(n)*2*useResolution)
		if _, _, err := c.Load(hashN(n), found(standingN(t, n))); err != nil {
			t.Fatal(err)
		}
	}
	if _, state := find(c, hashN(0)); state != Hit {
		t.Error("a token in constant use was dropped")
	}
}

func TestWhatIsNewerReplacesWhatIsOlderInACacheOfAnySize(t *testing.T) {
	for _, perShard := range []int{8, 17, 23, 69} {
		c := newCache(t, perShard*shardCount)
		load := func(from, count int, at int64) {
			for n := from; n < from+count; n++ {
				s := Standing{Status: Active, LastUsedAt: at}
				if _, _, err := c.Load(hashN(n), found(s)); err != nil {
					t.Fatal(err)
				}
			}
		}
		size := perShard * shardCount
		load(0, 2*size, 1)
		load(2*size, 4*size, 2)
		old := 0
		for n := range 2 * size {
			if _, state := find(c, hashN(n)); state == Hit {
				old++
			}
		}
		if old > size/100 {
			t.Errorf("%d of %d entries were never replaced", old, size)
		}
	}
}

func TestTheCacheAgreesWithAPlainMapWhateverHappens(t *testing.T) {
	c := newCache(t, 1<<20)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	plain := map[int]Standing{}
	for range 200_000 {
		n := random.IntN(3000)
		switch random.IntN(4) {
		case 0:
			c.Forget(hashN(n))
			delete(plain, n)
		case 1:
			s := standingN(t, n)
			got, _, err := c.Load(hashN(n), found(s))
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := plain[n]; !ok {
				plain[n] = s
			}
			if got != plain[n] {
				t.Fatalf("a load of token %d brought something else", n)
			}
		default:
			got, state := find(c, hashN(n))
			want, ok := plain[n]
			if (state == Hit) != ok || ok && got != want {
				t.Fatalf("token %d: %v, in the map %v", n, state, ok)
			}
		}
	}
	if c.Len() != len(plain) {
		t.Errorf("%d tokens, want %d", c.Len(), len(plain))
	}
}

func TestManyWhoMissTheSameTokenAskTheStoreOnce(t *testing.T) {
	c := newCache(t, 100)
	var asked atomic.Int64
	release := make(chan struct{})
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			s, ok, err := c.Load(hashN(1), func() (Standing, bool, error) {
				asked.Add(1)
				<-release
				return Standing{Status: Active}, true, nil
			})
			if err != nil || !ok || s.Status != Active {
				t.Errorf("%v %v %v", s, ok, err)
			}
		})
	}
	close(release)
	wait.Wait()
	if asked.Load() != 1 {
		t.Errorf("the store was asked %d times", asked.Load())
	}
}

func TestALoadUnderWayCannotBringBackWhatWasForgotten(t *testing.T) {
	c := newCache(t, 100)
	old := standingN(t, 1)
	_, _, err := c.Load(hashN(1), func() (Standing, bool, error) {
		// The store was read; then the token is changed, and another validation begins.
		c.Forget(hashN(1))
		changed := old
		changed.Status = Revoked
		if got, _, err := c.Load(hashN(1), found(changed)); err != nil || got.Status != Revoked {
			t.Errorf("a validation after the change joined the old look-up: %v %v", got.Status, err)
		}
		return old, true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, state := find(c, hashN(1)); state != Hit || got.Status != Revoked {
		t.Errorf("%v %v", state, got.Status)
	}
}

func TestUnknownHashesAreRememberedUntilForgotten(t *testing.T) {
	c := newCache(t, 100)
	nothing := func() (Standing, bool, error) { return Standing{}, false, nil }
	if _, ok, err := c.Load(hashN(1), nothing); ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, state := find(c, hashN(1)); state != KnownUnknown {
		t.Errorf("state %v", state)
	}
	c.Forget(hashN(1))
	if _, state := find(c, hashN(1)); state != Miss {
		t.Errorf("state %v after Forget", state)
	}
}

func TestAFailedLookUpIsNotRemembered(t *testing.T) {
	c := newCache(t, 100)
	failure := errors.New("no answer")
	for range 2 {
		_, ok, err := c.Load(hashN(1), func() (Standing, bool, error) { return Standing{}, true, failure })
		if !errors.Is(err, failure) {
			t.Fatalf("%v %v", ok, err)
		}
		if _, state := find(c, hashN(1)); state != Miss {
			t.Errorf("state %v", state)
		}
	}
}

func TestALookUpThatPanicsAdmitsNobody(t *testing.T) {
	c := newCache(t, 100)
	func() {
		defer func() { _ = recover() }()
		_, _, _ = c.Load(hashN(1), func() (Standing, bool, error) { panic("boom") })
	}()
	if _, state := find(c, hashN(1)); state != Miss {
		t.Errorf("state %v", state)
	}
}

func TestReadersNeverSeeAMixOfTwoTokens(t *testing.T) {
	c := newCache(t, shardCount*8)
	standings := make([]Standing, 200)
	for n := range standings {
		standings[n] = standingN(t, n)
	}
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for n := 0; ; n = (n + 1) % len(standings) {
				select {
				case <-done:
					return
				default:
				}
				if got, state := find(c, hashN(n)); state == Hit {
					got.LastUsedAt = standings[n].LastUsedAt
					if got != standings[n] {
						t.Errorf("token %d came back as %+v", n, got)
						return
					}
				}
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			random := mathrand.New(mathrand.NewPCG(uint64(w), 7))
			for i := range 20_000 {
				n := random.IntN(len(standings))
				if i%3 == 0 {
					c.Forget(hashN(n))
					continue
				}
				if _, _, err := c.Load(hashN(n), found(standings[n])); err != nil {
					t.Error(err)
				}
				c.Use(hashN(n), int64(i)*useResolution)
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

func TestForgettingAnAccountDropsItsTokensAndNoOthers(t *testing.T) {
	c := newCache(t, 10_000)
	gone := standingN(t, 0).AccountID
	const tokens = 4000
	ofAccount := func(n int) bool { return n%3 == 0 }
	want := map[int]Standing{}
	for n := range tokens {
		s := standingN(t, n)
		if ofAccount(n) {
			s.AccountID = gone
		}
		want[n] = s
		if _, _, err := c.Load(hashN(n), found(s)); err != nil {
			t.Fatal(err)
		}
		c.Use(hashN(n), useResolution+int64(n)+1)
	}
	c.ForgetAllOf(gone)
	for n, w := range want {
		got, state := find(c, hashN(n))
		if ofAccount(n) {
			if state != Miss {
				t.Fatalf("token %d of the account: %v", n, state)
			}
			continue
		}
		if w.LastUsedAt = useResolution + int64(n) + 1; state != Hit || got != w {
			t.Fatalf("token %d of another account: %v %+v, want %+v", n, state, got, w)
		}
	}
}

func TestALoadUnderWayCannotBringBackATokenOfAForgottenAccount(t *testing.T) {
	c := newCache(t, 100)
	s := standingN(t, 1)
	_, _, err := c.Load(hashN(1), func() (Standing, bool, error) {
		c.ForgetAllOf(s.AccountID)
		return s, true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, state := find(c, hashN(1)); state != Miss {
		t.Errorf("what was read before the account was forgotten came back: %v", state)
	}
}

func TestAnIssueClearsAHashThatTwoFoundUnknown(t *testing.T) {
	c := newCache(t, 100)
	none := func() (Standing, bool, error) { return Standing{}, false, nil }
	for range 2 {
		if _, _, err := c.Load(hashN(1), none); err != nil {
			t.Fatal(err)
		}
	}
	c.Forget(hashN(1))
	if _, state := find(c, hashN(1)); state != Miss {
		t.Errorf("the hash is still known to be unknown: %v", state)
	}
}

func TestWhatDoesNotFitIntoAnEntryIsAnsweredAndNotCached(t *testing.T) {
	c := newCache(t, 100)
	otherPartition, err := pfid.New(time.UnixMilli(1), 8, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Standing){
		"an id of another partition": func(s *Standing) { s.AgentID = otherPartition },
		"an end too far away":        func(s *Standing) { s.ExpiresAt = 1 << 34 },
		"an end before 1970":         func(s *Standing) { s.ExpiresAt = -1 },
		"a last use too far away":    func(s *Standing) { s.LastUsedAt = 1 << 47 },
		"a status too high":          func(s *Standing) { s.Status = 200 },
	} {
		s := standingN(t, 1)
		change(&s)
		if got, ok, err := c.Load(hashN(1), found(s)); err != nil || !ok || got != s {
			t.Errorf("%s: answered %+v %v %v", name, got, ok, err)
		}
		if _, state := find(c, hashN(1)); state != Miss {
			t.Errorf("%s: %v, want it to be asked for again", name, state)
		}
	}
	if c.Len() != 0 {
		t.Errorf("%d tokens are cached", c.Len())
	}
}
