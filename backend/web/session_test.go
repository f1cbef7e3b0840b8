package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

var sameOrigin = backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}

func cookieOf(t *testing.T, a backendtest.Answer) (value backendtest.Header, cookie *http.Cookie) {
	t.Helper()
	return cookieNamed(t, a, "session")
}

// cookieNamed returns the cookie of an answer whose name contains the given word.
func cookieNamed(t *testing.T, a backendtest.Answer, word string) (value backendtest.Header, cookie *http.Cookie) {
	t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if strings.Contains(c.Name, word) {
			return backendtest.Header{Name: "Cookie", Value: c.Name + "=" + c.Value}, c
		}
	}
	t.Fatalf("no %s cookie in %d %s", word, a.Status, a.Body)
	return value, nil
}

func signIn(p *backendtest.Program, email, password string, headers ...backendtest.Header) backendtest.Answer {
	return p.Call(http.MethodPost, "/api/v1/session", backendtest.Details(map[string]any{"email": email, "password": password}), headers...)
}

func setUp(p *backendtest.Program, code string, fields map[string]any) backendtest.Answer {
	all := map[string]any{"code": code, "account_name": "Acme", "name": "Ada", "email": backendtest.Email, "password": backendtest.Password}
	for k, v := range fields {
		all[k] = v
	}
	return p.Call(http.MethodPost, "/api/v1/setup", backendtest.Details(all))
}

func TestSetupTakesThePrintedCodeOnce(t *testing.T) {
	p := backendtest.Start(t)
	if a := p.Call(http.MethodGet, "/api/v1/session", nil); a.Get(t, "details", "setup_required") != true || a.Get(t, "details", "account") != nil {
		t.Errorf("before: %s", a.Body)
	}
	for name, c := range map[string]struct {
		fields map[string]any
		field  string
	}{
		"a wrong code":       {map[string]any{"code": "x"}, "code"},
		"a short password":   {map[string]any{"password": "12345678901"}, "password"},
		"no email":           {map[string]any{"email": "ada"}, "email"},
		"no name of account": {map[string]any{"account_name": "  "}, "account_name"},
	} {
		if a := setUp(p, p.Web.API.SetupCode(), c.fields); a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", c.field) == nil {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	a := setUp(p, p.Web.API.SetupCode(), nil)
	if a.Status != http.StatusOK || a.Text(t, "details", "account", "name") != "Acme" || a.Get(t, "details", "setup_required") != false {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	cookie, _ := cookieOf(t, a)
	if a := p.Call(http.MethodGet, "/api/v1/session", nil, cookie); a.Text(t, "details", "admin_user", "email") != backendtest.Email {
		t.Errorf("not signed in after setup: %s", a.Body)
	}
	if a := setUp(p, p.Web.API.SetupCode(), nil); a.Status == http.StatusOK {
		t.Errorf("the code worked twice: %s", a.Body)
	}
	list := p.Call(http.MethodGet, "/api/v1/environment", nil, cookie)
	items, _ := list.Get(t, "summaries").([]any)
	if len(items) != 2 || items[0].(map[string]any)["name"] != "Development" || items[1].(map[string]any)["name"] != "Production" {
		t.Errorf("environments: %s", list.Body)
	}
}

func TestSetupIsOverOnceAnyAccountExists(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	if a := setUp(p, p.Web.API.SetupCode(), map[string]any{"email": "eve@example.com"}); a.Status != http.StatusConflict || a.Text(t, "code") != "invalid_action" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestASessionIsAHardenedCookieThatEnds(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	a := signIn(p, strings.ToUpper(backendtest.Email), backendtest.Password)
	header, cookie := cookieOf(t, a)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" || len(cookie.Value) != 43 {
		t.Errorf("cookie %v", cookie)
	}
	if strings.Contains(a.Body, cookie.Value) {
		t.Error("the answer's body holds the session")
	}
	alive := func() bool {
		return p.Call(http.MethodGet, "/api/v1/agent", nil, header).Status == http.StatusOK
	}
	for range 13 { // used every day but never idle for long
		p.Clock.Move(people.IdleEnd - time.Minute)
		if !alive() {
			t.Fatal("a session in use ended before its absolute end")
		}
	}
	p.Clock.Move(people.IdleEnd)
	if alive() {
		t.Error("the session outlived its end")
	}
	header, _ = cookieOf(t, signIn(p, backendtest.Email, backendtest.Password))
	p.Clock.Move(people.IdleEnd)
	if alive() {
		t.Error("an idle session lives on")
	}
	header, _ = cookieOf(t, signIn(p, backendtest.Email, backendtest.Password))
	out := p.Call(http.MethodDelete, "/api/v1/session", nil, header, sameOrigin)
	if _, gone := cookieOf(t, out); gone.MaxAge >= 0 || alive() {
		t.Errorf("signed out, but %v", gone)
	}
}

func TestUnderHTTPSTheCookieIsForThisHostAndSecureOnly(t *testing.T) {
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.PublicURL = "https://tokens.example.com" })
	p.Found()
	a := signIn(p, backendtest.Email, backendtest.Password, backendtest.Header{Name: "Origin", Value: "https://tokens.example.com"})
	if _, cookie := cookieOf(t, a); !strings.HasPrefix(cookie.Name, "__Host-tokentab_session_") || !cookie.Secure {
		t.Errorf("cookie %v", cookie)
	}
	if a.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
}

