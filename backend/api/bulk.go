package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
)

// bulkRoute is the path of bulk requests.
const bulkRoute = "/bulk"

// Limits of a bulk request. The schema limits it to 100 items.
const (
	minBulkKey    = 8
	maxBulkKey    = 128
	maxBulkAnswer = 2 << 20 // bytes of all responses together
)

// bulkItem is one item, with its numbers as they were sent.
type bulkItem map[string]any

// UnmarshalJSON implements json.Unmarshaler.
func (b *bulkItem) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	item := map[string]any{}
	err := decoder.Decode(&item)
	*b = item
	return err
}

// Schema implements huma.SchemaProvider.
func (bulkItem) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// bulkInput accepts both kinds of items that clients send: {_type, idempotency_key, …} and {method, path, body}.
type bulkInput struct {
	Body struct {
		_     struct{}   `additionalProperties:"true"`
		Items []bulkItem `json:"items" nullable:"false" minItems:"1" maxItems:"100" doc:"Items of the form {_type, idempotency_key, …fields}, with a type such as agents/list, or {method, path, body}"`
	}
}

// BulkAnswer holds the responses of the items up to and including the first that failed.
type BulkAnswer struct {
	Status  string                     `json:"status" enum:"success"`
	Outputs map[string]json.RawMessage `json:"outputs" doc:"By idempotency key, for items with a _type"`
	Details BulkItems                  `json:"details"`
}

// BulkItems holds the responses of items with a method and path, in order.
type BulkItems struct {
	Items []BulkItem `json:"items" nullable:"false"`
}

// BulkItem is the response to one item.
type BulkItem struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// bulkRequest is the request that an item describes.
type bulkRequest struct {
	key          string // set for an item with a _type
	method, path string
	body         []byte
	refused      json.RawMessage // response to an item with an unknown path or type; nil for others
}

func (s *Service) bulk(_ context.Context, who *caller, in *bulkInput) (*whole[BulkAnswer], error) {
	requests := make([]bulkRequest, len(in.Body.Items))
	wrong := fault.Fields{}
	keys := map[string]bool{}
	for i, item := range in.Body.Items {
		requests[i] = readBulkItem(wrong, fmt.Sprintf("items[%d]", i), item)
		if key := requests[i].key; key != "" && keys[key] {
			wrong.Add(fmt.Sprintf("items[%d].idempotency_key", i), "is used by an earlier item")
		} else {
			keys[key] = true
		}
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	out := &whole[BulkAnswer]{Body: BulkAnswer{Status: "success", Outputs: map[string]json.RawMessage{}, Details: BulkItems{Items: []BulkItem{}}}}
	size := 0
	for _, request := range requests {
		status, response := http.StatusNotFound, request.refused
		if response == nil {
			status, response = s.dispatch(who, request)
		}
		size += len(response)
		switch {
		case size > maxBulkAnswer:
			status, response = http.StatusBadRequest, tooMuch
		case who.reserve(size) != nil:
			status, response = http.StatusServiceUnavailable, noRoom
		}
		if request.key != "" {
			out.Body.Outputs[request.key] = response
		} else {
			out.Body.Details.Items = append(out.Body.Details.Items, BulkItem{Status: status, Body: response})
		}
		if status >= http.StatusBadRequest {
			break
		}
	}
	return out, nil
}

// tooMuch replaces a response that would make the bulk response too large. If the item was a change, the change was
// made.
var tooMuch = json.RawMessage(`{"status":"error","code":"bad_request","message":"The responses of this bulk request exceed 2 MiB. Send fewer items."}`)

// noRoom is the same for a response for which the server has no room.
var noRoom = encoded(map[string]any{"status": "error", "code": "unexpected", "message": tooManyAnswers.Message})

// notServedItem returns the response to an item with an unknown path or type, or one that bulk requests exclude.
func notServedItem(what string) json.RawMessage {
	failure := answer.Failures[fault.NotImplemented]
	return encoded(map[string]any{"status": "error", "code": failure.Code, "message": "This server does not serve " + what + " in a bulk request. /docs lists what it serves."})
}

// dispatch runs one item as its own request with the caller's credential, so the item passes the same checks as any
// request.
func (s *Service) dispatch(who *caller, item bulkRequest) (status int, answer json.RawMessage) {
	outer := who.request.Context()
	var c fasthttp.RequestCtx
	c.Init2(outer.Conn(), nil, false)
	outer.Request.Header.CopyTo(&c.Request.Header)
	c.Request.Header.Del(fiber.HeaderAcceptEncoding) // the bulk response is encoded as a whole
	c.Request.Header.Del(fiber.HeaderIfNoneMatch)
	c.Request.Header.SetMethod(item.method)
	c.Request.SetRequestURI(item.path)
	c.Request.SetBody(item.body)
	s.Serve(&c)
	body := bytes.TrimSpace(c.Response.Body())
	if !json.Valid(body) {
		body = []byte("null")
	}
	return c.Response.StatusCode(), bytes.Clone(body)
}

// bulkResources maps the resources that items may use to their paths. Sessions, setup and bulk itself are excluded.
var bulkResources = map[string]string{
	"accounts": "account", "environments": "environment", "agents": "agent", "agent_deployments": "agent_deployment",
	"agent_versions": "agent_version", "agent_schema_versions": "agent_schema_version", "admin_users": "admin_user",
	"admin_user_invites": "admin_user_invite", "agent_instances": "agent_instance", "agent_spans": "agent_spans", "api_tokens": "api_token", "pfids": "pfid", "pings": "ping",
}

// bulkPath matches the path of an item: plain segments, the first of which is the resource.
var bulkPath = regexp.MustCompile(`^/([a-z_]+)(?:/[a-z0-9_]+)*$`)

func readBulkItem(wrong fault.Fields, at string, item bulkItem) bulkRequest {
	if _, typed := item["_type"]; typed {
		return readTypedItem(wrong, at, item)
	}
	method, _ := item["method"].(string)
	path, _ := item["path"].(string)
	request := bulkRequest{method: strings.ToUpper(method)}
	if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, request.method) {
		wrong.Add(at+".method", "must be GET, POST, PUT or DELETE")
	}
	path = "/" + strings.TrimPrefix(strings.TrimPrefix(path, "/"), "api/v1/")
	place, _, _ := strings.Cut(path, "?")
	if match := bulkPath.FindStringSubmatch(place); match == nil || !isBulkResource(match[1]) {
		request.refused = notServedItem(request.method + " " + shownPath(place))
	}
	request.path = "/api/v1" + path
	if body, ok := item["body"].(map[string]any); ok {
		request.body = encoded(body)
	} else if item["body"] != nil {
		wrong.Add(at+".body", "must be an object")
	}
	return request
}

