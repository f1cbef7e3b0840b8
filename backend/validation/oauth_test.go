package validation_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// basicAuth is the Authorization header of a client (RFC 6749, section 2.3.1).
func basicAuth(id, secret string) backendtest.Header {
	return authorization("Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret))))
}

// failsWith checks an error of RFC 6749, section 5.2; its description must contain says.
func failsWith(t *testing.T, name string, a backendtest.Answer, status int, code, says string) {
	t.Helper()
	if a.Status != status || a.Text(t, "error") != code || !strings.Contains(a.Text(t, "error_description"), says) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %d %v %s; want %d %s %q", name, a.Status, a.Header, a.Body, status, code, says)
	}
}

func TestAFormThatIsNotAsItShouldBeIsRefused(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte("token=" + secret)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	contentType := func(value string) backendtest.Header {
		return backendtest.Header{Name: "Content-Type", Value: value}
	}
	for _, path := range []string{"/oauth/introspect", "/oauth/introspect/batch", "/oauth/revoke"} {
		for name, c := range map[string]struct {
			body, says string
			headers    []backendtest.Header
		}{
			"no body":              {"", "token", nil},
			"no token":             {"token_type_hint=access_token", "token", nil},
			"an empty token":       {"token=", "token", nil},
			"a token in the query": {"x=y", "token", nil},
			"two hints":            {backendtest.Form("token", secret, "token_type_hint", "a", "token_type_hint", "b"), "token_type_hint", nil},
			"two client ids":       {backendtest.Form("token", secret, "client_id", "a", "client_id", "b"), "client_id", nil},
			"two client secrets":   {backendtest.Form("token", secret, "client_secret", "a", "client_secret", "b"), "client_secret", nil},
			"JSON":                 {`{"token":"` + secret + `"}`, "Content-Type", []backendtest.Header{contentType("application/json")}},
			"no type":              {backendtest.Form("token", secret), "Content-Type", []backendtest.Header{contentType("")}},
			"multipart":            {"--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n" + secret + "\r\n--b--\r\n", "Content-Type", []backendtest.Header{contentType("multipart/form-data; boundary=b")}},
			"a type like a form's": {backendtest.Form("token", secret), "Content-Type", []backendtest.Header{contentType("application/x-www-form-urlencoded-not")}},
			"packed":               {packed.String(), "Content-Encoding", []backendtest.Header{{Name: "Content-Encoding", Value: "gzip"}}},
			"ten thousand &s":      {backendtest.Form("token", secret) + strings.Repeat("&", 10_000), "parameters", nil},
		} {
			a := p.PostForm(path+"?"+backendtest.Form("token", secret), c.body, append(c.headers, backendtest.Bearer(secret))...)
			failsWith(t, path+", "+name, a, http.StatusBadRequest, "invalid_request", c.says)
		}
		for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "BREW"} {
			a := p.SendForm(method, path, backendtest.Form("token", secret), backendtest.Bearer(secret))
			failsWith(t, method+" "+path, a, http.StatusMethodNotAllowed, "invalid_request", "POST")
			if a.Header.Get("Allow") != "POST" {
				t.Errorf("%s %s allows %q", method, path, a.Header.Get("Allow"))
			}
		}
		for _, h := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Methods"} {
			if a := p.SendForm(http.MethodOptions, path, "", backendtest.Header{Name: "Origin", Value: "https://example.com"}); a.Header.Get(h) != "" {
				t.Errorf("%s lets pages of other origins in: %v", path, a.Header)
			}
		}
	}
	for path, limit := range map[string]string{"/oauth/introspect": "256 KiB", "/oauth/revoke": "16 KiB"} {
		failsWith(t, path, p.PostForm(path, backendtest.Form("token", secret, "token", secret), backendtest.Bearer(secret)), http.StatusBadRequest, "invalid_request", "token may be sent once")
		failsWith(t, path, p.PostForm(path, backendtest.Form("token", secret, "x", strings.Repeat("x", 300<<10)), backendtest.Bearer(secret)), http.StatusRequestEntityTooLarge, "invalid_request", limit)
	}
	failsWith(t, "batch", p.PostForm("/oauth/introspect/batch", backendtest.Form("token", secret, "x", strings.Repeat("x", 1600<<10)), backendtest.Bearer(secret)), http.StatusRequestEntityTooLarge, "invalid_request", "1536 KiB")
	for _, kind := range []string{"application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-URLencoded"} {
		if a := p.PostForm("/oauth/introspect", backendtest.Form("token", secret), backendtest.Bearer(secret), contentType(kind)); a.Get(t, "active") != true {
			t.Errorf("%s: %d %s", kind, a.Status, a.Body)
		}
	}
}

