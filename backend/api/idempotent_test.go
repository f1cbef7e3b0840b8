package api_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

// noAnswerIsKept makes the database refuse every idempotency key until the returned function is called.
func noAnswerIsKept(t *testing.T, p *backendtest.Program) (undo func()) {
	t.Helper()
	return p.Break("INSERT", "idempotency_keys", "TRUE")
}

func TestARequestWithAKeyChangesNothingUnlessItsAnswerIsKept(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	victim, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	call := func(method, path, body string) backendtest.Answer {
		return p.Call(method, "/api/v1"+path, body, backendtest.Bearer(manager))
	}
	works := func() bool {
		return p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Status == http.StatusOK
	}
	works() // from now on its verdict is remembered

	undo := noAnswerIsKept(t, p)
	requests := []struct{ path, body string }{
		{"/agent", `{"details":{"name":"bot"},"idempotency_key":"make-bot"}`},
		{"/api_token", `{"details":{"token_scope":"account","name":"lost"},"idempotency_key":"make-token"}`},
		{"/api_token/" + victim.ID.String() + "/revoke", `{"idempotency_key":"revoke-it"}`},
	}
	for _, r := range requests {
		a := call(http.MethodPost, r.path, r.body)
		if a.Status != http.StatusServiceUnavailable || a.Text(t, "status") != "error" || strings.Contains(a.Body, `"token"`) {
			t.Errorf("%s: %d %s", r.path, a.Status, a.Body)
		}
	}
	for path, want := range map[string]any{"/agent": 0.0, "/api_token": 2.0} {
		if n := p.Call(http.MethodGet, "/api/v1"+path, nil, backendtest.Bearer(manager)).Get(t, "pagination", "item_count"); n != want {
			t.Errorf("%s lists %v, want %v", path, n, want)
		}
	}
	if !works() {
		t.Error("a revoke that was answered with an error happened")
	}

	undo()
	for _, r := range requests {
		first, again := call(http.MethodPost, r.path, r.body), call(http.MethodPost, r.path, r.body)
		if first.Status != http.StatusOK || first.Header.Get("Idempotent-Replayed") != "" || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: %d %s, then %d %s", r.path, first.Status, first.Body, again.Status, again.Body)
		}
	}
	if works() {
		t.Error("a token works after a revoke with a key was answered")
	}
}

// A validation that reads before the commit caches the state from before the change.
func TestAChangeWithAKeyIsInForceWhenItIsAnswered(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for range 20 {
		victim, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		var answered, stop atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for !stop.Load() {
				began := answered.Load()
				if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || began && v.Reason == token.Good {
					t.Errorf("accepted after the answer: %v %v", v.Reason, err)
					return
				}
			}
		}()
		key := `{"idempotency_key":"revoke-` + victim.ID.String() + `"}`
		wantStatus(t, "the request", p.Call(http.MethodPost, "/api/v1/api_token/"+victim.ID.String()+"/revoke", key, backendtest.Bearer(manager)), http.StatusOK)
		answered.Store(true)
		for range 100 {
			if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.IsRevoked {
				t.Errorf("%v %v", v.Reason, err)
				break
			}
		}
		stop.Store(true) // also after a failure: once the test has ended, every check fails
		<-done
	}
}

// breaking is a source of randomness that panics while broken, to simulate a defect in the middle of a change.
type breaking struct{ broken atomic.Int64 }

func (b *breaking) Read(into []byte) (int, error) {
	if b.broken.Add(-1) == 0 {
		panic("a defect")
	}
	return rand.Read(into)
}

func TestAPanicKeepsNeitherTheChangeNorItsKey(t *testing.T) {
	t.Parallel()
	random := &breaking{}
	p := backendtest.Start(t, func(_ *config.Config, w *backend.World) { w.Random = random })
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	post := func() backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"bot"},"idempotency_key":"make-bot"}`, backendtest.Bearer(manager))
	}
	random.broken.Store(2) // the id of the agent is the first, that of its event the second
	if a := post(); a.Status != http.StatusInternalServerError {
		t.Fatalf("%d %s", a.Status, a.Body)
	} else if id := a.Header.Get("X-Request-Id"); id == "" || !strings.Contains(p.Log.String(), id) {
		t.Errorf("the log does not have the id %q", id)
	}
	if n := p.Call(http.MethodGet, "/api/v1/agent", nil, backendtest.Bearer(manager)).Get(t, "pagination", "item_count"); n != 0.0 {
		t.Errorf("%v agents", n)
	}
	if a := post(); a.Status != http.StatusOK || a.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestKeysThatAWrongClockStampedEndADayAfterItIsRight(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(300 * 24 * time.Hour)})
	post := func(key string) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"bot"},"idempotency_key":"`+key+`"}`, backendtest.Bearer(manager))
	}
	const wrong = 100 * 24 * time.Hour
	p.Clock.Jump(wrong)
	first := post("key-0001")
	p.Clock.Jump(-wrong)
	if again := post("key-0001"); again.Text(t, "details", "id") != first.Text(t, "details", "id") {
		t.Errorf("the key is forgotten: %s", again.Body)
	}
	if err := p.RemoveEnded(t.Context()); err != nil { // as the server does every few seconds
		t.Fatal(err)
	}
	p.Clock.Move(24 * time.Hour)
	if later := post("key-0001"); later.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the key is kept for more than a day: %s", later.Body)
	}
}
