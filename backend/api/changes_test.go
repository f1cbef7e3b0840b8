package api_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// listening is an open stream of changes.
type listening struct {
	t     *testing.T
	p     *backendtest.Program
	close func()
	lines chan string // closed at its end
}

const changes = "/api/v1/changes"

// alive is a sign of life.
const alive = `data: {"kinds":[]}`

// signedInAs starts a session of an actor.
func signedInAs(t *testing.T, p *backendtest.Program, actor audit.Actor) (people.SignedIn, backendtest.Header) {
	t.Helper()
	member, err := p.People.Member(t.Context(), actor.AccountID, actor.AdminUserID)
	if err != nil {
		t.Fatal(err)
	}
	in, err := p.People.StartSession(t.Context(), member.AdminUser, people.Browser{Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return in, backendtest.Header{Name: "Cookie", Value: "tokentab_session=" + string(in.SessionID)}
}

// listen opens a stream, and returns after its first line.
func listen(t *testing.T, p *backendtest.Program, cookie backendtest.Header) *listening {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+changes, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(cookie.Name, cookie.Value)
	request.Header.Set("Accept-Encoding", "br, gzip")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	h := response.Header
	if response.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("Content-Encoding") != "" || h.Get("X-Accel-Buffering") != "no" ||
		h.Get("Cache-Control") != "no-store, no-transform" {
		t.Fatalf("%d %v", response.StatusCode, h)
	}
	l := &listening{t: t, p: p, close: func() { _ = response.Body.Close() }, lines: make(chan string, 100)}
	t.Cleanup(l.close)
	go func() {
		defer close(l.lines)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			l.lines <- scanner.Text()
		}
	}()
	if line, _ := l.line(); line != alive {
		t.Fatalf("the first line is %q", line)
	}
	return l
}

// line returns the next line that is not empty, and lets time pass for streams until it comes. ok is false at the end.
func (l *listening) line() (line string, ok bool) {
	l.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case line, ok := <-l.lines:
			if line != "" || !ok {
				return line, ok
			}
		case <-time.After(10 * time.Millisecond):
			passes(l.t, l.p, 1)
		case <-deadline:
			l.t.Fatal("nothing comes")
		}
	}
}

// hears expects an event with this kind, and before it none with a kind that is neither this one nor among the others.
func (l *listening) hears(kind string, others ...string) {
	l.t.Helper()
	for {
		line, ok := l.line()
		if line == alive {
			continue
		}
		var event struct{ Kinds []string }
		text, isData := strings.CutPrefix(line, "data: ")
		if err := json.Unmarshal([]byte(text), &event); !ok || !isData || err != nil {
			l.t.Fatalf("waiting for %s it hears %q", kind, line)
		}
		for _, heard := range event.Kinds {
			if heard != kind && !slices.Contains(others, heard) {
				l.t.Fatalf("waiting for %s it hears %s", kind, heard)
			}
		}
		if slices.Contains(event.Kinds, kind) {
			return
		}
	}
}

// ends expects the end of the stream, after signs of life at most.
func (l *listening) ends(why string) {
	l.t.Helper()
	for {
		switch line, ok := l.line(); {
		case !ok:
			return
		case line != alive:
			l.t.Errorf("%s: it hears %q and goes on", why, line)
			return
		}
	}
}

// passes lets the time of this many looks pass for streams.
func passes(t *testing.T, p *backendtest.Program, looks int) {
	t.Helper()
	for range looks {
		if err := p.Live.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPageHearsOfTheChangesAndUsesThatOthersMake(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, cookie := signedInAs(t, p, actor)
	page := listen(t, p, cookie)
	for _, c := range []struct{ path, body, kind string }{
		{"/api/v1/validate", "", "use"}, // so are the other calls
		{"/api/v1/environment", `{"details":{"name":"Lab","purpose":"testing"}}`, "environment"},
		{"/api/v1/agent", `{"details":{"name":"Reader"}}`, "agent"},
		{"/api/v1/api_token", `{"details":{"token_scope":"account"}}`, "api_token"},
	} {
		method := http.MethodPost
		if c.body == "" {
			method = http.MethodGet
		}
		p.Call(method, c.path, c.body, backendtest.Bearer(secret)).Must(t, http.StatusOK)
		page.hears(c.kind, "use")
	}
	p.Suspend(actor, made.ID)
	page.hears("api_token", "use")
	wantStatus(t, "a suspended token", p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret)), http.StatusUnauthorized)
	page.hears("use")
}

func TestAPageHearsOfWhatAgentsReport(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	_, cookie := signedInAs(t, r.Program, r.actor)
	page := listen(t, r.Program, cookie)
	id := r.register(nil, r.deployment)
	page.hears("activity", "use", "agent_version", "agent_schema_version", "agent_deployment")
	passes(t, r.Program, 4)
	shows(t, "a start", r.post(id+"/start", map[string]any{"idempotency_key": "once"}, r.deployment), nil)
	page.hears("activity", "use")
}

func TestAPageHearsOfFirstUsesThatAFlushHasTakenBeforeTheNextLook(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, cookie := signedInAs(t, p, actor)
	page := listen(t, p, cookie)
	passes(t, p, 1)
	for range 3 {
		_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		page.hears("api_token", "use")
		wantStatus(t, "a validation", p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret)), http.StatusOK)
		if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		page.hears("use")
	}
}

