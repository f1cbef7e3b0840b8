package token

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
	"unsafe"

	"tokentab/backend/pfid"
)

// secretN returns a secret of realistic length. Secrets differ only in their last characters.
func secretN(n int) []byte { return fmt.Appendf(bytes.Repeat([]byte("s"), 900), "%09d", n) }

func stateN(t testing.TB, n int) State {
	t.Helper()
	s := State{Status: Active, Scope: ScopeAgentDeployment, ExpiresAt: time.Now().Add(time.Hour).Unix()}
	for _, id := range []*pfid.ID{&s.TokenID, &s.AccountID, &s.EnvironmentID, &s.AgentID, &s.AgentDeploymentID} {
		made, err := pfid.New(time.UnixMilli(int64(n)), 7, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		*id = made
	}
	return s
}

// idN returns the id of the token with secretN(n).
func idN(n int) (id pfid.ID) {
	hash := HashOf(secretN(n))
	copy(id[:], hash[:])
	return id
}

func newCache(t testing.TB, tokens int) *Cache {
	t.Helper()
	c, err := NewCache(tokens, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// saying is a store with the same result for every secret.
func saying(s State, ok bool, err error) finder {
	return finder{find: func(context.Context, Hash) (State, bool, error) { return s, ok, err }}
}

// find asks the cache for a secret, over a store with the given result.
func find(t testing.TB, c *Cache, n int, store finder) (s State, ok bool) {
	t.Helper()
	return findAt(t, c, n, 0, store)
}

func findAt(t testing.TB, c *Cache, n int, at int64, store finder) (s State, ok bool) {
	t.Helper()
	ok, err := c.Find(t.Context(), store, secretN(n), at, &s)
	if err != nil {
		t.Fatal(err)
	}
	return s, ok
}

// knows reports whether the cache knows a secret without the store.
func knows(c *Cache, n int) bool {
	var s State
	known, _ := c.lookUp(c.keyOf(secretN(n)), 0, &s)
	return known
}

func TestTheCacheReturnsExactlyWhatTheStoreSaid(t *testing.T) {
	c := newCache(t, 10_000)
	want := map[int]State{}
	for n := range 5000 {
		want[n] = stateN(t, n)
		if got, ok := find(t, c, n, saying(want[n], true, nil)); !ok || got != want[n] {
			t.Fatalf("token %d: %v %+v, want %+v", n, ok, got, want[n])
		}
	}
	for n, w := range want {
		if got, ok := find(t, c, n, saying(State{}, false, errors.New("asked again"))); !ok || got != w {
			t.Fatalf("token %d: %v %+v, want %+v", n, ok, got, w)
		}
	}
}

func TestTheCacheHoldsAsManyAsItsBoundAndNoMore(t *testing.T) {
	const bound = 60 * shardCount // of which each shard has more than its own
	c := newCache(t, bound)
	for n := range 4 * bound {
		find(t, c, n, saying(State{Status: Active}, true, nil))
	}
	held := 0
	for n := range 4 * bound {
		if knows(c, n) {
			held++
		}
	}
	if held != bound {
		t.Errorf("%d tokens in a cache of %d", held, bound)
	}
}

func TestTheCacheKeepsWhatIsUsed(t *testing.T) {
	const bound = 10 * shardCount
	c := newCache(t, bound)
	find(t, c, 0, saying(State{Status: Active}, true, nil))
	for n := 1; n < 10*bound; n++ {
		for _, asked := range []int{0, n} {
			findAt(t, c, asked, int64(n)*2000, saying(State{Status: Active}, true, nil))
		}
	}
	if !knows(c, 0) {
		t.Error("a token in constant use was dropped")
	}
}

func TestWhatIsNewerReplacesWhatIsOlderInACacheOfAnySize(t *testing.T) {
	for _, perShard := range []int{8, 17, 30} {
		c := newCache(t, perShard*shardCount)
		size := perShard * shardCount
		load := func(from, count int, at int64) {
			for n := from; n < from+count; n++ {
				findAt(t, c, n, at, saying(State{Status: Active}, true, nil))
			}
		}
		load(0, 3*size, 1000)
		load(3*size, 6*size, 3000)
		old := 0
		for n := range 3 * size {
			if knows(c, n) {
				old++
			}
		}
		if old > size/100 {
			t.Errorf("%d of %d entries were never replaced", old, size)
		}
	}
}

func TestTheCacheSaysWhatTheStoreSaysWhateverHappens(t *testing.T) {
	c := newCache(t, 1000)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	// Each token has two secrets.
	truth, secrets, accounts := map[Hash]State{}, [3000]int{}, [3]pfid.ID{}
	for n := range secrets {
		secrets[n] = n
	}
	next := len(secrets)
	for i := range accounts {
		accounts[i] = stateN(t, i).TokenID
	}
	asked := 0
	store := finder{find: func(_ context.Context, hash Hash) (State, bool, error) {
		asked++
		s, ok := truth[hash]
		return s, ok, nil
	}}
	const steps = 60_000
	for range steps {
		n := random.IntN(len(secrets))
		switch what := random.IntN(1000); {
		case what < 50: // issued, changed or deleted
			s := State{Status: Active, TokenID: idN(n / 2), AccountID: accounts[random.IntN(3)], ExpiresAt: random.Int64()}
			stays := random.IntN(3) > 0
			for _, of := range []int{n &^ 1, n | 1} {
				_, exists := truth[HashOf(secretN(secrets[of]))]
				delete(truth, HashOf(secretN(secrets[of])))
				if !stays {
					continue
				}
				if !exists { // a deleted token does not come back
					secrets[of], next = next, next+1
				}
				truth[HashOf(secretN(secrets[of]))] = s
			}
			c.Forget(s.TokenID)
		case what == 50:
			account := accounts[random.IntN(3)]
			for hash, s := range truth {
				if s.AccountID == account {
					s.ExpiresAt++
					truth[hash] = s
				}
			}
			c.ForgetAllOf(account)
		case what == 51:
			for hash, s := range truth {
				s.ExpiresAt++
				truth[hash] = s
			}
			c.ForgetAll()
		default:
			want, wantOK := truth[HashOf(secretN(secrets[n]))]
			if got, ok := find(t, c, secrets[n], store); ok != wantOK || got != want {
				t.Fatalf("token %d: %v %+v, in the store %v %+v", n, ok, got, wantOK, want)
			}
		}
	}
	if asked == 0 || asked > steps*9/10 {
		t.Errorf("the store was asked %d times", asked)
	}
}

func TestManyWhoMissTheSameTokenAskTheStoreOnce(t *testing.T) {
	c := newCache(t, 100)
	var asked atomic.Int64
	release := make(chan struct{})
	store := finder{find: func(context.Context, Hash) (State, bool, error) {
		asked.Add(1)
		<-release
		return State{Status: Active}, true, nil
	}}
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if s, ok := find(t, c, 1, store); !ok || s.Status != Active {
				t.Errorf("%v %v", s, ok)
			}
		})
	}
	close(release)
	wait.Wait()
	if asked.Load() != 1 {
		t.Errorf("the store was asked %d times", asked.Load())
	}
}

