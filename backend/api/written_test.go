package api_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/api"
)

// TestResponsesThatWriteTheirOwnJSONWriteWhatOthersDo includes each field: one that is only added to the type is missed here.
func TestResponsesThatWriteTheirOwnJSONWriteWhatOthersDo(t *testing.T) {
	odd := "<a> & \"b\" \\ ü \u2028 \x7f\t𝒳"
	at := time.Date(2027, 1, 31, 12, 0, 0, 5e6, time.UTC)
	var span api.AgentSpan
	span.Type, span.ID, span.AccountID, span.AgentID, span.AgentInstanceID, span.ParentSpanID, span.SchemaName, span.Status = "agent_span", "1", "2", "3", "4", &odd, odd, "active"
	span.Payload.RawMessage, span.ResultPayload.RawMessage = json.RawMessage(`{"b":"<&>","a":[1,2.50,1e400]}`), json.RawMessage(`{}`)
	span.SensitiveEncoding, span.SchemaTitle, span.Summary = json.RawMessage(`["\u2028"]`), &odd, &odd
	span.StartedAt, span.FinishedAt, span.InsertedAt, span.UpdatedAt = api.OptionalTimestamp(at), api.OptionalTimestamp(at.Add(1)), api.Timestamp(at.Add(time.Hour)), api.Timestamp(at.Local())
	for _, response := range []interface{ AppendJSON(text []byte) []byte }{
		api.SpanAnswer{}, api.SpanAnswer{Status: "success", Details: span}, api.SpanAnswer{Details: span, Control: &api.SpanControl{Terminate: true, Reason: odd}},
		api.BulkAnswer{Outputs: map[string]json.RawMessage{}, Details: api.BulkItems{Items: []api.BulkItem{}}},
		api.BulkAnswer{
			Status: "success", Outputs: map[string]json.RawMessage{"b": json.RawMessage(`{}`), odd: json.RawMessage(`{"a":"<"}`), "a": nil},
			Details: api.BulkItems{Items: []api.BulkItem{{Status: 200, Body: json.RawMessage(`{"a":[]}`)}, {Status: 404}}},
		},
	} {
		var want bytes.Buffer
		if err := huma.DefaultJSONFormat.Marshal(&want, response); err != nil {
			t.Fatal(err)
		}
		if got := string(response.AppendJSON(nil)) + "\n"; got != want.String() {
			t.Errorf("%T is\n%s\ninstead of\n%s", response, got, want.String())
		}
	}
}
