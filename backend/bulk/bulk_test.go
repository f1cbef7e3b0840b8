package bulk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"tokentab/backend/bulk"
)

// FuzzBulkItem guarantees that an item becomes a request for one of the resources that bulk requests serve, whatever its
// path, type and ids hold, and never one for a session, setup, the changes or another bulk request.
func FuzzBulkItem(f *testing.F) {
	for _, item := range []string{
		`{"method":"GET","path":"/agent?name=a"}`, `{"method":"POST","path":"api/v1/agent/../session","body":{}}`, `{"method":"put","path":"//agent/x#y"}`,
		`{"method":"GET","path":"/agent?x#y"}`, "{\"method\":\"GET\",\"path\":\"/agent?\\u007f\"}", `{"method":"GET","path":"/agent?\n"}`,
		`{"method":"GET","path":"/ping/../bulk?a=/agent"}`, `{"_type":"agents/list","idempotency_key":"12345678","pagination":{"offset":0}}`,
		`{"_type":"agents/show","idempotency_key":"12345678","agent_id":"../session"}`, `{"_type":"api_tokens/../revoke","idempotency_key":"12345678","id":"x"}`,
		`{"_type":"api_tokens/revoke","idempotency_key":"12345678","id":"../session/x"}`, `{"_type":"agents/retire","idempotency_key":"12345678","id":"a#b"}`,
		`{"method":"POST","path":"api/v1/account/a/webhook/replace_secret"}`, `{"method":"POST","path":"/session"}`, `{"method":"POST","path":"setup?a"}`,
		`{"_type":"agent_spans/create","idempotency_key":"12345678","details":{"payload":{"n":1e400}}}`, `{"_type":"accounts/delete","idempotency_key":"12345678","id":"a/b?c#d"}`,
	} {
		f.Add([]byte(item))
	}
	resources := []string{
		"account", "environment", "agent", "agent_deployment", "agent_version", "agent_schema_version", "admin_user", "admin_user_invite", "agent_instance",
		"agent_spans", "api_token", "pfid", "ping",
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		requests, err := bulk.Read(map[string]json.RawMessage{"items": fmt.Appendf(nil, "[%s]", bytes.TrimSpace(text))})
		if err != nil || requests[0].NotServed {
			return
		}
		method, path, body := requests[0].Method, requests[0].Path, requests[0].Body
		if !slices.Contains([]string{"GET", "POST", "PUT", "DELETE"}, method) {
			t.Errorf("%s becomes a request with the method %q", text, method)
		}
		if body != nil && (body[0] != '{' || !json.Valid(body)) {
			t.Errorf("%s becomes a request with the body %q", text, body)
		}
		var c fasthttp.RequestCtx
		c.Request.SetRequestURI(path)
		segments := strings.Split(string(c.URI().PathOriginal()), "/") // which the router reads
		if len(segments) < 4 || segments[0] != "" || segments[1] != "api" || segments[2] != "v1" || !slices.Contains(resources, segments[3]) {
			t.Errorf("%s becomes a request for %q", text, path)
		}
		if len(c.URI().Hash()) > 0 {
			t.Errorf("%s becomes a request with a fragment, %q", text, path)
		}
	})
}
