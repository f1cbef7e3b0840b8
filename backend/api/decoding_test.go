package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

// schema is the part of a schema in the document that bodies are made of.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       any                `json:"type"` // a text or a list
	Format     string             `json:"format"`
	Enum       []any              `json:"enum"`
	Minimum    float64            `json:"minimum"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
}

// takes reports whether a schema takes values of a type of JSON; all do without a type.
func (s *schema) takes(kind string) bool {
	list, isList := s.Type.([]any)
	return s.Type == nil || s.Type == kind || isList && slices.Contains(list, any(kind)) || kind == "integer" && s.takes("number")
}

// document is the description of the API.
type document struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]struct{ Schema *schema }
		}
	}
	Components struct{ Schemas map[string]*schema }
}

func (d *document) resolved(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// sample returns a value that a schema takes, with its required members only.
func (d *document) sample(s *schema) any {
	s = d.resolved(s)
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.takes("object"):
		members := map[string]any{}
		for _, name := range s.Required {
			members[name] = d.sample(s.Properties[name])
		}
		return members
	case s.takes("array"):
		return []any{d.sample(s.Items)}
	case s.takes("integer"):
		return s.Minimum
	case s.takes("boolean"):
		return false
	case s.Format == "date-time":
		return "2026-04-01T00:00:00Z"
	}
	return "sample"
}

// each calls try for each member in a schema, however deep, with a body that has a value there.
func (d *document) each(s *schema, wrap func(json.RawMessage) json.RawMessage, try func(name string, of *schema, body func(json.RawMessage) string)) {
	s = d.resolved(s)
	for name, member := range s.Properties {
		member = d.resolved(member)
		with := func(value json.RawMessage) json.RawMessage {
			members, _ := d.sample(s).(map[string]any)
			members = maps.Clone(members)
			members[name] = value
			text, _ := json.Marshal(members)
			return wrap(text)
		}
		try(name, member, func(value json.RawMessage) string { return string(with(value)) })
		if member.takes("object") && member.Type != nil {
			d.each(member, with, try)
		}
		if of := d.resolved(member.Items); of != nil && len(of.Properties) > 0 {
			d.each(of, func(value json.RawMessage) json.RawMessage {
				return with(slices.Concat([]byte("["), value, []byte("]")))
			}, try)
		}
	}
}

// foreignWords are those of libraries.
var foreignWords = regexp.MustCompile(`(?i)json|unmarshal|\bGo\b|strconv|pars(e|ing)|invalid|int64|float|struct|string|boolean|array|expected|schema to|syntax`)

func TestAValueOfAnotherTypeIsRefusedByTheNameOfItsFieldInPlainWords(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	var all document
	if err := json.Unmarshal([]byte(p.Call(http.MethodGet, "/api/v1/openapi.json", nil).Body), &all); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for path, operations := range all.Paths {
		for method, operation := range operations {
			content, has := operation.RequestBody.Content["application/json"]
			if !has {
				continue
			}
			url := "/api/v1" + strings.ReplaceAll(path, "{id}", "x")
			all.each(content.Schema, func(body json.RawMessage) json.RawMessage { return body }, func(name string, of *schema, body func(json.RawMessage) string) {
				for value, kind := range map[string]string{
					"null": "null", "true": "boolean", `"x"`: "string", "{}": "object", "[]": "array",
					"1.5": "number", "1e0": "exponent", "1.0": "exponent", "1e400": "number", "-1e400": "number", "99999999999999999999": "number",
				} {
					a := p.Call(strings.ToUpper(method), url, body(json.RawMessage(value)), browser...)
					at := fmt.Sprintf("%s %s, %s: %s", method, path, name, value)
					tried++
					if a.Status >= http.StatusInternalServerError {
						t.Errorf("%s: %d %s", at, a.Status, a.Body)
						continue
					}
					named := false
					if errors, _ := a.JSON(t)["errors"].(map[string]any); a.Status == http.StatusUnprocessableEntity {
						for field, words := range errors {
							last := field[strings.LastIndexAny(field, ".")+1:]
							named = named || last == name || strings.HasPrefix(last, name+"[")
							if text := fmt.Sprint(words); foreignWords.MatchString(text) {
								t.Errorf("%s: %s", at, text)
							}
						}
					} else if message, _ := a.JSON(t)["message"].(string); foreignWords.MatchString(message) {
						t.Errorf("%s: %d %s", at, a.Status, message)
					}
					fits := of.takes(kind) || kind == "exponent" && of.takes("number") || kind == "null" || of.Type == nil
					if !fits && !named {
						t.Errorf("%s: %d %s", at, a.Status, a.Body)
					}
				}
			})
		}
	}
	if tried < 500 {
		t.Errorf("%d bodies were tried", tried)
	}
}

// A second value that fits the schema must not hide a first one beyond its limits: 3,000,000 ids took 400 MB.
func TestAFieldOfTheInputIsGivenOnce(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	id := strings.Repeat("0", 32)
	for _, c := range []struct{ path, body, field string }{
		{"/pfid/generate", `{"count":2000,"count":null}`, "count"},
		{"/agent_spans/create_test_spans", `{"agent_instance_id":"` + id + `","count":101,"count":null}`, "count"},
		{"/agent_spans/create_test_spans", `{"agent_instance_id":"` + id + `","count":1,"COUNT":101}`, "count"},
		{"/agent_spans/create_test_spans", `{"agent_instance_id":"` + id + `","count":1,"c\u006funt":2}`, "count"},
		{"/agent", `{"details":{"name":"One","description":"x"},"details":{"name":"Two"}}`, "details"},
		{"/agent", ` {"details":{"name":"One","name":"Two"}}`, "name"},
		{"/api_token", `{"details":{"token_scope":"account","expires_in":60,"expires_in":null}}`, "expires_in"},
		{"/api_token/bulk", `{"details":{"action":"suspend","dry_run":true,"filter":{"search":"x"},"filter":{}}}`, "filter"},
		{"/api_token/bulk", `{"details":{"action":"suspend","dry_run":true,"filter":{"search":"x","search":null}}}`, "filter.search"},
		{"/agent_instance/register", `{"agent_id":"` + id + `","agent_version":{"external_identifier":"1","name":"a","name":"b"}}`, "agent_version.name"},
	} {
		refused(t, c.path+" "+c.body, p.Call(http.MethodPost, "/api/v1"+c.path, c.body, browser...), http.StatusUnprocessableEntity, "validation_errors", c.field)
	}
}

func TestAMemberOfABulkItemThatIsNoTextIsNamed(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	for _, value := range []string{"7", "1e1", "true", "{}", "[]"} {
		for field, item := range map[string]string{
			"items[1].method":          `{"method":%s,"path":"/agent"}`,
			"items[1].path":            `{"method":"GET","path":%s}`,
			"items[1]._type":           `{"_type":%s,"idempotency_key":"12345678"}`,
			"items[1].idempotency_key": `{"_type":"agents/list","idempotency_key":%s}`,
			"items[1].id":              `{"_type":"agents/show","idempotency_key":"12345678","id":%s}`,
			"items[1].agent_id":        `{"_type":"agents/show","idempotency_key":"12345678","agent_id":%s}`,
		} {
			a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[{"method":"GET","path":"/agent"},`+fmt.Sprintf(item, value)+`]}`, browser...)
			if words, _ := a.JSON(t)["errors"].(map[string]any); a.Status != http.StatusUnprocessableEntity || len(words) != 1 || fmt.Sprint(words[field]) != "[must be text]" {
				t.Errorf("%s: %s is answered %d %s", field, value, a.Status, a.Body)
			}
		}
	}
}
