package api_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestEveryMoveOfTheLifeCycleAnswersAsTheContractSays(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	type move struct {
		method, path string
		allowedIn    []string
		leadsTo      string
	}
	moves := map[string]move{
		"suspend":  {http.MethodPost, "/suspend", []string{"active"}, "suspended"},
		"activate": {http.MethodPost, "/activate", []string{"suspended"}, "active"},
		"revoke":   {http.MethodPost, "/revoke", []string{"active", "suspended"}, "revoked"},
		"delete":   {http.MethodDelete, "", []string{"revoked"}, ""},
	}
	for _, status := range []string{"active", "suspended", "revoked"} {
		for name, m := range moves {
			t.Run(name+" a token that is "+status, func(t *testing.T) {
				made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: "ci"})
				path := "/api/v1/api_token/" + made.ID.String()
				if status != "active" {
					action := map[string]string{"suspended": "/suspend", "revoked": "/revoke"}[status]
					p.Call(http.MethodPost, path+action, nil, backendtest.Bearer(manager))
				}
				before := p.Call(http.MethodGet, path, nil, backendtest.Bearer(manager))
				if before.Text(t, "details", "status") != status {
					t.Fatalf("not %s: %s", status, before.Body)
				}
				p.Clock.Move(time.Second)
				a := p.Call(m.method, path+m.path, "{}", backendtest.Bearer(manager))
				after := p.Call(http.MethodGet, path, nil, backendtest.Bearer(manager))
				if allowed := strings.Contains(fmt.Sprint(m.allowedIn), status); !allowed {
					if a.Status != http.StatusConflict || a.Text(t, "status") != "error" || a.Text(t, "code") != "invalid_action" || a.Text(t, "message") == "" {
						t.Errorf("%d %s", a.Status, a.Body)
					}
					if after.Body != before.Body {
						t.Errorf("a forbidden move changed\n%s\nto\n%s", before.Body, after.Body)
					}
					return
				}
				if a.Status != http.StatusOK || a.Text(t, "status") != "success" || a.Text(t, "details", "id") != made.ID.String() {
					t.Errorf("%d %s", a.Status, a.Body)
				}
				if name == "delete" {
					if after.Status != http.StatusNotFound || after.Text(t, "code") != "not_found" {
						t.Errorf("after the delete: %d %s", after.Status, after.Body)
					}
					return
				}
				if !reflect.DeepEqual(a.Get(t, "details"), after.Get(t, "details")) || after.Text(t, "details", "status") != m.leadsTo || after.Text(t, "details", "updated_at") == before.Text(t, "details", "updated_at") {
					t.Errorf("answered\n%s\nbut is\n%s", a.Body, after.Body)
				}
			})
		}
	}
}

func TestWhatMayBeDoneIsWhatTheTokenSays(t *testing.T) {
	t.Parallel()
	for status, want := range map[token.Status]token.Actions{
		token.Active:    {Suspend: true, Revoke: true, Rotate: true},
		token.Suspended: {Activate: true, Revoke: true, Rotate: true},
		token.Revoked:   {Delete: true},
		token.Status(0): {},
	} {
		if got := (token.Token{Status: status}).Actions(); got != want {
			t.Errorf("%v: %+v, want %+v", status, got, want)
		}
	}
}

