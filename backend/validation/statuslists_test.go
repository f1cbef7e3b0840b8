package validation_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tokentab/backend/agent"
	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

func TestASecretNamesItsEntryAndTheListIsSignedAsTheDraftSays(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	entry := backendtest.EntryOf(t, secret)
	if entry.URI != p.URL+"/status-lists/1" || entry.Index < 0 || entry.Index >= token.StatusListSize {
		t.Fatalf("%+v", entry)
	}
	a := p.Call(http.MethodGet, "/status-lists/1", nil, backendtest.Header{Name: "Accept", Value: "application/statuslist+jwt"})
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/statuslist+jwt" || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	parsed, err := jwt.Parse(a.Body, publishedKey(t, p), jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(p.URL), jwt.WithSubject(entry.URI), jwt.WithTimeFunc(p.Clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := parsed.Claims.(jwt.MapClaims)
	issued, expires := float64(p.Clock.Now().Unix()), float64(p.Clock.Now().Add(time.Hour).Unix())
	if parsed.Header["typ"] != "statuslist+jwt" || claims["iat"] != issued || claims["exp"] != expires || claims["ttl"] != 60.0 {
		t.Errorf("%v %v", parsed.Header, claims)
	}
	p.Clock.Move(token.StatusListTTL)
	same := backendtest.Header{Name: "If-None-Match", Value: a.Header.Get("ETag")}
	p.Call(http.MethodGet, "/status-lists/1", nil, same).Want(t, "who asks for the same list after its ttl", http.StatusNotModified)
	p.Clock.Move(10 * time.Minute)
	p.Call(http.MethodGet, "/status-lists/1", nil, same).Want(t, "a list that will soon have expired is handed out", http.StatusOK)
}

func TestEveryChangeOfATokenIsInItsListBeforeItIsAnswered(t *testing.T) {
	p := backendtest.Start(t)
	actor, made, secret := p.Deployed()
	entry := backendtest.EntryOf(t, secret)
	step := func(name string, want byte, change func() error) {
		t.Helper()
		if err := change(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := p.Listed(entry); got != want {
			t.Errorf("after %s the list says %d, want %d", name, got, want)
		}
	}
	moved := func(move func() (token.Listed, error)) func() error {
		return func() error { _, err := move(); return err }
	}
	step("issue", 0, func() error { return nil })
	step("suspend", 2, moved(func() (token.Listed, error) { return p.Tokens.Suspend(t.Context(), actor, made.ID) }))
	step("activate", 0, moved(func() (token.Listed, error) { return p.Tokens.Activate(t.Context(), actor, made.ID) }))
	step("retire of its agent", 2, func() error { _, _, err := p.Agents.Retire(t.Context(), actor, made.AgentID); return err })
	step("reinstate of its agent", 0, func() error { _, _, err := p.Agents.Reinstate(t.Context(), actor, made.AgentID); return err })
	step("revoke", 1, moved(func() (token.Listed, error) { return p.Tokens.Revoke(t.Context(), actor, made.ID) }))
	step("delete", 1, moved(func() (token.Listed, error) { return p.Tokens.Delete(t.Context(), actor, made.ID) }))

	issue := func() {
		t.Helper()
		made, secret = p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: made.AgentID, EnvironmentID: made.EnvironmentID})
		entry = backendtest.EntryOf(t, secret)
		if got := p.Listed(entry); got != 0 {
			t.Fatalf("a new token is listed as %d", got)
		}
	}
	issue()
	step("delete of its deployment", 1, func() error {
		_, _, err := p.Agents.DeleteDeployment(t.Context(), actor, made.AgentDeploymentID, false)
		return err
	})
	issue()
	step("delete of its agent", 1, func() error { _, _, err := p.Agents.Delete(t.Context(), actor, made.AgentID, false); return err })
	other := p.Register(actor, agent.Order{Name: "Another"})
	made.AgentID = other.ID
	issue()
	step("delete of its environment", 1, func() error {
		_, _, err := p.Accounts.DeleteEnvironment(t.Context(), actor, made.EnvironmentID, false)
		return err
	})
	bob := p.Join(actor, "bob@example.com")
	_, secret = p.Issue(bob, token.Order{Scope: token.ScopeAccount})
	entry = backendtest.EntryOf(t, secret)
	step("removal of who made it", 1, func() error {
		_, _, err := p.People.RemoveMember(t.Context(), actor, bob.AdminUserID, true)
		return err
	})
	_, secret = p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	entry = backendtest.EntryOf(t, secret)
	step("delete of its account", 1, func() error { _, err := p.Accounts.Delete(t.Context(), actor, "Acme"); return err })
}