func TestWhoeverHoldsATokenMayEndIt(t *testing.T) {
	p := backendtest.Start(t)
	actor, made, deployment := p.Deployed()
	suspended, suspendedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Suspend(actor, suspended.ID)
	active, activeSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	expired, expiredSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Minute)})
	p.Clock.Move(time.Hour)
	bystander, bystanderSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	ended := 0
	for name, c := range map[string]struct {
		made    token.Listed
		secret  string
		headers []backendtest.Header
	}{
		"of a deployment":                   {made, deployment, nil},
		"suspended":                         {suspended, suspendedSecret, nil},
		"active, with its own bearer":       {active, activeSecret, []backendtest.Header{backendtest.Bearer(activeSecret)}},
		"expired, with bad credentials too": {expired, expiredSecret, []backendtest.Header{basicAuth("nobody", "nothing")}},
	} {
		if a := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(c.secret)); name == "of a deployment" && a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, a.Status, a.Body)
		}
		ended++
		var first string
		for i := range 2 { // the second time it is already revoked
			a := p.PostForm("/oauth/revoke", backendtest.Form("token", c.secret, "token_type_hint", "refresh_token"), c.headers...)
			if a.Status != http.StatusOK || a.Body != "" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %v %s", name, a.Status, a.Header, a.Body)
			}
			if i == 0 {
				first = a.Header.Get("X-Request-Id")
			}
			p.Recorded(audit.APITokenRevoked, ended)
		}
		now, err := p.Tokens.Get(t.Context(), actor.AccountID, c.made.ID)
		if err != nil || now.Status != token.Revoked {
			t.Errorf("%s: %v %v", name, now.Status, err)
		}
		if a := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(c.secret)); a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, "revoked") {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		var by, from, request string
		row := p.Database().QueryRow("SELECT actor_api_token_id, actor_address, request_id FROM audit_events WHERE action = ? AND subject_id = ?", audit.APITokenRevoked, c.made.ID.String())
		if err := row.Scan(&by, &from, &request); err != nil || by != c.made.ID.String() || from != "127.0.0.1" || request == "" || request != first {
			t.Errorf("%s: revoked by %q from %q in the request %q, not %q, %v", name, by, from, request, first, err)
		}
	}
	if _, err := p.Tokens.Delete(t.Context(), actor, active.ID); err != nil {
		t.Fatal(err)
	}
	none := forgeries(t, p, bystanderSecret)
	none["deleted"] = activeSecret
	for name, secret := range none {
		if a := p.PostForm("/oauth/revoke", backendtest.Form("token", secret)); a.Status != http.StatusOK || a.Body != "" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	p.Recorded(audit.APITokenRevoked, ended)
	if now, err := p.Tokens.Get(t.Context(), actor.AccountID, bystander.ID); err != nil || now.Status != token.Active {
		t.Errorf("a forgery of it ended the token: %v %v", now.Status, err)
	}
	if strings.Contains(p.Log.String(), activeSecret[len(activeSecret)-40:]) {
		t.Error("the log holds a secret")
	}
}

func TestOAuthClientsFindTheEndpoints(t *testing.T) {
	p := backendtest.Start(t)
	a := p.Call(http.MethodGet, "/.well-known/oauth-authorization-server", nil)
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	for member, want := range map[string]any{
		"issuer": p.URL, "jwks_uri": p.URL + "/.well-known/jwks.json", "service_documentation": p.URL + "/docs",
		"status_list_aggregation_endpoint": p.URL + "/status-lists",
		"introspection_endpoint":           p.URL + "/oauth/introspect", "revocation_endpoint": p.URL + "/oauth/revoke",
		"introspection_endpoint_auth_methods_supported": []any{"client_secret_basic", "client_secret_post", "Bearer"},
		"revocation_endpoint_auth_methods_supported":    []any{"none"},
		"scopes_supported":         []any{"account", "environment", "agent_deployment"},
		"response_types_supported": []any{}, "grant_types_supported": []any{},
	} {
		if got := a.Get(t, member); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", member, got, want)
		}
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/jwks.json"} {
		if h := p.Call(http.MethodGet, path, nil).Header; h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestARevocationThatAnotherHasCommittedIsAnsweredOnlyWhenItHolds(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	for name, statements := range map[string][]string{
		"revoked": {"UPDATE api_tokens SET status = 'revoked' WHERE id = ?"},
		"deleted": {
			"INSERT INTO deleted_status_entries SELECT status_list, status_index FROM api_tokens WHERE id = ?",
			"DELETE FROM api_tokens WHERE id = ?",
		},
	} {
		made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		entry := backendtest.EntryOf(t, secret)
		if got := p.Listed(entry); got != 0 {
			t.Fatalf("%s: listed as %d before", name, got)
		}
		ping := func() int { return p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Status }
		if s := ping(); s != http.StatusOK { // now the cache has it as good
			t.Fatal(s)
		}
		for _, statement := range statements {
			p.Exec(statement, made.ID.String())
		}
		a := p.PostForm("/oauth/revoke", backendtest.Form("token", secret))
		if s := ping(); a.Status != http.StatusOK || s != http.StatusUnauthorized {
			t.Errorf("%s: revoke %d %s, ping %d", name, a.Status, a.Body, s)
		}
		if got := p.Listed(entry); got != 1 {
			t.Errorf("%s: listed as %d after the answer", name, got)
		}
	}
}