func TestPromise1ALoadUnderWayCannotBringBackWhatWasForgotten(t *testing.T) {
	old := stateN(t, 1)
	changed := old
	changed.Status = Revoked
	for name, forget := range map[string]func(c *Cache){
		"the token":      func(c *Cache) { c.Forget(old.TokenID) },
		"its account":    func(c *Cache) { c.ForgetAllOf(old.AccountID) },
		"its deployment": func(c *Cache) { c.ForgetAllOf(old.AgentDeploymentID) },
		"everything":     func(c *Cache) { c.ForgetAll() },
	} {
		for _, again := range []bool{false, true} {
			c := newCache(t, 100)
			got, ok := find(t, c, 1, finder{find: func(context.Context, Hash) (State, bool, error) {
				// After the store is read, the token changes and another validation begins.
				forget(c)
				if !again {
					return old, true, nil
				}
				if got, _ := find(t, c, 1, saying(changed, true, nil)); got.Status != Revoked {
					t.Errorf("%s: a validation after the change joined the old look-up: %v", name, got.Status)
				}
				return old, true, nil
			}})
			if !ok || got != old {
				t.Errorf("%s: the old look-up got %v", name, got)
			}
			if got, _ := find(t, c, 1, saying(changed, true, nil)); got.Status != Revoked {
				t.Errorf("%s: what was read before the change came back: %v", name, got.Status)
			}
		}
	}
}

