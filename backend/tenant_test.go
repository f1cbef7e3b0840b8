package backend_test

import (
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/activity"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

var page = paging.Page{Size: 100}

// oldest is page with the oldest items first.
var oldest = paging.Page{Size: 100, Sort: "inserted_at"}

// holdings is one resource of each kind in an account.
type holdings struct {
	actor       audit.Actor
	secret      string
	token       pfid.ID
	environment pfid.ID
	agent       pfid.ID
	deployment  pfid.ID
	version     pfid.ID
	schema      pfid.ID
	instance    pfid.ID
	span        pfid.ID
	invite      pfid.ID
	session     pfid.ID
	notice      pfid.ID
	event       pfid.ID
	cookie      backendtest.Header
}

func fill(t *testing.T, p *backendtest.Program, actor audit.Actor) holdings {
	t.Helper()
	h := holdings{actor: actor}
	h.environment = p.Environment(actor)
	a := p.Register(actor, agent.Order{Name: "bot"})
	h.agent = a.ID
	deployed, _ := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: h.agent, EnvironmentID: h.environment})
	h.deployment = deployed.AgentDeploymentID
	schema, err := p.Agents.CreateSchemaVersion(t.Context(), actor, agent.SchemaVersion{AgentID: h.agent, ExternalIdentifier: "1"})
	if err != nil {
		t.Fatal(err)
	}
	version, err := p.Agents.CreateVersion(t.Context(), actor, agent.Version{AgentID: h.agent, ExternalIdentifier: "1", SchemaVersionID: schema.ID})
	if err != nil {
		t.Fatal(err)
	}
	h.schema, h.version = schema.ID, version.ID
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	h.token, h.secret = made.ID, secret
	invite := p.Invite(actor, "bob@"+actor.AccountID.String()+".example", people.RoleAdmin)
	h.invite = invite.ID
	run, err := p.Activity.Register(t.Context(), actor, activity.Scope{AccountID: actor.AccountID}, activity.Registration{
		Agent: h.agent.String(), EnvironmentID: h.environment, Version: activity.RegisteredVersion{ExternalIdentifier: "1"}, KeepsCurrentVersion: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.instance = run.ID
	span, err := p.Activity.CreateSpan(t.Context(), activity.Scope{AccountID: actor.AccountID}, activity.SpanOrder{InstanceID: h.instance, SchemaName: "call", Status: activity.Active})
	if err != nil {
		t.Fatal(err)
	}
	h.span = span.ID
	ended, _ := startSession(t, p, actor)
	h.session, h.cookie = startSession(t, p, actor)
	if _, err := p.People.EndSession(t.Context(), actor, ended, pfid.ID{}); err != nil {
		t.Fatal(err)
	}
	in, _, err := p.People.Session(t.Context(), people.SessionID(strings.TrimPrefix(h.cookie.Value, "tokentab_session=")))
	if err != nil {
		t.Fatal(err)
	}
	told, err := p.People.Notices(t.Context(), in)
	if err != nil || len(told) != 1 {
		t.Fatal(told, err)
	}
	h.notice = told[0].ID
	recorded, err := p.Audit.Events(t.Context(), actor.AccountID, audit.Filter{}, oldest)
	if err != nil {
		t.Fatal(err)
	}
	h.event = recorded.Events[0].ID
	if _, _, err := p.Notices.SetWebhook(t.Context(), actor, webhookOf(h)); err != nil {
		t.Fatal(err)
	}
	return h
}

func webhookOf(h holdings) string { return "https://" + h.actor.AccountID.String() + ".example/hook" }

// startSession signs the actor in and returns the session's public id and cookie.
func startSession(t *testing.T, p *backendtest.Program, actor audit.Actor) (pfid.ID, backendtest.Header) {
	t.Helper()
	member, err := p.People.Member(t.Context(), actor.AccountID, actor.AdminUserID)
	if err != nil {
		t.Fatal(err)
	}
	in, err := p.People.StartSession(t.Context(), member.AdminUser, people.Browser{Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return in.ID, backendtest.Header{Name: "Cookie", Value: "tokentab_session=" + string(in.SessionID)}
}

func TestPromise7AccountsDoNotMix(t *testing.T) {
	p := backendtest.Start(t)
	ours := fill(t, p, p.Found())
	user, err := p.People.FoundAnother(t.Context(), people.Founder{AccountName: "Rival", Email: "eve@example.com", Password: backendtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	theirs := fill(t, p, audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID})
	// An unused id in the partition of the caller's account. Foreign ids must be answered in the same way.
	missing, err := pfid.New(p.Clock.Now(), theirs.actor.AccountID.Partition(), strings.NewReader("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	create := func(scope string, agentID, environmentID pfid.ID) any {
		fields := map[string]any{"token_scope": scope, "environment_id": environmentID}
		if !agentID.IsZero() {
			fields["agent_id"] = agentID
		}
		return backendtest.Details(fields)
	}
	bulk := backendtest.Details
	// Each call is made with their token, once with our id and once with the unused id. The answers must be the same.
	calls := map[string]func(foreign holdings) (method, path string, body any){
		"token": func(f holdings) (string, string, any) { return "GET", "/api/v1/api_token/" + f.token.String(), nil },
		"rotate": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/" + f.token.String() + "/rotate", backendtest.Details(map[string]any{"overlap_seconds": 60})
		},
		"end the old secret": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/" + f.token.String() + "/end_old_secret", nil
		},
		"events of a token": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token/" + f.token.String() + "/events", nil
		},
		"dry run of a suspend": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/" + f.token.String() + "/suspend?dry_run=true", nil
		},
		"dry run of a revoke": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/" + f.token.String() + "/revoke?dry_run=true&with_descendants=true", nil
		},
		"dry run of a delete": func(f holdings) (string, string, any) {
			return "DELETE", "/api/v1/api_token/" + f.token.String() + "?dry_run=true", nil
		},
		"use of a token": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token/" + f.token.String() + "/use", nil
		},
		"token with its use": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token/" + f.token.String() + "?include=use", nil
		},
		"suspend": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/" + f.token.String() + "/suspend", nil
		},
		"activate": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/" + f.token.String() + "/activate", nil
		},
		"revoke": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/" + f.token.String() + "/revoke", nil
		},
		"delete": func(f holdings) (string, string, any) { return "DELETE", "/api/v1/api_token/" + f.token.String(), nil },
		"account": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/account/" + f.actor.AccountID.String(), nil
		},
		"tokens of the account": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?account_id=" + f.actor.AccountID.String(), nil
		},
		"tokens of the agent": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?agent_id=" + f.agent.String(), nil
		},
		"tokens of the environment": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?environment_id=" + f.environment.String(), nil
		},
		"tokens of the member": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?created_by_admin_user_id=" + f.actor.AdminUserID.String(), nil
		},
		"tokens of the token": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?created_by_api_token_id=" + f.token.String(), nil
		},
		"descendants of the token": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?descendants_of=" + f.token.String(), nil
		},
		"a search for the token": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?search=" + f.token.String(), nil
		},
		"a summary of the environment": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token/summary?environment_id=" + f.environment.String(), nil
		},
		"suspend in bulk": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": "suspend", "filter": map[string]any{"search": f.token}})
		},
		"suspend the descendants of the token in bulk": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": "suspend", "filter": map[string]any{"descendants_of": f.token}})
		},
		"revoke the tokens of the agent in bulk": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": "revoke", "filter": map[string]any{"agent_id": f.agent}})
		},
		"revoke the tokens of the environment in bulk": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": "revoke", "filter": map[string]any{"environment_id": f.environment}})
		},
		"revoke the tokens of the member in bulk": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": "revoke", "filter": map[string]any{"created_by_admin_user_id": f.actor.AdminUserID}})
		},
		"revoke the tokens of the account in bulk": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": "revoke", "filter": map[string]any{"account_id": f.actor.AccountID}})
		},
		"preview of a bulk": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": "revoke", "dry_run": true, "ids": []any{f.token}})
		},
		"environments of the account": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/environment?account_id=" + f.actor.AccountID.String(), nil
		},
		"environment": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/environment/" + f.environment.String(), nil
		},
		"environment in the query": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/environment/show?environment_id=" + f.environment.String(), nil
		},
		"instance in the query": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent_instance/show?agent_instance_id=" + f.instance.String(), nil
		},
		"agent": func(f holdings) (string, string, any) { return "GET", "/api/v1/agent/" + f.agent.String(), nil },
		"deployment": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent_deployment/" + f.deployment.String(), nil
		},
		"deployments of the agent": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent_deployment?agent_id=" + f.agent.String(), nil
		},
		"token for an environment": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token", create("environment", pfid.ID{}, f.environment)
		},
		"token for an agent": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token", create("agent_deployment", f.agent, theirs.environment)
		},
		"deploy our agent": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/agent_deployment", backendtest.Details(map[string]any{"agent_id": f.agent, "environment_id": theirs.environment})
		},
		"deploy into our environment": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/agent_deployment", backendtest.Details(map[string]any{"agent_id": theirs.agent, "environment_id": f.environment})
		},
		"agent by its id": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent/show?agent_id=" + f.agent.String(), nil
		},
		"change an agent": func(f holdings) (string, string, any) {
			return "PUT", "/api/v1/agent/" + f.agent.String(), backendtest.Details(map[string]any{"name": "taken over"})
		},
		"current version of an agent": func(f holdings) (string, string, any) {
			return "PUT", "/api/v1/agent/" + theirs.agent.String(), backendtest.Details(map[string]any{"current_version_id": f.version})
		},
		"retire": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/agent/" + f.agent.String() + "/retire", nil
		},
		"reinstate": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/agent/" + f.agent.String() + "/reinstate", nil
		},
		"delete an agent": func(f holdings) (string, string, any) {
			return "DELETE", "/api/v1/agent/" + f.agent.String(), nil
		},
		"change a deployment": func(f holdings) (string, string, any) {
			return "PUT", "/api/v1/agent_deployment/" + f.deployment.String(), backendtest.Details(map[string]any{"current_version_id": nil})
		},
		"current version of a deployment": func(f holdings) (string, string, any) {
			return "PUT", "/api/v1/agent_deployment/" + theirs.deployment.String(), backendtest.Details(map[string]any{"current_version_id": f.version})
		},
		"delete a deployment": func(f holdings) (string, string, any) {
			return "DELETE", "/api/v1/agent_deployment/" + f.deployment.String(), nil
		},
		"version": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent_version/" + f.version.String(), nil
		},
		"versions of the agent": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent_version?agent_id=" + f.agent.String(), nil
		},
		"add a version": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/agent_version", backendtest.Details(map[string]any{"agent_id": f.agent, "external_identifier": "2"})
		},
		"add a version with our schema": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/agent_version", backendtest.Details(map[string]any{"agent_id": theirs.agent, "external_identifier": "2", "agent_schema_version_id": f.schema})
		},
		"schema version": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent_schema_version/" + f.schema.String(), nil
		},
		"schema versions of the agent": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/agent_schema_version?agent_id=" + f.agent.String(), nil
		},
		"add a schema version": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/agent_schema_version", backendtest.Details(map[string]any{"agent_id": f.agent, "external_identifier": "2"})
		},
		"change our account": func(f holdings) (string, string, any) {
			return "PUT", "/api/v1/account/" + f.actor.AccountID.String(), backendtest.Details(map[string]any{"name": "Theirs"})
		},
		"contents of our account": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/account/" + f.actor.AccountID.String() + "/contents", nil
		},
		"delete our account": func(f holdings) (string, string, any) {
			return "DELETE", "/api/v1/account/" + f.actor.AccountID.String(), backendtest.Details(map[string]any{"name": "Acme"})
		},
		"our team": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/admin_user?account_id=" + f.actor.AccountID.String(), nil
		},
		"our member": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/admin_user/" + f.actor.AdminUserID.String(), nil
		},
		"change our member": func(f holdings) (string, string, any) {
			return "PUT", "/api/v1/admin_user/" + f.actor.AdminUserID.String(), backendtest.Details(map[string]any{"name": "Theirs"})
		},
		"remove our member": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/admin_user/" + f.actor.AdminUserID.String() + "/remove", backendtest.Details(map[string]any{"revoke_api_tokens": true})
		},
		"demote our member": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/admin_user/" + f.actor.AdminUserID.String() + "/set_role", backendtest.Details(map[string]any{"role": "viewer"})
		},
		"dismiss our notice": func(f holdings) (string, string, any) {
			return "DELETE", "/api/v1/session/notice/" + f.notice.String(), nil
		},
		"end our member's sessions": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/admin_user/" + f.actor.AdminUserID.String() + "/end_sessions", nil
		},
		"revoke our member's tokens": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/admin_user/" + f.actor.AdminUserID.String() + "/revoke_api_tokens", nil
		},
		"our member's tokens": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/api_token?created_by_admin_user_id=" + f.actor.AdminUserID.String(), nil
		},
		"our audit events": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/audit_event?account_id=" + f.actor.AccountID.String(), nil
		},
		"our audit export": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/audit_event/export?account_id=" + f.actor.AccountID.String(), nil
		},
		"our audit event": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/audit_event/" + f.event.String(), nil
		},
		"changes of our token": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/audit_event?subject=" + f.token.String(), nil
		},
		"what our member changed": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/audit_event?actor=" + f.actor.AdminUserID.String(), nil
		},
		"our invites": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/admin_user_invite?account_id=" + f.actor.AccountID.String(), nil
		},
		"our invite": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/admin_user_invite/" + f.invite.String(), nil
		},
		"revoke our invite": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/admin_user_invite/" + f.invite.String() + "/revoke", nil
		},
		"invite to our account": func(f holdings) (string, string, any) {
			return "POST", "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "mallory@example.com", "account_id": f.actor.AccountID})
		},
		"end our session": func(f holdings) (string, string, any) {
			return "DELETE", "/api/v1/session/" + f.session.String(), nil
		},
		"change our environment": func(f holdings) (string, string, any) {
			return "PUT", "/api/v1/environment/" + f.environment.String(), backendtest.Details(map[string]any{"name": "Theirs"})
		},
		"delete our environment": func(f holdings) (string, string, any) {
			return "DELETE", "/api/v1/environment/" + f.environment.String(), nil
		},
		"validate for our account": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/validate?account_id=" + f.actor.AccountID.String(), nil
		},
		"validate for our environment": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/validate?environment_id=" + f.environment.String(), nil
		},
		"validate for our agent": func(f holdings) (string, string, any) {
			return "GET", "/api/v1/validate?agent_id=" + f.agent.String(), nil
		},
	}
	for name, call := range map[string]string{
		"instance": "GET ", "context of an instance": "GET /agent_context", "start an instance": "POST /start", "finish an instance": "POST /finish",
		"terminate an instance": "POST /terminate", "quality of an instance": "POST /record_quality",
	} {
		calls[name] = func(f holdings) (string, string, any) {
			method, rest, _ := strings.Cut(call, " ")
			if method == "GET" {
				return method, "/api/v1/agent_instance/" + f.instance.String() + rest, nil
			}
			return method, "/api/v1/agent_instance/" + f.instance.String() + rest, map[string]any{"name": "q", "reason": "theirs", "payload": nil}
		}
	}
	for _, by := range []string{"agent_id", "environment_id", "agent_deployment_id", "api_token_id"} {
		calls["instances by "+by] = func(f holdings) (string, string, any) {
			id := map[string]pfid.ID{"agent_id": f.agent, "environment_id": f.environment, "agent_deployment_id": f.deployment, "api_token_id": f.token}[by]
			return "GET", "/api/v1/agent_instance?" + by + "=" + id.String(), nil
		}
	}
	calls["register an instance of our agent"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/agent_instance/register", map[string]any{"agent_id": f.agent, "agent_version": map[string]any{"external_identifier": "2"}}
	}
	calls["register an instance in our environment"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/agent_instance/register", map[string]any{"agent_id": theirs.agent, "environment_id": f.environment, "agent_version": map[string]any{"external_identifier": "2"}}
	}
	calls["finish a span"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/agent_spans/" + f.span.String() + "/finish", map[string]any{"status": "failed"}
	}
	calls["add a span to our instance"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/agent_spans", backendtest.Details(map[string]any{"agent_instance_id": f.instance, "schema_name": "call", "status": "active"})
	}
	calls["add test spans to our instance"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/agent_spans/create_test_spans", map[string]any{"agent_instance_id": f.instance}
	}
	for _, by := range []string{"agent_instance_id", "agent_id"} {
		calls["spans by "+by] = func(f holdings) (string, string, any) {
			id := map[string]pfid.ID{"agent_instance_id": f.instance, "agent_id": f.agent}[by]
			return "GET", "/api/v1/agent_spans?" + by + "=" + id.String(), nil
		}
	}
	calls["activity of the agent"] = func(f holdings) (string, string, any) {
		return "GET", "/api/v1/agent/" + f.agent.String() + "/activity", nil
	}
	for name, call := range map[string]string{
		"webhook of our account": "GET ", "delete our webhook": "DELETE ", "test our webhook": "POST /test", "replace our webhook's secret": "POST /replace_secret",
	} {
		calls[name] = func(f holdings) (string, string, any) {
			method, rest, _ := strings.Cut(call, " ")
			return method, "/api/v1/account/" + f.actor.AccountID.String() + "/webhook" + rest, nil
		}
	}
	calls["end all our sessions"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/account/" + f.actor.AccountID.String() + "/end_sessions", nil
	}
	calls["redirect our webhook"] = func(f holdings) (string, string, any) {
		return "PUT", "/api/v1/account/" + f.actor.AccountID.String() + "/webhook", backendtest.Details(map[string]any{"url": "https://evil.example"})
	}
	for _, action := range []string{"suspend", "activate", "revoke", "delete"} {
		calls[action+" by ids in bulk"] = func(f holdings) (string, string, any) {
			return "POST", "/api/v1/api_token/bulk", bulk(map[string]any{"action": action, "ids": []any{f.token}})
		}
	}
	calls["make an environment in our account"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/environment", backendtest.Details(map[string]any{"name": "Theirs", "account_id": f.actor.AccountID})
	}
	calls["ids of our account"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/pfid/generate", map[string]any{"count": 1, "account_id": f.actor.AccountID}
	}
	calls["our agent in bulk"] = func(f holdings) (string, string, any) {
		return "POST", "/api/v1/bulk", map[string]any{"items": []any{map[string]any{"method": "GET", "path": "/agent/" + f.agent.String()}}}
	}
	everyRouteHasARow(t, p, func(yield func(method, path string)) {
		for _, call := range calls {
			method, path, _ := call(ours)
			yield(method, path)
		}
	})
	listsHoldNothingForeign(t, p, ours, theirs)
	nowhere := holdings{
		actor: audit.Actor{AccountID: missing, AdminUserID: missing}, token: missing, environment: missing, agent: missing,
		deployment: missing, version: missing, schema: missing, instance: missing, span: missing, invite: missing, session: missing, notice: missing, event: missing,
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			method, path, body := call(ours)
			foreign := p.Call(method, path, body, backendtest.Bearer(theirs.secret))
			if strings.HasPrefix(name, "validate") {
				foreign.Want(t, "the request", http.StatusForbidden)
				return
			}
			method, path, body = call(nowhere)
			absent := p.Call(method, path, body, backendtest.Bearer(theirs.secret))
			same := func(foreign, absent backendtest.Answer) {
				t.Helper()
				foreign.Body = strings.ReplaceAll(foreign.Body, ours.token.String(), missing.String()) // a bulk repeats the ids
				if foreign.Status != absent.Status || foreign.Body != absent.Body {
					t.Errorf("a foreign id answers\n%d %s\nbut one that does not exist answers\n%d %s", foreign.Status, foreign.Body, absent.Status, absent.Body)
				}
			}
			same(foreign, absent)
			// Some routes are for signed-in admin users only.
			ownPage := backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}
			absent = p.Call(method, path, body, theirs.cookie, ownPage)
			method, path, body = call(ours)
			same(p.Call(method, path, body, theirs.cookie, ownPage), absent)
		})
	}
	if v, err := p.Tokens.Check(t.Context(), []byte(ours.secret), token.Need{}); err != nil || v.Reason != token.Good {
		t.Errorf("our token was changed: %v %v", v.Reason, err)
	}
	if a := p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+ours.invite.String(), nil, ours.cookie); a.Status != http.StatusOK || a.Text(t, "details", "status") != "pending" {
		t.Errorf("our session or invite was changed: %d %s", a.Status, a.Body)
	}
	for _, h := range []holdings{ours, theirs} {
		if w, err := p.Notices.Webhook(t.Context(), h.actor.AccountID); err != nil || w.URL != webhookOf(h) || !w.Last.At.IsZero() {
			t.Errorf("a webhook was changed: %+v %v", w, err)
		}
	}
}

