package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// logLines returns the lines of a program's log that hold all of the given texts.
func logLines(p *backendtest.Program, texts ...string) (lines []string) {
	for line := range strings.Lines(p.Log.String()) {
		holds := true
		for _, text := range texts {
			holds = holds && strings.Contains(line, text)
		}
		if holds {
			lines = append(lines, line)
		}
	}
	return lines
}

func wantLogged(t *testing.T, p *backendtest.Program, times int, texts ...string) {
	t.Helper()
	if got := logLines(p, texts...); len(got) != times {
		t.Errorf("%d lines with %q, want %d, in\n%s", len(got), texts, times, p.Log)
	}
}

func TestRefusedTokensOfKnownHoldersAreLogged(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, backendtest.Trusting(t, "127.0.0.0/8"))
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	suspended, suspendedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	revoked, revokedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	expired, expiredSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Minute)})
	p.Clock.Move(time.Minute)
	for _, path := range []string{suspended.ID.String() + "/suspend", revoked.ID.String() + "/revoke"} {
		wantStatus(t, path, p.Call(http.MethodPost, "/api/v1/api_token/"+path, nil, backendtest.Bearer(manager)), http.StatusOK)
	}
	for range 3 {
		for reason, c := range map[string]struct{ id, secret string }{
			"suspended": {suspended.ID.String(), suspendedSecret}, "revoked": {revoked.ID.String(), revokedSecret}, "expired": {expired.ID.String(), expiredSecret},
		} {
			for _, path := range []string{"/api/v1/validate/" + c.secret + "?token=" + c.secret, "/api/v1/ping", "/api/v1/agent/" + c.id} {
				wantStatus(t, reason, p.Call(http.MethodGet, path, nil, backendtest.Bearer(c.secret), backendtest.From("203.0.113.9")), http.StatusUnauthorized)
			}
		}
		for _, secret := range []string{"unknown", "eyJ.eyJ.x"} {
			p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret))
		}
	}
	for reason, id := range map[string]string{"suspended": suspended.ID.String(), "revoked": revoked.ID.String(), "expired": expired.ID.String()} {
		for _, path := range []string{"path=/api/v1/validate\n", "path=/api/v1/ping\n", "path=/api/v1/agent/:id\n"} {
			wantLogged(t, p, 1, "token refused", "api_token="+id, "reason="+reason, "address=203.0.113.9", path)
		}
	}
	p.Call(http.MethodGet, "/api/v1/validate?scope=environment", nil, backendtest.Bearer(manager))
	wantLogged(t, p, 10, "token refused") // the limit
	for _, secret := range []string{suspendedSecret, revokedSecret, expiredSecret, manager} {
		wantLogged(t, p, 0, secret)
		wantLogged(t, p, 0, secret[len(secret)-20:])
	}
}

func TestAnInsufficientTokenIsLogged(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Call(http.MethodGet, "/api/v1/validate?scope=environment", nil, backendtest.Bearer(secret))
	wantLogged(t, p, 1, "token refused", "api_token="+made.ID.String(), "reason=insufficient")
	p.Call(http.MethodGet, "/api/v1/session/all", nil, backendtest.Bearer(secret))
	wantLogged(t, p, 1, "request refused", "api_token="+made.ID.String(), "GET /api/v1/session/all", "Only signed-in")
}

func TestRefusedOriginsAreLogged(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	for range 5 {
		wantStatus(t, "another site", p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "x"}), browser[0], backendtest.Header{Name: "Origin", Value: "https://evil.example/\u202e" + strings.Repeat("x", 500)}), http.StatusForbidden)
		wantStatus(t, "a sign-in from another site", p.SignIn(backendtest.Email, backendtest.Password, backendtest.Header{Name: "Origin", Value: "https://evil.example"}), http.StatusForbidden)
	}
	wantLogged(t, p, 2, "request refused", "origin=", "https://evil.example", "address=127.0.0.1")
	wantLogged(t, p, 0, strings.Repeat("x", 200))
	wantLogged(t, p, 0, "\u202e")
	_ = actor
}

func TestForWhomASignInWasRefusedIsLogged(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	for i := range 8 {
		p.SignIn(strings.ToUpper(backendtest.Email), wrongPassword, backendtest.From("192.0.2.1"))
		p.SignIn(fmt.Sprintf("hunter%d-my-password", i), wrongPassword, backendtest.From("192.0.2.2"))
	}
	wantLogged(t, p, 1, `"sign-in refused"`, "email="+backendtest.Email, "admin_user=", "address=192.0.2.1", "wrong password")
	wantLogged(t, p, 1, `"sign-in refused"`, "email="+backendtest.Email, "address=192.0.2.1", "too many wrong attempts")
	wantLogged(t, p, 1, "sign-in refused for an unknown email", "address=192.0.2.2", "wrong password")
	wantLogged(t, p, 0, "hunter")
	wantLogged(t, p, 0, wrongPassword)
	p.Clock.Move(time.Minute)
	p.SignIn("x", wrongPassword, backendtest.From("192.0.2.3"))
	wantLogged(t, p, 1, `"sign-in refused"`, "address=192.0.2.1", "wrong password", "repeated=4")
}

func TestOneRefusedAddressWritesFewLines(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	for i := range 5 {
		p.SignIn(fmt.Sprintf("user%d@example.com", i), wrongPassword, backendtest.From("192.0.2.1"))
	}
	before := strings.Count(p.Log.String(), "\n")
	for i := range 300 {
		p.SignIn(fmt.Sprintf("other%d@example.com", i), wrongPassword, backendtest.From("192.0.2.1"))
	}
	for i := range 300 {
		setUp(p, fmt.Sprint("code", i), nil)
		p.Call(http.MethodPost, "/api/v1/invite/show", backendtest.Details(map[string]any{"code": fmt.Sprint("code", i)}), backendtest.From(fmt.Sprintf("198.51.100.%d", i%250)))
	}
	if lines := strings.Count(p.Log.String(), "\n") - before; lines > 12 {
		t.Errorf("%d lines:\n%s", lines, p.Log)
	}
	wantLogged(t, p, 0, "code1")
}

// The official SDKs show the status of a refused report alone.
func TestARefusedReportIsLoggedWithItsReason(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	r.ok(r.create(nil))
	r.create(map[string]any{"schema_name": "", "status": "running"}).Want(t, "two wrong fields", http.StatusUnprocessableEntity)
	r.create(map[string]any{"payload": map[string]any{"text": strings.Repeat("x", 5<<20)}}).Want(t, "a large payload", http.StatusUnprocessableEntity)
	r.finish("01m844psex6cc97gbnyq390gb01cg3qs", nil).Want(t, "an unknown span", http.StatusNotFound)
	r.ok(r.post("/bulk", map[string]any{"items": []any{map[string]any{"_type": "agent_spans/finish", "idempotency_key": "in-bulk-1", "agent_span_id": "01m844psex6cc97gbnyq390gb01cg3qs"}}}))
	for _, texts := range [][]string{
		{"POST /api/v1/agent_spans\"", "schema_name must have"}, {"POST /api/v1/agent_spans\"", "payload must have at most"}, {"POST /api/v1/agent_spans/:id/finish", "no such agent span"}, {"POST /api/v1/bulk", "no such agent span"},
	} {
		wantLogged(t, r.Program, 1, append(texts, "level=WARN", "report refused", "api_token=")...)
	}
	r.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": ""}), r.manager).Want(t, "no report", http.StatusUnprocessableEntity)
	r.list("agent_instance_id=" + r.instance)
	wantLogged(t, r.Program, 4, "report refused")
}
