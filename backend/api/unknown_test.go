package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// namesField fails the test unless the response is a 422 that names the field.
func namesField(t *testing.T, what string, a backendtest.Answer, field string) {
	t.Helper()
	if a.Status != http.StatusUnprocessableEntity || a.Text(t, "code") != "validation_errors" || a.Get(t, "errors", field) == nil {
		t.Errorf("%s: %d %s", what, a.Status, a.Body)
	}
}

func TestAChangeWithAnUnknownQueryParameterIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/api_token/" + made.ID.String()
	for query, field := range map[string]string{
		"with_decendants=true":                         "with_decendants",
		"With_Descendants=true":                        "With_Descendants",
		"with_descendants%20=true":                     "with_descendants ",
		"with_descendants=true&x=1":                    "x",
		"nonsense":                                     "nonsense",
		"with_descendants":                             "with_descendants",
		"with_descendants=":                            "with_descendants",
		"with_descendants=yes":                         "with_descendants",
		"with_descendants=false&with_descendants=true": "with_descendants",
	} {
		namesField(t, query, p.Call(http.MethodPost, path+"/revoke?"+query, nil, browser...), field)
	}
	if status := p.Call(http.MethodGet, path, nil, browser...).Text(t, "details", "status"); status != "active" {
		t.Errorf("the token is %s", status)
	}
	account := "/api/v1/account/" + actor.AccountID.String()
	for _, route := range []struct{ method, path string }{
		{http.MethodPost, path + "/suspend"}, {http.MethodDelete, path}, {http.MethodPost, "/api/v1/api_token"},
		{http.MethodDelete, "/api/v1/agent/" + made.ID.String()}, {http.MethodPut, account}, {http.MethodPost, "/api/v1/session"},
		{http.MethodPost, "/api/v1/session/end_others"}, {http.MethodPost, "/api/v1/bulk"}, {http.MethodPost, "/api/v1/pfid/generate"},
	} {
		namesField(t, route.method+route.path, p.Call(route.method, route.path+"?revoke_api_token=true", "{}", browser...), "revoke_api_token")
	}
	wantStatus(t, "the caller's own account", p.Call(http.MethodPost, path+"/suspend?account_id="+actor.AccountID.String(), nil, browser...), http.StatusOK)
}

func TestAMisspeltFilterIsRefusedAndAnyOtherUnknownKeyOfAListIsIgnored(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	get := func(path string) backendtest.Answer {
		return p.Call(http.MethodGet, "/api/v1/"+path, nil, backendtest.Bearer(manager))
	}
	for query, field := range map[string]string{
		"api_token?agnet_id=x": "agnet_id", "api_token?agentId=x": "agentId", "api_token?agent_id[]=x": "agent_id[]",
		"api_token?enviromnet_id=x": "enviromnet_id", "api_token?scope=account": "scope", "api_token?Status=active": "Status",
		"api_token?decendents_of=x": "decendents_of", "api_token?created_by=x": "created_by", "api_token?live": "live",
		"api_token?filter[status]=active": "filter[status]", "agent?page_size=1": "page_size", "agent?sort=name": "sort",
		"agent_deployment?agents_id=x": "agents_id", "agent_deployment?agents=x": "agents", "environment?pagination[ofset]=1": "pagination[ofset]",
		"api_token?state=active&state=revoked": "state", "api_token/summary?live=true&live=true": "live", "agent?sorting=name&sorting=-name": "sorting",
	} {
		namesField(t, query, get(query), field)
	}
	for _, query := range []string{
		"nonsense=1", "risk_profile_id=null&team_id=x&owner_person_id=x", "idempotency_key=12345678", "sorting[field]=id&sorting[direction]=desc",
		"include_counts=true", "_=1", "environment_id=x", "", "&", "=1",
	} {
		wantStatus(t, query, get("agent?"+query), http.StatusOK)
	}
	wantStatus(t, "a list of actions", get("audit_event?action=agent.created&action=agent.deleted"), http.StatusOK)
}

