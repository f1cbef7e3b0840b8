package backend_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/fault"
	"tokentab/backend/password"
	"tokentab/backend/people"
	"tokentab/backend/pgtest"
	"tokentab/backend/signer"
	"tokentab/backend/store"
)

// fullQueue is people.Passwords with a full queue.
type fullQueue struct{ *password.Hasher }

func (fullQueue) Turn(context.Context, bool) (func(), error) {
	return nil, fault.New(fault.Unavailable, "Too many people sign in at once.")
}

func TestWrongSignInsCountOnAllCopiesHoweverTheirClocksDiffer(t *testing.T) {
	pgtest.OnPostgres(t)
	clock, ahead := backendtest.NewClock(), backendtest.NewClock()
	ahead.Jump(time.Hour)
	p := backendtest.StartIn(t, t.TempDir(), clock)
	p.Found()
	other := backendtest.StartIn(t, p.Folder, ahead, func(_ *config.Config, w *backend.World) { w.Shared = clock.Now })
	browser := people.Browser{Address: "192.0.2.1"}
	tries := func(most int) (made int) {
		t.Helper()
		for try := range most {
			_, err := []*backendtest.Program{p, other}[try%2].People.SignIn(t.Context(), backendtest.Email, "wrong wrong wrong", browser)
			switch fault.KindOf(err) {
			case fault.NotAuthenticated:
				made++
			case fault.TooManyRequests:
			default:
				t.Fatal(err)
			}
		}
		return made
	}
	if made := tries(20); made != 5 {
		t.Errorf("%d tries were not delayed", made)
	}
	for _, c := range []*backendtest.Clock{clock, ahead} {
		c.Move(5 * time.Second)
	}
	if made := tries(4); made != 1 {
		t.Errorf("after the wait there were %d tries", made)
	}
}

func TestASignInWithoutAPasswordCheckIsNotCounted(t *testing.T) {
	pgtest.OnSQLite(t, "it opens the store by its folder")
	clock := backendtest.NewClock()
	s, err := store.Join(t.Context(), t.TempDir(), "", store.Joining{Create: true}, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key, err := signer.MasterKey{}.MACKey("audit")
	if err != nil {
		t.Fatal(err)
	}
	err = s.Events.ChainEvents(t.Context(), key, func([]signer.StoredKey) bool { return true }, func(int) (audit.Event, error) {
		return audit.New(clock.Now(), audit.Actor{}, audit.ChainStarted, "", "", rand.Reader)
	})
	if err != nil {
		t.Fatal(err)
	}
	hasher := password.New(rand.Reader, func() {}, password.Costs{})
	accounts := account.New(s.Accounts, nil, clock.Now, rand.Reader)
	parts := people.Parts{Store: s.People, Accounts: accounts, Passwords: hasher, Now: clock.Now, Random: rand.Reader}
	free := people.New(parts)
	parts.Passwords = fullQueue{hasher}
	full := people.New(parts)
	if _, err := free.Found(t.Context(), people.Founder{AccountName: "Acme", Email: backendtest.Email, Password: backendtest.Password}, ""); err != nil {
		t.Fatal(err)
	}
	browser := people.Browser{Address: "192.0.2.1"}
	for range 20 {
		if _, err := full.SignIn(t.Context(), backendtest.Email, "wrong wrong wrong", browser); fault.KindOf(err) != fault.Unavailable {
			t.Fatal(err)
		}
	}
	for range 5 { // all free tries are left
		if _, err := free.SignIn(t.Context(), backendtest.Email, "wrong wrong wrong", browser); fault.KindOf(err) != fault.NotAuthenticated {
			t.Fatal(err)
		}
	}
}