func TestAWrongOrderForATokenNamesTheFieldAndIssuesNothing(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, _ := p.Deployed()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	count := func() any {
		return p.Call(http.MethodGet, "/api/v1/api_token", nil, backendtest.Bearer(manager)).Get(t, "pagination", "item_count")
	}
	before := count()
	at := p.Clock.Now()
	for name, c := range map[string]struct {
		fields map[string]any
		field  string
	}{
		"no scope":                    {map[string]any{}, "token_scope"},
		"an unknown scope":            {map[string]any{"token_scope": "planet"}, "token_scope"},
		"account with an agent":       {map[string]any{"token_scope": "account", "agent_id": made.AgentID}, "agent_id"},
		"account with an environment": {map[string]any{"token_scope": "account", "environment_id": made.EnvironmentID}, "environment_id"},
		"environment without one":     {map[string]any{"token_scope": "environment"}, "environment_id"},
		"environment with an agent":   {map[string]any{"token_scope": "environment", "environment_id": made.EnvironmentID, "agent_id": made.AgentID}, "agent_id"},
		"deployment without agent":    {map[string]any{"token_scope": "agent_deployment", "environment_id": made.EnvironmentID}, "agent_id"},
		"deployment with no such env": {map[string]any{"token_scope": "agent_deployment", "agent_id": made.AgentID, "environment_id": made.AgentID}, "environment_id"},
		"an agent that is no id":      {map[string]any{"token_scope": "agent_deployment", "agent_id": "x", "environment_id": made.EnvironmentID}, "agent_id"},
		"an end in the past":          {map[string]any{"token_scope": "account", "expires_at": at.Add(-time.Second)}, "expires_at"},
		"an end now":                  {map[string]any{"token_scope": "account", "expires_at": at}, "expires_at"},
		"an end beyond the ceiling":   {map[string]any{"token_scope": "account", "expires_at": at.Add(400*24*time.Hour + time.Second)}, "expires_at"},
		"the zero time":               {map[string]any{"token_scope": "account", "expires_at": "0001-01-01T00:00:00Z"}, "expires_at"},
		"an agent of zeros":           {map[string]any{"token_scope": "account", "agent_id": strings.Repeat("0", 32)}, "agent_id"},
		"a name of two lines":         {map[string]any{"token_scope": "account", "name": "a\nb"}, "name"},
		"a name that turns around":    {map[string]any{"token_scope": "account", "name": "a\u202eb"}, "name"},
		"an end that is no time":      {map[string]any{"token_scope": "account", "expires_at": "soon"}, "expires_at"},
		"a name that is too long":     {map[string]any{"token_scope": "account", "name": strings.Repeat("é", 101)}, "name"},
		"a name that does not print":  {map[string]any{"token_scope": "account", "name": "a\u0000b"}, "name"},
		"a name that is a number":     {map[string]any{"token_scope": "account", "name": 7}, "name"},
	} {
		a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(c.fields), backendtest.Bearer(manager))
		if a.Status != http.StatusUnprocessableEntity || a.Text(t, "code") != "validation_errors" || a.Get(t, "errors", c.field) == nil {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	for name, body := range map[string]string{"no JSON": "{", "no body": "", "a list": "[]", "no details": "{}"} {
		a := p.Call(http.MethodPost, "/api/v1/api_token", body, backendtest.Bearer(manager))
		if a.Status != http.StatusBadRequest && a.Status != http.StatusUnprocessableEntity || a.Text(t, "status") != "error" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if after := count(); after != before {
		t.Errorf("%v tokens, were %v", after, before)
	}
}

func TestATokenIsIssuedAsAskedFor(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, deployment, _ := p.Deployed()
	first, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	end := p.Clock.Now().Add(400 * 24 * time.Hour)
	a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{
		"token_scope": "environment", "environment_id": deployment.EnvironmentID, "expires_at": end, "name": "  ci runner ", "agent_id": nil, "unknown": 1,
	}), backendtest.Bearer(manager))
	secret := a.Text(t, "token")
	for key, want := range map[string]any{
		"type": "api_token", "token_scope": "environment", "status": "active", "name": "ci runner", "hint": secret[len(secret)-4:],
		"environment_id": deployment.EnvironmentID.String(), "environment_name": "Development", "agent_id": nil, "agent_deployment_id": nil,
		"created_by_admin_user_id": actor.AdminUserID.String(), "created_by_api_token_id": first.ID.String(), "created_by_name": "API token …" + first.Hint,
		"expires_at": end.Format(wireTime), "last_used_at": nil, "inserted_at": p.Clock.Now().Format(wireTime),
	} {
		if got := a.Get(t, "details", key); got != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	if default365 := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), backendtest.Bearer(manager)); default365.Text(t, "details", "expires_at") != p.Clock.Now().Add(365*24*time.Hour).Format(wireTime) {
		t.Errorf("by default a token ends %s", default365.Body)
	}
	// The first token of an agent in an environment creates the deployment, and the next one shares it.
	again := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{
		"token_scope": "agent_deployment", "agent_id": deployment.AgentID, "environment_id": deployment.EnvironmentID,
	}), backendtest.Bearer(manager))
	if again.Text(t, "details", "agent_deployment_id") != deployment.AgentDeploymentID.String() || again.Text(t, "details", "agent_name") != "bot" {
		t.Errorf("%s", again.Body)
	}
}

