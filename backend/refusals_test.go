package backend_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// TestRefusalsBecomeOneEventAMinuteInTheChainOfTheirAccount also counts how often the store was written meanwhile.
func TestRefusalsBecomeOneEventAMinuteInTheChainOfTheirAccount(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	viewer := p.JoinAs(actor, "viewer@example.com", people.RoleViewer)
	own := backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}
	foreign := backendtest.Header{Name: "Sec-Fetch-Site", Value: "cross-site"}
	cookie, _ := backendtest.Cookie(t, p.SignIn("viewer@example.com", backendtest.Password, own), "session")
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, reader := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	p.Suspend(actor, made.ID)
	count := func(where string, args ...any) (n int) {
		t.Helper()
		if err := p.Database().QueryRow("SELECT count(*) FROM audit_events WHERE "+where, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count("TRUE")
	agent := backendtest.Details(map[string]any{"name": "Clerk"})
	for range 3 {
		p.SignIn("ada@example.com", "not the password", own)
		p.SignIn("stranger@example.com", "not a password", own)
		p.Call("GET", "/api/v1/agent", nil, backendtest.Bearer(secret))
		p.Call("GET", "/api/v1/agent", nil, backendtest.Bearer("made up"))
		p.Call("POST", "/api/v1/agent", agent, cookie, own)
		p.Call("POST", "/api/v1/agent", agent, backendtest.Bearer(reader))
		p.Call("POST", "/api/v1/agent", agent, cookie, foreign)
	}
	if n := count("TRUE"); n != before {
		t.Errorf("%d events were written within the minute", n-before)
	}
	p.Clock.Move(time.Minute)
	if err := p.Refusals.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for where, args := range map[string][]any{
		"action = 'session.refused' AND account_id = ? AND subject_id = ? AND actor_kind = 'stranger' AND detail = 'wrong password'":                                          {actor.AccountID.String(), actor.AdminUserID.String()},
		"action = 'session.refused' AND account_id IS NULL AND subject_id = '' AND actor_kind = 'stranger' AND detail = 'unknown email'":                                      nil,
		"action = 'api_token.refused' AND account_id = ? AND subject_id = ? AND detail = 'suspended' AND actor_address = '127.0.0.1'":                                         {actor.AccountID.String(), made.ID.String()},
		"action = 'request.refused' AND account_id = ? AND actor_admin_user_id = ? AND detail LIKE 'POST /api/v1/agent: %' AND request_id <> '' AND detail NOT LIKE '%page%'": {actor.AccountID.String(), viewer.AdminUserID.String()},
		"action = 'request.refused' AND account_id = ? AND actor_kind = 'api_token'":                                                                                          {actor.AccountID.String()},
		"action = 'request.refused' AND actor_admin_user_id = ? AND detail LIKE 'POST /api/v1/agent: This request did not come from the page of this server'":                 {viewer.AdminUserID.String()},
	} {
		if n := count("times = 3 AND "+where, args...); n != 1 {
			t.Errorf("%d events: %s", n, where)
		}
	}
	if n := count("TRUE"); n != before+6 {
		t.Errorf("%d events for 6 kinds of refusals", n-before)
	}
	if n := count("detail || reason || subject_id LIKE '%stranger@%' OR detail LIKE '%made up%' OR detail LIKE '%not the password%'"); n != 0 {
		t.Error("what a stranger typed is in the trail")
	}
	verified := func() {
		t.Helper()
		for _, chain := range []string{"", actor.AccountID.String()} {
			if _, err := p.Audit.Verify(t.Context(), chain, nil); err != nil {
				t.Error(err)
			}
		}
	}
	verified()
	// Many addresses and many routes share one event each beyond ten.
	for i := range 40 {
		p.Call("POST", fmt.Sprintf("/api/v1/agent/%s/retire", strings.Repeat("0", 32)), nil, cookie, foreign, backendtest.Header{Name: "Origin", Value: fmt.Sprintf("https://%d.example", i)})
	}
	p.Clock.Move(time.Minute)
	if err := p.Refusals.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if n := count("action = 'request.refused' AND detail LIKE '%.example'"); n != 10 {
		t.Errorf("%d single events", n)
	}
	if n := count("action = 'request.refused' AND detail = 'others' AND times = 30 AND subject_id = '' AND actor_address = ''"); n != 1 {
		t.Errorf("%d events for the rest", n)
	}
	verified()
	if a := p.Call("GET", "/api/v1/audit_event?action=session.refused&actor=stranger", nil, backendtest.Bearer(reader)); a.Status != http.StatusOK || !strings.Contains(a.Body, `"times":3`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
