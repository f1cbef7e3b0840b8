package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/valyala/fasthttp"

	"tokentab/backend/fault"
	"tokentab/backend/text"
)

// refuseUnknown refuses unknown query parameters and body members as far as the contract allows: ignoring
// "with_decendants" would leave tokens active.
//
// - A known parameter may be given once, unless it is a list: Huma reads the first value.
//
// - Changes accept known parameters only. Official clients send them no query.
//
// - Lists ignore unknown parameters, unless they look like a misspelt filter.
//
// - Optional bodies accept known members only, and so do details that are closed. Other bodies may hold unknown ones, since
// official clients send fields that this program does not have, unless they look like a misspelt field or ask for a dry run.
// For tokens and people, part of a name is enough: one with "role":"read" must not get the role manage by default.
// Those of agents at work may hold any: a refusal would end their reports.
func (s *Service) refuseUnknown(ctx huma.Context, next func(huma.Context)) {
	request := &humafiber.Unwrap(ctx).Context().Request
	wrong := fault.Fields{}
	checkQuery(wrong, ctx.Operation(), request.URI().QueryArgs())
	err := error(nil)
	if isUnsafe(ctx.Method()) {
		who, _ := ctx.Context().Value(callerKey{}).(*caller)
		err = s.checkMembers(wrong, ctx.Operation(), who.sent())
	}
	if err == nil {
		err = wrong.Err()
	}
	if err != nil {
		s.answerHuma(ctx, err)
		return
	}
	next(ctx)
}

// acceptsUnknown marks operations that accept unknown members.
const acceptsUnknown = "accepts unknown members"

// mostUnknown is how many unknown names are compared with the known ones, so that a request costs no more than its bytes.
const mostUnknown = 100

// longestShown is how many bytes of an unknown name a response repeats.
const longestShown = 100

func shownName(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), longestShown)], "")
}

func checkQuery(wrong fault.Fields, operation *huma.Operation, query *fasthttp.Args) {
	if query.Len() == 0 {
		return
	}
	known := []string{"account_id"} // every route checks each, see ownsWhatItNames
	repeatable := map[string]bool{"account_id": true}
	isList := false
	for _, p := range operation.Parameters {
		if p.In != "query" {
			continue
		}
		known = append(known, p.Name)
		repeatable[p.Name] = repeatable[p.Name] || p.Schema.Type == huma.TypeArray
		isList = isList || p.Name == "pagination[offset]" || p.Name == "search"
		if p.Schema.Type == huma.TypeBoolean && query.Has(p.Name) && len(query.Peek(p.Name)) == 0 {
			wrong.Add(p.Name, "must be true or false")
		}
	}
	seen, unknown := map[string]bool{}, 0
	for name, value := range query.All() {
		key := string(name)
		if key == "" && len(value) == 0 {
			continue
		}
		if unknown == mostUnknown {
			wrong.Add("query", "has too many parameters that this route does not have")
			return
		}
		meant, isKnown := nearest(key, known, isList)
		if !isKnown {
			unknown++
		}
		switch {
		case isKnown && seen[key] && !repeatable[key]:
			wrong[key] = []string{"must be given once"}
		case isKnown:
			seen[key] = true
		case isUnsafe(operation.Method) || isList && meant != "":
			wrong.Add(shownName(key), "is not a parameter of this route%s", suggestion(meant))
		}
	}
}

// checkMembers checks the members of a body. It returns fault.BadRequest if the route has no body and this one is no
// JSON object.
func (s *Service) checkMembers(wrong fault.Fields, operation *huma.Operation, body *sentBody) error {
	described := operation.RequestBody
	if body.isEmpty || operation.Metadata[acceptsUnknown] != nil && body.err == nil {
		return nil
	}
	if body.err != nil {
		if described == nil {
			return fault.New(fault.BadRequest, "The body is not the expected JSON.")
		}
		return nil // Huma reports it
	}
	top := s.properties(described)
	inside := s.propertiesOf(top["details"])
	everywhere := []string{"account_id", "idempotency_key"} // all routes accept these
	parts := strings.HasPrefix(operation.Path, "/api_token") || strings.HasPrefix(operation.Path, "/admin_user")
	strict := described == nil || !described.Required || s.isClosed(top["details"])
	place := func(name string) string {
		switch {
		case inside[name] != nil:
			return "details"
		case isQueryParameter(operation, name):
			return "the query"
		}
		return ""
	}
	checkNames(wrong, body.top, append(names(top), append(everywhere, "details")...), parts, strict, place)
	if described == nil && body.detailsErr != nil {
		wrong.Add("details", "must be an object")
	}
	if body.details != nil {
		checkNames(wrong, body.details, append(names(inside), everywhere...), parts, strict, place)
	}
	return nil
}

