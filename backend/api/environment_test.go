package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestAnEnvironmentChangesAsAskedFor(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	made := p.Call(http.MethodPost, "/api/v1/environment", backendtest.Details(map[string]any{"name": "QA", "purpose": "testing", "description": "ours"}), backendtest.Bearer(manager))
	path := "/api/v1/environment/" + made.Text(t, "details", "id")
	put := func(fields map[string]any) backendtest.Answer {
		return p.Call(http.MethodPut, path, backendtest.Details(fields), backendtest.Bearer(manager))
	}
	counts := map[string]any{"agent_deployment_count": 0, "live_api_token_count": 0, "available_actions": map[string]any{"update": true, "delete": true}}
	holds(t, "created", made, counts)
	holds(t, "nothing", put(map[string]any{}), map[string]any{"name": "QA", "purpose": "testing", "description": "ours"})
	holds(t, "all", put(map[string]any{"name": " Stage ", "purpose": "staging", "description": nil}), map[string]any{"name": "Stage", "purpose": "staging", "description": nil})
	a := put(map[string]any{"description": "again"})
	if read := p.Call(http.MethodGet, path, nil, backendtest.Bearer(manager)); read.Body != a.Body {
		t.Errorf("answered\n%s\nbut is\n%s", a.Body, read.Body)
	}
	for what, c := range map[string]struct {
		fields map[string]any
		field  string
	}{
		"an empty name":          {map[string]any{"name": ""}, "name"},
		"an unknown purpose":     {map[string]any{"purpose": "fun"}, "purpose"},
		"a description too long": {map[string]any{"description": strings.Repeat("x", 1001)}, "description"},
	} {
		refused(t, what, put(c.fields), http.StatusUnprocessableEntity, "validation_errors", c.field)
	}
	refused(t, "nowhere", p.Call(http.MethodPut, "/api/v1/environment/x", backendtest.Details(map[string]any{}), backendtest.Bearer(manager)), http.StatusNotFound, "not_found", "")
	p.Recorded(audit.EnvironmentUpdated, 3)
}

func TestEnvironmentsAreListedOldestFirstUnlessAskedOtherwise(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	bearer := backendtest.Bearer(manager)
	p.Clock.Move(time.Minute)
	p.Call(http.MethodPost, "/api/v1/environment", backendtest.Details(map[string]any{"name": "Alpha"}), bearer)
	for query, want := range map[string][]string{
		"":                         {"Development", "Production", "Alpha", "inserted_at", "asc"},
		"?sorting[direction]=asc":  {"Development", "Production", "Alpha", "inserted_at", "asc"},
		"?sorting[direction]=desc": {"Alpha", "Production", "Development", "inserted_at", "desc"},
		"?sorting=-inserted_at":    {"Alpha", "Production", "Development", "inserted_at", "desc"},
		"?sorting=name":            {"Alpha", "Development", "Production", "name", "asc"},
		"?sorting[field]=name":     {"Alpha", "Development", "Production", "name", "asc"},
		"?pagination[page_size]=1": {"Development", "inserted_at", "asc"},
		"?pagination[offset]=1":    {"Production", "Alpha", "inserted_at", "asc"},
	} {
		list := p.Call(http.MethodGet, "/api/v1/environment"+query, nil, bearer)
		if got := namesAndOrder(t, list.Get(t)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
	a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[{"_type":"environments/list","idempotency_key":"12345678"}]}`, bearer)
	if got, want := namesAndOrder(t, a.Get(t, "outputs", "12345678")), []string{"Development", "Production", "Alpha", "inserted_at", "asc"}; !slices.Equal(got, want) {
		t.Errorf("in bulk: %v, want %v", got, want)
	}
}

// namesAndOrder returns the names in a list, then its sorting.
func namesAndOrder(t *testing.T, answer any) (names []string) {
	t.Helper()
	list, _ := answer.(map[string]any)
	items, _ := list["summaries"].([]any)
	for _, item := range items {
		names = append(names, item.(map[string]any)["name"].(string))
	}
	sorting, _ := list["sorting"].(map[string]any)
	return append(names, fmt.Sprint(sorting["field"]), fmt.Sprint(sorting["direction"]))
}

func TestADeletedEnvironmentTakesWhatUsesItAlong(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, deploymentSecret := p.Deployed()
	_, environmentSecret := p.Issue(actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: made.EnvironmentID})
	revoked, _ := p.Issue(actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: made.EnvironmentID})
	p.Revoke(actor, revoked.ID)
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/environment/" + made.EnvironmentID.String()
	before := p.Call(http.MethodGet, path, nil, backendtest.Bearer(manager))
	holds(t, "before", before, map[string]any{"agent_deployment_count": 1, "live_api_token_count": 2})
	a := p.Call(http.MethodDelete, path+"?if_unused=true", "", backendtest.Bearer(manager))
	refused(t, "delete if unused", a, http.StatusConflict, "invalid_action", "")
	if message := a.Text(t, "message"); !strings.Contains(message, "2 live API tokens") || !strings.Contains(message, "1 agent deployment ") {
		t.Errorf("no counts in %q", message)
	}
	wantStatus(t, "a refused delete revoked a token", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(environmentSecret)), http.StatusOK)
	refused(t, "a wrong query", p.Call(http.MethodDelete, path+"?if_unused=perhaps", nil, backendtest.Bearer(manager)), http.StatusUnprocessableEntity, "validation_errors", "if_unused")
	takenAlong(t, p.Call(http.MethodDelete, path, "", backendtest.Bearer(manager)), before, 2)
	recordedAs(t, p, made.EnvironmentID, audit.EnvironmentDeleted, "Development; API tokens revoked: 2")
	for _, secret := range []string{environmentSecret, deploymentSecret} {
		wantStatus(t, "a token outlives its environment", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)), http.StatusUnauthorized)
	}
	for _, gone := range []string{path, "/api/v1/agent_deployment/" + made.AgentDeploymentID.String()} {
		refused(t, gone, p.Call(http.MethodGet, gone, nil, backendtest.Bearer(manager)), http.StatusNotFound, "not_found", "")
	}
	a = p.Call(http.MethodGet, "/api/v1/api_token/"+made.ID.String(), nil, backendtest.Bearer(manager))
	holds(t, "the token", a, map[string]any{"status": "revoked", "environment_name": "Development"})
	refused(t, "again", p.Call(http.MethodDelete, path, nil, backendtest.Bearer(manager)), http.StatusNotFound, "not_found", "")
	order := map[string]any{"token_scope": "environment", "environment_id": made.EnvironmentID}
	refused(t, "a new token", p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(order), backendtest.Bearer(manager)), http.StatusUnprocessableEntity, "validation_errors", "environment_id")
	p.Recorded(audit.EnvironmentDeleted, 1)
	p.Recorded(audit.AgentDeploymentDeleted, 1)
	p.Recorded(audit.APITokenRevoked, 3)
	// The last environment may go too.
	list := p.Call(http.MethodGet, "/api/v1/environment", nil, backendtest.Bearer(manager))
	items, _ := list.Get(t, "summaries").([]any)
	last, _ := items[0].(map[string]any)["id"].(string)
	if a := p.Call(http.MethodDelete, "/api/v1/environment/"+last+"?if_unused=true", nil, backendtest.Bearer(manager)); len(items) != 1 || a.Status != http.StatusOK {
		t.Errorf("%d of %d: %s", a.Status, len(items), a.Body)
	}
}
