package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// session signs in with the headers of a browser.
func session(t *testing.T, p *backendtest.Program, email string) []backendtest.Header {
	t.Helper()
	cookie, _ := backendtest.Cookie(t, p.SignIn(email, backendtest.Password), "session")
	return []backendtest.Header{cookie, sameOrigin}
}

// refused checks the status and code of a failure and, for wrong fields, that it names the field.
func refused(t *testing.T, what string, a backendtest.Answer, status int, code, field string) {
	t.Helper()
	if a.Status != status || a.Text(t, "status") != "error" || a.Text(t, "code") != code || a.Text(t, "message") == "" {
		t.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Body, status, code)
	} else if field != "" && a.Get(t, "errors", field) == nil {
		t.Errorf("%s: %s, want it to name %s", what, a.Body, field)
	}
}

// holds checks that the details of a success have these values.
func holds(t *testing.T, what string, a backendtest.Answer, want map[string]any) {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Errorf("%s: %d %s", what, a.Status, a.Body)
		return
	}
	for key, value := range want {
		if got := a.Get(t, "details", key); fmt.Sprint(got) != fmt.Sprint(value) {
			t.Errorf("%s: %s is %v, want %v", what, key, got, value)
		}
	}
}

func TestAnAccountChangesAsAskedFor(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/account/" + actor.AccountID.String()
	put := func(fields map[string]any) backendtest.Answer {
		return p.Call(http.MethodPut, path, backendtest.Details(fields), backendtest.Bearer(secret))
	}
	for _, step := range []struct {
		what         string
		fields, want map[string]any
	}{
		{"nothing", map[string]any{}, map[string]any{"name": "Acme", "purpose": "business", "organisation_name": "Acme", "website": nil}},
		{"all", map[string]any{"name": " Acme 2 ", "purpose": "nonprofit", "organisation_name": "Acme e.V.", "website": "https://acme.example/x", "unknown": 1},
			map[string]any{"name": "Acme 2", "purpose": "nonprofit", "organisation_name": "Acme e.V.", "website": "https://acme.example/x"}},
		{"one field", map[string]any{"name": "Acme"}, map[string]any{"name": "Acme", "website": "https://acme.example/x"}},
		{"no website", map[string]any{"website": nil}, map[string]any{"website": nil, "organisation_name": "Acme e.V."}},
		{"personal", map[string]any{"purpose": "personal", "organisation_name": "ignored"}, map[string]any{"purpose": "personal", "organisation_name": nil}},
		{"back", map[string]any{"purpose": "education", "organisation_name": "School"}, map[string]any{"organisation_name": "School"}},
	} {
		a := put(step.fields)
		holds(t, step.what, a, step.want)
		if read := p.Call(http.MethodGet, path, nil, backendtest.Bearer(secret)); read.Body != a.Body {
			t.Errorf("%s answered\n%s\nbut is\n%s", step.what, a.Body, read.Body)
		}
	}
	for what, c := range map[string]struct {
		fields map[string]any
		field  string
	}{
		"an empty name":             {map[string]any{"name": "  "}, "name"},
		"a name that is too long":   {map[string]any{"name": strings.Repeat("é", 101)}, "name"},
		"an unknown purpose":        {map[string]any{"purpose": "world domination"}, "purpose"},
		"no organisation":           {map[string]any{"organisation_name": nil}, "organisation_name"},
		"a website of another kind": {map[string]any{"website": "javascript:alert(1)"}, "website"},
		"a website without a host":  {map[string]any{"website": "https://"}, "website"},
		"a website that is long":    {map[string]any{"website": "https://a.example/" + strings.Repeat("x", 500)}, "website"},
		"a website that is a list":  {map[string]any{"website": []int{1}}, "website"},
	} {
		refused(t, what, put(c.fields), http.StatusUnprocessableEntity, "validation_errors", c.field)
	}
	if put(map[string]any{"purpose": "personal"}).Status != http.StatusOK {
		t.Fatal("not personal")
	}
	refused(t, "business without an organisation", put(map[string]any{"purpose": "business"}), http.StatusUnprocessableEntity, "validation_errors", "organisation_name")
}

