package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// The test asks every route, whether it reads an account_id or not: a route that ignored it would change the caller's
// account instead of the named one.
func TestEveryRouteRefusesTheAccountOfOthers(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	rival := p.Rival().AccountID.String()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	browser := session(t, p, backendtest.Email)
	document, err := p.Web.API.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]struct {
			Security    []map[string]any
			RequestBody any
		}
	}
	if err := json.Unmarshal(document, &api); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for path, operations := range api.Paths {
		for method, operation := range operations {
			if len(operation.Security) == 0 || strings.HasPrefix(path, "/validate") || path == "/ping" {
				continue
			}
			headers := browser
			if operation.Security[0]["token"] != nil {
				headers = []backendtest.Header{backendtest.Bearer(manager)}
			}
			method, path := strings.ToUpper(method), "/api/v1"+strings.ReplaceAll(path, "{id}", actor.AccountID.String())
			answers := map[string]backendtest.Answer{"query": p.Call(method, path+"?account_id="+rival, nil, headers...)}
			if method != http.MethodGet {
				answers["repeated query"] = p.Call(method, path+"?account_id="+actor.AccountID.String()+"&account_id="+rival, `{}`, headers...)
				answers["body"] = p.Call(method, path, map[string]any{"account_id": rival}, headers...)
				answers["details"] = p.Call(method, path, backendtest.Details(map[string]any{"account_id": rival, "name": "Acme"}), headers...)
			}
			for where, a := range answers {
				asked++
				if a.Status != http.StatusNotFound || a.Text(t, "message") != "There is no such account." {
					t.Errorf("%s %s, account in the %s: %d %s", method, path, where, a.Status, a.Body)
				}
			}
		}
	}
	if asked < 100 {
		t.Errorf("only %d requests were made", asked)
	}
	for _, own := range []any{actor.AccountID.String(), "", nil} {
		body := backendtest.Details(map[string]any{"name": "bot", "account_id": own})
		wantStatus(t, "the own account, or none", p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(manager)), http.StatusOK)
	}
	body := backendtest.Details(map[string]any{"name": "bot", "account_id": 7})
	if a := p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(manager)); a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", "account_id") == nil {
		t.Errorf("a number: %d %s", a.Status, a.Body)
	}
}
