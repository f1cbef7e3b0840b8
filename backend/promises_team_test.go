package backend_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

var samePage = backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}

// TestPromise1HoldsForAllThatARemovedMemberHas removes a member while their tokens and session are in use, and while
// they make more tokens.
func TestPromise1HoldsForAllThatARemovedMemberHas(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, ours := startSession(t, p, actor)
	endpoints := []string{"/api/v1/ping", "/api/v1/validate", "/api/v1/validate/some/path", "/api/v1/api_token?pagination[page_size]=1"}
	for round := range 4 {
		member := p.Join(actor, fmt.Sprintf("bob%d@example.com", round))
		_, theirs := startSession(t, p, member)
		_, secret := p.Issue(member, token.Order{Scope: token.ScopeAccount})
		endpoint := endpoints[round]

		var g gate
		stopToken := hammer(t, 4, &g, func() bool {
			return p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Status == http.StatusOK
		})
		stopSession := hammer(t, 2, &g, func() bool {
			return p.Call(http.MethodGet, "/api/v1/agent", nil, theirs).Status == http.StatusOK
		})
		var made atomic.Int64
		var secrets sync.Map
		var makers sync.WaitGroup
		for range 2 {
			makers.Go(func() {
				for {
					a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), theirs, samePage)
					if a.Status != http.StatusOK {
						return
					}
					secrets.Store(a.Text(t, "token"), true)
					made.Add(1)
				}
			})
		}
		for made.Load() < 3 {
			p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Must(t, http.StatusOK)
		}
		path := "/api/v1/admin_user/" + member.AdminUserID.String() + "/remove"
		a := p.Call(http.MethodPost, path, backendtest.Details(map[string]any{"revoke_api_tokens": true}), ours, samePage)
		g.close()
		if a.Status != http.StatusOK || a.Get(t, "details", "live_api_token_count") != 0.0 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		makers.Wait()
		for _, stop := range []func() (int64, int64){stopToken, stopSession} {
			if checks, wrong := stop(); wrong > 0 || checks == 0 {
				t.Errorf("%s: %d of %d accepts began after the removal had returned", endpoint, wrong, checks)
			}
		}
		secrets.Store(secret, true)
		secrets.Range(func(secret, _ any) bool {
			p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret.(string))).Want(t, "a token that slipped in lives on", http.StatusUnauthorized)
			return true
		})
		filter := token.Filter{CreatedByAdminUserID: member.AdminUserID, Status: token.Active}
		if live, err := p.Tokens.List(t.Context(), actor.AccountID, filter, page); err != nil || live.Total != 0 {
			t.Errorf("%d live tokens, %v", live.Total, err)
		}
	}
}

// TestPromise1HoldsForADeletedAccount deletes an account while one of its tokens is in use.
func TestPromise1HoldsForADeletedAccount(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, ours := startSession(t, p, actor)
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	var g gate
	stop := hammer(t, 8, &g, func() bool {
		return p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret)).Status == http.StatusOK
	})
	for range 20 {
		p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Must(t, http.StatusOK)
	}
	a := p.Call(http.MethodDelete, "/api/v1/account/"+actor.AccountID.String(), backendtest.Details(map[string]any{"name": "Acme"}), ours, samePage)
	g.close()
	a.Must(t, http.StatusOK)
	if s := p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret)).Status; s != http.StatusUnauthorized {
		t.Errorf("a token outlives its account: %d", s)
	}
	if checks, wrong := stop(); wrong > 0 || checks == 0 {
		t.Errorf("%d of %d accepts began after the delete had returned", wrong, checks)
	}
}
