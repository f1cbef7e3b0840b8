package api_test

import (
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

func TestWhatIsWrongWithAFieldIsSaidInPlainWords(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	for _, c := range []struct{ method, path, body, field, words string }{
		{"GET", "api_token?status=live", "", "status", "must be one of active, suspended, revoked"},
		{"GET", "api_token?live=maybe", "", "live", "must be true or false"},
		{"GET", "api_token?pagination[page_size]=101", "", "pagination[page_size]", "must be at most 100"},
		{"GET", "api_token?pagination[page_size]=many", "", "pagination[page_size]", "must be a whole number"},
		{"GET", "api_token?pagination[offset]=-1", "", "pagination[offset]", "must be at least 0"},
		{"GET", "api_token?pagination[offset]=2000000000", "", "pagination[offset]", "must be at most 1000000000"},
		{"GET", "api_token?sorting[direction]=up", "", "sorting[direction]", "must be one of asc, desc"},
		{"GET", "agent_version", "", "agent_id", "is required"},
		{"POST", "api_token", `{"details":{}}`, "token_scope", "is required"},
		{"POST", "api_token", `{"details":{"token_scope":"planet"}}`, "token_scope", "must be one of account, environment, agent_deployment"},
		{"POST", "api_token", `{"details":{"token_scope":7}}`, "token_scope", "must be text"},
		{"POST", "api_token", `{"details":{"token_scope":"account","expires_in":"1h"}}`, "expires_in", "must be a whole number"},
		{"POST", "api_token", `{"details":{"token_scope":"account","expires_in":0}}`, "expires_in", "must be at least 1"},
		{"POST", "api_token", `{"details":{"token_scope":"account","expires_in":1e12}}`, "expires_in", "must be at most 1000000000"},
		{"POST", "api_token", `{"details":[]}`, "details", "must be an object"},
		{"POST", "api_token", `[]`, "body", "must be an object"},
		{"POST", "agent", `{"details":{"name":""}}`, "name", "is required"},
		{"POST", "environment", `{"details":{"name":"x","purpose":"fun"}}`, "purpose", "must be one of development, staging, testing, production"},
		{"POST", "bulk", `{"items":[]}`, "items", "must not be empty"},
		{"POST", "bulk", `{"items":7}`, "items", "must be a list"},
		{"POST", "bulk", `{}`, "items", "is required"},
		{"POST", "session", `{"details":{"email":"` + strings.Repeat("a", 1001) + `","password":"x"}}`, "email", "must have at most 1000 characters"},
	} {
		a := p.Call(c.method, "/api/v1/"+c.path, c.body, browser...)
		if a.Status != http.StatusUnprocessableEntity || a.Text(t, "code") != "validation_errors" {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, a.Status, a.Body)
			continue
		}
		if wrong, _ := a.Get(t, "errors", c.field).([]any); len(wrong) == 0 || wrong[0] != c.words {
			t.Errorf("%s %s %s: %s", c.method, c.path, c.body, a.Body)
		}
	}
}
