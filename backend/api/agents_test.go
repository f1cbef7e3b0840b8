package api_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// caller calls as the holder of an account token; details that are not nil are wrapped as in the contract.
type caller func(method, path string, details map[string]any) backendtest.Answer

func callerFor(p *backendtest.Program, actor audit.Actor) caller {
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	return func(method, path string, details map[string]any) backendtest.Answer {
		var body any = "" // which is sent with a JSON content type
		if details != nil {
			body = backendtest.Details(details)
		}
		return p.Call(method, "/api/v1"+path, body, backendtest.Bearer(secret))
	}
}

// missing is an unused id.
const missing = "01kdvdna00zzzzzz18532cy4e89yc88k"

func TestAnAgentChangesAsAskedFor(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	call := callerFor(p, actor)
	made := call(http.MethodPost, "/agent", map[string]any{"name": "bot", "description": "ours", "external_identifier": "bot-1"})
	actions := map[string]any{"update": true, "retire": true, "reinstate": false, "delete": true}
	holds(t, "registered", made, map[string]any{"type": "agent", "account_id": actor.AccountID, "status": "pending", "last_seen_at": nil, "available_actions": actions})
	id := made.Text(t, "details", "id")
	p.Clock.Move(time.Second)
	put := func(fields map[string]any) backendtest.Answer { return call(http.MethodPut, "/agent/"+id, fields) }
	holds(t, "nothing", put(map[string]any{}), map[string]any{"name": "bot", "description": "ours", "external_identifier": "bot-1"})
	holds(t, "nulls", put(map[string]any{"name": nil, "current_version_id": nil}), map[string]any{"name": "bot", "description": "ours"})
	holds(t, "all", put(map[string]any{"name": " Robot ", "description": nil, "external_identifier": "other", "unknown": 1}),
		map[string]any{"name": "Robot", "description": nil, "external_identifier": "bot-1", "updated_at": p.Clock.Now().Format(wireTime)})
	a := put(map[string]any{"description": "again"})
	for _, path := range []string{"/agent/" + id, "/agent/show?agent_id=" + id, "/agent/show?external_identifier=bot-1&environment_id=x&include_risk_rollup=true"} {
		if read := call(http.MethodGet, path, nil); read.Body != a.Body {
			t.Errorf("%s answers\n%s\nwant\n%s", path, read.Body, a.Body)
		}
	}
	for what, c := range map[string]struct {
		fields map[string]any
		field  string
	}{
		"an empty name":                 {map[string]any{"name": " "}, "name"},
		"a name too long":               {map[string]any{"name": strings.Repeat("x", 101)}, "name"},
		"a description too long":        {map[string]any{"description": strings.Repeat("x", 1001)}, "description"},
		"a version that is no id":       {map[string]any{"current_version_id": "x"}, "current_version_id"},
		"a version without deployments": {map[string]any{"current_version_id": missing}, "current_version_id"},
	} {
		refused(t, what, put(c.fields), http.StatusUnprocessableEntity, "validation_errors", c.field)
	}
	refused(t, "nowhere", call(http.MethodPut, "/agent/"+missing, map[string]any{}), http.StatusNotFound, "not_found", "")
	p.Recorded(audit.AgentUpdated, 4)
}

func TestAnAgentIsShownByEitherOfItsNames(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	call := callerFor(p, p.Found())
	made := call(http.MethodPost, "/agent", map[string]any{"name": "bot", "external_identifier": "bot-1"})
	show := func(query string) backendtest.Answer { return call(http.MethodGet, "/agent/show"+query, nil) }
	refused(t, "neither", show(""), http.StatusUnprocessableEntity, "validation_errors", "agent_id")
	refused(t, "both", show("?agent_id="+missing+"&external_identifier=bot-1"), http.StatusUnprocessableEntity, "validation_errors", "external_identifier")
	refused(t, "no id", show("?agent_id=bot"), http.StatusUnprocessableEntity, "validation_errors", "agent_id")
	refused(t, "no such id", show("?agent_id="+missing), http.StatusNotFound, "not_found", "")
	refused(t, "no such identifier", show("?external_identifier=bot"), http.StatusNotFound, "not_found", "")
	if _, has := made.Get(t, "details").(map[string]any)["instance_counts"]; has {
		t.Errorf("counts that nobody asked for: %s", made.Body)
	}
	counts := show("?external_identifier=bot-1&include_counts=true").Get(t, "details", "instance_counts")
	for _, key := range []string{"total", "pending", "active", "complete", "failed", "cancelled", "terminated", "finished"} {
		if counts, _ := counts.(map[string]any); counts[key] != 0.0 {
			t.Errorf("%s is %v, want 0", key, counts[key])
		}
	}
}

