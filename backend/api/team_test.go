package api_test

import (
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func createToken(t *testing.T, p *backendtest.Program, headers []backendtest.Header) (id, secret string) {
	t.Helper()
	a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), headers...)
	a.Must(t, http.StatusOK)
	return a.Text(t, "details", "id"), a.Text(t, "token")
}

func TestTheTeamIsListedWithTheLiveTokensOfEachMember(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(audit.Actor{AccountID: actor.AccountID}, token.Order{Scope: token.ScopeAccount})
	list := func(query string) backendtest.Answer {
		return p.Call(http.MethodGet, "/api/v1/admin_user"+query, nil, backendtest.Bearer(manager))
	}
	one := p.Call(http.MethodGet, "/api/v1/admin_user/"+actor.AdminUserID.String(), nil, backendtest.Bearer(manager))
	holds(t, "the last member", one, map[string]any{
		"type": "admin_user", "account_id": actor.AccountID, "email": backendtest.Email, "name": "Ada", "job_title": nil,
		"live_api_token_count": 0, "available_actions": map[string]any{"remove": false, "set_role": false},
	})
	member := p.Join(actor, "bob@example.com")
	live, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	ended, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Suspend(actor, live.ID)
	p.Revoke(actor, ended.ID)
	a := list("?account_id=" + actor.AccountID.String() + "&sorting=email")
	items, _ := a.Get(t, "summaries").([]any)
	if len(items) != 2 {
		t.Fatalf("%s", a.Body)
	}
	for i, want := range []map[string]any{{"id": actor.AdminUserID.String(), "live_api_token_count": 1.0}, {"id": member.AdminUserID.String(), "live_api_token_count": 0.0}} {
		item := items[i].(map[string]any)
		if item["id"] != want["id"] || item["live_api_token_count"] != want["live_api_token_count"] || item["available_actions"].(map[string]any)["remove"] != true {
			t.Errorf("member %d: %v, want %v", i, item, want)
		}
	}
	wantStatus(t, "the request", list("?sorting=password_hash"), http.StatusUnprocessableEntity)
	if text := list("").Body; strings.Contains(text, "argon2") {
		t.Error("the list holds password hashes")
	}
	of := p.Call(http.MethodGet, "/api/v1/api_token?created_by_admin_user_id="+actor.AdminUserID.String()+"&status=suspended", nil, backendtest.Bearer(manager))
	if got, _ := of.Get(t, "summaries").([]any); len(got) != 1 || got[0].(map[string]any)["id"] != live.ID.String() || of.Get(t, "pagination", "item_count") != 1.0 {
		t.Errorf("tokens of one member: %s", of.Body)
	}
}

func TestAProfileIsChangedByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	member := p.Join(actor, "bob@example.com")
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	browser := session(t, p, backendtest.Email)
	put := func(id string, fields map[string]any, headers ...backendtest.Header) backendtest.Answer {
		return p.Call(http.MethodPut, "/api/v1/admin_user/"+id, backendtest.Details(fields), headers...)
	}
	own := actor.AdminUserID.String()
	holds(t, "both", put(own, map[string]any{"name": " Ada L. ", "job_title": "Countess"}, browser...), map[string]any{"name": "Ada L.", "job_title": "Countess"})
	holds(t, "one", put(own, map[string]any{"name": "Ada"}, browser...), map[string]any{"name": "Ada", "job_title": "Countess"})
	a := p.Call(http.MethodGet, "/api/v1/session", nil, browser...)
	if a.Text(t, "details", "admin_user", "job_title") != "Countess" {
		t.Errorf("the session does not know: %s", a.Body)
	}
	holds(t, "null", put(own, map[string]any{"job_title": nil}, browser...), map[string]any{"name": "Ada", "job_title": nil})
	refused(t, "too long", put(own, map[string]any{"job_title": strings.Repeat("x", 101)}, browser...), http.StatusUnprocessableEntity, "validation_errors", "job_title")
	refused(t, "another member", put(member.AdminUserID.String(), map[string]any{"name": "Eve"}, browser...), http.StatusForbidden, "not_permitted", "")
	refused(t, "nobody", put(actor.AccountID.String(), map[string]any{"name": "Eve"}, browser...), http.StatusNotFound, "not_found", "")
	refused(t, "a token", put(own, map[string]any{"name": "Eve"}, backendtest.Bearer(manager)), http.StatusForbidden, "not_permitted", "")
	p.Recorded(audit.AdminUserUpdated, 3)
}