func TestAPageHearsOfChangesThatACommandMakes(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, cookie := signedInAs(t, p, actor)
	page := listen(t, p, cookie)
	world := backend.World{Now: p.Clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}
	command, err := backend.Open(t.Context(), config.Config{Storage: p.Config.Storage, Issuing: p.Config.Issuing}, world)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := command.Tokens.Issue(t.Context(), actor, token.Order{Scope: token.ScopeAccount}); err != nil {
		t.Fatal(err)
	}
	page.hears("api_token")
	if err := command.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPromise7NoAccountHearsOfChangesInAnother(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ours, theirs := p.Found(), p.Rival()
	_, secret := p.Issue(ours, token.Order{Scope: token.ScopeAccount})
	_, cookie := signedInAs(t, p, theirs)
	page := listen(t, p, cookie)
	p.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"Reader"}}`, backendtest.Bearer(secret)).Must(t, http.StatusOK)
	wantStatus(t, "a refused use", p.Call(http.MethodGet, "/api/v1/validate?scope=environment", nil, backendtest.Bearer(secret)), http.StatusForbidden)
	passes(t, p, 20)
	if _, _, err := p.Notices.SetWebhook(t.Context(), theirs, "https://example.com/hook"); err != nil {
		t.Fatal(err)
	}
	page.hears("webhook")
}

func TestAPageDoesNotHearOfTheSessionsOfOthers(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	bob := p.Join(actor, "bob@example.com")
	_, cookie := signedInAs(t, p, actor)
	page := listen(t, p, cookie)
	signedInAs(t, p, bob)
	passes(t, p, 1)
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	page.hears("api_token")
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	bob := p.Join(actor, "bob@example.com")
	for _, c := range []struct {
		how string
		end func(in people.SignedIn) error
	}{
		{"sign-out", func(in people.SignedIn) error { return p.People.SignOut(t.Context(), bob, in.SessionID) }},
		{"the end of a session elsewhere", func(in people.SignedIn) error {
			_, err := p.People.EndSession(t.Context(), bob, in.ID, pfid.ID{})
			return err
		}},
		{"a new password", func(people.SignedIn) error {
			other, _ := signedInAs(t, p, bob)
			return p.People.ChangePassword(t.Context(), bob, other.Session, backendtest.Password, backendtest.Password+"!")
		}},
		{"removal", func(people.SignedIn) error {
			_, _, err := p.People.RemoveMember(t.Context(), actor, bob.AdminUserID, false)
			return err
		}},
	} {
		in, cookie := signedInAs(t, p, bob)
		page := listen(t, p, cookie)
		if err := c.end(in); err != nil {
			t.Fatalf("%s: %v", c.how, err)
		}
		page.ends(c.how)
	}
	_, cookie := signedInAs(t, p, actor)
	page := listen(t, p, cookie)
	if _, err := p.Accounts.Delete(t.Context(), actor, "Acme"); err != nil {
		t.Fatal(err)
	}
	page.ends("the account's deletion")
}

func TestAnIdlePageLetsItsSessionExpireThoughItListens(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, cookie := signedInAs(t, p, p.Found())
	p.Clock.Move(people.IdleEnd - time.Hour)
	page := listen(t, p, cookie)
	passes(t, p, 20)
	if line, ok := page.line(); !ok || line != alive {
		t.Fatalf("before the end of the session: %q", line)
	}
	p.Clock.Move(time.Hour)
	passes(t, p, 20)
	page.ends("idle")
	wantStatus(t, "the session", p.Call(http.MethodGet, "/api/v1/api_token", nil, cookie), http.StatusUnauthorized)
}

func TestOneBrowserMayOnlyListenWithAFewPages(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, cookie := signedInAs(t, p, actor)
	var pages []*listening
	for range 4 {
		pages = append(pages, listen(t, p, cookie))
	}
	if a := p.Call(http.MethodGet, changes, nil, cookie); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "60" {
		t.Fatalf("a page too many: %d %v", a.Status, a.Header)
	}
	_, another := signedInAs(t, p, actor)
	listen(t, p, another)
	pages[0].close()
	for a := p.Call(http.MethodHead, changes, nil, cookie); a.Status != http.StatusOK; a = p.Call(http.MethodHead, changes, nil, cookie) {
		wantStatus(t, "until the server notices that a page has left", a, http.StatusTooManyRequests)
	}
}

func TestAStreamEndsAfterAWhileSoThatItsPageConnectsAgain(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, cookie := signedInAs(t, p, p.Found())
	page := listen(t, p, cookie)
	passes(t, p, 1800)
	page.ends("age")
	listen(t, p, cookie)
}

func TestAStopEndsStreamsAtOnce(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, cookie := signedInAs(t, p, p.Found())
	page := listen(t, p, cookie)
	p.Stop()
	page.ends("a stop")
	if log := p.Log.String(); strings.Contains(log, "cut off") {
		t.Error(log)
	}
}

func TestOnlyThePageOfASignedInUserMayListen(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, cookie := signedInAs(t, p, actor)
	for name, c := range map[string]struct {
		headers []backendtest.Header
		want    int
	}{
		"a stranger":   {nil, http.StatusUnauthorized},
		"a token":      {[]backendtest.Header{backendtest.Bearer(secret)}, http.StatusForbidden},
		"another site": {[]backendtest.Header{cookie, {Name: "Sec-Fetch-Site", Value: "same-site"}}, http.StatusForbidden},
	} {
		wantStatus(t, name, p.Call(http.MethodGet, changes, nil, c.headers...), c.want)
	}
	a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[{"method":"GET","path":"/changes"}]}`, cookie, sameOrigin)
	if items, _ := a.Get(t, "details", "items").([]any); len(items) != 1 || items[0].(map[string]any)["status"] != float64(http.StatusNotFound) {
		t.Errorf("in a bulk request: %s", a.Body)
	}
}
