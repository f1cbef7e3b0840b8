// Package bulk reads bulk requests: it turns each item into the request that it describes.
package bulk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
	"tokentab/backend/rawjson"
)

// Request is the request that an item describes.
type Request struct {
	Key          string // set for an item with a _type
	Method, Path string
	Body         []byte
	Members      map[string]json.RawMessage // of the body; nil if they were not taken apart
	Details      map[string]json.RawMessage // of the body's details; nil likewise
	NotServed    bool                       // for an unknown path or, without a Method, an unknown type
	Type         string
}

// Limits of the items of a request, and of their keys.
const (
	MostItems = 100 // also in the schema
	minKey    = 8
	maxKey    = 128
)

// Read reads the items of a bulk request from the top of its body.
func Read(top map[string]json.RawMessage) ([]Request, error) {
	var items []json.RawMessage
	sent := top["items"]
	if len(sent) > 0 && sent[0] == '[' {
		items = rawjson.Elements(sent, MostItems+1)
	}
	switch { // in the words of routes whose body Huma checks
	case len(sent) == 0:
		return nil, fault.Field("items", "is required")
	case sent[0] != '[':
		return nil, fault.Field("items", "must be a list")
	case len(items) == 0:
		return nil, fault.Field("items", "must not be empty")
	case len(items) > MostItems:
		return nil, fault.Field("items", "must have at most %d items", MostItems)
	}
	requests := make([]Request, len(items))
	wrong, keys := fault.Fields{}, map[string]bool{}
	refuseKey(wrong, "idempotency_key", top)
	for i, sent := range items {
		at := fmt.Sprintf("items[%d]", i)
		if !rawjson.IsObject(sent) {
			wrong.Add(at, "must be an object")
			continue
		}
		requests[i] = readItem(wrong, at, rawjson.Members(sent))
		if key := requests[i].Key; key != "" && keys[key] {
			wrong.Add(at+".idempotency_key", "is used by an earlier item")
		} else {
			keys[key] = true
		}
	}
	return requests, wrong.Err()
}

// item is one item, with its members as they were sent.
type item map[string]json.RawMessage

// resources maps the resources that items may use to their paths. Sessions, setup and bulk itself are excluded.
var resources = map[string]string{
	"accounts": "account", "environments": "environment", "agents": "agent", "agent_deployments": "agent_deployment",
	"agent_versions": "agent_version", "agent_schema_versions": "agent_schema_version", "admin_users": "admin_user",
	"admin_user_invites": "admin_user_invite", "agent_instances": "agent_instance", "agent_spans": "agent_spans", "api_tokens": "api_token", "pfids": "pfid", "pings": "ping",
}

// plainPath matches the path of an item: plain segments, the first of which is the resource.
var plainPath = regexp.MustCompile(`^/([a-z_]+)(?:/[a-z0-9_]+)*$`)

func readItem(wrong fault.Fields, at string, sent item) Request {
	if _, typed := sent["_type"]; typed {
		return readTypedItem(wrong, at, sent)
	}
	method, path := sent.text(wrong, at, "method"), sent.text(wrong, at, "path")
	request := Request{Method: strings.ToUpper(method)}
	if wrong[at+".method"] == nil && !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, request.Method) {
		wrong.Add(at+".method", "must be GET, POST, PUT or DELETE")
	}
	if request.Method != http.MethodGet { // in the body it counts
		refuseKey(wrong, at+".idempotency_key", sent)
	}
	path = "/" + strings.TrimPrefix(strings.TrimPrefix(path, "/"), "api/v1/")
	place, _, _ := strings.Cut(path, "?")
	if match := plainPath.FindStringSubmatch(place); match == nil || !isResource(match[1]) {
		request.NotServed = true
	}
	if strings.ContainsFunc(path, isNoTarget) {
		wrong.Add(at+".path", "must not contain a # or control characters")
	}
	request.Path = "/api/v1" + path
	switch body := sent["body"]; {
	case rawjson.IsObject(body):
		request.Body = body
	case len(body) > 0 && string(body) != "null":
		wrong.Add(at+".body", "must be an object")
	}
	return request
}

// refuseKey adds an error at a place to wrong if the members have an idempotency key.
func refuseKey(wrong fault.Fields, at string, members map[string]json.RawMessage) {
	if key := members["idempotency_key"]; key != nil && string(key) != "null" {
		wrong.Add(at, idempotency.NoEffect)
	}
}

// isNoTarget reports whether no request target may hold a character (RFC 9112, section 3.2).
func isNoTarget(r rune) bool { return r < ' ' || r == 0x7f || r == '#' }

func isResource(path string) bool {
	for _, known := range resources {
		if path == known {
			return true
		}
	}
	return false
}

