package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// runs is a program with an agent that runs, and tokens of each scope.
type runs struct {
	*backendtest.Program
	t                                *testing.T
	actor                            audit.Actor
	agent                            string
	account, environment, deployment backendtest.Header
	deployed                         token.Listed
}

func newRuns(t *testing.T) *runs {
	t.Helper()
	p := backendtest.Start(t)
	r := &runs{Program: p, t: t}
	var secret string
	r.actor, r.deployed, secret = p.Deployed()
	r.agent, r.deployment = r.deployed.AgentID.String(), backendtest.Bearer(secret)
	_, secret = p.Issue(r.actor, token.Order{Scope: token.ScopeAccount})
	r.account = backendtest.Bearer(secret)
	_, secret = p.Issue(r.actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: r.deployed.EnvironmentID})
	r.environment = backendtest.Bearer(secret)
	return r
}

// environmentNamed returns the id of an environment.
func (r *runs) environmentNamed(name string) string {
	r.t.Helper()
	list, _ := r.Call(http.MethodGet, "/api/v1/environment", nil, r.account).Get(r.t, "summaries").([]any)
	for _, one := range list {
		if fields, _ := one.(map[string]any); fields["name"] == name {
			return fmt.Sprint(fields["id"])
		}
	}
	r.t.Fatalf("no environment %s in %v", name, list)
	return ""
}

// shows checks that a success has these values, by their keys from the top.
func shows(t *testing.T, what string, a backendtest.Answer, want map[string]any) {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Errorf("%s: %d %s", what, a.Status, a.Body)
		return
	}
	for keys, value := range want {
		if got := a.Get(t, strings.Fields(keys)...); fmt.Sprint(got) != fmt.Sprint(value) {
			t.Errorf("%s: %s is %v, want %v", what, keys, got, value)
		}
	}
}

// registration returns a body of register, with more fields.
func registration(more map[string]any) map[string]any {
	body := map[string]any{
		"agent_version":        map[string]any{"external_identifier": "1.0.0", "name": "Demo", "description": ""},
		"agent_schema_version": map[string]any{"external_identifier": "s1", "span_schemas": map[string]any{"agent": map[string]any{"type": "object"}}, "span_result_schemas": map[string]any{}},
	}
	for name, value := range more {
		body[name] = value
	}
	return body
}

func (r *runs) post(path string, body any, who backendtest.Header) backendtest.Answer {
	r.t.Helper()
	return r.Call(http.MethodPost, "/api/v1/agent_instance/"+path, body, who)
}

func (r *runs) register(more map[string]any, who backendtest.Header) string {
	r.t.Helper()
	a := r.post("register", registration(more), who)
	a.Must(r.t, http.StatusOK)
	return a.Text(r.t, "details", "id")
}

