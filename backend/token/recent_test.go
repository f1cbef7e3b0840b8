package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// secretN is as long as an issued secret, and differs from the others in the last places only.
func secretN(n int) []byte { return fmt.Appendf(bytes.Repeat([]byte("s"), 900), "%09d", n) }

// remembers reports whether it is remembered what the cache knows of a secret.
func remembers(c *Cache, n int) bool {
	m, standing := c.recent.macOf(secretN(n)), Standing{}
	return c.recent.find(&m, &standing)
}

// fill loads tokens with the numbers below n, and returns a judge of them.
func fill(t *testing.T, n int) (*Tokens, *Cache) {
	t.Helper()
	c := newCache(t, n)
	for i := range n {
		s := standingN(t, i)
		s.ExpiresAt = time.Now().Add(time.Hour).Unix()
		if _, _, err := c.Load(HashOf(secretN(i)), found(s)); err != nil {
			t.Fatal(err)
		}
	}
	return New(nil, nil, c, Lifetimes{}, time.Now, nil), c
}

func check(t *testing.T, ts *Tokens, n int) Verdict {
	t.Helper()
	v, err := ts.Check(context.Background(), secretN(n))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhatIsRememberedIsThatOfTheSecret(t *testing.T) {
	const tokens = recentSets * recentWays * 5 / 4 // more than are remembered
	ts, c := fill(t, tokens)
	want := map[int]Standing{}
	for n := range tokens {
		if s, state := find(c, HashOf(secretN(n))); state == Hit {
			s.LastUsedAt = 0
			want[n] = s
		}
	}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range tokens / 4 {
				for _, n := range []int{i % 500, (i + 7) % 500, (i + 200) % 500, (4*i + worker) % tokens} { // some again and again
					s, known := want[n]
					if !known {
						continue
					}
					v, err := ts.Check(context.Background(), secretN(n))
					if v.Standing.LastUsedAt = 0; err != nil || v.Reason != Good || v.Standing != s {
						t.Errorf("secret %d: %v %+v %v, want %+v", n, v.Reason, v.Standing, err, s)
						return
					}
				}
			}
		})
	}
	all.Wait()
	known := 0
	for n := range 500 {
		if remembers(c, n) {
			known++
		}
	}
	if known < 250 {
		t.Errorf("%d of 500 secrets that came again and again are remembered", known)
	}
}

func TestNothingIsRememberedOverAForget(t *testing.T) {
	ts, c := fill(t, 1000)
	for range 100 {
		for n := range 1000 {
			check(t, ts, n)
		}
	}
	// The store refuses every look-up, so what is answered after a Forget was remembered.
	ts.store = finder{find: func(context.Context, Hash) (Standing, bool, error) { return Standing{}, false, nil }}
	for n := range 1000 {
		if v := check(t, ts, n); v.Reason != Good {
			t.Fatalf("secret %d before: %v", n, v.Reason)
		}
		if n%2 == 0 {
			c.Forget(HashOf(secretN(n)))
		} else {
			s, _ := find(c, HashOf(secretN(n)))
			c.ForgetAllOf(s.AccountID)
		}
		for range 20 {
			if v := check(t, ts, n); v.Reason != Unknown {
				t.Fatalf("secret %d after: %v", n, v.Reason)
			}
		}
	}
}

func TestNothingIsRememberedWhileSomethingMoves(t *testing.T) {
	_, c := fill(t, 1)
	hash, m := HashOf(secretN(0)), c.recent.macOf(secretN(0))
	h := keyOf(&hash)
	s := c.shardOf(&h)
	s.seq.Add(1) // as a writer does that is half-way
	c.recent.remember(&m, &hash)
	if remembers(c, 0) {
		t.Error("it is remembered what was read while it moved")
	}
	s.seq.Add(1)
	if c.recent.remember(&m, &hash); !remembers(c, 0) {
		t.Error("it is not remembered after that")
	}
}

func TestAnUnknownSecretIsRememberedUntilItIsIssued(t *testing.T) {
	ts, c := fill(t, 10)
	ts.store = finder{find: func(context.Context, Hash) (Standing, bool, error) { return Standing{}, false, nil }}
	const secret = 77
	for range 10_000 {
		if v := check(t, ts, secret); v != (Verdict{}) {
			t.Fatalf("%+v", v)
		}
	}
	if !remembers(c, secret) {
		t.Error("an unknown secret that came again and again is not remembered")
	}
	c.Forget(HashOf(secretN(secret)))
	issued := standingN(t, 1)
	issued.ExpiresAt = time.Now().Add(time.Hour).Unix()
	ts.store = finder{find: func(context.Context, Hash) (Standing, bool, error) { return issued, true, nil }}
	if v := check(t, ts, secret); v.Reason != Good {
		t.Errorf("after it was issued: %v", v.Reason)
	}
}

func TestUsesAreNotedOfRememberedSecrets(t *testing.T) {
	ts, c := fill(t, 1)
	at := time.Now()
	ts.now = func() time.Time { return at }
	for range 5000 {
		check(t, ts, 0)
	}
	for second := range 3 {
		at = at.Add(useResolution * time.Millisecond)
		for range 100 {
			check(t, ts, 0)
		}
		if s, _ := find(c, HashOf(secretN(0))); s.LastUsedAt != at.UnixMilli() {
			t.Errorf("second %d: last used %d, want %d", second, s.LastUsedAt, at.UnixMilli())
		}
		if !remembers(c, 0) {
			t.Error("it is not remembered")
		}
	}
}

func TestSecretsAreRememberedWhereTheyComeAgain(t *testing.T) {
	ts, c := fill(t, 21_000)
	comeAgain := func(secrets int) {
		t.Helper()
		known := 0
		for i := range 10_000 {
			check(t, ts, i%secrets)
		}
		for n := range secrets {
			if remembers(c, n) {
				known++
			}
		}
		if known < secrets*95/100 {
			t.Errorf("%d of %d secrets that came again and again are remembered", known, secrets)
		}
	}
	comeAgain(100)
	for n := range 20_000 { // none comes again
		check(t, ts, 1000+n)
	}
	known := 0
	for n := range 10_000 {
		if remembers(c, 11_000+n) {
			known++
		}
	}
	if known > 1000 {
		t.Errorf("%d of 10,000 secrets that never came again were remembered", known)
	}
	comeAgain(1)
}

func TestThereIsNoCacheWithoutAKey(t *testing.T) {
	if _, err := NewCache(10, iotest.ErrReader(errors.New("no randomness"))); err == nil {
		t.Error("made a cache without a key")
	}
	one, other := newCache(t, 10).recent, newCache(t, 10).recent
	if one.macOf(secretN(1)) == other.macOf(secretN(1)) {
		t.Error("two caches have the same key")
	}
}