// readTypedItem reads an item such as {"_type":"agents/show","idempotency_key":"…","agent_id":"…"}.
func readTypedItem(wrong fault.Fields, at string, sent item) Request {
	kind := sent.text(wrong, at, "_type")
	resource, action, _ := strings.Cut(kind, "/")
	path, known := resources[resource]
	request := Request{Key: sent.text(wrong, at, "idempotency_key"), Type: kind}
	if wrong[at+".idempotency_key"] == nil && (len(request.Key) < minKey || len(request.Key) > maxKey) {
		wrong.Add(at+".idempotency_key", "must have from %d to %d characters", minKey, maxKey)
	}
	if !known || action == "" {
		request.NotServed = true
		return request
	}
	request.Path = "/api/v1/" + path
	fields := maps.Clone(sent)
	delete(fields, "_type")
	delete(fields, "idempotency_key")
	id := fields.takeID(wrong, at, path)
	if id == "" && wrong[at+".id"] == nil && !slices.Contains([]string{"list", "create", "generate", "register", "create_test_spans"}, action) && kind != "agents/show" {
		wrong.Add(at+".id", "is required")
	}
	switch action {
	case "list":
		request.Method = http.MethodGet
		request.Path += fields.query()
	case "show":
		request.Method = http.MethodGet
		if id == "" && path == "agent" {
			request.Path += "/show" + fields.query()
			break
		}
		request.Path += "/" + url.PathEscape(id) + fields.query()
	case "create":
		request.Method = http.MethodPost
		if id != "" {
			fields["id"] = encoded(id)
		}
		request.Body = request.keyed(request.wrapped(fields))
	case "update":
		request.Method = http.MethodPut
		request.Path += "/" + url.PathEscape(id)
		request.Body = request.keyed(request.wrapped(fields))
	case "delete":
		request.Method = http.MethodDelete
		request.Path += "/" + url.PathEscape(id) + fields.query()
		request.Body = request.keyed(item{})
	case "generate", "register", "create_test_spans":
		request.Method = http.MethodPost
		request.Path += "/" + action
		fields = fields.flat()
		if id != "" {
			fields["id"] = encoded(id)
		}
		request.Body = request.keyed(fields)
	default: // an action on one item, such as suspend or retire
		request.Method = http.MethodPost
		request.Path += "/" + url.PathEscape(id) + "/" + url.PathEscape(action)
		if path == "agent_instance" || path == "agent_spans" { // whose actions have their fields at the top
			fields = fields.flat()
		} else {
			fields = request.wrapped(fields)
		}
		request.Body = request.keyed(fields)
	}
	return request
}

// text returns a text member, empty if it is missing or null. It adds an error to wrong if the member is no text.
func (i item) text(wrong fault.Fields, at, name string) (text string) {
	if value := i[name]; len(value) > 0 {
		var ok bool
		if text, ok = rawjson.Text(value); !ok {
			wrong.Add(at+"."+name, "must be text")
		}
	}
	return text
}

// takeID removes the item's id and returns it. The field is id or the resource's own, such as agent_id.
func (i item) takeID(wrong fault.Fields, at, path string) (id string) {
	for _, name := range []string{"id", strings.TrimSuffix(path, "s") + "_id"} {
		if value := i[name]; id == "" && len(value) > 0 && string(value) != "null" {
			id = i.text(wrong, at, name)
			delete(i, name)
		}
	}
	return id
}

// wrapped puts flat fields into details, as single requests have them.
func (r *Request) wrapped(fields item) item {
	if rawjson.IsObject(fields["details"]) {
		return fields
	}
	r.Details = fields
	return item{"details": fields.object()}
}

// flat returns the item with the fields of its details, which some clients send for every type.
func (i item) flat() item {
	if details := i["details"]; rawjson.IsObject(details) {
		maps.Copy(i, rawjson.Members(details))
		delete(i, "details")
	}
	return i
}

// object returns the members as they were sent, in the order of their names.
func (i item) object() []byte {
	size := 2
	for name, value := range i {
		size += len(name) + len(value) + 8
	}
	text := append(make([]byte, 0, size), '{')
	for _, name := range slices.Sorted(maps.Keys(i)) {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(append(text, encoded(name)...), ':'), i[name]...)
	}
	return append(text, '}')
}

// keyed adds the item's key, so that a repeated bulk request repeats its first responses. It hashes keys longer than
// the limit of single requests.
func (r *Request) keyed(body item) []byte {
	key := r.Key
	if len(key) > idempotency.MaxKey {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	body["idempotency_key"] = encoded(key)
	r.Members = body
	return body.object()
}

// encoded returns the JSON of a text.
func encoded(text string) json.RawMessage {
	value, _ := json.Marshal(text)
	return value
}

func (i item) query() string {
	query := url.Values{}
	for name, value := range i.flat() {
		if rawjson.IsObject(value) { // pagination: {offset: 0}
			for key, v := range rawjson.Members(value) {
				query.Set(name+"["+key+"]", shownValue(v))
			}
		} else if string(value) != "null" {
			query.Set(name, shownValue(value))
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// shownValue returns a text without its quotes, and other JSON as it was sent.
func shownValue(value json.RawMessage) string {
	if text, ok := rawjson.Text(value); ok && value[0] == '"' {
		return text
	}
	return string(value)
}