func TestTheStatusOfAnAgentSaysWhenItWasSeen(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, secret := p.Deployed()
	call := callerFor(p, actor)
	path := "/agent/" + made.AgentID.String()
	used := func() {
		t.Helper()
		p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Must(t, http.StatusOK)
		if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, "new", call(http.MethodGet, path, nil), map[string]any{"status": "pending", "last_seen_at": nil})
	used()
	seen := p.Clock.Now()
	holds(t, "seen", call(http.MethodGet, path, nil), map[string]any{"status": "active", "last_seen_at": seen.Format(wireTime)})
	p.Clock.Move(30 * 24 * time.Hour)
	holds(t, "after 30 days", call(http.MethodGet, path, nil), map[string]any{"status": "active"})
	p.Clock.Move(time.Second)
	holds(t, "later", call(http.MethodGet, path, nil), map[string]any{"status": "dormant", "last_seen_at": seen.Format(wireTime)})
	// Deleting its tokens does not reset when an agent was last seen.
	for _, move := range []func() error{
		func() error { _, err := p.Tokens.Revoke(t.Context(), actor, made.ID); return err },
		func() error { _, err := p.Tokens.Delete(t.Context(), actor, made.ID); return err },
	} {
		if err := move(); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, "without tokens", call(http.MethodGet, path, nil), map[string]any{"status": "dormant"})
	holds(t, "retired", call(http.MethodPost, path+"/retire", nil), map[string]any{"status": "retired", "last_seen_at": seen.Format(wireTime)})
	holds(t, "reinstated", call(http.MethodPost, path+"/reinstate", nil), map[string]any{"status": "dormant"})
}

func TestAnAgentIsSeenByWhatItReportsWithAnAccountToken(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, _ := p.Deployed()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	call := callerFor(p, actor)
	path := "/agent/" + made.AgentID.String()
	instance := ""
	report := func(route string, fields map[string]any) backendtest.Answer {
		t.Helper()
		a := p.Call(http.MethodPost, "/api/v1"+route, fields, backendtest.Bearer(secret))
		if err := p.Tokens.FlushUses(t.Context(), nil); err != nil || a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", route, a.Status, a.Body, err)
		}
		return a
	}
	span := func() map[string]any {
		return map[string]any{"agent_instance_id": instance, "schema_name": "agent:llm", "status": "active"}
	}
	for i, route := range []string{"register", "start", "span", "finish span", "bulk", "record_quality", "finish"} {
		p.Clock.Move(time.Hour)
		switch route {
		case "register":
			instance = report("/agent_instance/register", map[string]any{"agent_id": made.AgentID.String(), "agent_version": map[string]any{"external_identifier": "1"}}).Text(t, "details", "id")
		case "span":
			route = report("/agent_spans", backendtest.Details(span())).Text(t, "details", "id")
		case "finish span":
			report("/agent_spans/"+report("/agent_spans", backendtest.Details(span())).Text(t, "details", "id")+"/finish", nil)
		case "bulk":
			item := span()
			item["_type"], item["idempotency_key"] = "agent_spans/create", "of-the-item"
			report("/bulk", map[string]any{"items": []any{item}})
		case "record_quality":
			report("/agent_instance/"+instance+"/record_quality", map[string]any{"name": "score", "payload": map[string]any{"v": 1}})
		default:
			report("/agent_instance/"+instance+"/"+route, map[string]any{})
		}
		holds(t, fmt.Sprint(i, " after ", route), call(http.MethodGet, path, nil), map[string]any{"status": "active", "last_seen_at": p.Clock.Now().Format(wireTime)})
	}
	seen := p.Clock.Now()
	p.Clock.Move(time.Hour)
	same := backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password, same), "session")
	p.Call(http.MethodPost, "/api/v1/agent_instance/"+instance+"/start", "", cookie, same).Must(t, http.StatusOK)
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	holds(t, "an admin user is not the agent", call(http.MethodGet, path, nil), map[string]any{"last_seen_at": seen.Format(wireTime)})
}