// TestPromise1NoValidationThatBeginsAfterAChangeSeesWhatWasBeforeIt changes tokens, commit first, under concurrent
// validations.
func TestPromise1NoValidationThatBeginsAfterAChangeSeesWhatWasBeforeIt(t *testing.T) {
	const tokens, changes = 40, 300
	c := newCache(t, 1)
	secrets := make([]int, tokens) // of two shards, which hold fewer
	for n, next := 0, 0; n < tokens; next++ {
		if c.keyOf(secretN(next))[1]%shardCount < 2 {
			secrets[n], n = next, n+1
		}
	}
	account := stateN(t, 0).AccountID
	var committed, answered [tokens]atomic.Int64
	numbers := map[Hash]int{}
	for n := range tokens {
		numbers[HashOf(secretN(secrets[n]))] = n
	}
	store := finder{find: func(_ context.Context, hash Hash) (State, bool, error) {
		n := numbers[hash]
		s := State{Status: Active, TokenID: idN(n), AccountID: account, ExpiresAt: committed[n].Load()}
		runtime.Gosched()
		return s, true, nil
	}}
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for n := r; ; n = (n + 7) % tokens {
				select {
				case <-done:
					return
				default:
				}
				least := answered[n].Load()
				got, ok := findAt(t, c, secrets[n], int64(n)*1000, store)
				if most := committed[n].Load(); !ok || got.AccountID != account || got.ExpiresAt < least || got.ExpiresAt > most {
					t.Errorf("token %d: %v %+v, after change %d was answered and before %d was", n, ok, got, least, most)
					return
				}
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			for i := range changes {
				for n := w; n < tokens; n += 2 {
					change := committed[n].Add(1)
					switch i % 50 {
					case 0:
						c.ForgetAllOf(account)
					case 1:
						c.ForgetAll()
					default:
						c.Forget(idN(n))
					}
					answered[n].Store(change)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	if held := c.shards[0].numbers.held + c.shards[1].numbers.held; held > 2*alwaysHeld+1 {
		t.Errorf("two shards hold %d of %d tokens, so none was replaced", held, tokens)
	}
}

func TestAFullCacheKeepsToItsSlots(t *testing.T) {
	const secrets = 20_000
	c := newCache(t, 1)
	for n := range secrets {
		findAt(t, c, n, int64(n), saying(State{Status: Active, ExpiresAt: int64(n)}, true, nil))
	}
	most := 1 + shardCount*alwaysHeld
	if held := c.Stats().Tokens; held > most || held < most*9/10 {
		t.Errorf("it holds %d tokens, want about %d", held, most)
	}
	used := map[uint32]bool{}
	for i := range c.shards {
		s := &c.shards[i]
		for cell := range uint32(len(s.numbers.cells)) {
			number := s.numbers.numberAt(cell)
			if number == 0 {
				continue
			}
			if used[number] || int(number) > len(c.slots) {
				t.Fatalf("slot %d of %d is used by two shards", number, len(c.slots))
			}
			used[number] = true
			if key := c.slots[number-1].key; c.shardOf(key) != s || s.find(key) != &c.slots[number-1] {
				t.Errorf("slot %d is not found by its key", number)
			}
		}
	}
	c.ForgetAll()
	if held := c.Stats().Tokens; held != 0 {
		t.Errorf("it holds %d tokens after all were forgotten", held)
	}
}

// ofOneShard returns a full cache whose only used shard has exactly its own slots, and a way to look for and keep its n-th key.
func ofOneShard(t *testing.T) (c *Cache, known func(n int) bool, keep func(n int, s State, at int64)) {
	c = newCache(t, 1)
	c.shared.Store(1)
	key := func(n int) Key { return Key{uint64(n) * 7919, 3} }
	known = func(n int) bool {
		var s State
		_, ok := c.lookUp(key(n), 0, &s)
		return ok
	}
	return c, known, func(n int, s State, at int64) { c.keep(key(n), answer{s, true}, c.epoch.Load(), at) }
}

func TestWhatWasForgottenAndWhatAWrongClockKeptIsReplacedFirst(t *testing.T) {
	const now = int64(1_800_000_000_000)
	for name, odd := range map[string]int64{"forgotten": now + 30_000, "kept by a clock a year ahead": now + 365*86_400_000} {
		c, known, keep := ofOneShard(t)
		account := stateN(t, 1).AccountID
		for n := range alwaysHeld {
			if s := stateN(t, n); n%2 == 0 {
				s.AccountID = account
				keep(n, s, odd)
			} else {
				keep(n, s, now)
			}
		}
		if odd < now+wrongClock {
			c.ForgetAllOf(account)
		}
		for n := range alwaysHeld / 2 {
			keep(100+n, stateN(t, 100+n), now+1000)
		}
		for n := range alwaysHeld {
			if known(n) == (n%2 == 0) {
				t.Errorf("%s: token %d is known %v", name, n, known(n))
			}
		}
	}
}

func TestTheNewestUnknownSecretsOfASetAreRemembered(t *testing.T) {
	c := newCache(t, 1)
	key := func(n int) Key { return Key{uint64(n) * unknownSets, 3} }
	for n := range 2 * unknownPerSet {
		for range 2 {
			c.keep(key(n), answer{}, c.epoch.Load(), 0)
		}
	}
	for n := range 2 * unknownPerSet {
		var s State
		if known, ok := c.lookUp(key(n), 0, &s); ok || known != (n >= unknownPerSet) {
			t.Errorf("secret %d of %d: known %v, as a token's %v", n, 2*unknownPerSet, known, ok)
		}
	}
}

func TestASecretThatGotATokenIsNotUnknownOnceThatIsForgotten(t *testing.T) {
	c, key := newCache(t, 1), Key{1, 2}
	s := stateN(t, 1)
	c.keep(key, answer{}, c.epoch.Load(), 0)
	c.keep(key, answer{s, true}, c.epoch.Load(), 0)
	c.Forget(s.TokenID)
	var got State
	if known, _ := c.lookUp(key, 0, &got); known {
		t.Error("it would be refused without a look into the store")
	}
}

func TestUnknownSecretsAreRemembered(t *testing.T) {
	c := newCache(t, 100)
	if _, ok := find(t, c, 1, saying(State{}, false, nil)); ok {
		t.Fatal("a token was made of nothing")
	}
	if s, ok := find(t, c, 1, saying(stateN(t, 1), true, nil)); ok || s != (State{}) {
		t.Errorf("the store was asked again: %v", s)
	}
	c.ForgetAll() // another process may have restored a backup
	issued := stateN(t, 1)
	if s, ok := find(t, c, 1, saying(issued, true, nil)); !ok || s != issued {
		t.Errorf("in the restored database: %v %v", ok, s)
	}
	c.Forget(issued.TokenID)
	for range 2 {
		if s, ok := find(t, c, 1, saying(State{}, false, nil)); ok || s != (State{}) {
			t.Errorf("after it was deleted: %v %v", ok, s)
		}
	}
	if !knows(c, 1) {
		t.Error("a secret that was deleted is asked for again and again")
	}
}

func TestMadeUpSecretsPushNoTokenOutAndTakeBoundedMemory(t *testing.T) {
	const tokens = 1000
	c := newCache(t, tokens)
	for n := range tokens {
		find(t, c, n, saying(State{Status: Active}, true, nil))
	}
	const most = shardCount * unknownSets * unknownPerSet
	const madeUp = most * 5 / 4
	for n := range madeUp {
		find(t, c, tokens+n, saying(State{}, false, nil))
	}
	if remembered := c.Stats().Unknown; remembered > most || remembered < most/2 {
		t.Errorf("%d of %d made-up secrets are remembered, want at most %d", remembered, madeUp, most)
	}
	for n := range tokens {
		if !knows(c, n) {
			t.Fatal("a token was pushed out")
		}
	}
}

func TestAFailedLookUpIsNotRemembered(t *testing.T) {
	c := newCache(t, 100)
	failure := errors.New("no answer")
	for range 2 {
		var s State
		ok, err := c.Find(t.Context(), saying(stateN(t, 1), true, failure), secretN(1), 0, &s)
		if !errors.Is(err, failure) || ok || s != (State{}) {
			t.Fatalf("%v %v %v", s, ok, err)
		}
		if knows(c, 1) {
			t.Error("it is remembered")
		}
	}
}

func TestPromise3ALookUpThatPanicsAdmitsNoOne(t *testing.T) {
	c := newCache(t, 100)
	panicking := finder{find: func(context.Context, Hash) (State, bool, error) { panic("boom") }}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is hidden")
			}
		}()
		find(t, c, 1, panicking)
	}()
	if knows(c, 1) {
		t.Error("it is remembered")
	}
}

