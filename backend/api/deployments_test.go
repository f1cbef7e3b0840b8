package api_test

import (
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// otherEnvironment returns an environment other than the token's.
func otherEnvironment(t *testing.T, p *backendtest.Program, actor audit.Actor, made token.Listed) pfid.ID {
	t.Helper()
	environments, _, err := p.Accounts.Environments(t.Context(), actor.AccountID, paging.Page{Size: 10, Sort: "inserted_at"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range environments {
		if e.ID != made.EnvironmentID {
			return e.ID
		}
	}
	t.Fatal("there is one environment only")
	return pfid.ID{}
}

func TestADeploymentSaysWhatItRuns(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, _ := p.Deployed()
	call := callerFor(p, actor)
	foreign := call(http.MethodPost, "/agent", map[string]any{"name": "other"}).Text(t, "details", "id")
	version := func(agent any, identifier string) string {
		return call(http.MethodPost, "/agent_version", map[string]any{"agent_id": agent, "external_identifier": identifier}).Text(t, "details", "id")
	}
	v1, v2, foreignVersion := version(made.AgentID, "1.0"), version(made.AgentID, "2.0"), version(foreign, "1.0")
	path := "/agent_deployment/" + made.AgentDeploymentID.String()
	holds(t, "new", call(http.MethodGet, path, nil), map[string]any{
		"type": "agent_deployment", "agent_name": "bot", "environment_name": "Development", "live_api_token_count": 1,
		"current_version_identifier": nil, "agent_id": made.AgentID, "environment_id": made.EnvironmentID,
	})
	for _, a := range []backendtest.Answer{call(http.MethodGet, path, nil), call(http.MethodGet, "/agent_deployment?agent_id="+made.AgentID.String(), nil)} {
		if !strings.Contains(a.Body, `"current_version_id":null`) {
			t.Errorf("a missing key looks like a pinned version: %s", a.Body)
		}
	}
	put := func(fields map[string]any) backendtest.Answer { return call(http.MethodPut, path, fields) }
	holds(t, "pinned", put(map[string]any{"current_version_id": v1}), map[string]any{"current_version_id": v1, "current_version_identifier": "1.0"})
	list := call(http.MethodGet, "/agent_deployment?agent_id="+made.AgentID.String(), nil)
	items, _ := list.Get(t, "summaries").([]any)
	if len(items) != 1 || items[0].(map[string]any)["current_version_identifier"] != "1.0" || items[0].(map[string]any)["live_api_token_count"] != 1.0 {
		t.Errorf("%s", list.Body)
	}
	holds(t, "unpinned", put(map[string]any{"current_version_id": nil}), map[string]any{"current_version_id": nil, "current_version_identifier": nil})
	for what, fields := range map[string]map[string]any{
		"nothing":               {},
		"no id":                 {"current_version_id": "1.0"},
		"no such version":       {"current_version_id": missing},
		"a version of another":  {"current_version_id": foreignVersion},
		"a version as a number": {"current_version_id": 1},
	} {
		refused(t, what, put(fields), http.StatusUnprocessableEntity, "validation_errors", "current_version_id")
	}
	refused(t, "nowhere", call(http.MethodPut, "/agent_deployment/"+missing, map[string]any{"current_version_id": nil}), http.StatusNotFound, "not_found", "")

	// An agent with one deployment takes a version itself; with two it can't.
	holds(t, "on the agent", call(http.MethodPut, "/agent/"+made.AgentID.String(), map[string]any{"current_version_id": v2}), map[string]any{"id": made.AgentID})
	holds(t, "so on the deployment", call(http.MethodGet, path, nil), map[string]any{"current_version_id": v2})
	refused(t, "a version of another on the agent", call(http.MethodPut, "/agent/"+made.AgentID.String(), map[string]any{"current_version_id": foreignVersion}), http.StatusUnprocessableEntity, "validation_errors", "current_version_id")
	second := map[string]any{"agent_id": made.AgentID, "environment_id": otherEnvironment(t, p, actor, made), "current_version_id": foreignVersion}
	refused(t, "deployed with a version of another", call(http.MethodPost, "/agent_deployment", second), http.StatusUnprocessableEntity, "validation_errors", "current_version_id")
	second["current_version_id"] = v2
	holds(t, "deployed with a version", call(http.MethodPost, "/agent_deployment", second), map[string]any{
		"current_version_id": v2, "current_version_identifier": "2.0", "environment_name": "Production", "live_api_token_count": 0,
	})
	refused(t, "deployed twice", call(http.MethodPost, "/agent_deployment", second), http.StatusUnprocessableEntity, "validation_errors", "environment_id")
	refused(t, "on the agent", call(http.MethodPut, "/agent/"+made.AgentID.String(), map[string]any{"name": "x", "current_version_id": v2}), http.StatusUnprocessableEntity, "validation_errors", "current_version_id")
	holds(t, "nothing of it", call(http.MethodGet, "/agent/"+made.AgentID.String(), nil), map[string]any{"name": "bot"})
	refs, _ := call(http.MethodGet, "/agent_version/"+v2, nil).Get(t, "details", "current_agent_deployment_refs").([]any)
	if len(refs) != 2 {
		t.Errorf("deployed as %v", refs)
	}
	p.Recorded(audit.AgentDeploymentUpdated, 3)
}

func TestADeletedDeploymentTakesItsTokensAlong(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, secret := p.Deployed()
	call := callerFor(p, actor)
	path := "/agent_deployment/" + made.AgentDeploymentID.String()
	a := call(http.MethodDelete, path+"?if_unused=true", nil)
	refused(t, "with a token", a, http.StatusConflict, "invalid_action", "")
	if message := a.Text(t, "message"); !strings.Contains(message, "1 live API token.") {
		t.Errorf("no count in %q", message)
	}
	before := call(http.MethodGet, path, nil)
	takenAlong(t, call(http.MethodDelete, path, nil), before, 1)
	recordedAs(t, p, made.AgentDeploymentID, audit.AgentDeploymentDeleted, "API tokens revoked: 1")
	wantStatus(t, "a token outlives its deployment", p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)), http.StatusUnauthorized)
	refused(t, "gone", call(http.MethodGet, path, nil), http.StatusNotFound, "not_found", "")
	refused(t, "again", call(http.MethodDelete, path, nil), http.StatusNotFound, "not_found", "")
	// The pair can be deployed again, under another id.
	again, _ := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: made.AgentID, EnvironmentID: made.EnvironmentID})
	if again.AgentDeploymentID == made.AgentDeploymentID {
		t.Error("the deleted deployment is back")
	}
	call(http.MethodPost, "/api_token/"+again.ID.String()+"/revoke", nil)
	before = call(http.MethodGet, "/agent_deployment/"+again.AgentDeploymentID.String(), nil)
	takenAlong(t, call(http.MethodDelete, "/agent_deployment/"+again.AgentDeploymentID.String()+"?if_unused=true", nil), before, 0)
	p.Recorded(audit.AgentDeploymentDeleted, 2)
}