func TestAgentsAreListedInEveryOrder(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, _, secret := p.Deployed()
	call := callerFor(p, actor)
	p.Clock.Move(time.Second)
	retired := call(http.MethodPost, "/agent", map[string]any{"name": "old", "external_identifier": "a"})
	call(http.MethodPost, "/agent/"+retired.Text(t, "details", "id")+"/retire", map[string]any{})
	p.Clock.Move(time.Second)
	call(http.MethodPost, "/agent", map[string]any{"name": "zero"})
	gone := call(http.MethodPost, "/agent", map[string]any{"name": "gone"})
	call(http.MethodDelete, "/agent/"+gone.Text(t, "details", "id"), nil)
	p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret))
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                       "zero:pending old:retired bot:active",
		"?sorting=name":          "bot:active old:retired zero:pending",
		"?sorting=-last_seen":    "bot:active zero:pending old:retired",
		"?sorting=-last_seen_at": "bot:active zero:pending old:retired",
		"?sorting=status":        "bot:active zero:pending old:retired",
		"?sorting[field]=status&sorting[direction]=desc&pagination[offset]=1&pagination[page_size]=1": "zero:pending",
		"?team_id=x&nonsense=1": "zero:pending old:retired bot:active",
	} {
		a := call(http.MethodGet, "/agent"+query, nil)
		items, _ := a.Get(t, "summaries").([]any)
		got := ""
		for _, item := range items {
			fields := item.(map[string]any)
			got += fields["name"].(string) + ":" + fields["status"].(string) + " "
		}
		if strings.TrimSpace(got) != want || a.Get(t, "pagination", "item_count") != 3.0 {
			t.Errorf("%s: %q, want %q: %s", query, got, want, a.Body)
		}
	}
	refused(t, "an unknown field", call(http.MethodGet, "/agent?sorting=deleted_at", nil), http.StatusUnprocessableEntity, "validation_errors", "sorting")
}