func TestForgettingAnAccountDropsItsTokensAndNoOthers(t *testing.T) {
	c := newCache(t, 10_000)
	gone := stateN(t, 0).AccountID
	const tokens = 4000
	ofAccount := func(n int) bool { return n%3 == 0 }
	for n := range tokens {
		s := stateN(t, n)
		if ofAccount(n) {
			s.AccountID = gone
		}
		find(t, c, n, saying(s, true, nil))
	}
	c.ForgetAllOf(gone)
	for n := range tokens {
		if knows(c, n) == ofAccount(n) {
			t.Fatalf("token %d: known %v, of the account %v", n, knows(c, n), ofAccount(n))
		}
	}
	for n := range tokens {
		find(t, c, n, saying(State{Status: Active}, true, nil))
	}
	for n := range tokens {
		if !knows(c, n) {
			t.Fatalf("token %d is not kept any more", n)
		}
	}
}

func TestAForgetDropsFewOtherTokens(t *testing.T) {
	const tokens = 20_000
	c := newCache(t, tokens)
	for n := range tokens {
		find(t, c, n, saying(State{Status: Active, TokenID: idN(n)}, true, nil))
	}
	const forgotten = 500
	for n := range forgotten {
		c.Forget(idN(n))
	}
	dropped := 0
	for n := range tokens {
		switch known := knows(c, n); {
		case known && n < forgotten:
			t.Fatalf("token %d is still known", n)
		case !known && n >= forgotten:
			dropped++
		}
	}
	if dropped > 100 { // about 38 are expected
		t.Errorf("%d changes dropped %d other tokens", forgotten, dropped)
	}
}