func TestListsHaveTheEnvelopeThatClientsRead(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for i := range 6 {
		p.Clock.Move(time.Second)
		p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: fmt.Sprint("n", 5-i)})
	}
	for _, path := range []string{"api_token", "account", "admin_user", "admin_user_invite", "environment", "agent", "agent_deployment"} {
		a := p.Call(http.MethodGet, "/api/v1/"+path+"?nonsense=1", nil, backendtest.Bearer(manager))
		body := a.JSON(t)
		if _, has := body["details"]; has || a.Status != http.StatusOK || body["status"] != "success" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
		if _, isList := body["summaries"].([]any); !isList {
			t.Errorf("%s: no summaries in %s", path, a.Body)
		}
		pagination, _ := body["pagination"].(map[string]any)
		for _, key := range []string{"item_count", "item_start", "item_end", "page_count", "page_index", "page_offset", "page_size", "next_page_offset", "previous_page_offset"} {
			if _, has := pagination[key]; !has {
				t.Errorf("%s: pagination lacks %s", path, key)
			}
		}
		if sorting, _ := body["sorting"].(map[string]any); sorting["field"] == nil || sorting["direction"] == nil {
			t.Errorf("%s: sorting %v", path, body["sorting"])
		}
	}
	names := func(query string) string {
		a := p.Call(http.MethodGet, "/api/v1/api_token?"+query, nil, backendtest.Bearer(manager))
		list, _ := a.Get(t, "summaries").([]any)
		got := ""
		for _, item := range list {
			name, _ := item.(map[string]any)["name"].(string)
			got += name + " "
		}
		return strings.TrimSpace(got)
	}
	for query, want := range map[string]string{
		"":                    "n0 n1 n2 n3 n4 n5",
		"sorting=name":        "n0 n1 n2 n3 n4 n5",
		"sorting=-name":       "n5 n4 n3 n2 n1 n0",
		"sorting=inserted_at": "n5 n4 n3 n2 n1 n0",
		"sorting[field]=name&sorting[direction]=desc":                      "n5 n4 n3 n2 n1 n0",
		"pagination[page_size]=2":                                          "n0 n1",
		"pagination[offset]=2&pagination[page_size]=2":                     "n2 n3",
		"pagination%5Boffset%5D=5&pagination%5Bpage_size%5D=2&sorting=-id": "n5",
		"token_scope=environment":                                          "",
		"status=active&pagination[page_size]=1":                            "n0",
	} {
		if got := names(query); got != want && !strings.HasPrefix(got+" ", want+" ") {
			t.Errorf("?%s: %q, want %q", query, got, want)
		}
	}
	a := p.Call(http.MethodGet, "/api/v1/api_token?pagination[offset]=2&pagination[page_size]=2", nil, backendtest.Bearer(manager))
	for key, want := range map[string]any{
		"item_count": 7.0, "item_start": 3.0, "item_end": 4.0, "page_count": 4.0, "page_index": 2.0, "page_offset": 2.0, "page_size": 2.0,
		"next_page_offset": 4.0, "previous_page_offset": 0.0,
	} {
		if got := a.Get(t, "pagination", key); got != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	for _, query := range []string{"pagination[page_size]=0", "pagination[page_size]=101", "pagination[offset]=-1", "pagination[offset]=x", "sorting=secret_hash", "sorting=name;drop", "status=dead", "agent_id=x"} {
		wantStatus(t, "?"+query, p.Call(http.MethodGet, "/api/v1/api_token?"+query, nil, backendtest.Bearer(manager)), http.StatusUnprocessableEntity)
	}
}