func TestAnInstanceIsRegisteredWithWhatItLacks(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	body := registration(map[string]any{"idempotency_key": "3997afdb-a3e9-4bc8-8263-d973ea0a2a89"})
	schema := body["agent_schema_version"].(map[string]any)
	schema["quality_schemas"] = []any{map[string]any{"name": "q", "schema": map[string]any{}}}
	schema["of_tomorrow"] = map[string]any{"kept": 1}
	first := r.post("register", body, r.deployment)
	shows(t, "register", first, map[string]any{
		"details type": "agent_instance", "details status": "pending", "details agent_id": r.agent, "details environment_id": r.deployed.EnvironmentID.String(),
		"details agent_deployment_id": r.deployed.AgentDeploymentID.String(), "details account_id": r.actor.AccountID.String(), "details purpose": "live",
		"details started_at": nil, "details finished_at": nil, "details termination_reason": nil, "details quality_payloads": nil,
		"details agent_version_identifier": "1.0.0", "details api_token_id": r.deployed.ID.String(), "details span_counts total": 0.0,
		"agent_schema_version external_identifier": "s1", "agent_schema_version of_tomorrow kept": 1.0,
	})
	if again := r.post("register", body, r.deployment); !reflect.DeepEqual(again.JSON(t), first.JSON(t)) {
		t.Errorf("the same key again made %s", again.Body)
	}

	// The same version and schemas again make nothing new, other schemas make new ones.
	version := first.Text(t, "details", "agent_version_id")
	again := r.post("register", registration(map[string]any{"agent_schema_version": schema}), r.deployment)
	if again.Text(t, "details", "agent_version_id") != version || again.Text(t, "details", "id") == first.Text(t, "details", "id") {
		t.Errorf("the second run is %s", again.Body)
	}
	other := r.post("register", registration(map[string]any{"update_current_version": false}), r.deployment)
	if made := other.Text(t, "details", "agent_version_id"); other.Status != http.StatusOK || made == version {
		t.Errorf("other schemas: %d %s", other.Status, other.Body)
	}
	shows(t, "deployment", r.Call(http.MethodGet, "/api/v1/agent_deployment/"+r.deployed.AgentDeploymentID.String(), nil, r.account), map[string]any{"details current_version_id": version})
	r.Recorded(audit.AgentVersionCreated, 2)
	r.Recorded(audit.SchemaVersionCreated, 2)
	r.Recorded(audit.AgentDeploymentCreated, 1)
	r.Recorded(audit.AgentDeploymentUpdated, 1)

	// Programs with other schemas take turns under one identifier, and one sends none.
	for _, one := range []struct {
		schema any
		want   string
	}{{schema, version}, {nil, other.Text(t, "details", "agent_version_id")}, {schema, version}} {
		body := registration(map[string]any{"agent_schema_version": one.schema})
		if one.schema == nil {
			delete(body, "agent_schema_version")
		}
		if a := r.post("register", body, r.deployment); a.Status != http.StatusOK || a.Text(t, "details", "agent_version_id") != one.want {
			t.Errorf("schemas %v: %d %s", one.schema, a.Status, a.Body)
		}
	}
	r.Recorded(audit.AgentVersionCreated, 2)
	r.Recorded(audit.SchemaVersionCreated, 2)

	// A client may choose the id, of any partition.
	id, err := pfid.New(r.Clock.Now(), 1, strings.NewReader(strings.Repeat("chosen by a client", 9)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if made := r.register(map[string]any{"id": id.String()}, r.deployment); made != id.String() {
			t.Errorf("made %s instead of %s", made, id)
		}
	}
	if list := r.Call(http.MethodGet, "/api/v1/agent_instance?agent_id="+r.agent, nil, r.account); list.Get(t, "pagination", "item_count") != 7.0 {
		t.Errorf("listed: %s", list.Body)
	}
}

func TestNoNameOfAVersionEndsARun(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	version := map[string]any{"external_identifier": "1.0.0", "name": strings.Repeat("n", 101), "description": strings.Repeat("d ", 1000)}
	var ids []string
	for range 2 {
		made := r.post("register", registration(map[string]any{"agent_version": version}), r.deployment)
		made.Must(t, http.StatusOK)
		ids = append(ids, made.Text(t, "details", "agent_version_id"))
	}
	if ids[0] != ids[1] {
		t.Error("the same version again made another one")
	}
	shown := r.Call(http.MethodGet, "/api/v1/agent_version/"+ids[0], nil, r.account)
	if name, description := shown.Text(t, "details", "name"), shown.Text(t, "details", "description"); name != strings.Repeat("n", 99)+"…" || !strings.HasSuffix(description, "d…") {
		t.Errorf("%q %q", name, description)
	}
	version = map[string]any{"external_identifier": "1.0.1", "name": "\ufeffClerk\n2", "description": "\x1b[1mBold\u202e\r\n\x00"}
	made := r.post("register", registration(map[string]any{"agent_version": version}), r.deployment)
	made.Must(t, http.StatusOK)
	shown = r.Call(http.MethodGet, "/api/v1/agent_version/"+made.Text(t, "details", "agent_version_id"), nil, r.account)
	if name, description := shown.Text(t, "details", "name"), shown.Text(t, "details", "description"); name != "Clerk 2" || description != "[1mBold" {
		t.Errorf("%q %q", name, description)
	}
}

func TestARegistrationFindsItsAgentAndEnvironment(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	ctx := t.Context()
	named := r.Register(r.actor, agent.Order{Name: "Reader", ExternalIdentifier: "reader-1"})
	for _, name := range []string{named.ID.String(), "reader-1", "Reader"} {
		a := r.post("register", registration(map[string]any{"agent_id": name}), r.account)
		if a.Status != http.StatusOK || a.Text(t, "details", "agent_id") != named.ID.String() || a.Text(t, "details", "environment_name") != "Development" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	r.Recorded(audit.AgentDeploymentCreated, 2)
	twin := r.Register(r.actor, agent.Order{Name: "Reader"})
	a := r.post("register", registration(map[string]any{"agent_id": "Reader"}), r.account)
	refused(t, "two agents with this name", a, http.StatusUnprocessableEntity, "validation_errors", "agent_id")
	if !strings.Contains(a.Body, twin.ID.String()) || !strings.Contains(a.Body, named.ID.String()) {
		t.Errorf("the choices are not listed: %s", a.Body)
	}
	for _, name := range []any{nil, "", "no-such-agent", strings.Repeat("x", 300)} {
		refused(t, fmt.Sprint("agent ", name), r.post("register", registration(map[string]any{"agent_id": name}), r.account), http.StatusUnprocessableEntity, "validation_errors", "agent_id")
	}

	// A deployment token implies both, an environment token the environment.
	for name, body := range map[string]map[string]any{"agent": {"agent_id": twin.ID.String()}, "no such agent": {"agent_id": "no-such-agent"}, "environment": {"environment_id": twin.ID.String()}} {
		refused(t, "another "+name, r.post("register", registration(body), r.deployment), http.StatusForbidden, "not_permitted", "")
	}
	r.register(map[string]any{"agent_id": r.agent, "environment_id": r.deployed.EnvironmentID.String()}, r.deployment)
	r.register(map[string]any{"agent_id": "bot"}, r.deployment)
	if a := r.post("register", registration(map[string]any{"agent_id": twin.ID.String()}), r.environment); a.Text(t, "details", "environment_id") != r.deployed.EnvironmentID.String() {
		t.Errorf("with an environment token: %s", a.Body)
	}
	refused(t, "an environment of another token", r.post("register", registration(map[string]any{"agent_id": "bot", "environment_id": twin.ID.String()}), r.environment), http.StatusForbidden, "not_permitted", "")
	refused(t, "no such environment", r.post("register", registration(map[string]any{"agent_id": "bot", "environment_id": twin.ID.String()}), r.account), http.StatusUnprocessableEntity, "validation_errors", "environment_id")

	if _, _, err := r.Agents.Retire(ctx, r.actor, twin.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, "a retired agent", r.post("register", registration(map[string]any{"agent_id": twin.ID.String()}), r.account), http.StatusConflict, "invalid_action", "")
	if a := r.post("register", registration(map[string]any{"agent_id": "Reader"}), r.account); a.Status != http.StatusOK || a.Text(t, "details", "agent_id") != named.ID.String() {
		t.Errorf("the only one with the name that is not retired: %d %s", a.Status, a.Body)
	}
	known := r.register(map[string]any{"agent_id": "Reader"}, r.account)
	for _, environment := range []string{twin.ID.String(), r.environmentNamed("Production")} {
		refused(t, "a known id in another environment", r.post("register", registration(map[string]any{"agent_id": "Reader", "id": known, "environment_id": environment}), r.account), http.StatusUnprocessableEntity, "validation_errors", "id")
	}
	if _, _, err := r.Agents.Retire(ctx, r.actor, named.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, "only retired ones have the name", r.post("register", registration(map[string]any{"agent_id": "Reader"}), r.account), http.StatusConflict, "invalid_action", "")
	for name, body := range map[string]map[string]any{
		"agent_version": {"agent_version": nil}, "agent_version.external_identifier": {"agent_version": map[string]any{"external_identifier": " "}},
		"purpose": {"purpose": "fun"}, "id": {"id": "mine"},
	} {
		a := r.post("register", registration(body), r.deployment)
		if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, name) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

func TestAnInstanceLivesWhateverTheOrderOfItsRequests(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	const started, finished = "2026-03-01T12:00:00.5Z", "2026-03-01T12:00:09Z"
	id := r.register(nil, r.deployment)
	for range 2 { // started again it is unchanged
		shows(t, "start", r.post(id+"/start", map[string]any{"timestamp": started, "idempotency_key": nil}, r.deployment), map[string]any{"details status": "active", "details started_at": "2026-03-01T12:00:00.500Z"})
	}
	shows(t, "quality", r.post(id+"/record_quality", map[string]any{"name": "q", "payload": map[string]any{"score": 1}}, r.deployment), map[string]any{"details quality_payloads q score": 1.0})
	for range 2 {
		shows(t, "finish", r.post(id+"/finish", map[string]any{"status": "failed", "timestamp": finished}, r.deployment), map[string]any{"details status": "failed", "details finished_at": "2026-03-01T12:00:09.000Z"})
	}
	shows(t, "finish otherwise", r.post(id+"/finish", map[string]any{}, r.deployment), map[string]any{"details status": "failed"})
	shows(t, "quality of a finished one", r.post(id+"/record_quality", map[string]any{"name": "p", "payload": map[string]any{"n": 1}, "of_tomorrow": 1}, r.deployment), map[string]any{"details quality_payloads p n": 1.0, "details quality_payloads q score": 1.0})
	refused(t, "terminate a finished one", r.post(id+"/terminate", map[string]any{"reason": "late"}, r.deployment), http.StatusConflict, "invalid_action", "")

	// Finished before it was started, without any body.
	id = r.register(nil, r.deployment)
	shows(t, "finish first", r.post(id+"/finish", nil, r.deployment), map[string]any{"details status": "complete", "details started_at": nil})
	shows(t, "start last", r.post(id+"/start", map[string]any{"timestamp": started}, r.deployment), map[string]any{"details status": "complete", "details started_at": "2026-03-01T12:00:00.500Z"})

	id = r.register(nil, r.deployment)
	refused(t, "no reason", r.post(id+"/terminate", map[string]any{"reason": " "}, r.account), http.StatusUnprocessableEntity, "validation_errors", "reason")
	shows(t, "terminate", r.post(id+"/terminate", map[string]any{"reason": "It loops."}, r.account), map[string]any{"details status": "terminated", "details termination_reason": "It loops.", "details available_actions terminate": false})
	shows(t, "start a terminated one", r.post(id+"/start", nil, r.deployment), map[string]any{"details status": "terminated"})
	shows(t, "finish a terminated one", r.post(id+"/finish", nil, r.deployment), map[string]any{"details status": "terminated"})
	r.Recorded(audit.AgentInstanceTerminated, 1)

	for name, body := range map[string]map[string]any{"status": {"status": "active"}, "timestamp": {"timestamp": "yesterday"}} {
		refused(t, name, r.post(id+"/finish", body, r.deployment), http.StatusUnprocessableEntity, "validation_errors", name)
	}
	refused(t, "an unknown instance", r.post(r.agent+"/start", nil, r.deployment), http.StatusNotFound, "not_found", "")
	counted := r.Call(http.MethodGet, "/api/v1/agent/"+r.agent+"?include_counts=true", nil, r.account)
	shows(t, "counts", counted, map[string]any{"details instance_counts total": 3.0, "details instance_counts failed": 1.0, "details instance_counts terminated": 1.0, "details instance_counts complete": 1.0})
	day := r.Call(http.MethodGet, "/api/v1/agent/"+r.agent+"/activity", nil, r.account)
	if hours := day.Get(t, "details", "hours").([]any); len(hours) != 24 || hours[23].(map[string]any)["terminated"] != 1.0 {
		t.Errorf("activity: %s", day.Body)
	}
	described := r.Call(http.MethodGet, "/api/v1/agent_instance/"+id+"/agent_context", nil, r.deployment)
	if text := described.Text(t, "agent_context", "body"); !strings.Contains(text, "Agent: bot\n") || !strings.Contains(text, "Span types: agent\n") || !strings.Contains(text, "It loops.") {
		t.Errorf("context: %q", text)
	}
}

func TestATokenSeesTheInstancesOfItsScopeOnly(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	own := r.register(nil, r.deployment)
	other := r.Register(r.actor, agent.Order{Name: "other"})
	beside := r.register(map[string]any{"agent_id": other.ID.String()}, r.environment)
	environments := r.Call(http.MethodGet, "/api/v1/environment", nil, r.account)
	elsewhere := ""
	for _, e := range environments.Get(t, "summaries").([]any) {
		if id := e.(map[string]any)["id"].(string); id != r.deployed.EnvironmentID.String() {
			elsewhere = r.register(map[string]any{"agent_id": r.agent, "environment_id": id}, r.account)
		}
	}
	for name, one := range map[string]struct {
		who  backendtest.Header
		sees []string
	}{"account": {r.account, []string{own, beside, elsewhere}}, "environment": {r.environment, []string{own, beside}}, "deployment": {r.deployment, []string{own}}} {
		list := r.Call(http.MethodGet, "/api/v1/agent_instance", nil, one.who)
		if n := list.Get(t, "pagination", "item_count"); n != float64(len(one.sees)) {
			t.Errorf("%s: %v instances are listed", name, n)
		}
		for _, id := range []string{own, beside, elsewhere} {
			isSeen := strings.Contains(strings.Join(one.sees, " "), id)
			for _, path := range []string{"", "/agent_context"} {
				if a := r.Call(http.MethodGet, "/api/v1/agent_instance/"+id+path, nil, one.who); (a.Status == http.StatusOK) != isSeen || !isSeen && a.Status != http.StatusNotFound {
					t.Errorf("%s: get %s: %d", name, path, a.Status)
				}
			}
			for _, action := range []string{"start", "record_quality", "finish", "terminate"} {
				if a := r.post(id+"/"+action, map[string]any{"name": "q", "reason": "r"}, one.who); !isSeen && a.Status != http.StatusNotFound || isSeen && a.Status == http.StatusNotFound {
					t.Errorf("%s: %s: %d %s", name, action, a.Status, a.Body)
				}
			}
		}
	}
	for _, call := range []string{"GET ", "GET /" + own, "GET /" + own + "/agent_context", "POST /register", "POST /" + own + "/start", "POST /" + r.agent + "/finish", "POST /x/terminate", "POST /x/record_quality"} {
		method, path, _ := strings.Cut(call, " ")
		refused(t, call+" without a token", r.Call(method, "/api/v1/agent_instance"+path, nil), http.StatusUnauthorized, "not_authenticated", "")
		refused(t, call+" with a bad token", r.Call(method, "/api/v1/agent_instance"+path, nil, backendtest.Bearer("nonsense")), http.StatusUnauthorized, "bad_authtoken", "")
	}
}

// TestAChosenIDAddsNothingToTheHistoryOfAToken covers an instance that has the id of a token: its own account's, or another's.
func TestAChosenIDAddsNothingToTheHistoryOfAToken(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	rival := r.Rival()
	_, secret := r.Issue(rival, token.Order{Scope: token.ScopeAccount})
	theirs := backendtest.Bearer(secret)
	r.Register(rival, agent.Order{Name: "spy"})
	events := "/api/v1/api_token/" + r.deployed.ID.String() + "/events"
	before := r.Call(http.MethodGet, events, nil, r.account)
	for _, who := range []backendtest.Header{theirs, r.deployment} {
		more := map[string]any{"id": r.deployed.ID.String()}
		if who == theirs {
			more["agent_id"] = "spy"
		}
		id := r.register(more, who)
		shows(t, "terminate", r.post(id+"/terminate", map[string]any{"reason": "forged"}, who), map[string]any{"details status": "terminated"})
	}
	if after := r.Call(http.MethodGet, events, nil, r.account); after.Body != before.Body {
		t.Errorf("the history of the token is now %s", after.Body)
	}
}

func TestInstancesOfADeletedDeploymentAreGone(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	id := r.register(nil, r.deployment)
	if _, _, err := r.Agents.Delete(t.Context(), r.actor, r.deployed.AgentID, false); err != nil {
		t.Fatal(err)
	}
	refused(t, "get", r.Call(http.MethodGet, "/api/v1/agent_instance/"+id, nil, r.account), http.StatusNotFound, "not_found", "")
	if list := r.Call(http.MethodGet, "/api/v1/agent_instance", nil, r.account); list.Get(t, "pagination", "item_count") != 0.0 {
		t.Errorf("listed: %s", list.Body)
	}
}

func TestATokenShowsTheLastInstanceThatItRegistered(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	last := func(what string, want any) {
		t.Helper()
		for _, path := range []string{"/api/v1/api_token?include=use&search=" + r.deployed.ID.String(), "/api/v1/api_token/" + r.deployed.ID.String() + "?include=use"} {
			a := r.Call(http.MethodGet, path, nil, r.account)
			var token any = a.Get(t, "details")
			if list, ok := a.Get(t, "summaries").([]any); ok {
				token = list[0]
			}
			got := token.(map[string]any)["use"].(map[string]any)["last_instance"]
			if instance, ok := got.(map[string]any); ok {
				if got = instance["id"]; instance["agent_id"] != r.agent || instance["agent_name"] == "" || instance["inserted_at"] == nil {
					t.Errorf("%s: %v", what, instance)
				}
			}
			if got != want {
				t.Errorf("%s: %s has the instance %v, want %v", what, path, got, want)
			}
		}
	}
	last("a new token", nil)
	first := r.register(nil, r.deployment)
	r.register(map[string]any{"agent_id": r.agent}, r.account) // another token
	last("after a run", first)
	shows(t, "its instance", r.Call(http.MethodGet, "/api/v1/agent_instance/"+first, nil, r.account), map[string]any{"details api_token_hint": r.deployed.Hint, "details api_token_name": nil})
	second := r.register(nil, r.deployment)
	last("after another run", second)
	wantStatus(t, "deleting the agent", r.Call(http.MethodDelete, "/api/v1/agent/"+r.agent, nil, r.account), http.StatusOK)
	last("after its agent is gone", nil)
}

// Clients read the payloads as objects, so none may stay behind as null.
func TestANullQualityPayloadRemovesTheOneOfItsName(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	id := r.register(nil, r.deployment)
	for _, sent := range []struct{ name, payload, want string }{
		{"p", `{"n":1}`, `map[p:map[n:1]]`}, {"q", `{"n":2}`, `map[p:map[n:1] q:map[n:2]]`}, {"p", `null`, `map[q:map[n:2]]`},
		{"none", `null`, `map[q:map[n:2]]`}, {"q", `null`, `<nil>`}, {"q", `null`, `<nil>`},
	} {
		a := r.post(id+"/record_quality", map[string]any{"name": sent.name, "payload": json.RawMessage(sent.payload)}, r.deployment)
		shows(t, sent.name+" "+sent.payload, a, map[string]any{"details quality_payloads": sent.want})
		shows(t, "afterwards", r.Call(http.MethodGet, "/api/v1/agent_instance/"+id, nil, r.deployment), map[string]any{"details quality_payloads": sent.want})
	}
}

func TestARepeatedQualityPayloadDoesNotUndoANewerOne(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	path := "/api/v1/agent_instance/" + r.Call(http.MethodPost, "/api/v1/agent_instance/register", registration(nil), r.deployment).Text(t, "details", "id")
	record := func(key any, v int) backendtest.Answer {
		return r.Call(http.MethodPost, path+"/record_quality", map[string]any{"idempotency_key": key, "name": "score", "payload": map[string]any{"v": v}}, r.deployment)
	}
	for _, sent := range []struct{ key, v, want int }{{1, 1, 1}, {2, 2, 2}, {1, 1, 2}, {3, 3, 3}, {2, 2, 3}} {
		a := record(fmt.Sprint("key-", sent.key), sent.v)
		if got := a.Get(t, "details", "quality_payloads", "score", "v"); a.Status != http.StatusOK || fmt.Sprint(got) != fmt.Sprint(sent.want) {
			t.Errorf("%v: %d %s", sent, a.Status, a.Body)
		}
	}
	if a := record("key-2", 4); a.Status != http.StatusConflict || a.Text(t, "code") != "idempotency_key_already_used" {
		t.Errorf("another payload with a used key: %d %s", a.Status, a.Body)
	}
	for v := range 2 { // without a key, each counts
		if a := record(nil, v); fmt.Sprint(a.Get(t, "details", "quality_payloads", "score", "v")) != fmt.Sprint(v) {
			t.Errorf("without a key: %d %s", a.Status, a.Body)
		}
	}
}

func TestAnIdempotencyKeyIsReadWhereverItIsAndCountsInCharacters(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	body := fmt.Sprintf(`{"idempotency_key":null,"details":{"agent_instance_id":%q,"schema_name":"s","status":"active","idempotency_key":%q}}`, r.instance, strings.Repeat("é", 64))
	first, second := r.ok(r.post("/agent_spans", body)), r.ok(r.post("/agent_spans", body))
	if first.Text(t, "details", "id") != second.Text(t, "details", "id") {
		t.Errorf("two spans: %s and %s", first.Body, second.Body)
	}
}

func TestRepeatedChangesOfAnInstanceAreAnsweredWithItsPresentState(t *testing.T) {
	t.Parallel()
	r := newRuns(t)
	path := "/api/v1/agent_instance/" + r.Call(http.MethodPost, "/api/v1/agent_instance/register", registration(nil), r.deployment).Text(t, "details", "id")
	keyed := map[string]any{"idempotency_key": "key", "name": "score"}
	for _, change := range []string{"/start", "/record_quality"} {
		shows(t, change, r.Call(http.MethodPost, path+change, keyed, r.deployment), map[string]any{"details status": "active"})
	}
	shows(t, "terminate", r.Call(http.MethodPost, path+"/terminate", map[string]any{"reason": "stop"}, r.account), nil)
	for _, change := range []string{"/start", "/record_quality", "/finish"} {
		shows(t, "then "+change, r.Call(http.MethodPost, path+change, keyed, r.deployment), map[string]any{"details status": "terminated"})
		wantStatus(t, change+" with a key of 65 characters", r.Call(http.MethodPost, path+change, map[string]any{"idempotency_key": strings.Repeat("x", 65), "name": "score"}, r.deployment), http.StatusUnprocessableEntity)
	}
}