func TestRetiringAnAgentTakesItsTokensAlongAndReinstatingBringsJustThoseBack(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, first, secret := p.Deployed()
	call := callerFor(p, actor)
	path := "/agent/" + first.AgentID.String()
	order := token.Order{Scope: token.ScopeAgentDeployment, AgentID: first.AgentID, EnvironmentID: first.EnvironmentID}
	issue := func(moves ...string) (pfid.ID, string) {
		made, secret := p.Issue(actor, order)
		for _, move := range moves {
			call(http.MethodPost, "/api_token/"+made.ID.String()+"/"+move, nil)
		}
		return made.ID, secret
	}
	suspended, _ := issue("suspend")
	revoked, _ := issue("revoke")
	toRevoke, _ := issue()
	_, unrelated := p.Issue(actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: first.EnvironmentID})
	pings := func(what, secret string, want int) {
		t.Helper()
		wantStatus(t, what, p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)), want)
	}
	statuses := func(want ...string) {
		t.Helper()
		for i, id := range []pfid.ID{first.ID, suspended, revoked, toRevoke} {
			holds(t, "token", call(http.MethodGet, "/api_token/"+id.String(), nil), map[string]any{"status": want[i]})
		}
	}
	pings("before", secret, http.StatusOK)
	refused(t, "not retired", call(http.MethodPost, path+"/reinstate", nil), http.StatusConflict, "invalid_action", "")
	a := call(http.MethodPost, path+"/retire", map[string]any{})
	holds(t, "retire", a, map[string]any{"status": "retired", "available_actions": map[string]any{"update": true, "retire": false, "reinstate": true, "delete": true}})
	if n := a.Get(t, "suspended_api_token_count"); n != 2.0 {
		t.Errorf("suspended %v", n)
	}
	pings("retired", secret, http.StatusUnauthorized)
	pings("of no agent", unrelated, http.StatusOK)
	statuses("suspended", "suspended", "revoked", "suspended")

	refused(t, "again", call(http.MethodPost, path+"/retire", nil), http.StatusConflict, "invalid_action", "")
	refused(t, "activate", call(http.MethodPost, "/api_token/"+first.ID.String()+"/activate", nil), http.StatusConflict, "invalid_action", "")
	holds(t, "its token", call(http.MethodGet, "/api_token/"+first.ID.String(), nil), map[string]any{
		"available_actions": map[string]any{"suspend": false, "activate": false, "revoke": true, "rotate": false, "delete": false},
	})
	refused(t, "issue", call(http.MethodPost, "/api_token", map[string]any{"token_scope": "agent_deployment", "agent_id": first.AgentID, "environment_id": first.EnvironmentID}), http.StatusConflict, "invalid_action", "")
	refused(t, "deploy", call(http.MethodPost, "/agent_deployment", map[string]any{"agent_id": first.AgentID, "environment_id": otherEnvironment(t, p, actor, first)}), http.StatusConflict, "invalid_action", "")
	holds(t, "rename", call(http.MethodPut, path, map[string]any{"name": "old"}), map[string]any{"name": "old", "status": "retired"})
	holds(t, "revoke", call(http.MethodPost, "/api_token/"+toRevoke.String()+"/revoke", nil), map[string]any{"status": "revoked"})

	a = call(http.MethodPost, path+"/reinstate", nil)
	holds(t, "reinstate", a, map[string]any{"available_actions": map[string]any{"update": true, "retire": true, "reinstate": false, "delete": true}, "id": first.AgentID})
	if n := a.Get(t, "activated_api_token_count"); n != 1.0 {
		t.Errorf("activated %v", n)
	}
	statuses("active", "suspended", "revoked", "revoked")
	pings("reinstated", secret, http.StatusOK)
	// A reinstatement does not activate a token that was suspended before the retirement.
	call(http.MethodPost, path+"/retire", nil)
	call(http.MethodPost, path+"/reinstate", nil)
	holds(t, "by hand", call(http.MethodPost, "/api_token/"+first.ID.String()+"/suspend", nil), map[string]any{"status": "suspended"})
	if n := call(http.MethodPost, path+"/retire", nil).Get(t, "suspended_api_token_count"); n != 0.0 {
		t.Errorf("suspended %v", n)
	}
	if n := call(http.MethodPost, path+"/reinstate", nil).Get(t, "activated_api_token_count"); n != 0.0 {
		t.Errorf("activated %v", n)
	}
	pings("suspended by hand", secret, http.StatusUnauthorized)
	for _, move := range []string{"/retire", "/reinstate"} {
		refused(t, "nowhere", call(http.MethodPost, "/agent/"+missing+move, nil), http.StatusNotFound, "not_found", "")
	}
	p.Recorded(audit.AgentRetired, 3)
	p.Recorded(audit.AgentReinstated, 3)
	p.Recorded(audit.APITokenSuspended, 1+2+1+1)
	p.Recorded(audit.APITokenActivated, 1+1)
}