// checkNames adds an error for each misplaced or unknown name. place returns where else the route accepts a name, or
// empty.
func checkNames(wrong fault.Fields, sent map[string]json.RawMessage, known []string, parts, strict bool, place func(string) string) {
	unknown := 0
	for name := range sent {
		if unknown == mostUnknown {
			wrong.Add("body", "has too many fields that this request does not have")
			return
		}
		meant, isKnown := nearest(name, known, parts)
		if !isKnown {
			unknown++
		}
		switch {
		case isKnown:
		case place(name) != "":
			wrong.Add(name, "must be in %s", place(name))
		case strict || meant != "" || asksForDryRun(name):
			wrong.Add(shownName(name), "is not a field of this request%s", suggestion(meant))
		}
	}
}

// asksForDryRun reports whether a member asks that nothing be changed, also if misspelt. A route without dry runs must not
// ignore it.
func asksForDryRun(name string) bool {
	meant, isKnown := nearest(name, []string{"dry_run"}, false)
	return isKnown || meant != ""
}

func isQueryParameter(operation *huma.Operation, name string) bool {
	return slices.ContainsFunc(operation.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
}

func names(properties map[string]*huma.Schema) (all []string) {
	for name := range properties {
		all = append(all, name)
	}
	return all
}

// properties returns the members that a body may have, or nil.
func (s *Service) properties(described *huma.RequestBody) map[string]*huma.Schema {
	if described == nil || described.Content["application/json"] == nil {
		return nil
	}
	return s.propertiesOf(described.Content["application/json"].Schema)
}

func (s *Service) propertiesOf(schema *huma.Schema) map[string]*huma.Schema {
	if schema = s.resolved(schema); schema == nil {
		return nil
	}
	return schema.Properties
}

// isClosed reports whether an object may have only the members of its schema.
func (s *Service) isClosed(schema *huma.Schema) bool {
	schema = s.resolved(schema)
	return schema != nil && schema.AdditionalProperties == false
}

func (s *Service) resolved(schema *huma.Schema) *huma.Schema {
	if schema != nil && schema.Ref != "" {
		return s.huma.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

func suggestion(meant string) string {
	if meant == "" {
		return ""
	}
	return "; did you mean " + meant + "?"
}

// shortestNear is the shortest name, in letters, that can count as misspelt.
const shortestNear = 4

// nearest returns the known name that a name misspells, or empty, and whether it is that very name. Case and separators
// don't count; one letter may differ, or two in names of seven letters or more. With parts, one name may also contain
// the other.
func nearest(name string, known []string, parts bool) (meant string, isKnown bool) {
	if slices.Contains(known, name) {
		return name, true
	}
	sent := lettersOf(name)
	for _, k := range known {
		letters := lettersOf(k)
		if string(sent) == string(letters) || len(letters) >= shortestNear && text.IsNear(sent, string(letters)) ||
			parts && min(len(sent), len(letters)) >= shortestNear && (bytes.Contains(letters, sent) || bytes.Contains(sent, letters)) {
			meant = k
		}
	}
	return meant, false
}

func lettersOf(name string) []byte {
	letters := make([]byte, 0, min(len(name), longestShown))
	for i := 0; i < len(name) && len(letters) < longestShown; i++ {
		if c := name[i] | 0x20; 'a' <= c && c <= 'z' {
			letters = append(letters, c)
		}
	}
	return letters
}
