package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

var sameOrigin = backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}

func setUp(p *backendtest.Program, code string, fields map[string]any) backendtest.Answer {
	all := map[string]any{"code": code, "account_name": "Acme", "name": "Ada", "email": backendtest.Email, "password": backendtest.Password}
	for k, v := range fields {
		all[k] = v
	}
	return p.Call(http.MethodPost, "/api/v1/setup", backendtest.Details(all))
}

func TestSetupTakesThePrintedCodeOnce(t *testing.T) {
	t.Parallel()
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
	cookie, _ := backendtest.Cookie(t, a, "session")
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
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	if a := setUp(p, p.Web.API.SetupCode(), map[string]any{"email": "eve@example.com"}); a.Status != http.StatusConflict || a.Text(t, "code") != "invalid_action" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestASessionIsAHardenedCookieThatEnds(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	a := p.SignIn(strings.ToUpper(backendtest.Email), backendtest.Password)
	header, cookie := backendtest.Cookie(t, a, "session")
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
	header, _ = backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	p.Clock.Move(people.IdleEnd)
	if alive() {
		t.Error("an idle session lives on")
	}
	header, _ = backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	out := p.Call(http.MethodDelete, "/api/v1/session", nil, header, sameOrigin)
	if _, gone := backendtest.Cookie(t, out, "session"); gone.MaxAge >= 0 || alive() {
		t.Errorf("signed out, but %v", gone)
	}
}

func TestUnderHTTPSTheCookieIsForThisHostAndSecureOnly(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.PublicURL = "https://tokens.example.com" })
	p.Found()
	a := p.SignIn(backendtest.Email, backendtest.Password, backendtest.Header{Name: "Origin", Value: "https://tokens.example.com"})
	if _, cookie := backendtest.Cookie(t, a, "session"); !strings.HasPrefix(cookie.Name, "__Host-tokentab_session_") || !cookie.Secure {
		t.Errorf("cookie %v", cookie)
	}
	if a.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
}

func TestAnotherSiteCanMakeABrowserChangeNothing(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
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
		wantStatus(t, name, p.Call(http.MethodPost, "/api/v1/agent", body, cookie, c.header), c.want)
	}
	wantStatus(t, "another site can sign a browser in", p.SignIn(backendtest.Email, backendtest.Password, backendtest.Header{Name: "Origin", Value: "http://evil.example"}), http.StatusForbidden)
}

func TestABadTokenIsNotMadeUpForByASession(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	wantStatus(t, "the request", p.Call(http.MethodGet, "/api/v1/agent", nil, cookie, backendtest.Bearer("bad")), http.StatusUnauthorized)
	wantStatus(t, "a session passes a gateway", p.Call(http.MethodGet, "/api/v1/validate", nil, cookie), http.StatusUnauthorized)
}

func TestWrongTriesSlowDownKnownAndUnknownEmailsAlike(t *testing.T) {
	t.Parallel()
	for _, email := range []string{backendtest.Email, "nobody@example.com"} {
		t.Run(email, func(t *testing.T) {
			p := backendtest.Start(t)
			p.Found()
			for range 5 {
				if a := p.SignIn(email, "wrong wrong wrong"); a.Status != http.StatusUnauthorized || a.Text(t, "code") != "not_authenticated" {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
			}
			a := p.SignIn(email, backendtest.Password)
			if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "5" {
				t.Errorf("the sixth try: %d %v %s", a.Status, a.Header, a.Body)
			}
			p.Clock.Move(5 * time.Second)
			want := http.StatusUnauthorized
			if email == backendtest.Email {
				want = http.StatusOK
			}
			wantStatus(t, "after the wait", p.SignIn(email, backendtest.Password), want)
		})
	}
}

func TestManyEmailsFromOneAddressAreSlowedDownAndOthersAreNot(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, backendtest.Trusting(t, "127.0.0.0/8"))
	p.Found()
	from := func(address string) backendtest.Header {
		return backendtest.Header{Name: "X-Forwarded-For", Value: "203.0.113.9, " + address}
	}
	for _, email := range []string{"a@x.co", "b@x.co", "c@x.co", "d@x.co", "e@x.co"} {
		p.SignIn(email, "wrong wrong wrong", from("192.0.2.7"))
	}
	wantStatus(t, "the same address", p.SignIn(backendtest.Email, backendtest.Password, from("192.0.2.7")), http.StatusTooManyRequests)
	wantStatus(t, "another address", p.SignIn(backendtest.Email, backendtest.Password, from("192.0.2.8")), http.StatusOK)
}

func TestWhoCreatedATokenIsKept(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), cookie, sameOrigin)
	if a.Text(t, "details", "created_by_admin_user_id") != actor.AdminUserID.String() || a.Text(t, "details", "created_by_name") != "Ada" {
		t.Errorf("%s", a.Body)
	}
	commandLine, _ := p.Issue(audit.Actor{AccountID: actor.AccountID}, token.Order{Scope: token.ScopeAccount})
	if commandLine.CreatedByName != "" || !commandLine.CreatedByAdminUserID.IsZero() {
		t.Errorf("%+v", commandLine)
	}
}

func TestAPageThatShowsAnotherUserHasNoSession(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	founder := p.Found()
	other := p.Join(founder, "grace@acme.example")
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	shown := func(id string) backendtest.Header { return backendtest.Header{Name: "X-Tokentab-User", Value: id} }
	create := func(headers ...backendtest.Header) int {
		body := backendtest.Details(map[string]any{"token_scope": "account"})
		return p.Call(http.MethodPost, "/api/v1/api_token", body, append(headers, cookie, sameOrigin)...).Status
	}
	for _, id := range []string{other.AdminUserID.String(), "nonsense"} {
		if s := create(shown(id)); s != http.StatusUnauthorized {
			t.Errorf("a change on a page that shows %q: %d", id, s)
		}
		if s := p.Call(http.MethodGet, "/api/v1/api_token", nil, cookie, shown(id)).Status; s != http.StatusUnauthorized {
			t.Errorf("a read on a page that shows %q: %d", id, s)
		}
	}
	if s := create(shown(founder.AdminUserID.String())); s != http.StatusOK {
		t.Errorf("a change on the user's own page: %d", s)
	}
	if s := create(); s != http.StatusOK {
		t.Errorf("a change by a client that shows no one: %d", s)
	}
}