// namesNoID lists the routes that take no id, so they can't be asked about foreign resources. Other tests check what
// they answer about the caller's own account.
var namesNoID = map[string]bool{
	"GET /ping": true, "GET /session": true, "POST /session": true, "DELETE /session": true, "POST /setup": true,
	"POST /session/password": true, "GET /session/all": true, "POST /session/end_others": true,
	"POST /invite/show": true, "POST /invite/accept": true, // a code is a credential, not an id
	"GET /account": true, "GET /agent": true, "POST /agent": true, "GET /api_token/moves": true,
	"GET /backup": true, "POST /backup/review_restore": true,
	"GET /changes": true, // see TestPromise7NoAccountHearsOfChangesInAnother
}

// everyRouteHasARow fails if a route of the API has no row in the table above.
func everyRouteHasARow(t *testing.T, p *backendtest.Program, rows func(yield func(method, path string))) {
	t.Helper()
	document, err := p.Web.API.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	rows(func(method, path string) { covered[p.Route(method, path)] = true })
	paths, _ := backendtest.Answer{Body: string(document)}.Get(t, "paths").(map[string]any)
	for path, methods := range paths {
		for method := range methods.(map[string]any) {
			route := strings.ToUpper(method) + " " + path
			if !covered[route] && !namesNoID[route] {
				t.Errorf("%s has no row in the tenant test", route)
			}
		}
	}
}

func listsHoldNothingForeign(t *testing.T, p *backendtest.Program, ours, theirs holdings) {
	t.Helper()
	for _, list := range []string{"account", "environment", "agent", "agent_deployment", "agent_instance", "api_token", "api_token/moves", "audit_event", "admin_user", "admin_user_invite", "session/all", "agent_spans?agent_id=" + theirs.agent.String(), "agent_version?agent_id=" + theirs.agent.String(), "agent_schema_version?agent_id=" + theirs.agent.String()} {
		a := p.Call(http.MethodGet, "/api/v1/"+list, nil, theirs.cookie)
		a.Want(t, list, http.StatusOK)
		for _, id := range []pfid.ID{ours.actor.AccountID, ours.actor.AdminUserID, ours.token, ours.environment, ours.agent, ours.deployment, ours.version, ours.schema, ours.instance, ours.span, ours.invite, ours.session, ours.event} {
			if strings.Contains(a.Body, id.String()) {
				t.Errorf("%s holds something of another account: %s", list, a.Body)
			}
		}
	}
}
