package backend_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/fault"
	"tokentab/backend/token"
)

// isActive asks the introspection endpoint about a token, with the manager's secret.
func isActive(t *testing.T, p *backendtest.Program, manager, secret string) bool {
	t.Helper()
	status, body := postForm(t, p, "/oauth/introspect", manager, secret)
	if status != http.StatusOK {
		t.Errorf("introspection: %d %s", status, body)
	}
	return strings.HasPrefix(body, `{"active":true,`)
}

func postForm(t *testing.T, p *backendtest.Program, path, manager, secret string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path, strings.NewReader(url.Values{"token": {secret}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if manager != "" {
		request.Header.Set("Authorization", "Bearer "+manager)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestPromise1HoldsAtTheIntrospectionEndpoint(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	must := func(_ token.Listed, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var g gate
	stop := hammer(t, 8, &g, func() bool { return isActive(t, p, manager, secret) })
	for range 50 {
		must(p.Tokens.Suspend(t.Context(), actor, made.ID))
		g.close()
		if isActive(t, p, manager, secret) {
			t.Fatal("active after a suspend")
		}
		g.open()
		must(p.Tokens.Activate(t.Context(), actor, made.ID))
		if !isActive(t, p, manager, secret) {
			t.Fatal("inactive after an activate")
		}
	}
	must(p.Tokens.Revoke(t.Context(), actor, made.ID))
	g.close()
	if isActive(t, p, manager, secret) {
		t.Fatal("active after a revoke")
	}
	if checks, wrong := stop(); wrong > 0 {
		t.Errorf("%d of %d accepts began after the change had returned", wrong, checks)
	}
}

func TestPromise1HoldsWhenSeveralEndTheSameTokenAtOnce(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for range 50 {
		made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		if !isActive(t, p, manager, secret) {
			t.Fatal("not active yet")
		}
		// For each caller, the token must be refused after its response, no matter which request revoked
		// it.
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				if status, body := postForm(t, p, "/oauth/revoke", "", secret); status != http.StatusOK || body != "" {
					t.Errorf("revoke: %d %s", status, body)
				}
				if isActive(t, p, manager, secret) {
					t.Error("active after its holder revoked it")
				}
			})
		}
		wait.Go(func() { // a refusal because the token is already revoked counts too
			_, err := p.Tokens.Suspend(t.Context(), actor, made.ID)
			if kind := fault.KindOf(err); err != nil && kind != fault.InvalidAction && kind != fault.NotFound {
				t.Error(err)
			}
			if isActive(t, p, manager, secret) {
				t.Error("active after it was suspended")
			}
		})
		wait.Go(func() {
			_, err := p.Tokens.Revoke(t.Context(), actor, made.ID)
			if kind := fault.KindOf(err); err != nil && kind != fault.InvalidAction {
				t.Error(err)
			}
			_, err = p.Tokens.Delete(t.Context(), actor, made.ID)
			if err != nil {
				t.Error(err)
			}
			if isActive(t, p, manager, secret) {
				t.Error("active after it was deleted")
			}
		})
		wait.Wait()
	}
	db := p.Database()
	var revoked int
	if err := db.QueryRow("SELECT count(*) FROM audit_events WHERE action = ?", audit.APITokenRevoked).Scan(&revoked); err != nil || revoked != 50 {
		t.Errorf("%d events of revocation, %v; want one for each token", revoked, err)
	}
}