func TestPromise4TheCacheKnowsSecretsByKeysOfItsOwn(t *testing.T) {
	if _, err := NewCache(10, iotest.ErrReader(errors.New("no randomness"))); err == nil {
		t.Error("made a cache without keys")
	}
	one, other := newCache(t, 10), newCache(t, 10)
	if one.keyOf(secretN(1)) == other.keyOf(secretN(1)) {
		t.Error("two caches have the same keys")
	}
	first, again, second := one.keyOf(secretN(1)), one.keyOf(secretN(1)), one.keyOf(secretN(2))
	if again != first || second == first {
		t.Error("a secret is not known again, or taken for another")
	}
}

// heap returns the bytes in use after a garbage collection.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse)
}

func TestATokenTakesAsMuchMemoryAsTheSettingsSay(t *testing.T) {
	const tokens, most = 100_000, 170 // bytes
	c := newCache(t, tokens)
	before := heap() // the slots are reserved by now, but untouched
	for n := range tokens {
		find(t, c, n, saying(State{Status: Active}, true, nil))
	}
	if each := int(unsafe.Sizeof(slot{})) + (heap()-before)/tokens; each > most {
		t.Errorf("a cached token takes %d bytes, want at most %d", each, most)
	}
	runtime.KeepAlive(c)
}

// BenchmarkCheck validates on all processors: one secret, a few that are spread over many, and all of many.
func BenchmarkCheck(b *testing.B) {
	const tokens = 1_000_000
	at := time.Now()
	s := stateN(b, 1)
	ts := New(saying(s, true, nil), nil, newCache(b, tokens), Lifetimes{}, func() time.Time { return at }, nil)
	secrets := make([][]byte, tokens)
	before := heap()
	for n := range secrets {
		secrets[n] = secretN(n)
	}
	stored := heap()
	for _, secret := range secrets {
		if v, err := ts.Check(b.Context(), secret); err != nil || v.Reason != Good {
			b.Fatal(v, err)
		}
	}
	b.Logf("%d bytes for a secret, %d for a cached token", (stored-before)/tokens, int(unsafe.Sizeof(slot{}))+(heap()-stored)/tokens)
	for _, asked := range []int{1, 1000, tokens} {
		b.Run(fmt.Sprintf("asked=%d", asked), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if v, err := ts.Check(b.Context(), secrets[mathrand.IntN(asked)*(tokens/asked)]); err != nil || v.Reason != Good {
						b.Error(v, err)
					}
				}
			})
		})
	}
}
