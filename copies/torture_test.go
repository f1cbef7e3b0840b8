package copies

import (
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tokentab/backend/backendtest"
)

const (
	checkers = 64
	// changers are those of a short run and of a long one, in which most of them wait for a copy that fails.
	changers, manyChangers = 32, 128
	// movesPerLife is how often a token is suspended and activated before it ends.
	movesPerLife = 4
	// triesPerClose is how many checks try a token that was just ended, if they come within patience.
	triesPerClose = 4
	patience      = 300 * time.Millisecond
)

var tortureChanges = flag.Int("changes", 20_000, "with -torture: how many changes of tokens are made")

// victim is a token that changes under validations.
type victim struct {
	id, secret string
	entry      backendtest.Entry
	// since is odd while the token must be refused: from the response to a change until just before the next activate is sent.
	since atomic.Int64
	tried chan struct{}
}

// torture is a run of several copies under load and faults.
type torture struct {
	*fleet
	victims   []atomic.Pointer[victim] // one for each changer
	endpoints []*asking
	changes   atomic.Int64
	late      atomic.Int64
	over      chan struct{}

	mu     sync.Mutex
	states map[string]string // last acknowledged status of each token
	faults map[string]int
}

// TestPromise1HoldsOnAllCopiesWhateverFails changes tokens through all copies and validates them at all copies and
// endpoints, while copies are killed, paused, delayed and cut off, and Postgres goes away. A validation that
// begins after the response to a change must never be accepted, and no acknowledged change may be lost.
func TestPromise1HoldsOnAllCopiesWhateverFails(t *testing.T) {
	changes, many, seed := int64(200), changers, rand.Uint64()
	flags := []string{"--database-look-limit", "10s"} // other tests may leave the copies little time
	if backendtest.Torturing() {
		changes, many, flags = int64(*tortureChanges), manyChangers, nil
	}
	t.Logf("seed %d", seed)
	r := &torture{fleet: newFleet(t, 3, "", flags...), over: make(chan struct{}), states: map[string]string{}, faults: map[string]int{}}
	r.victims, r.endpoints = make([]atomic.Pointer[victim], many), r.allEndpoints()
	for i := range r.victims {
		r.victims[i].Store(r.issue(nil))
	}
	var checking, changing, failing sync.WaitGroup
	for i := range checkers {
		checking.Go(func() { r.check(r.endpoints[i%len(r.endpoints)], rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	stopFaults := make(chan struct{})
	failing.Go(func() { r.fail(rand.New(rand.NewPCG(seed, 1000)), stopFaults) })
	for i := range many {
		changing.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(2000+i)))
			for r.changes.Load() < changes && !t.Failed() {
				r.live(i, random)
			}
		})
	}
	changing.Wait()
	close(stopFaults)
	failing.Wait()
	close(r.over)
	checking.Wait()

	for _, e := range r.endpoints {
		t.Logf("%s: %d accepted, %d refused, %d without a verdict", e.name, e.accepted.Load(), e.refused.Load(), e.silent.Load())
		if e.accepted.Load() == 0 || e.refused.Load() == 0 {
			t.Errorf("%s was not put to the test", e.name)
		}
	}
	lost := r.countLost()
	r.report(lost)
	if r.late.Load() > 0 || lost > 0 {
		t.Errorf("%d late accepts and %d lost changes", r.late.Load(), lost)
	}
	for _, kind := range []string{"killed", "paused", "cut off", "slow", "stalled", "without Postgres"} {
		if r.faults[kind] == 0 {
			t.Errorf("no copy was %s", kind)
		}
	}
}