func TestARemovedMemberIsOutAtOnce(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	member := p.Join(actor, "bob@example.com")
	ours, theirs, theirPhone := session(t, p, backendtest.Email), session(t, p, "bob@example.com"), session(t, p, "bob@example.com")
	_, ourSecret := createToken(t, p, ours)
	id, secret := createToken(t, p, theirs)
	path := "/api/v1/admin_user/" + member.AdminUserID.String()
	refused(t, "with a token", p.Call(http.MethodPost, path+"/remove", nil, backendtest.Bearer(ourSecret)), http.StatusForbidden, "not_permitted", "")

	a := p.Call(http.MethodPost, path+"/remove", "", ours...) // an empty body with a JSON content type
	holds(t, "remove", a, map[string]any{"id": member.AdminUserID, "live_api_token_count": 1, "available_actions": map[string]any{"remove": false, "set_role": false}})
	if a.Get(t, "revoked_api_token_count") != 0.0 {
		t.Errorf("%s", a.Body)
	}
	for _, headers := range [][]backendtest.Header{theirs, theirPhone} {
		refused(t, "their session", p.Call(http.MethodGet, "/api/v1/agent", nil, headers...), http.StatusUnauthorized, "not_authenticated", "")
	}
	wantStatus(t, "sign-in", p.SignIn("bob@example.com", backendtest.Password), http.StatusUnauthorized)
	wantStatus(t, "their token was to live on", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)), http.StatusOK)
	refused(t, "get", p.Call(http.MethodGet, path, nil, ours...), http.StatusNotFound, "not_found", "")
	refused(t, "remove again", p.Call(http.MethodPost, path+"/remove", nil, ours...), http.StatusNotFound, "not_found", "")
	if a := p.Call(http.MethodGet, "/api/v1/admin_user", nil, ours...); a.Get(t, "pagination", "item_count") != 1.0 {
		t.Errorf("%s", a.Body)
	}
	if a := p.Call(http.MethodGet, "/api/v1/api_token/"+id, nil, ours...); a.Text(t, "details", "created_by_name") != "Bob" {
		t.Errorf("who made the token is forgotten: %s", a.Body)
	}

	refused(t, "revoke with a token", p.Call(http.MethodPost, path+"/revoke_api_tokens", nil, backendtest.Bearer(ourSecret)), http.StatusForbidden, "not_permitted", "")
	a = p.Call(http.MethodPost, path+"/revoke_api_tokens", nil, ours...)
	holds(t, "revoke", a, map[string]any{"id": member.AdminUserID, "live_api_token_count": 0})
	if a.Get(t, "revoked_api_token_count") != 1.0 {
		t.Errorf("%s", a.Body)
	}
	wantStatus(t, "a revoked token is accepted", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)), http.StatusUnauthorized)
	wantStatus(t, "another member's token", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(ourSecret)), http.StatusOK)
	refused(t, "revoke for nobody", p.Call(http.MethodPost, "/api/v1/admin_user/"+id+"/revoke_api_tokens", nil, ours...), http.StatusNotFound, "not_found", "")
	p.Recorded(audit.AdminUserRemoved, 1)
	p.Recorded(audit.APITokenRevoked, 1)
}

func TestTheLastMemberStaysAndOneMayLeave(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	path := "/api/v1/admin_user/" + actor.AdminUserID.String() + "/remove"
	body := backendtest.Details(map[string]any{"revoke_api_tokens": true})
	refused(t, "the last member", p.Call(http.MethodPost, path, body, browser...), http.StatusConflict, "invalid_action", "")
	wantStatus(t, "a refused removal ended the session", p.Call(http.MethodGet, "/api/v1/agent", nil, browser...), http.StatusOK)
	p.Join(actor, "bob@example.com")
	refused(t, "a wrong body", p.Call(http.MethodPost, path, backendtest.Details(map[string]any{"revoke_api_tokens": "yes"}), browser...), http.StatusUnprocessableEntity, "validation_errors", "revoke_api_tokens")
	a := p.Call(http.MethodPost, path, body, browser...)
	if _, gone := backendtest.Cookie(t, a, "session"); a.Status != http.StatusOK || gone.MaxAge >= 0 {
		t.Errorf("%d %s %v", a.Status, a.Body, gone)
	}
	refused(t, "afterwards", p.Call(http.MethodGet, "/api/v1/agent", nil, browser...), http.StatusUnauthorized, "not_authenticated", "")
}