func isBulkResource(path string) bool {
	for _, known := range bulkResources {
		if path == known {
			return true
		}
	}
	return false
}

// readTypedItem reads an item such as {"_type":"agents/show","idempotency_key":"…","agent_id":"…"}.
func readTypedItem(wrong fault.Fields, at string, item bulkItem) bulkRequest {
	kind, _ := item["_type"].(string)
	resource, action, _ := strings.Cut(kind, "/")
	path, known := bulkResources[resource]
	request := bulkRequest{}
	request.key, _ = item["idempotency_key"].(string)
	if len(request.key) < minBulkKey || len(request.key) > maxBulkKey {
		wrong.Add(at+".idempotency_key", "must have from %d to %d characters", minBulkKey, maxBulkKey)
	}
	if !known || action == "" {
		request.refused = notServedItem("the type " + shownType(kind))
		return request
	}
	request.path = "/api/v1/" + path
	fields := map[string]any{}
	for name, value := range item {
		if name != "_type" && name != "idempotency_key" {
			fields[name] = value
		}
	}
	id := takeID(fields, path)
	if id == "" && !slices.Contains([]string{"list", "create", "generate", "register", "create_test_spans"}, action) && kind != "agents/show" {
		wrong.Add(at+".id", "is required")
	}
	switch action {
	case "list":
		request.method = http.MethodGet
		request.path += queryOf(fields)
	case "show":
		request.method = http.MethodGet
		if id == "" && path == "agent" {
			request.path += "/show" + queryOf(fields)
			break
		}
		request.path += "/" + url.PathEscape(id) + queryOf(fields)
	case "create":
		request.method = http.MethodPost
		if id != "" {
			fields["id"] = id
		}
		request.body = request.keyed(wrapped(fields))
	case "update":
		request.method = http.MethodPut
		request.path += "/" + url.PathEscape(id)
		request.body = request.keyed(wrapped(fields))
	case "delete":
		request.method = http.MethodDelete
		request.path += "/" + url.PathEscape(id) + queryOf(fields)
		request.body = request.keyed(map[string]any{})
	case "generate", "register", "create_test_spans":
		request.method = http.MethodPost
		request.path += "/" + action
		if id != "" {
			fields["id"] = id
		}
		request.body = request.keyed(fields)
	default: // an action on one item, such as suspend or retire
		request.method = http.MethodPost
		request.path += "/" + url.PathEscape(id) + "/" + url.PathEscape(action)
		if path != "agent_instance" && path != "agent_spans" { // whose actions have their fields at the top
			fields = wrapped(fields)
		}
		request.body = request.keyed(fields)
	}
	return request
}

// takeID removes the item's id from its fields and returns it. The field is id or the resource's own, such as agent_id.
func takeID(fields map[string]any, path string) string {
	for _, name := range []string{"id", strings.TrimSuffix(path, "s") + "_id"} {
		if id, ok := fields[name].(string); ok {
			delete(fields, name)
			return id
		}
	}
	return ""
}

// wrapped puts flat fields into details, as single requests have them.
func wrapped(fields map[string]any) map[string]any {
	if _, is := fields["details"].(map[string]any); is {
		return fields
	}
	return map[string]any{"details": fields}
}

// keyed adds the item's key, so that a repeated bulk request repeats its first responses. It hashes keys longer than
// the limit of single requests.
func (r bulkRequest) keyed(body map[string]any) []byte {
	key := r.key
	if len(key) > idempotency.MaxKey {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	body["idempotency_key"] = key
	return encoded(body)
}

func encoded(body map[string]any) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		return nil // a decoded JSON value always encodes
	}
	return b
}

func queryOf(fields map[string]any) string {
	query := url.Values{}
	for name, value := range fields {
		if value == nil {
			continue
		}
		if nested, ok := value.(map[string]any); ok { // pagination: {offset: 0}
			for key, v := range nested {
				query.Set(name+"["+key+"]", fmt.Sprint(v))
			}
			continue
		}
		query.Set(name, fmt.Sprint(value))
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}
