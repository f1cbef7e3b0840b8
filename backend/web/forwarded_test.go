package web_test

import (
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

func TestWhatAProxySaysOfItsClientIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	said := []backendtest.Header{
		{Name: "X-Forwarded-For", Value: "203.0.113.9"}, {Name: "X-Forwarded-Proto", Value: "https"}, {Name: "X-Forwarded-Host", Value: "tokens.example"},
	}
	// Other headers of this kind are never trusted.
	ignored := []backendtest.Header{
		{Name: "X-Real-Ip", Value: "198.51.100.1"}, {Name: "X-Original-Forwarded-For", Value: "198.51.100.1"}, {Name: "X-Client-Ip", Value: "198.51.100.1"},
		{Name: "Forwarded", Value: "for=198.51.100.1;proto=https;host=evil.example"}, {Name: "X-Forwarded-Ssl", Value: "on"}, {Name: "X-Url-Scheme", Value: "https"},
		{Name: "X-Original-Host", Value: "evil.example"}, {Name: "X-Rewrite-Url", Value: "/healthz"}, {Name: "X-Http-Method-Override", Value: "DELETE"},
	}
	for name, c := range map[string]struct {
		trusted string
		sent    []backendtest.Header
		address string
		https   bool
	}{
		"from a stranger":                    {"192.0.2.0/24", append(ignored, said...), "127.0.0.1", false},
		"from anybody, where none is named":  {"", append(ignored, said...), "127.0.0.1", false},
		"from a trusted proxy":               {"127.0.0.0/8", append(ignored, said...), "203.0.113.9", true},
		"from a trusted proxy, by its names": {"127.0.0.0/8", ignored, "127.0.0.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t, backendtest.Trusting(t, c.trusted))
			p.Found()
			own := backendtest.Header{Name: "Origin", Value: "https://tokens.example"}
			if !c.https {
				own.Value = p.URL
			}
			a := p.SignIn(backendtest.Email, backendtest.Password, append(c.sent, own)...)
			a.Must(t, http.StatusOK)
			header, cookie := backendtest.Cookie(t, a, "session")
			if cookie.Secure != c.https || strings.HasPrefix(cookie.Name, "__Host-") != c.https || (a.Header.Get("Strict-Transport-Security") != "") != c.https {
				t.Errorf("https: %+v, HSTS %q", cookie, a.Header.Get("Strict-Transport-Security"))
			}
			if list := p.Call(http.MethodGet, "/api/v1/session/all", nil, append(c.sent, header)...); !strings.Contains(list.Body, `"`+c.address+`"`) || strings.Contains(list.Body, "198.51.100.1") {
				t.Errorf("the session is not from %s: %s", c.address, list.Body)
			}
			a = p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "bot"}), append(c.sent, header, own)...)
			a.Must(t, http.StatusOK)
			if got := lastActor(t, p); got != c.address {
				t.Errorf("the audit event is from %s, want %s", got, c.address)
			}
			invited := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), append(c.sent, header, own)...)
			if link := invited.Text(t, "details", "invite_url"); !strings.HasPrefix(link, own.Value+"/") {
				t.Errorf("the invite leads to %s, want one on %s", link, own.Value)
			}
			other := backendtest.Header{Name: "Origin", Value: "https://evil.example"}
			p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "bot"}), append(c.sent, header, other)...).Want(t, "another origin may change something", http.StatusForbidden)
		})
	}
}

// lastActor is the address that the newest audit event holds.
func lastActor(t *testing.T, p *backendtest.Program) (address string) {
	t.Helper()
	db := p.Database()
	if err := db.QueryRow("SELECT actor_address FROM audit_events ORDER BY rowid DESC LIMIT 1").Scan(&address); err != nil {
		t.Fatal(err)
	}
	return address
}

func TestTheEndpointBelievesNothingThatAProxySaysOfItsClient(t *testing.T) {
	p := backendtest.Start(t, backendtest.Trusting(t, "127.0.0.0/8"))
	_, made, secret := p.Deployed()
	for _, h := range []backendtest.Header{
		{Name: "X-Forwarded-Uri", Value: "/healthz"}, {Name: "X-Forwarded-Method", Value: "OPTIONS"}, {Name: "X-Original-Url", Value: "/healthz"},
		{Name: "X-Original-Method", Value: "OPTIONS"}, {Name: "X-Forwarded-Authorization", Value: "Bearer " + secret}, {Name: "X-Forwarded-Access-Token", Value: secret},
		{Name: "X-Token-Id", Value: made.ID.String()}, {Name: "Proxy-Authorization", Value: "Bearer " + secret}, {Name: "Cookie", Value: "Authorization=Bearer " + secret},
	} {
		p.Call(http.MethodGet, "/api/v1/validate", nil, h).Want(t, h.Name, http.StatusUnauthorized)
		a := p.Call(http.MethodGet, "/api/v1/validate", nil, h, backendtest.Bearer(secret))
		if a.Status != http.StatusOK || a.Header.Get("X-Token-Id") != made.ID.String() {
			t.Errorf("%s with a good token: %d", h.Name, a.Status)
		}
	}
}
