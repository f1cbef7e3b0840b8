package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
)

// bulkItem is one item, with its members as they were sent.
type bulkItem map[string]json.RawMessage

// bulkRequest is the request that an item describes.
type bulkRequest struct {
	key          string // set for an item with a _type
	method, path string
	body         []byte
	members      bulkItem        // of the body; nil if they were not taken apart
	details      bulkItem        // of the body's details; nil likewise
	refused      json.RawMessage // response to an item with an unknown path or type; nil for others
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
	method, path := item.text(wrong, at, "method"), item.text(wrong, at, "path")
	request := bulkRequest{method: strings.ToUpper(method)}
	if wrong[at+".method"] == nil && !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, request.method) {
		wrong.Add(at+".method", "must be GET, POST, PUT or DELETE")
	}
	if request.method != http.MethodGet { // in the body it counts
		refuseKey(wrong, at+".idempotency_key", item)
	}
	path = "/" + strings.TrimPrefix(strings.TrimPrefix(path, "/"), "api/v1/")
	place, _, _ := strings.Cut(path, "?")
	if match := bulkPath.FindStringSubmatch(place); match == nil || !isBulkResource(match[1]) {
		request.refused = notServedItem(request.method + " " + shownPath(place))
	}
	if strings.ContainsFunc(path, isNoTarget) {
		wrong.Add(at+".path", "must not hold a # or control characters")
	}
	request.path = "/api/v1" + path
	switch body := item["body"]; {
	case isObject(body):
		request.body = body
	case len(body) > 0 && string(body) != "null":
		wrong.Add(at+".body", "must be an object")
	}
	return request
}

// isNoTarget reports whether no request target may hold a character (RFC 9112, section 3.2).
func isNoTarget(r rune) bool { return r < ' ' || r == 0x7f || r == '#' }

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
	kind := item.text(wrong, at, "_type")
	resource, action, _ := strings.Cut(kind, "/")
	path, known := bulkResources[resource]
	request := bulkRequest{key: item.text(wrong, at, "idempotency_key")}
	if wrong[at+".idempotency_key"] == nil && (len(request.key) < minBulkKey || len(request.key) > maxBulkKey) {
		wrong.Add(at+".idempotency_key", "must have from %d to %d characters", minBulkKey, maxBulkKey)
	}
	if !known || action == "" {
		request.refused = notServedItem("the type " + shownType(kind))
		return request
	}
	request.path = "/api/v1/" + path
	fields := maps.Clone(item)
	delete(fields, "_type")
	delete(fields, "idempotency_key")
	id := fields.takeID(wrong, at, path)
	if id == "" && wrong[at+".id"] == nil && !slices.Contains([]string{"list", "create", "generate", "register", "create_test_spans"}, action) && kind != "agents/show" {
		wrong.Add(at+".id", "is required")
	}
	switch action {
	case "list":
		request.method = http.MethodGet
		request.path += fields.query()
	case "show":
		request.method = http.MethodGet
		if id == "" && path == "agent" {
			request.path += "/show" + fields.query()
			break
		}
		request.path += "/" + url.PathEscape(id) + fields.query()
	case "create":
		request.method = http.MethodPost
		if id != "" {
			fields["id"] = encoded(id)
		}
		request.body = request.keyed(request.wrapped(fields))
	case "update":
		request.method = http.MethodPut
		request.path += "/" + url.PathEscape(id)
		request.body = request.keyed(request.wrapped(fields))
	case "delete":
		request.method = http.MethodDelete
		request.path += "/" + url.PathEscape(id) + fields.query()
		request.body = request.keyed(bulkItem{})
	case "generate", "register", "create_test_spans":
		request.method = http.MethodPost
		request.path += "/" + action
		if id != "" {
			fields["id"] = encoded(id)
		}
		request.body = request.keyed(fields)
	default: // an action on one item, such as suspend or retire
		request.method = http.MethodPost
		request.path += "/" + url.PathEscape(id) + "/" + url.PathEscape(action)
		if path != "agent_instance" && path != "agent_spans" { // whose actions have their fields at the top
			fields = request.wrapped(fields)
		}
		request.body = request.keyed(fields)
	}
	return request
}

// text returns a text member, empty if it is missing or null. It adds an error to wrong if the member is no text.
func (b bulkItem) text(wrong fault.Fields, at, name string) (text string) {
	if value := b[name]; len(value) > 0 {
		var ok bool
		if text, ok = textOf(value); !ok {
			wrong.Add(at+"."+name, "must be a text")
		}
	}
	return text
}

// takeID removes the item's id and returns it. The field is id or the resource's own, such as agent_id.
func (b bulkItem) takeID(wrong fault.Fields, at, path string) (id string) {
	for _, name := range []string{"id", strings.TrimSuffix(path, "s") + "_id"} {
		if value := b[name]; id == "" && len(value) > 0 && string(value) != "null" {
			id = b.text(wrong, at, name)
			delete(b, name)
		}
	}
	return id
}

// wrapped puts flat fields into details, as single requests have them.
func (r *bulkRequest) wrapped(fields bulkItem) bulkItem {
	if isObject(fields["details"]) {
		return fields
	}
	r.details = fields
	return bulkItem{"details": fields.object()}
}

// sent returns the body, taken apart.
func (r *bulkRequest) sent() *sentBody {
	if r.members == nil || r.details == nil && r.members["details"] != nil {
		return takenApart(r.body)
	}
	return &sentBody{text: r.body, top: r.members, details: r.details}
}

func isObject(value json.RawMessage) bool { return len(value) > 0 && value[0] == '{' }

// object returns the members as they were sent, in the order of their names.
func (b bulkItem) object() []byte {
	size := 2
	for name, value := range b {
		size += len(name) + len(value) + 8
	}
	text := append(make([]byte, 0, size), '{')
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(append(text, encoded(name)...), ':'), b[name]...)
	}
	return append(text, '}')
}

// keyed adds the item's key, so that a repeated bulk request repeats its first responses. It hashes keys longer than
// the limit of single requests.
func (r *bulkRequest) keyed(body bulkItem) []byte {
	key := r.key
	if len(key) > idempotency.MaxKey {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	body["idempotency_key"] = encoded(key)
	r.members = body
	return body.object()
}

// encoded returns JSON of a value that always has one.
func encoded(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return text
}

func (b bulkItem) query() string {
	query := url.Values{}
	for name, value := range b {
		if isObject(value) { // pagination: {offset: 0}
			for key, v := range members(value) {
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
	if text, ok := textOf(value); ok && value[0] == '"' {
		return text
	}
	return string(value)
}