func TestWhatADeleteOfTheAccountTakesAlongIsCounted(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, _, _ := p.Deployed()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/account/" + actor.AccountID.String() + "/contents"
	holds(t, "contents", p.Call(http.MethodGet, path, nil, session(t, p, backendtest.Email)...), map[string]any{
		"type": "account_contents", "admin_users": 1, "environments": 2, "agents": 1, "api_tokens": 2,
	})
	refused(t, "with a token", p.Call(http.MethodGet, path, nil, backendtest.Bearer(secret)), http.StatusForbidden, "not_permitted", "")
}

func TestADeletedAccountIsGoneWithAllThatItHad(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, _, deploymentSecret := p.Deployed()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	rival := p.Rival()
	_, rivalSecret := p.Issue(rival, token.Order{Scope: token.ScopeAccount})
	for _, s := range []string{secret, deploymentSecret, rivalSecret} { // into the cache
		p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(s)).Must(t, http.StatusOK)
	}
	p.Call(http.MethodPost, "/api/v1/environment", map[string]any{"details": map[string]any{"name": "QA"}, "idempotency_key": "once"}, backendtest.Bearer(secret)).Must(t, http.StatusOK)
	path := "/api/v1/account/" + actor.AccountID.String()
	browser, other := session(t, p, backendtest.Email), session(t, p, backendtest.Email)
	remove := func(name string, headers ...backendtest.Header) backendtest.Answer {
		return p.Call(http.MethodDelete, path, backendtest.Details(map[string]any{"name": name}), headers...)
	}
	refused(t, "with a token", remove("Acme", backendtest.Bearer(secret)), http.StatusForbidden, "not_permitted", "")
	refused(t, "another name", remove("acme", browser...), http.StatusUnprocessableEntity, "validation_errors", "name")
	refused(t, "no name", p.Call(http.MethodDelete, path, backendtest.Details(nil), browser...), http.StatusUnprocessableEntity, "validation_errors", "")
	refused(t, "another account", p.Call(http.MethodDelete, "/api/v1/account/"+rival.AccountID.String(), backendtest.Details(map[string]any{"name": "Rival"}), browser...), http.StatusNotFound, "not_found", "")

	a := remove("Acme", browser...)
	holds(t, "delete", a, map[string]any{"type": "account", "id": actor.AccountID, "name": "Acme"})
	if _, gone := backendtest.Cookie(t, a, "session"); gone.MaxAge >= 0 {
		t.Errorf("the cookie stays: %v", gone)
	}
	for _, s := range []string{secret, deploymentSecret} {
		wantStatus(t, "a token outlives its account", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(s)), http.StatusUnauthorized)
	}
	for _, headers := range [][]backendtest.Header{browser, other} {
		wantStatus(t, "a session outlives its account", p.Call(http.MethodGet, "/api/v1/agent", nil, headers...), http.StatusUnauthorized)
	}
	wantStatus(t, "sign-in", p.SignIn(backendtest.Email, backendtest.Password), http.StatusUnauthorized)
	wantStatus(t, "another account", p.Call(http.MethodGet, "/api/v1/account", nil, backendtest.Bearer(rivalSecret)), http.StatusOK)
	db := p.Database()
	for _, table := range []string{"api_tokens", "agent_deployments", "agents", "environments", "admin_user_invites", "admin_users", "idempotency_keys"} {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM "+table+" WHERE account_id = ?", actor.AccountID.String()).Scan(&n); err != nil || n > 0 {
			t.Errorf("%d rows are left in %s, %v", n, table, err)
		}
	}
	var first, last string
	err := db.QueryRow("SELECT min(action), (SELECT action FROM audit_events WHERE account_id = ?1 ORDER BY rowid DESC LIMIT 1) FROM audit_events WHERE account_id = ?1", actor.AccountID.String()).Scan(&first, &last)
	if err != nil || first == "" || last != string(audit.AccountDeleted) {
		t.Errorf("the record of the account: %q … %q, %v", first, last, err)
	}
	if _, err := p.People.FoundAnother(t.Context(), people.Founder{AccountName: "Acme", Email: backendtest.Email, Password: backendtest.Password}); err != nil {
		t.Errorf("the email is not free again: %v", err)
	}
}