func TestUnknownMembersOfABodyAreRefusedWhereTheyCouldBeMeant(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/api_token/" + made.ID.String()
	// Routes without fields, or with optional ones, refuse others.
	for _, route := range []struct{ method, path string }{
		{http.MethodPost, path + "/revoke"}, {http.MethodPost, path + "/suspend"}, {http.MethodPost, path + "/activate"}, {http.MethodDelete, path},
		{http.MethodPost, "/api/v1/agent/" + made.ID.String() + "/retire"}, {http.MethodDelete, "/api/v1/environment/" + made.ID.String()},
		{http.MethodPost, "/api/v1/admin_user/" + made.ID.String() + "/remove"}, {http.MethodPost, "/api/v1/admin_user_invite/" + made.ID.String() + "/revoke"},
	} {
		for _, body := range []string{`{"with_decendants":true}`, `{"details":{"with_decendants":true}}`} {
			namesField(t, route.method+route.path+body, p.Call(route.method, route.path, body, browser...), "with_decendants")
		}
		if a := p.Call(route.method, route.path, `[1]`, browser...); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
			t.Errorf("%s%s with a list: %d %s", route.method, route.path, a.Status, a.Body)
		}
	}
	if a := p.Call(http.MethodDelete, "/api/v1/agent/"+made.ID.String(), `{"if_unused":true}`, browser...); !strings.Contains(a.Body, "must be in the query") {
		t.Errorf("a parameter in the body: %d %s", a.Status, a.Body)
	}
	// Routes without dry runs change nothing if they are asked for one.
	for _, body := range []string{`{"details":{"overlap_seconds":0,"dry_run":true}}`, `{"details":{"overlap_seconds":0},"dryRun":true}`} {
		if a := p.Call(http.MethodPost, path+"/rotate", body, browser...); !strings.Contains(a.Body, "is not a field of this request") {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	if status := p.Call(http.MethodGet, path, nil, browser...).Text(t, "details", "status"); status != "active" {
		t.Errorf("the token is %s", status)
	}
	// Routes that create or update accept fields that only official clients know, and refuse misspelt ones.
	for body, field := range map[string]string{
		`{"details":{"token_scope":"account","expires_inn":60}}`:    "expires_inn",
		`{"details":{"token_scope":"account","Expires_In":60}}`:     "Expires_In",
		`{"details":{"token_scope":"account","expire_att":"x"}}`:    "expire_att",
		`{"details":{"token_scope":"account"},"expires_in":60}`:     "expires_in",
		`{"details":{"token_scope":"account","role":"read"}}`:       "role",
		`{"details":{"token_scope":"account","expires_in_days":3}}`: "expires_in_days",
		`{"details":{"token_scope":"account","new_token_role":""}}`: "new_token_role",
		`{"details":{"token_scope":"account"},"idempotencyKey":1}`:  "idempotencyKey",
	} {
		namesField(t, body, p.Call(http.MethodPost, "/api/v1/api_token", body, browser...), field)
	}
	namesField(t, "the role of an invite", p.Call(http.MethodPost, "/api/v1/admin_user_invite", `{"details":{"email":"bob@example.com","admin_user_role":"viewer"}}`, browser...), "admin_user_role")
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, path + "/suspend", `{}`}, {http.MethodPost, path + "/activate", ``}, {http.MethodPost, path + "/suspend", `{"idempotency_key":"suspend-1"}`},
		{http.MethodPost, "/api/v1/api_token", `{"details":{"token_scope":"account","team_id":"x","risk_profile_id":null,"nonsense":1}}`},
		{http.MethodPost, path + "/revoke", `{"details":{}}`}, {http.MethodDelete, path, `{"idempotency_key":"delete-1"}`},
		{http.MethodPost, "/api/v1/agent", `{"details":{"name":"bot","owner_person_id":"x","risk_profile_id":null,"team_id":"x","nonsense":1},"nonsense":1}`},
		{http.MethodPut, "/api/v1/account/" + actor.AccountID.String(), `{"details":{"name":"Acme","purpose":"business","website":null,"organisation_name":"Acme"}}`},
		{http.MethodPost, "/api/v1/pfid/generate", `{"count":1,"account_id":"` + actor.AccountID.String() + `"}`},
	} {
		wantStatus(t, c.method+" "+c.path+" "+c.body, p.Call(c.method, c.path, c.body, browser...), http.StatusOK)
	}
}

