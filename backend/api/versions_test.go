package api_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
)

func TestVersionsAreAddedAndListed(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, _ := p.Deployed()
	call := callerFor(p, actor)
	other := call(http.MethodPost, "/agent", map[string]any{"name": "other"}).Text(t, "details", "id")
	schema := func(agent any) string {
		return call(http.MethodPost, "/agent_schema_version", map[string]any{"agent_id": agent, "external_identifier": "s"}).Text(t, "details", "id")
	}
	own, foreign := schema(made.AgentID), schema(other)
	ownID, err := pfid.New(p.Clock.Now(), actor.AccountID.Partition(), strings.NewReader("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	first := call(http.MethodPost, "/agent_version", map[string]any{"agent_id": made.AgentID, "external_identifier": " 1.0 ", "nonsense": 1})
	holds(t, "first", first, map[string]any{
		"type": "agent_version", "account_id": actor.AccountID, "agent_id": made.AgentID, "external_identifier": "1.0", "external_identifier_repeats": 0,
		"agent_schema_version_id": nil, "name": nil, "description": nil, "current_agent_deployment_refs": []any{}, "runtime_environment": nil,
	})
	second := call(http.MethodPost, "/agent_version", map[string]any{
		"agent_id": made.AgentID, "external_identifier": "1.0", "id": ownID, "name": "One", "description": "the first", "agent_schema_version_id": own,
	})
	holds(t, "second", second, map[string]any{"id": ownID, "external_identifier_repeats": 1, "name": "One", "description": "the first", "agent_schema_version_id": own})
	if read := call(http.MethodGet, "/agent_version/"+ownID.String(), nil); read.Body != second.Body {
		t.Errorf("answered\n%s\nbut is\n%s", second.Body, read.Body)
	}
	call(http.MethodPut, "/agent_deployment/"+made.AgentDeploymentID.String(), map[string]any{"current_version_id": ownID})
	refs := []any{made.AgentDeploymentID.String()}
	holds(t, "deployed", call(http.MethodGet, "/agent_version/"+ownID.String(), nil), map[string]any{"current_agent_deployment_refs": refs})
	holds(t, "its schema", call(http.MethodGet, "/agent_schema_version/"+own, nil), map[string]any{"current_agent_deployment_refs": refs})
	listed := func(path string) (ids []string) {
		t.Helper()
		items, isList := call(http.MethodGet, path, nil).Get(t, "summaries").([]any)
		if !isList {
			t.Errorf("%s: no list", path)
		}
		for _, item := range items {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		return ids
	}
	if ids := listed("/agent_version?sorting=-id&agent_id=" + made.AgentID.String()); len(ids) != 2 {
		t.Errorf("%v", ids)
	}
	if ids := listed("/agent_version?agent_id=" + other); len(ids) != 0 {
		t.Errorf("%v", ids)
	}
	for what, c := range map[string]struct {
		fields map[string]any
		field  string
	}{
		"no agent":               {map[string]any{"external_identifier": "1"}, "agent_id"},
		"an empty agent":         {map[string]any{"agent_id": "", "external_identifier": "1"}, "agent_id"},
		"an agent that is no id": {map[string]any{"agent_id": "x", "external_identifier": "1"}, "agent_id"},
		"no such agent":          {map[string]any{"agent_id": missing, "external_identifier": "1"}, "agent_id"},
		"no identifier":          {map[string]any{"agent_id": made.AgentID}, "external_identifier"},
		"an empty identifier":    {map[string]any{"agent_id": made.AgentID, "external_identifier": " "}, "external_identifier"},
		"an identifier too long": {map[string]any{"agent_id": made.AgentID, "external_identifier": strings.Repeat("x", 256)}, "external_identifier"},
		"an id that is taken":    {map[string]any{"agent_id": made.AgentID, "external_identifier": "1", "id": ownID}, "id"},
		"an id of no partition":  {map[string]any{"agent_id": made.AgentID, "external_identifier": "1", "id": missing}, "id"},
		"another's schema":       {map[string]any{"agent_id": made.AgentID, "external_identifier": "1", "agent_schema_version_id": foreign}, "agent_schema_version_id"},
		"a name too long":        {map[string]any{"agent_id": made.AgentID, "external_identifier": "1", "name": strings.Repeat("x", 101)}, "name"},
	} {
		refused(t, what, call(http.MethodPost, "/agent_version", c.fields), http.StatusUnprocessableEntity, "validation_errors", c.field)
		if c.field == "agent_id" || c.field == "external_identifier" {
			refused(t, what, call(http.MethodPost, "/agent_schema_version", c.fields), http.StatusUnprocessableEntity, "validation_errors", c.field)
		}
	}
	for _, kind := range []string{"/agent_version", "/agent_schema_version"} {
		refused(t, "no agent", call(http.MethodGet, kind, nil), http.StatusUnprocessableEntity, "validation_errors", "agent_id")
		refused(t, "an empty agent", call(http.MethodGet, kind+"?agent_id=", nil), http.StatusUnprocessableEntity, "validation_errors", "agent_id")
		refused(t, "no such agent", call(http.MethodGet, kind+"?agent_id="+missing, nil), http.StatusNotFound, "not_found", "")
		refused(t, "nowhere", call(http.MethodGet, kind+"/"+missing, nil), http.StatusNotFound, "not_found", "")
		refused(t, "an unknown order", call(http.MethodGet, kind+"?sorting=schemas&agent_id="+made.AgentID.String(), nil), http.StatusUnprocessableEntity, "validation_errors", "sorting")
	}
	p.Recorded(audit.AgentVersionCreated, 2)
	p.Recorded(audit.SchemaVersionCreated, 2)
}

func TestSchemasComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, _ := p.Deployed()
	call := callerFor(p, actor)
	spans := map[string]any{"agent": map[string]any{"type": "object", "properties": map[string]any{"n": map[string]any{"maximum": 1e3}}}}
	types := []any{map[string]any{"name": "b:llm", "params_schema": map[string]any{}, "title": "<é&>"}, map[string]any{"name": "a"}}
	flat := call(http.MethodPost, "/agent_schema_version", map[string]any{
		"agent_id": made.AgentID, "external_identifier": "s", "span_schemas": spans, "span_result_schemas": map[string]any{"agent": map[string]any{}},
	})
	holds(t, "by name", flat, map[string]any{
		"type": "agent_schema_version", "agent_id": made.AgentID, "external_identifier_repeats": 0, "span_type_schemas": nil,
		"span_schemas": spans, "span_result_schemas": map[string]any{"agent": map[string]any{}}, "current_agent_deployment_refs": []any{},
	})
	typed := call(http.MethodPost, "/agent_schema_version", map[string]any{"agent_id": made.AgentID, "external_identifier": "s", "span_type_schemas": types, "span_schemas": nil})
	holds(t, "by type", typed, map[string]any{"external_identifier_repeats": 1, "span_schemas": nil, "span_result_schemas": nil, "span_type_schemas": types})
	quality := []any{map[string]any{"name": "tone", "schema": map[string]any{"type": "object"}, "data_risk": 9007199254740993.0}}
	whole := call(http.MethodPost, "/agent_schema_version", map[string]any{
		"agent_id": made.AgentID, "external_identifier": "s", "quality_schemas": quality, "later_schemas": map[string]any{"<é&>": []any{nil, true}},
		"inserted_at": "never", "idempotency_key": "schemas-1",
	})
	holds(t, "a kind that is not known", whole, map[string]any{
		"quality_schemas": quality, "later_schemas": map[string]any{"<é&>": []any{nil, true}}, "inserted_at": whole.Text(t, "details", "inserted_at"), "span_schemas": nil,
	})
	if whole.Text(t, "details", "inserted_at") == "never" || whole.Get(t, "details", "idempotency_key") != nil {
		t.Errorf("%s", whole.Body)
	}
	for _, a := range []backendtest.Answer{flat, typed, whole} {
		if read := call(http.MethodGet, "/agent_schema_version/"+a.Text(t, "details", "id"), nil); read.Body != a.Body {
			t.Errorf("answered\n%s\nbut is\n%s", a.Body, read.Body)
		}
	}
	again := call(http.MethodPost, "/agent_schema_version", map[string]any{
		"agent_id": made.AgentID, "external_identifier": "s", "quality_schemas": quality, "later_schemas": map[string]any{"<é&>": []any{nil, true}},
		"inserted_at": "never", "idempotency_key": "schemas-1",
	})
	if again.Header.Get("Idempotent-Replayed") != "true" || !reflect.DeepEqual(again.JSON(t), whole.JSON(t)) {
		t.Errorf("answered\n%s\nand then\n%s", whole.Body, again.Body)
	}
	list := call(http.MethodGet, "/agent_schema_version?sorting=inserted_at&agent_id="+made.AgentID.String(), nil)
	if items, _ := list.Get(t, "summaries").([]any); len(items) != 3 || !slices.ContainsFunc(items, func(item any) bool { return reflect.DeepEqual(item, whole.Get(t, "details")) }) {
		t.Errorf("%s", list.Body)
	}
	for field, value := range map[string]any{"span_schemas": []any{}, "span_type_schemas": map[string]any{}, "span_result_schemas": "x", "quality_schemas": "x"} {
		fields := map[string]any{"agent_id": made.AgentID, "external_identifier": "s", field: value}
		refused(t, field, call(http.MethodPost, "/agent_schema_version", fields), http.StatusUnprocessableEntity, "validation_errors", field)
	}
}