func TestAListIsSentOncePackedWhereTheRequestTakesItAndNotAgain(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	takes := func(encoding string) backendtest.Header {
		return backendtest.Header{Name: "Accept-Encoding", Value: encoding}
	}
	has := func(tags string) backendtest.Header { return backendtest.Header{Name: "If-None-Match", Value: tags} }
	get := func(headers ...backendtest.Header) backendtest.Answer {
		return p.Call(http.MethodGet, "/status-lists/1", nil, headers...)
	}

	plain, packed := get(takes("identity")), get(takes("gzip"))
	unpacked, err := gzip.NewReader(strings.NewReader(packed.Body))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(unpacked); err != nil || string(body) != plain.Body {
		t.Errorf("packed it is another list: %v", err)
	}
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" || len(packed.Body) >= len(plain.Body) {
		t.Errorf("%v %v", plain.Header, packed.Header)
	}
	tag, packedTag := plain.Header.Get("ETag"), packed.Header.Get("ETag")
	if tag == packedTag || !strings.HasPrefix(tag, `"`) || !strings.HasPrefix(packedTag, `"`) {
		t.Errorf("two encodings have the tags %s and %s", tag, packedTag)
	}
	for _, again := range []backendtest.Answer{
		get(takes("gzip"), has(packedTag)), get(takes("gzip"), has(`"x", `+packedTag)), get(takes("identity"), has(tag)), get(takes("gzip"), has("*")),
		get(takes("identity"), has("W/"+tag), backendtest.Header{Name: "Cache-Control", Value: "no-cache"}), get(takes("identity"), has(`"x"`), has(tag)),
	} {
		if again.Status != http.StatusNotModified || again.Body != "" || again.Header.Get("ETag") == "" || again.Header.Get("Content-Encoding") != "" {
			t.Errorf("who has it gets %d %v", again.Status, again.Header)
		}
	}
	if head := p.Call(http.MethodHead, "/status-lists/1", nil, takes("identity")); head.Status != http.StatusOK || head.Header.Get("ETag") != tag || head.Body != "" {
		t.Errorf("HEAD: %d %v", head.Status, head.Header)
	}
	p.Suspend(actor, made.ID)
	for _, old := range []backendtest.Answer{get(takes("gzip"), has(packedTag)), get(takes("identity"), has(tag)), get(has(tag), backendtest.Header{Name: "If-Modified-Since", Value: "Sun, 01 Mar 2037 12:00:00 GMT"})} {
		old.Want(t, "who has it from before a change", http.StatusOK)
	}
}

func TestAListHasOneAddressAndNoPast(t *testing.T) {
	p := backendtest.Start(t)
	if a := p.Call(http.MethodGet, "/status-lists", nil); a.Status != http.StatusOK || a.Body != `{"status_lists":[]}` {
		t.Errorf("before the first token: %d %s", a.Status, a.Body)
	}
	p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, number := range []string{"0", "2", "01", "1/", "+1", "-1", "1.0", "x", "1x", "%31%00", "99999999999999999999"} {
		if a := p.Call(http.MethodGet, "/status-lists/"+number, nil); a.Status != http.StatusNotFound || a.Text(t, "code") != "not_found" {
			t.Errorf("%s: %d %s", number, a.Status, a.Body)
		}
	}
	if a := p.Call(http.MethodGet, "/status-lists/1?time=1686925000", nil); a.Status != http.StatusNotImplemented || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the past: %d %v", a.Status, a.Header)
	}
	p.Call(http.MethodPost, "/status-lists/1", nil).Want(t, "POST", http.StatusMethodNotAllowed)
	if a := p.Call(http.MethodGet, "/status-lists", nil); a.Status != http.StatusOK || a.Body != `{"status_lists":["`+p.URL+`/status-lists/1"]}` || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
	}
}

func TestTheEntryOfADeletedTokenIsKeptAlsoAfterTheTokenHasExpired(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	remove := func(made token.Listed) {
		t.Helper()
		p.Revoke(actor, made.ID)
		if _, err := p.Tokens.Delete(t.Context(), actor, made.ID); err != nil {
			t.Fatal(err)
		}
	}
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Hour)})
	later, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	last, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	remove(made)
	p.Clock.Move(time.Hour - time.Second)
	remove(later)
	if got := p.Listed(backendtest.EntryOf(t, secret)); got != 1 {
		t.Errorf("before the token expires its entry is %d", got)
	}
	p.Clock.Move(time.Second)
	remove(last)
	if got := p.Listed(backendtest.EntryOf(t, secret)); got != 1 {
		t.Errorf("after the token has expired its entry is %d", got)
	}
}

func TestAListThatDidNotChangeIsAnsweredWithoutTheStore(t *testing.T) {
	pgtest.OnSQLite(t, "on Postgres each list waits for what other copies have changed")
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	entry := backendtest.EntryOf(t, secret)
	p.Listed(entry)
	p.Stop()
	if list, err := p.Tokens.StatusList(t.Context(), 1); err != nil || backendtest.ValueOf(t, string(list.JWT), entry) != 0 {
		t.Errorf("%v", err)
	}
	p.Tokens.Forget(pfid.ID{})
	if _, err := p.Tokens.StatusList(t.Context(), 1); err == nil {
		t.Error("after a change, and without a store, the list is served as it was")
	}
}

func TestAListThatCannotBeReadIsAnswered503(t *testing.T) {
	p := backendtest.Start(t)
	p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	p.Exec("ALTER TABLE status_lists RENAME TO gone")
	for _, path := range []string{"/status-lists", "/status-lists/1"} {
		a := p.Call(http.MethodGet, path, nil)
		if a.Status != http.StatusServiceUnavailable || a.Text(t, "code") != "unexpected" || a.Header.Get("Retry-After") != "1" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", path, a.Status, a.Header, a.Body)
		}
	}
}
