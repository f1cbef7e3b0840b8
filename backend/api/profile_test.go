package api_test

import (
	"net/http"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

func changePassword(p *backendtest.Program, current, next string, headers ...backendtest.Header) backendtest.Answer {
	return p.Call(http.MethodPost, "/api/v1/session/password", backendtest.Details(map[string]any{"current_password": current, "new_password": next}), headers...)
}

func isSignedIn(p *backendtest.Program, headers []backendtest.Header) bool {
	return p.Call(http.MethodGet, "/api/v1/agent", nil, headers...).Status == http.StatusOK
}

func TestANewPasswordEndsAllOtherSessions(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	p.Join(actor, "bob@example.com")
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	browser, phone, bob := session(t, p, backendtest.Email), session(t, p, backendtest.Email), session(t, p, "bob@example.com")
	const next = "another horse battery"
	refused(t, "a short one", changePassword(p, backendtest.Password, "12345678901", browser...), http.StatusUnprocessableEntity, "validation_errors", "new_password")
	refused(t, "the same one", changePassword(p, backendtest.Password, backendtest.Password, browser...), http.StatusUnprocessableEntity, "validation_errors", "new_password")
	refused(t, "a wrong current one", changePassword(p, "wrong wrong wrong", next, browser...), http.StatusUnprocessableEntity, "validation_errors", "current_password")
	refused(t, "a token", changePassword(p, backendtest.Password, next, backendtest.Bearer(manager)), http.StatusForbidden, "not_permitted", "")
	if !isSignedIn(p, phone) {
		t.Fatal("a refused change ended a session")
	}
	a := changePassword(p, backendtest.Password, next, browser...)
	if a.Status != http.StatusOK || a.Text(t, "details", "admin_user", "email") != backendtest.Email {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if !isSignedIn(p, browser) || isSignedIn(p, phone) || !isSignedIn(p, bob) {
		t.Errorf("signed in: here %v, elsewhere %v, somebody else %v", isSignedIn(p, browser), isSignedIn(p, phone), isSignedIn(p, bob))
	}
	wantStatus(t, "the old password", p.SignIn(backendtest.Email, backendtest.Password), http.StatusUnauthorized)
	wantStatus(t, "the new password", p.SignIn(backendtest.Email, next), http.StatusOK)
	p.Recorded(audit.PasswordChanged, 1)
}

func TestWrongCurrentPasswordsAreSlowedDownApartFromSignIns(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	for range 5 {
		refused(t, "a wrong one", changePassword(p, "wrong wrong wrong", "another horse battery", browser...), http.StatusUnprocessableEntity, "validation_errors", "current_password")
	}
	a := changePassword(p, backendtest.Password, "another horse battery", browser...)
	refused(t, "the sixth try", a, http.StatusTooManyRequests, "not_permitted", "")
	if a.Header.Get("Retry-After") != "5" {
		t.Errorf("wait %q", a.Header.Get("Retry-After"))
	}
	wantStatus(t, "a sign-in after wrong current passwords", p.SignIn(backendtest.Email, backendtest.Password), http.StatusOK)
	p.Clock.Move(5 * time.Second)
	wantStatus(t, "after the wait", changePassword(p, backendtest.Password, "another horse battery", browser...), http.StatusOK)
}

func TestOwnSessionsAreListedAndEnd(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	p.Join(actor, "bob@example.com")
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	session(t, p, backendtest.Email) // will be idle for too long below
	bob := session(t, p, "bob@example.com")
	p.Clock.Move(people.IdleEnd - time.Minute)
	if !isSignedIn(p, bob) {
		t.Fatal("bob is out")
	}
	phone := session(t, p, backendtest.Email)
	p.Clock.Move(2 * time.Minute)
	named := backendtest.Header{Name: "User-Agent", Value: "Fire\u202efox\u200b 1\xff"}
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password, named), "session")
	browser := []backendtest.Header{cookie, sameOrigin}
	list := func(headers []backendtest.Header) []any {
		a := p.Call(http.MethodGet, "/api/v1/session/all", nil, headers...)
		items, _ := a.Get(t, "summaries").([]any)
		if a.Status != http.StatusOK || a.Text(t, "sorting", "field") != "last_seen_at" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		return items
	}
	items := list(browser)
	if len(items) != 2 {
		t.Fatalf("%d sessions", len(items))
	}
	first, second := items[0].(map[string]any), items[1].(map[string]any)
	if first["current"] != true || second["current"] != false || first["type"] != "admin_session" || first["address"] != "127.0.0.1" || first["user_agent"] != "Firefox 1" || second["user_agent"] == "" {
		t.Errorf("%v", items)
	}
	end := func(id string, headers []backendtest.Header) backendtest.Answer {
		return p.Call(http.MethodDelete, "/api/v1/session/"+id, "", headers...)
	}
	phoneID, _ := second["id"].(string)
	refused(t, "somebody else's", end(phoneID, bob), http.StatusNotFound, "not_found", "")
	refused(t, "no id", end("x", browser), http.StatusNotFound, "not_found", "")
	for _, call := range [][2]string{{"GET", "/all"}, {"DELETE", "/" + phoneID}, {"POST", "/end_others"}} {
		a := p.Call(call[0], "/api/v1/session"+call[1], nil, backendtest.Bearer(manager))
		refused(t, "a token", a, http.StatusForbidden, "not_permitted", "")
	}
	if !isSignedIn(p, phone) {
		t.Fatal("a refused call ended a session")
	}
	holds(t, "end the phone's", end(phoneID, browser), map[string]any{"type": "admin_session", "id": phoneID, "current": false})
	refused(t, "again", end(phoneID, browser), http.StatusNotFound, "not_found", "")
	if isSignedIn(p, phone) || !isSignedIn(p, browser) {
		t.Error("the wrong session ended")
	}
	phone, tablet := session(t, p, backendtest.Email), session(t, p, backendtest.Email)
	holds(t, "end others", p.Call(http.MethodPost, "/api/v1/session/end_others", "", browser...), map[string]any{"type": "ended_sessions", "count": 2})
	if isSignedIn(p, phone) || isSignedIn(p, tablet) || !isSignedIn(p, browser) || !isSignedIn(p, bob) {
		t.Error("others ended the wrong sessions")
	}
	holds(t, "no others", p.Call(http.MethodPost, "/api/v1/session/end_others", nil, browser...), map[string]any{"count": 0})
	own, _ := list(browser)[0].(map[string]any)["id"].(string)
	a := end(own, browser)
	if _, gone := backendtest.Cookie(t, a, "session"); gone.MaxAge >= 0 || isSignedIn(p, browser) || a.Get(t, "details", "current") != true {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
