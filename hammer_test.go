package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend/backendtest"
)

const (
	hammerConnections = 64
	hammerChanges     = 10_000
	hammerChangers    = 8
	// triesPerClose is how many checks must see the token refused before it is activated again or deleted.
	triesPerClose = 4
	// movesPerLife is how often a token is suspended and activated before it ends.
	movesPerLife = 8
)

// hammered is a token that changes under validations.
type hammered struct {
	id, secret string
	entry      backendtest.Entry
	end        time.Time
	// since is odd while the token must be refused: from the response to a change, or the token's expiry, until just before
	// the next activate is sent.
	since atomic.Int64
	// tried receives from each check that ran entirely while the token had to be refused.
	tried chan struct{}
	// ended says that the token expired, which status lists don't show.
	ended bool
}

// hammering is a run of the real program under load.
type hammering struct {
	t       *testing.T
	address string
	manager string
	changes atomic.Int64
	failed  chan struct{} // closed when a checker finds a fault
	fail    func()
	tokens  [hammerChangers + 1]atomic.Pointer[hammered] // the last is the one that expires
}

func TestPromise1HoldsThroughThousandsOfChangesAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	h := &hammering{t: t, failed: make(chan struct{})}
	h.fail = sync.OnceFunc(func() { close(h.failed) })
	folder, manager := setUp(t)
	h.manager, h.address = manager, "http://"+serveIn(t, folder).address
	endpoints := h.endpoints()
	changes := int64(backendtest.Rounds(hammerChanges))

	var checkers, changers sync.WaitGroup
	done := make(chan struct{})
	for i := range h.tokens {
		first := h.issue(time.Hour)
		h.tokens[i].Store(first)
	}
	for i := range hammerConnections {
		d := endpoints[i%len(endpoints)]
		checkers.Go(func() { h.check(d, done) })
	}
	expired := make(chan struct{})
	changers.Go(func() {
		for {
			select {
			case <-expired:
				return
			default:
				h.expire()
			}
		}
	})
	var movers sync.WaitGroup
	for i := range hammerChangers {
		movers.Go(func() {
			for h.changes.Load() < changes && !t.Failed() {
				h.live(i)
			}
		})
	}
	movers.Wait()
	close(expired)
	changers.Wait()
	close(done)
	checkers.Wait()

	for _, d := range endpoints {
		t.Logf("%s: %d accepted, %d refused", d.name, d.accepted.Load(), d.refused.Load())
		if d.accepted.Load() == 0 || d.refused.Load() == 0 {
			t.Errorf("%s was not put to the test: %d accepted, %d refused", d.name, d.accepted.Load(), d.refused.Load())
		}
	}
	t.Logf("%d changes", h.changes.Load())
}

// check asks one endpoint until done, over its own connection. It fails the test if a check that began while the token had
// to be refused is accepted.
func (h *hammering) check(d *endpoint, done <-chan struct{}) {
	c := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer c.CloseIdleConnections()
	for {
		select {
		case <-done:
			return
		default:
		}
		token := h.tokens[rand.IntN(len(h.tokens))].Load()
		if token.ended && d.name == "status list" {
			continue
		}
		before := token.since.Load()
		good, err := d.ask(c, token)
		if err != nil {
			h.t.Errorf("%s: %v", d.name, err)
			h.fail()
			return
		}
		if good {
			d.accepted.Add(1)
		} else {
			d.refused.Add(1)
		}
		if before%2 == 1 && token.since.Load() == before {
			if good {
				h.t.Errorf("%s accepted a token after the answer of the change that ended it", d.name)
				h.fail()
				return
			}
			select {
			case token.tried <- struct{}{}:
			default:
			}
		}
	}
}

// live issues a token, changes its status many times, replaces its secret, and ends it.
func (h *hammering) live(i int) {
	token := h.issue(time.Hour)
	h.tokens[i].Store(token)
	for range movesPerLife / 2 {
		h.move(http.MethodPost, token.id+"/suspend")
		h.close(token)
		token.since.Add(1) // the next line activates the token at some time before it returns
		h.move(http.MethodPost, token.id+"/activate")
	}
	token = h.rotate(i, token, 0)
	token = h.rotate(i, token, time.Minute)
	if i%2 == 0 {
		h.move(http.MethodPost, token.id+"/revoke")
	} else {
		code, body, err := h.send(http.DefaultClient, http.MethodPost, "/oauth/revoke", "Accept", "*/*", url.Values{"token": {token.secret}})
		if err != nil || code != http.StatusOK {
			h.t.Errorf("revoke: %d %s %v", code, body, err)
		}
		h.changes.Add(1)
	}
	h.close(token)
	h.move(http.MethodDelete, token.id)
}

// rotate gives a token a new secret, ends the old one, and returns the token with the new one. If overlap is 0 the rotation
// ends the old secret, else a second change does.
func (h *hammering) rotate(i int, old *hammered, overlap time.Duration) *hammered {
	next := h.secret(old.id+"/rotate", fmt.Sprintf(`{"details":{"overlap_seconds":%d}}`, int(overlap.Seconds())), old.end)
	h.changes.Add(1)
	if overlap > 0 {
		h.move(http.MethodPost, old.id+"/end_old_secret")
	}
	h.close(old)
	h.tokens[i].Store(next)
	return next
}

// expire waits until a token expires.
func (h *hammering) expire() {
	token := h.issue(2 * time.Second)
	token.ended = true
	h.tokens[hammerChangers].Store(token)
	<-time.After(time.Until(token.end))
	h.changes.Add(1)
	h.close(token)
}

// close marks the token as refused from now on, and returns after checks have tried it.
func (h *hammering) close(token *hammered) {
	token.since.Add(1)
	for range triesPerClose {
		select {
		case <-token.tried:
		case <-h.failed:
			return
		}
	}
}

func (h *hammering) move(method, path string) {
	code, body, err := h.send(http.DefaultClient, method, "/api/v1/api_token/"+path, "Authorization", "Bearer "+h.manager, nil)
	if err != nil || code != http.StatusOK {
		h.t.Errorf("%s %s: %d %s %v", method, path, code, body, err)
	}
	h.changes.Add(1)
}

// issue makes an account token.
func (h *hammering) issue(lifetime time.Duration) *hammered {
	end := time.Now().Add(lifetime).UTC().Truncate(time.Second)
	return h.secret("", fmt.Sprintf(`{"details":{"token_scope":"account","expires_at":%q}}`, end.Format(time.RFC3339)), end)
}

// secret sends a request that is answered with a secret, of a token with that end. The path follows that of the tokens.
func (h *hammering) secret(path, body string, end time.Time) *hammered {
	address := strings.TrimSuffix(h.address+"/api/v1/api_token/"+path, "/")
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		h.t.Error(err)
		h.fail()
		return &hammered{}
	}
	request.Header.Set("Authorization", "Bearer "+h.manager)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Error(err)
		h.fail()
		return &hammered{}
	}
	defer response.Body.Close()
	var made struct {
		Token   string
		Details struct{ ID string }
	}
	if err := json.NewDecoder(response.Body).Decode(&made); err != nil || response.StatusCode != http.StatusOK {
		h.t.Errorf("a secret: %d %v", response.StatusCode, err)
		h.fail()
		return &hammered{}
	}
	return &hammered{
		id: made.Details.ID, secret: made.Token, end: end, entry: backendtest.EntryOf(h.t, made.Token), tried: make(chan struct{}, triesPerClose),
	}
}