func TestADeletedAgentTakesAllThatIsItsOwnAlong(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, secret := p.Deployed()
	call := callerFor(p, actor)
	suspended, _ := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: made.AgentID, EnvironmentID: made.EnvironmentID})
	call(http.MethodPost, "/api_token/"+suspended.ID.String()+"/suspend", nil)
	schema := call(http.MethodPost, "/agent_schema_version", map[string]any{"agent_id": made.AgentID, "external_identifier": "1"}).Text(t, "details", "id")
	version := call(http.MethodPost, "/agent_version", map[string]any{"agent_id": made.AgentID, "external_identifier": "1", "agent_schema_version_id": schema}).Text(t, "details", "id")
	path := "/agent/" + made.AgentID.String()
	a := call(http.MethodDelete, path+"?if_unused=true", nil)
	refused(t, "with tokens", a, http.StatusConflict, "invalid_action", "")
	if message := a.Text(t, "message"); !strings.Contains(message, "2 live API tokens") {
		t.Errorf("no count in %q", message)
	}
	refused(t, "a wrong query", call(http.MethodDelete, path+"?if_unused=perhaps", nil), http.StatusUnprocessableEntity, "validation_errors", "if_unused")
	refused(t, "an unknown query", call(http.MethodDelete, path+"?revoke_api_tokens=true", nil), http.StatusUnprocessableEntity, "validation_errors", "revoke_api_tokens")
	wantStatus(t, "a refused delete revoked a token", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)), http.StatusOK)
	before := call(http.MethodGet, path, nil)
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	takenAlong(t, p.Call(http.MethodDelete, "/api/v1"+path, `{}`, backendtest.Bearer(manager)), before, 2)
	wantStatus(t, "a token outlives its agent", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)), http.StatusUnauthorized)
	for _, gone := range []string{
		path, "/agent_deployment/" + made.AgentDeploymentID.String(), "/agent_version/" + version, "/agent_schema_version/" + schema,
		"/agent_version?agent_id=" + made.AgentID.String(),
	} {
		refused(t, gone, call(http.MethodGet, gone, nil), http.StatusNotFound, "not_found", "")
	}
	for _, again := range []backendtest.Answer{
		call(http.MethodDelete, path, nil), call(http.MethodPost, path+"/retire", nil), call(http.MethodPut, path, map[string]any{"name": "x"}),
	} {
		refused(t, "again", again, http.StatusNotFound, "not_found", "")
	}
	holds(t, "its token", call(http.MethodGet, "/api_token/"+made.ID.String(), nil), map[string]any{"status": "revoked", "agent_name": "bot"})
	refused(t, "a new token", call(http.MethodPost, "/api_token", map[string]any{"token_scope": "agent_deployment", "agent_id": made.AgentID, "environment_id": made.EnvironmentID}), http.StatusUnprocessableEntity, "validation_errors", "agent_id")
	p.Recorded(audit.AgentDeleted, 1)
	p.Recorded(audit.AgentDeploymentDeleted, 1)
	p.Recorded(audit.APITokenRevoked, 2)
	recordedAs(t, p, made.AgentID, audit.AgentDeleted, "bot; API tokens revoked: 2")
}

// takenAlong checks the response to a delete: the resource as it was, and the number of its tokens.
func takenAlong(t *testing.T, a, before backendtest.Answer, tokens int) {
	t.Helper()
	was, _ := before.Get(t, "details").(map[string]any)
	if is, _ := a.Get(t, "details").(map[string]any); a.Status != http.StatusOK || !reflect.DeepEqual(is, was) {
		t.Errorf("%d %s, want what was: %s", a.Status, a.Body, before.Body)
	}
	if n := a.Get(t, "revoked_api_token_count"); n != float64(tokens) {
		t.Errorf("revoked %v tokens, want %d", n, tokens)
	}
}

// recordedAs checks the detail of the only event of an action on a resource.
func recordedAs(t *testing.T, p *backendtest.Program, id pfid.ID, action audit.Action, want string) {
	t.Helper()
	var detail string
	if err := p.Database().QueryRow("SELECT detail FROM audit_events WHERE action = ? AND subject_id = ?", action, id.String()).Scan(&detail); err != nil || detail != want {
		t.Errorf("%s: %q, %v; want %q", action, detail, err, want)
	}
}