// A repeated change whose key was ignored would be made twice.
func TestAnIdempotencyKeyThatNothingKeepsIsRefused(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	webhook := "/api/v1/account/" + actor.AccountID.String() + "/webhook"
	p.Call(http.MethodPut, webhook, backendtest.Details(map[string]any{"url": "https://example.com/hook"}), browser...).Must(t, http.StatusOK)
	for _, c := range []struct{ method, path, body, field string }{
		{http.MethodPost, webhook + "/replace_secret", `{"idempotency_key":"once-0001"}`, "idempotency_key"},
		{http.MethodPost, webhook + "/replace_secret", `{"details":{"idempotency_key":"once-0001"}}`, "idempotency_key"},
		{http.MethodPut, webhook, `{"details":{"url":"https://example.com/other"},"idempotency_key":"once-0001"}`, "idempotency_key"},
		{http.MethodPut, "/api/v1/admin_user/" + actor.AdminUserID.String(), `{"details":{"name":"Ada"},"idempotency_key":"once-0001"}`, "idempotency_key"},
		{http.MethodPost, "/api/v1/bulk", `{"items":[{"method":"POST","path":"/agent","body":{"details":{"name":"bot"}}}],"idempotency_key":"once-0001"}`, "idempotency_key"},
		{http.MethodPost, "/api/v1/bulk", `{"items":[{"method":"POST","path":"/agent","body":{"details":{"name":"bot"}},"idempotency_key":"once-0001"}]}`, "items[0].idempotency_key"},
	} {
		namesField(t, c.method+c.path+c.body, p.Call(c.method, c.path, c.body, browser...), c.field)
	}
	for _, body := range []string{
		`{"items":[{"method":"GET","path":"/agent","idempotency_key":"once-0001"}],"idempotency_key":null}`,
		`{"items":[{"method":"POST","path":"/agent","body":{"details":{"name":"bot"},"idempotency_key":"once-0001"},"idempotency_key":null}]}`,
	} {
		if a := p.Call(http.MethodPost, "/api/v1/bulk", body, browser...); a.Status != http.StatusOK || !strings.Contains(a.Body, `"status":200`) {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
}

func TestARefusedKeyIsNotRepeatedWholeIfItIsLong(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	a := p.Call(http.MethodPost, "/api/v1/session/end_others?"+strings.Repeat("k", 5000)+"=1", nil, session(t, p, backendtest.Email)...)
	namesField(t, "a long key", a, strings.Repeat("k", 100))
}

func TestARequestWithManyUnknownNamesIsRefusedWithoutComparingThemAll(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	many := func(n int, member string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(member, i)
		}
		return strings.Join(all, ",")
	}
	near := "{" + many(850, `"passwo%xrd":0`) + "}"
	for what, body := range map[string]string{
		"misspelt names": near, "misspelt names in details": `{"details":` + near + "}", "numbers": `{"details":{"email":[` + many(3000, "%d") + `]}}`, "objects": "[" + strings.Repeat("{},", 3000) + "{}]",
	} {
		for _, path := range []string{"/session", "/setup", "/invite/show", "/invite/accept"} {
			a := p.Call(http.MethodPost, "/api/v1"+path, body)
			namesField(t, path+", "+what, a, "body")
			if len(a.Body) > 1000 {
				t.Errorf("%s, %s: the answer has %d bytes", path, what, len(a.Body))
			}
		}
	}
	commas := `{"details":{"email":"` + backendtest.Email + `","password":"` + strings.Repeat(",", 200) + `"}}`
	wantStatus(t, "a wrong password of commas", p.Call(http.MethodPost, "/api/v1/session", commas), http.StatusUnauthorized)
	namesField(t, "details of a token", p.Call(http.MethodPost, "/api/v1/api_token", `{"details":{`+many(200, `"field%d":0`)+`}}`, backendtest.Bearer(secret)), "body")
	namesField(t, "query", p.Call(http.MethodPost, "/api/v1/session?"+strings.ReplaceAll(many(1000, "accoun%xt"), ",", "&"), "{}"), "query")
	namesField(t, "query of a list", p.Call(http.MethodGet, "/api/v1/api_token?"+strings.ReplaceAll(many(1000, "x%x"), ",", "&"), nil, backendtest.Bearer(secret)), "query")
	statuses := strings.Repeat("status=active&", 300)
	repeated := p.Call(http.MethodGet, "/api/v1/api_token?"+statuses, nil, backendtest.Bearer(secret))
	namesField(t, "a filter with many values", repeated, "status")
	if strings.Count(repeated.Body, "must be given once") != 1 {
		t.Errorf("%s", repeated.Body)
	}
}