func TestAnotherSiteCanMakeABrowserChangeNothing(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	cookie, _ := cookieOf(t, signIn(p, backendtest.Email, backendtest.Password))
	body := backendtest.Details(map[string]any{"name": "bot"})
	for name, c := range map[string]struct {
		header backendtest.Header
		want   int
	}{
		"no proof":       {backendtest.Header{Name: "X-Nothing", Value: "1"}, http.StatusForbidden},
		"cross-site":     {backendtest.Header{Name: "Sec-Fetch-Site", Value: "cross-site"}, http.StatusForbidden},
		"same-site":      {backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-site"}, http.StatusForbidden},
		"none":           {backendtest.Header{Name: "Sec-Fetch-Site", Value: "none"}, http.StatusForbidden},
		"foreign origin": {backendtest.Header{Name: "Origin", Value: "http://evil.example"}, http.StatusForbidden},
		"null origin":    {backendtest.Header{Name: "Origin", Value: "null"}, http.StatusForbidden},
		"forwarded host": {backendtest.Header{Name: "X-Forwarded-Host", Value: "evil.example"}, http.StatusForbidden},
		"same-origin":    {sameOrigin, http.StatusOK},
		"our own origin": {backendtest.Header{Name: "Origin", Value: p.URL}, http.StatusOK},
	} {
		if a := p.Call(http.MethodPost, "/api/v1/agent", body, cookie, c.header); a.Status != c.want {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if a := signIn(p, backendtest.Email, backendtest.Password, backendtest.Header{Name: "Origin", Value: "http://evil.example"}); a.Status != http.StatusForbidden {
		t.Errorf("another site can sign a browser in: %d", a.Status)
	}
}

func TestABadTokenIsNotMadeUpForByASession(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	cookie, _ := cookieOf(t, signIn(p, backendtest.Email, backendtest.Password))
	if a := p.Call(http.MethodGet, "/api/v1/agent", nil, cookie, backendtest.Bearer("bad")); a.Status != http.StatusUnauthorized {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := p.Call(http.MethodGet, "/api/v1/validate", nil, cookie); a.Status != http.StatusUnauthorized {
		t.Errorf("a session passes a gateway: %d", a.Status)
	}
}

func TestWrongTriesSlowDownKnownAndUnknownEmailsAlike(t *testing.T) {
	for _, email := range []string{backendtest.Email, "nobody@example.com"} {
		t.Run(email, func(t *testing.T) {
			p := backendtest.Start(t)
			p.Found()
			for range 5 {
				if a := signIn(p, email, "wrong wrong wrong"); a.Status != http.StatusUnauthorized || a.Text(t, "code") != "not_authenticated" {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
			}
			a := signIn(p, email, backendtest.Password)
			if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "5" {
				t.Errorf("the sixth try: %d %v %s", a.Status, a.Header, a.Body)
			}
			p.Clock.Move(5 * time.Second)
			want := http.StatusUnauthorized
			if email == backendtest.Email {
				want = http.StatusOK
			}
			if a := signIn(p, email, backendtest.Password); a.Status != want {
				t.Errorf("after the wait: %d %s", a.Status, a.Body)
			}
		})
	}
}

func TestManyEmailsFromOneAddressAreSlowedDownAndOthersAreNot(t *testing.T) {
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		if err := c.TrustedProxies.UnmarshalText([]byte("127.0.0.0/8")); err != nil {
			t.Fatal(err)
		}
	})
	p.Found()
	from := func(address string) backendtest.Header {
		return backendtest.Header{Name: "X-Forwarded-For", Value: "203.0.113.9, " + address}
	}
	for _, email := range []string{"a@x.co", "b@x.co", "c@x.co", "d@x.co", "e@x.co"} {
		signIn(p, email, "wrong wrong wrong", from("192.0.2.7"))
	}
	if a := signIn(p, backendtest.Email, backendtest.Password, from("192.0.2.7")); a.Status != http.StatusTooManyRequests {
		t.Errorf("the same address: %d", a.Status)
	}
	if a := signIn(p, backendtest.Email, backendtest.Password, from("192.0.2.8")); a.Status != http.StatusOK {
		t.Errorf("another address: %d %s", a.Status, a.Body)
	}
}

func TestWhoCreatedATokenIsKept(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	cookie, _ := cookieOf(t, signIn(p, backendtest.Email, backendtest.Password))
	a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), cookie, sameOrigin)
	if a.Text(t, "details", "created_by_admin_user_id") != actor.AdminUserID.String() || a.Text(t, "details", "created_by_name") != "Ada" {
		t.Errorf("%s", a.Body)
	}
	commandLine, _ := p.Issue(audit.Actor{AccountID: actor.AccountID}, token.Order{Scope: token.ScopeAccount})
	if commandLine.CreatedByName != "" || !commandLine.CreatedByAdminUserID.IsZero() {
		t.Errorf("%+v", commandLine)
	}
}

func TestThePageIsServedByTheThreeRulesOfCaching(t *testing.T) {
	p := backendtest.Start(t, backendtest.WithUI(fstest.MapFS{
		"index.html":            {Data: []byte("<!doctype html><title>page</title>")},
		"assets/app-1a2b.js":    {Data: []byte("plain")},
		"assets/app-1a2b.js.br": {Data: []byte("brotli")},
		"assets/app-1a2b.js.gz": {Data: []byte("gzip")},
		"favicon.svg":           {Data: []byte("<svg/>")},
		"routes.txt":            {Data: []byte("/\n/account/api-tokens\n/account/api-tokens/connect\n/agents/:id/deployments\n")},
	}))
	get := func(path, encodings string) backendtest.Answer {
		return p.Call(http.MethodGet, path, nil, backendtest.Header{Name: "Accept-Encoding", Value: encodings})
	}
	for _, path := range []string{"/", "/index.html", "/account/api-tokens", "/account/api-tokens/connect", "/agents/x/deployments"} {
		a := get(path, "identity")
		if a.Status != http.StatusOK || !strings.Contains(a.Body, "page") || a.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v %s", path, a.Status, a.Header, a.Body)
		}
		if csp := a.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	for encodings, want := range map[string]string{"br, gzip": "brotli", "gzip": "gzip", "identity": "plain", "br;q=0, gzip": "gzip"} {
		if a := get("/assets/app-1a2b.js", encodings); a.Body != want || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s %v", encodings, a.Body, a.Header)
		}
	}
	for _, path := range []string{"/assets/gone.js", "/assets/gone", "/robots.txt", "/assets/app-1a2b.js.br"} {
		if a := get(path, "identity"); a.Status != http.StatusNotFound || strings.Contains(a.Body, "page") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, path := range []string{"/", "/api/v1/ping", "/api/v1/validate", "/api/v1/agent", "/api/v1/nothing", "/healthz", "/assets/gone.js", "/.well-known/jwks.json"} {
		for _, headers := range [][]backendtest.Header{nil, {backendtest.Bearer(secret)}} {
			a := p.Call(http.MethodGet, path, nil, headers...)
			if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") == "" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s: %d %v", path, a.Status, a.Header)
			}
			if strings.HasPrefix(path, "/api") && a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s may be stored: %v", path, a.Header)
			}
		}
	}
}