// report says how far the run is.
func (r *torture) report(lost int) {
	checks := int64(0)
	for _, e := range r.endpoints {
		checks += e.accepted.Load() + e.refused.Load()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t.Logf("%d changes, %d checks, %d late, %d lost, faults: %v", r.changes.Load(), checks, r.late.Load(), lost, r.faults)
}

// asking is an endpoint that says whether a token is good.
type asking struct {
	name                      string
	ask                       func(c *http.Client, at *replica, v *victim) (good, isVerdict bool)
	accepted, refused, silent atomic.Int64
}

func (r *torture) allEndpoints() []*asking {
	status := func(method, path, header, prefix string) func(*http.Client, *replica, *victim) (bool, bool) {
		return func(c *http.Client, at *replica, v *victim) (bool, bool) {
			code, _ := at.send(c, method, path, header, prefix+v.secret, nil)
			return code == http.StatusOK, code == http.StatusOK || code == http.StatusUnauthorized
		}
	}
	introspect := func(path string, more ...string) func(*http.Client, *replica, *victim) (bool, bool) {
		return func(c *http.Client, at *replica, v *victim) (bool, bool) {
			code, body := at.send(c, http.MethodPost, path, "Authorization", "Bearer "+r.manager, url.Values{"token": append([]string{v.secret}, more...)})
			return strings.Contains(body, `"active":true`), code == http.StatusOK
		}
	}
	return []*asking{
		{name: "ping", ask: status(http.MethodGet, "/api/v1/ping", "Authorization", "Bearer ")},
		{name: "validate", ask: status(http.MethodGet, "/api/v1/validate?scope=account", "X-Api-Key", "")},
		{name: "bearer of the API", ask: status(http.MethodGet, "/api/v1/account", "Authorization", "Bearer ")},
		{name: "introspect", ask: introspect("/oauth/introspect")},
		{name: "introspect a batch", ask: introspect("/oauth/introspect/batch", "unknown")},
		{name: "status list", ask: func(c *http.Client, at *replica, v *victim) (bool, bool) {
			list, err := url.Parse(v.entry.URI)
			if err != nil {
				return true, true
			}
			code, body := at.send(c, http.MethodGet, list.Path, "Accept", "*/*", nil)
			if code != http.StatusOK {
				return false, false
			}
			return backendtest.ValueOf(r.t, body, v.entry) == 0, true
		}},
	}
}

// send returns 0 if no response came.
func (at *replica) send(c *http.Client, method, path, header, value string, form url.Values) (int, string) {
	var content io.Reader
	if form != nil {
		content = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequest(method, "http://"+at.address+path, content)
	if err != nil {
		return 0, ""
	}
	request.Header.Set(header, value)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, ""
	}
	return response.StatusCode, string(body)
}

func (r *torture) any(random *rand.Rand) *replica { return r.copies[random.IntN(len(r.copies))] }

// check asks one endpoint of any copy until the end.
func (r *torture) check(e *asking, random *rand.Rand) {
	c := &http.Client{Timeout: 20 * time.Second}
	for {
		select {
		case <-r.over:
			return
		default:
		}
		v := r.victims[random.IntN(len(r.victims))].Load()
		before := v.since.Load()
		good, isVerdict := e.ask(c, r.any(random), v)
		switch {
		case !isVerdict:
			e.silent.Add(1)
			continue
		case good:
			e.accepted.Add(1)
		default:
			e.refused.Add(1)
		}
		if before%2 == 1 && v.since.Load() == before {
			if good {
				r.late.Add(1)
				r.t.Errorf("%s accepted a token after the response to the change that ended it", e.name)
			}
			select {
			case v.tried <- struct{}{}:
			default:
			}
		}
	}
}

// live issues a token, changes its status several times, and ends it.
func (r *torture) live(i int, random *rand.Rand) {
	v := r.issue(random)
	r.victims[i].Store(v)
	for range movesPerLife / 2 {
		r.change(random, v, "suspend", "suspended")
		v.close()
		v.since.Add(1) // the next line activates the token at some time before it returns
		r.change(random, v, "activate", "active")
	}
	r.change(random, v, "revoke", "revoked")
	v.close()
}

// close marks a token as refused from now on. It returns after triesPerClose checks have tried it, or after patience.
func (v *victim) close() {
	v.since.Add(1)
	limit := time.After(patience)
	for range triesPerClose {
		select {
		case <-v.tried:
		case <-limit:
			return
		}
	}
}

// change changes a token through any copy until one acknowledges it. Without a response the change may have been made; then the
// next try is refused as one that does not apply, which says so.
func (r *torture) change(random *rand.Rand, v *victim, action, to string) {
	for !r.t.Failed() {
		a, err := r.any(random).call(http.MethodPost, "/api/v1/api_token/"+v.id+"/"+action, r.manager, "")
		if err == nil && (a.status == http.StatusOK || a.text("code") == "invalid_action") {
			break
		}
		if err == nil && a.status != http.StatusServiceUnavailable {
			r.t.Errorf("%s: %d %s", action, a.status, a.body)
			return
		}
	}
	r.changes.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states[v.id] = to
}

func (r *torture) issue(random *rand.Rand) *victim {
	for {
		at := r.copies[0]
		if random != nil {
			at = r.any(random)
		}
		a, err := at.call(http.MethodPost, "/api/v1/api_token", r.manager, `{"details":{"token_scope":"account"}}`)
		if err != nil || a.status == http.StatusServiceUnavailable {
			continue
		}
		if a.status != http.StatusOK {
			r.t.Errorf("create: %d %s", a.status, a.body)
		}
		v := &victim{id: a.text("details", "id"), secret: a.text("token"), tried: make(chan struct{}, triesPerClose)}
		v.entry = backendtest.EntryOf(r.t, v.secret)
		r.mu.Lock()
		r.states[v.id] = "active"
		r.mu.Unlock()
		return v
	}
}

// fail lets something fail, one thing after the other, and mends it.
func (r *torture) fail(random *rand.Rand, stop <-chan struct{}) {
	wait := func(least, most time.Duration) {
		select {
		case <-time.After(least + time.Duration(random.Int64N(int64(most-least)))):
		case <-stop:
		}
	}
	longest, rest := time.Second, 300*time.Millisecond
	if backendtest.Torturing() {
		longest, rest = 10*time.Second, 3*time.Second
	}
	kinds := []string{"killed", "paused", "cut off", "slow", "stalled", "without Postgres"}
	reported := time.Now()
	for n := 0; ; n++ {
		if time.Since(reported) >= time.Minute { // between two faults, so that Postgres answers
			reported = time.Now()
			r.report(r.countUndone())
		}
		at, kind := r.any(random), kinds[n%len(kinds)]
		switch kind {
		case "killed":
			at.kill()
			wait(10*time.Millisecond, 500*time.Millisecond)
			if err := at.start(); err != nil {
				r.t.Error(err)
				return
			}
		case "paused":
			at.signal(syscall.SIGSTOP)
			wait(100*time.Millisecond, longest)
			at.signal(syscall.SIGCONT)
		case "cut off":
			at.proxy.setCut(true)
			wait(100*time.Millisecond, longest/3)
			at.proxy.setCut(false)
		case "slow":
			at.proxy.setDelay(time.Duration(1+random.IntN(50)) * time.Millisecond)
			wait(100*time.Millisecond, longest/3)
			at.proxy.setDelay(0)
		case "stalled":
			at.proxy.stall()
			wait(100*time.Millisecond, longest/2)
			at.proxy.resume()
		case "without Postgres":
			r.disconnect(func() { wait(50*time.Millisecond, longest/3) })
		}
		r.mu.Lock()
		r.faults[kind]++
		r.mu.Unlock()
		select {
		case <-stop:
			if n >= len(kinds) {
				return
			}
		default:
			wait(rest/2, rest)
		}
	}
}

// countLost compares the tokens of the database with what was acknowledged, through each copy.
func (r *torture) countLost() (lost int) {
	for _, at := range r.copies {
		if err := at.awaitReady(); err != nil {
			r.t.Error(err)
		}
		for _, id := range slices.Sorted(maps.Keys(r.states)) {
			a, err := at.call(http.MethodGet, "/api/v1/api_token/"+id, r.manager, "")
			if err != nil || a.text("details", "status") != r.states[id] {
				r.t.Errorf("a token is %d %s at a copy, acknowledged was %s, %v", a.status, a.text("details", "status"), r.states[id], err)
				lost++
			}
		}
	}
	return lost
}

// countUndone counts the acknowledged revokes that the database no longer has. Nothing changes these tokens any more.
func (r *torture) countUndone() (undone int) {
	r.mu.Lock()
	ended := slices.DeleteFunc(slices.Collect(maps.Keys(r.states)), func(id string) bool { return r.states[id] != "revoked" })
	r.mu.Unlock()
	r.row("SELECT count(*) FROM api_tokens WHERE status <> 'revoked' AND id IN ('"+strings.Join(ended, "', '")+"')", &undone)
	return undone
}

// disconnect ends all connections of all copies and refuses new ones for a while, as a restart of Postgres does.
func (r *torture) disconnect(wait func()) {
	server := *r.url
	server.Path = "/postgres"
	name := strings.TrimPrefix(r.url.Path, "/")
	for _, statement := range []string{
		"ALTER DATABASE " + name + " ALLOW_CONNECTIONS FALSE",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'",
	} {
		if err := run(server.String(), statement); err != nil {
			r.t.Error(err)
		}
	}
	wait()
	if err := run(server.String(), "ALTER DATABASE "+name+" ALLOW_CONNECTIONS TRUE"); err != nil {
		r.t.Error(err)
	}
}
