package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// lineage issues a token for the owner, below it a line of tokens, each created by the one before, and one sibling of the
// first of the line.
func lineage(t *testing.T, p *backendtest.Program, owner audit.Actor, length int) (root token.Listed, line, secrets []string) {
	t.Helper()
	root, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	maker := secret
	for range length {
		id, next := createToken(t, p, []backendtest.Header{backendtest.Bearer(maker)})
		line, secrets, maker = append(line, id), append(secrets, next), next
	}
	id, beside := createToken(t, p, []backendtest.Header{backendtest.Bearer(secret)})
	return root, append(line, id), append(secrets, beside)
}

func accepted(p *backendtest.Program, secret string) bool {
	return p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Status == http.StatusOK
}

func liveDescendants(t *testing.T, p *backendtest.Program, id string, headers []backendtest.Header) any {
	t.Helper()
	return p.Call(http.MethodGet, "/api/v1/api_token?descendants_of="+id+"&live=true", nil, headers...).Get(t, "pagination", "item_count")
}

// TestPromise9DescendantsAreShownAndRevokedWithTheirCreator asks in each place where clients put fields.
func TestPromise9DescendantsAreShownAndRevokedWithTheirCreator(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	browser := session(t, p, backendtest.Email)
	_, bystander := createToken(t, p, browser)
	events := 0
	for what, ask := range map[string]struct {
		query string
		body  any
	}{
		"in the query": {query: "?with_descendants=true"},
		"in details":   {body: backendtest.Details(map[string]any{"with_descendants": true})},
		"at the top":   {body: map[string]any{"with_descendants": true, "idempotency_key": "once"}},
	} {
		root, line, secrets := lineage(t, p, owner, 3)
		entry := backendtest.EntryOf(t, secrets[2])
		if got := liveDescendants(t, p, root.ID.String(), browser); got != 4.0 {
			t.Errorf("%s: %v live descendants", what, got)
		}
		if got := liveDescendants(t, p, line[1], browser); got != 1.0 {
			t.Errorf("%s: %v live descendants of one further down", what, got)
		}
		for _, secret := range secrets {
			if !accepted(p, secret) || p.Listed(entry) != 0 {
				t.Fatalf("%s: not good before", what)
			}
		}
		a := p.Call(http.MethodPost, "/api/v1/api_token/"+root.ID.String()+"/revoke"+ask.query, ask.body, browser...)
		if a.Status != http.StatusOK || a.Text(t, "details", "status") != "revoked" || a.Get(t, "revoked_descendant_count") != 4.0 {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
		for i, secret := range secrets {
			if accepted(p, secret) {
				t.Errorf("%s: descendant %d lives on", what, i)
			}
		}
		if p.Listed(entry) != 1 {
			t.Errorf("%s: its status list calls a descendant good", what)
		}
		events += 5
		p.Recorded(audit.APITokenRevoked, events)
		if !accepted(p, bystander) {
			t.Errorf("%s: a token that it did not create ended", what)
		}
	}
	root, line, _ := lineage(t, p, owner, 1)
	a := p.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{map[string]any{
		"_type": "api_tokens/revoke", "idempotency_key": "bulk-item", "id": root.ID, "with_descendants": true,
	}}}, browser...)
	if got := liveDescendants(t, p, root.ID.String(), browser); got != 0.0 {
		t.Errorf("in a bulk: %v live descendants, %s", got, a.Body)
	}
	p.Recorded(audit.APITokenRevoked, events+1+len(line))
}

func TestRevokingATokenAloneLeavesItsDescendants(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	browser := session(t, p, backendtest.Email)
	root, _, secrets := lineage(t, p, owner, 2)
	path := "/api/v1/api_token/" + root.ID.String() + "/revoke"
	a := p.Call(http.MethodPost, path, "{}", browser...)
	if a.Get(t, "revoked_descendant_count") != 0.0 {
		t.Errorf("%s", a.Body)
	}
	for _, secret := range secrets {
		if !accepted(p, secret) {
			t.Error("a descendant ended")
		}
	}
	// Its holder may have revoked it; an admin can still revoke its descendants, once.
	a = p.Call(http.MethodPost, path+"?with_descendants=true", nil, browser...)
	if a.Status != http.StatusOK || a.Get(t, "revoked_descendant_count") != 3.0 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	refused(t, "again", p.Call(http.MethodPost, path+"?with_descendants=true", nil, browser...), http.StatusConflict, "invalid_action", "")
}

func TestDescendantsAreFoundThroughDeletedTokens(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	browser := session(t, p, backendtest.Email)
	root, line, secrets := lineage(t, p, owner, 4)
	for _, id := range line[1:3] { // two in a row
		p.Call(http.MethodPost, "/api/v1/api_token/"+id+"/revoke", nil, browser...).Must(t, http.StatusOK)
		p.Call(http.MethodDelete, "/api/v1/api_token/"+id, nil, browser...).Must(t, http.StatusOK)
	}
	if got := liveDescendants(t, p, root.ID.String(), browser); got != 3.0 {
		t.Errorf("%v live descendants", got)
	}
	if a := p.Call(http.MethodPost, "/api/v1/api_token/"+root.ID.String()+"/revoke?with_descendants=true", nil, browser...); a.Get(t, "revoked_descendant_count") != 3.0 {
		t.Errorf("%s", a.Body)
	}
	if accepted(p, secrets[3]) {
		t.Error("the last of the line lives on")
	}
}

// TestPromise7DescendantsStayInTheirAccount and expired ones do not count.
func TestPromise7DescendantsStayInTheirAccount(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	rival := p.Rival()
	root, _, secrets := lineage(t, p, owner, 1)
	_, theirs := p.Issue(rival, token.Order{Scope: token.ScopeAccount})
	foreign := []backendtest.Header{backendtest.Bearer(theirs)}
	if got := liveDescendants(t, p, root.ID.String(), foreign); got != 0.0 {
		t.Errorf("%v tokens of another account", got)
	}
	refused(t, "foreign", p.Call(http.MethodPost, "/api/v1/api_token/"+root.ID.String()+"/revoke?with_descendants=true", nil, foreign...), http.StatusNotFound, "not_found", "")
	if !accepted(p, secrets[0]) {
		t.Error("another account revoked it")
	}
	p.Clock.Move(366 * 24 * time.Hour)
	p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	browser := session(t, p, backendtest.Email)
	if got := fmt.Sprint(liveDescendants(t, p, root.ID.String(), browser)); got != "0" {
		t.Errorf("%s live descendants that have expired", got)
	}
}