func TestRoutesAreClosedUnlessTheListSaysOtherwise(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, deploymentSecret := p.Deployed()
	_, environmentSecret := p.Issue(actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: made.EnvironmentID})
	open := map[string]bool{"GET /session": true, "POST /session": true, "DELETE /session": true, "POST /setup": true, "POST /invite/show": true, "POST /invite/accept": true}
	// Agents report their runs with any token. Each request of a bulk is checked by itself.
	everyHolder := func(route string) bool {
		return route == "GET /ping" || route == "GET /validate" || route == "POST /bulk" || strings.Contains(route, " /agent_instance") || strings.Contains(route, " /agent_spans")
	}
	document, err := p.Web.API.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	paths, _ := backendtest.Answer{Body: string(document)}.Get(t, "paths").(map[string]any)
	if len(paths) < 15 {
		t.Fatalf("%d paths", len(paths))
	}
	for path, methods := range paths {
		for method := range methods.(map[string]any) {
			method = strings.ToUpper(method)
			route := method + " " + path
			url := "/api/v1" + strings.ReplaceAll(path, "{id}", made.AgentID.String())
			a := p.Call(method, url, nil)
			if closed := a.Status == http.StatusUnauthorized && a.Text(t, "code") == "not_authenticated"; closed == open[route] {
				t.Errorf("%s answers strangers %d %s", route, a.Status, a.Body)
			}
			if open[route] || everyHolder(route) {
				continue
			}
			for _, secret := range []string{environmentSecret, deploymentSecret} {
				if a := p.Call(method, url, nil, backendtest.Bearer(secret)); a.Status != http.StatusForbidden || a.Text(t, "code") != "not_permitted" {
					t.Errorf("%s answers a lesser token %d %s", route, a.Status, a.Body)
				}
			}
		}
	}
	wantStatus(t, "a token reads itself", p.Call(http.MethodGet, "/api/v1/api_token/"+made.ID.String(), nil, backendtest.Bearer(deploymentSecret)), http.StatusOK)
}

func TestUnknownAddressesAreNotFoundAndNeverThePage(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	for _, path := range []string{"/api", "/api/v2/ping"} {
		if a := p.Call(http.MethodGet, path, nil); a.Status != http.StatusNotFound || a.Text(t, "code") != "not_found" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	// RFC 9110, section 15.5.6. HEAD is served wherever GET is.
	for path, allowed := range map[string]string{"/agent": "GET, HEAD, POST", "/agent_instance/x": "GET, HEAD", "/agent_instance/x/start": "POST", "/agent/x": "DELETE, GET, HEAD, PUT"} {
		method := http.MethodPut
		if path == "/agent/x" { // which takes it
			method = http.MethodPost
		}
		a := p.Call(method, "/api/v1"+path, nil)
		got := strings.Split(a.Header.Get("Allow"), ", ")
		slices.Sort(got)
		if a.Status != http.StatusMethodNotAllowed || a.Text(t, "code") != "bad_request" || strings.Join(got, ", ") != allowed {
			t.Errorf("%s %s: %d, Allow %q, %s", method, path, a.Status, got, a.Body)
		}
	}
}

func TestAnEmptyBodyWithAJSONContentTypeIsNoMistake(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for _, call := range [][2]string{
		{"GET", "/api/v1/ping"}, {"GET", "/api/v1/agent"}, {"POST", "/api/v1/api_token/" + made.ID.String() + "/suspend"},
		{"POST", "/api/v1/api_token/" + made.ID.String() + "/revoke"}, {"DELETE", "/api/v1/api_token/" + made.ID.String()},
	} {
		wantStatus(t, fmt.Sprintf("%v", call), p.Call(call[0], call[1], "", backendtest.Bearer(manager)), http.StatusOK)
	}
}

// wireTime matches every time on the wire.
const wireTime = "2006-01-02T15:04:05.000Z"

func TestTheTypeOfABodyMayHaveAnyCase(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, kind := range []string{"application/json", "Application/JSON; Charset=UTF-8", "application/json ; charset=utf-8"} {
		typed := backendtest.Header{Name: "Content-Type", Value: kind}
		wantStatus(t, kind, p.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"Invoice reader"}}`, backendtest.Bearer(manager), typed), http.StatusOK)
	}
}
