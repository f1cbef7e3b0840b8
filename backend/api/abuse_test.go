package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/fault"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

func TestAPackedBodyIsNotUnpacked(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(`{"details":{"name":"bot"}}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/invite/show", "/api/v1/session", "/api/v1/agent"} {
		for _, encoding := range []string{"gzip", "gzip, gzip", "br"} {
			a := p.Call(http.MethodPost, path, packed.String(), backendtest.Bearer(manager), backendtest.Header{Name: "Content-Encoding", Value: encoding})
			if a.Status != http.StatusBadRequest || !strings.Contains(a.Text(t, "message"), "Content-Encoding") {
				t.Errorf("%s, %s: %d %s", path, encoding, a.Status, a.Body)
			}
			a = p.Call(http.MethodPost, path, packed.String(), backendtest.Bearer("nonsense"), backendtest.Header{Name: "Content-Encoding", Value: encoding})
			wantStatus(t, path+", "+encoding+", of a stranger", a, http.StatusUnauthorized)
		}
	}
}

func TestNoKeyKeepsASecretInTheDatabase(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	user := session(t, p, backendtest.Email)
	call := func(path, body string) string {
		t.Helper()
		a := p.Call(http.MethodPost, "/api/v1"+path, body, user...)
		a.Must(t, http.StatusOK)
		return a.Body
	}
	answers := call("/bulk", `{"items":[
		{"_type":"api_tokens/create","idempotency_key":"inner-key-1","token_scope":"account"},
		{"method":"POST","path":"/api_token","body":{"details":{"token_scope":"account"}}},
		{"method":"POST","path":"/admin_user_invite","body":{"details":{"email":"a@x.co"},"idempotency_key":"inner-key-2"}}]}`)
	answers += call("/api_token", `{"details":{"token_scope":"account"},"idempotency_key":"single-key-1"}`)
	answers += call("/admin_user_invite", `{"details":{"email":"b@x.co"},"idempotency_key":"single-key-2"}`)
	var secrets []string
	for _, part := range strings.Split(answers, `"`) {
		if strings.Count(part, ".") == 2 && strings.HasPrefix(part, "eyJ") {
			secrets = append(secrets, part[len(part)-40:])
		}
		if _, code, is := strings.Cut(part, "/invite#"); is {
			secrets = append(secrets, code)
		}
	}
	if len(secrets) != 5 {
		t.Fatalf("%d secrets in %s", len(secrets), answers)
	}
	for name, content := range p.Stored() {
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
}

func TestKeysOfOneCallerMeanNothingToAnother(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, one := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, other := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	body := `{"details":{"name":"bot"},"idempotency_key":"key-0001"}`
	a, b := p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(one)), p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(other))
	if a.Text(t, "details", "id") == b.Text(t, "details", "id") {
		t.Errorf("%s\n%s", a.Body, b.Body)
	}
}

func TestWhatATokenMadeEndsWithWhatItsMakerMade(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	create := func(bearer string) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), backendtest.Bearer(bearer))
	}
	second := create(first)
	third := create(second.Text(t, "token"))
	if third.Text(t, "details", "created_by_admin_user_id") != actor.AdminUserID.String() || !strings.HasPrefix(third.Text(t, "details", "created_by_name"), "API token …") {
		t.Errorf("%s", third.Body)
	}
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	a := p.Call(http.MethodPost, "/api/v1/admin_user/"+actor.AdminUserID.String()+"/revoke_api_tokens", nil, cookie, sameOrigin)
	if a.Get(t, "revoked_api_token_count") != 3.0 {
		t.Errorf("%s", a.Body)
	}
	for i, secret := range []string{first, second.Text(t, "token"), third.Text(t, "token")} {
		if s := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Status; s != http.StatusUnauthorized {
			t.Errorf("token %d still gets %d", i+1, s)
		}
	}
}

func TestARequestUnderWayMakesNothingForATokenThatWasRevoked(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	maker, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Revoke(actor, maker.ID)
	as := audit.Actor{AccountID: actor.AccountID, APITokenID: maker.ID}
	if _, _, err := p.Tokens.Issue(t.Context(), as, token.Order{Scope: token.ScopeAccount}); fault.KindOf(err) != fault.BadAuthToken {
		t.Errorf("a token: %v", err)
	}
	if _, err := p.People.Invite(t.Context(), as, "mallory@example.com", people.RoleAdmin); fault.KindOf(err) != fault.BadAuthToken {
		t.Errorf("an invite: %v", err)
	}
}

func TestABulkAnswerIsBounded(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	agentID := p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "bot"}), backendtest.Bearer(manager)).Text(t, "details", "id")
	for i := range 8 {
		a := p.Call(http.MethodPost, "/api/v1/agent_schema_version", backendtest.Details(map[string]any{
			"agent_id": agentID, "external_identifier": fmt.Sprint(i), "span_schemas": map[string]any{"filler": map[string]any{"description": strings.Repeat("x", 200<<10)}},
		}), backendtest.Bearer(manager))
		a.Must(t, http.StatusOK)
	}
	item := `{"method":"GET","path":"/agent_schema_version?agent_id=` + agentID + `"}`
	a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[`+strings.Repeat(item+",", 9)+item+`]}`, backendtest.Bearer(manager))
	if len(a.Body) > 3<<20 || !strings.Contains(a.Body, "exceed 2.25 MiB") {
		t.Errorf("%d bytes", len(a.Body))
	}
}

func TestABulkKeepsNumbersAndRefusesTheSameKeyTwice(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	bulk := func(items string) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[`+items+`]}`, backendtest.Bearer(manager))
	}
	if a := bulk(`{"_type":"agents/list","idempotency_key":"big-offset","pagination":{"offset":1000000}}`); a.Get(t, "outputs", "big-offset", "pagination", "page_offset") != 1e6 {
		t.Errorf("%s", a.Body)
	}
	twice := `{"_type":"agents/list","idempotency_key":"same-key"}`
	wantStatus(t, "the request", bulk(twice+","+twice), http.StatusUnprocessableEntity)
	if a := bulk(`{"_type":"agents/update","idempotency_key":"no-id-here","name":"x"}`); a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", "items[0].id") == nil {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	made := bulk(`{"_type":"agents/create","idempotency_key":"make-one","name":"bot"}`)
	gone := `{"_type":"agents/delete","idempotency_key":"delete-one","agent_id":"` + made.Text(t, "outputs", "make-one", "details", "id") + `"}`
	for range 2 {
		if a := bulk(gone); a.Text(t, "outputs", "delete-one", "status") != "success" {
			t.Errorf("%s", a.Body)
		}
	}
}
