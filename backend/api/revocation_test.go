package api_test

import (
	"net/http"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestARevokedTokenSaysWhenAndByWhom(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada, ofAgent, _ := p.Deployed()
	headers := session(t, p, backendtest.Email)
	issue := func(order token.Order) (path, secret, id string) {
		made, secret := p.Issue(ada, order)
		return "/api/v1/api_token/" + made.ID.String(), secret, made.ID.String()
	}
	account := token.Order{Scope: token.ScopeAccount}
	shows := func(t *testing.T, path string, at time.Time, userID, tokenID, name any) {
		t.Helper()
		holds(t, "the token", p.Call(http.MethodGet, path, nil, headers...), map[string]any{
			"status": "revoked", "revoked_at": at.Format("2006-01-02T15:04:05.000Z"),
			"revoked_by_admin_user_id": userID, "revoked_by_api_token_id": tokenID, "revoked_by_name": name,
		})
	}

	t.Run("by an admin user, in the answer too", func(t *testing.T) {
		path, _, _ := issue(account)
		holds(t, "before", p.Call(http.MethodGet, path, nil, headers...), map[string]any{"revoked_at": nil, "revoked_by_name": nil})
		p.Clock.Move(time.Hour)
		at := p.Clock.Now()
		holds(t, "the answer", p.Call(http.MethodPost, path+"/revoke", nil, headers...), map[string]any{"revoked_by_name": "Ada", "status": "revoked"})
		p.Clock.Move(time.Hour)
		shows(t, path, at, ada.AdminUserID.String(), nil, "Ada")
	})
	t.Run("by another token, also after that one is deleted", func(t *testing.T) {
		path, _, _ := issue(account)
		byPath, bySecret, byID := issue(account)
		p.Call(http.MethodPost, path+"/revoke", nil, backendtest.Bearer(bySecret))
		shows(t, path, p.Clock.Now(), nil, byID, "API token …"+bySecret[len(bySecret)-4:])
		p.Call(http.MethodPost, byPath+"/revoke", nil, headers...)
		p.Call(http.MethodDelete, byPath, nil, headers...)
		shows(t, path, p.Clock.Now(), nil, byID, nil)
	})
	t.Run("by its holder", func(t *testing.T) {
		path, secret, id := issue(account)
		p.PostForm("/oauth/revoke", backendtest.Form("token", secret))
		shows(t, path, p.Clock.Now(), nil, id, "API token …"+secret[len(secret)-4:])
	})
	t.Run("by the command line", func(t *testing.T) {
		made, _ := p.Issue(ada, account)
		p.Revoke(audit.Actor{AccountID: ada.AccountID}, made.ID)
		shows(t, "/api/v1/api_token/"+made.ID.String(), p.Clock.Now(), nil, nil, nil)
	})
	t.Run("with its agent", func(t *testing.T) {
		p.Call(http.MethodDelete, "/api/v1/agent/"+ofAgent.AgentID.String()+"", nil, headers...)
		shows(t, "/api/v1/api_token/"+ofAgent.ID.String(), p.Clock.Now(), ada.AdminUserID.String(), nil, "Ada")
	})
}

func TestATokenSaysWhoSuspendedOrRevokedItAndWhyAlsoOnceTheAuditEventIsGone(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada, ofAgent, _ := p.Deployed()
	headers := session(t, p, backendtest.Email)
	because := func(path, action, reason string) {
		t.Helper()
		p.Call(http.MethodPost, path+"/"+action, backendtest.Details(map[string]any{"reason": reason}), headers...).Must(t, http.StatusOK)
	}
	says := func(path, is string, at time.Time, reason any) {
		t.Helper()
		want := map[string]any{"status": is}
		for _, status := range []string{"suspended", "revoked"} {
			for name, value := range map[string]any{"at": at.Format("2006-01-02T15:04:05.000Z"), "by_admin_user_id": ada.AdminUserID.String(), "by_api_token_id": nil, "by_name": "Ada", "reason": reason} {
				if status != is {
					value = nil
				}
				want[status+"_"+name] = value
			}
		}
		holds(t, "the token", p.Call(http.MethodGet, path, nil, headers...), want)
	}
	made, _ := p.Issue(ada, token.Order{Scope: token.ScopeAccount})
	path, agents := "/api/v1/api_token/"+made.ID.String(), "/api/v1/api_token/"+ofAgent.ID.String()
	start := p.Clock.Now()
	because(path, "suspend", "by mistake")
	p.Call(http.MethodPost, path+"/activate", nil, headers...)
	says(path, "active", start, nil)
	p.Clock.Move(time.Minute)
	suspended := p.Clock.Now()
	because(path, "suspend", "odd addresses")
	if _, _, err := p.Agents.Retire(t.Context(), ada, ofAgent.AgentID); err != nil {
		t.Fatal(err)
	}
	forget := func() {
		t.Helper()
		p.Clock.Move(48 * time.Hour)
		headers = session(t, p, backendtest.Email) // its event stays as the newest of the chain
		if err := p.RemoveOldEvents(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		p.Recorded(audit.APITokenSuspended, 0)
		p.Recorded(audit.APITokenRevoked, 0)
	}
	says(path, "suspended", suspended, "odd addresses")
	forget()
	says(path, "suspended", suspended, "odd addresses")
	says(agents, "suspended", suspended, nil)
	revoked := p.Clock.Now()
	because(path, "revoke", "leaked")
	says(path, "revoked", revoked, "leaked")
	forget()
	says(path, "revoked", revoked, "leaked")
}

func TestATokenOfARetiredAgentSaysSo(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, _ := p.Deployed()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/api_token/" + made.ID.String()
	says := func(status string, retired, activate bool) {
		t.Helper()
		a := p.Call(http.MethodGet, path, nil, backendtest.Bearer(manager))
		holds(t, "the token", a, map[string]any{"status": status, "agent_retired": retired})
		if a.Get(t, "details", "available_actions", "activate") != activate {
			t.Errorf("activate is not %v: %s", activate, a.Body)
		}
	}
	says("active", false, false)
	if _, _, err := p.Agents.Retire(t.Context(), actor, made.AgentID); err != nil {
		t.Fatal(err)
	}
	says("suspended", true, false)
	if _, _, err := p.Agents.Reinstate(t.Context(), actor, made.AgentID); err != nil {
		t.Fatal(err)
	}
	says("active", false, false)
}
