package api_test

import (
	"flag"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

var update = flag.Bool("update", false, "write frontend/openapi.json anew")

// The frontend's types come from this file, so it must match the server's own document.
const openAPIFile = "../../frontend/openapi.json"

func TestTheFrontendsTypesComeFromTheServersOwnDocument(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	document, err := p.Web.API.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	document = append(document, '\n')
	if *update {
		if err := os.WriteFile(openAPIFile, document, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(openAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != string(document) {
		t.Error("frontend/openapi.json differs from the server: run go test ./backend/api -run Document -update")
	}
}

// The validation endpoints write their responses themselves, so nothing but this ties the document to them.
func TestTheDocumentDescribesTheResponsesOfTheValidationEndpoints(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, _, secret := p.Deployed()
	text, err := p.Web.API.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	document := backendtest.Answer{Body: string(text)}
	responses := func(path string) map[string]any {
		all, _ := document.Get(t, "paths", path, "get", "responses").(map[string]any)
		return all
	}
	schema := func(at any) map[string]any {
		of, _ := at.(map[string]any)
		if name, isRef := of["$ref"].(string); isRef {
			of, _ = document.Get(t, "components", "schemas", name[strings.LastIndex(name, "/")+1:]).(map[string]any)
		}
		return of
	}
	of := func(path, status, contentType string) map[string]any {
		response, _ := responses(path)[status].(map[string]any)
		content, _ := response["content"].(map[string]any)
		media, _ := content[contentType].(map[string]any)
		return schema(media["schema"])
	}
	names := func(object any) []string {
		fields, _ := object.(map[string]any)
		return slices.Sorted(maps.Keys(fields))
	}

	ping := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret))
	described, _ := of("/ping", "200", "application/json")["properties"].(map[string]any)
	if sent := names(ping.JSON(t)); !slices.Equal(names(described), sent) {
		t.Errorf("ping: described %v, sent %v", names(described), sent)
	}
	if fields, sent := names(schema(described["details"])["properties"]), names(ping.Get(t, "details")); !slices.Equal(fields, sent) {
		t.Errorf("details: described %v, sent %v", fields, sent)
	}
	for _, path := range []string{"/ping", "/validate"} {
		refused := p.Call(http.MethodGet, "/api/v1"+path, nil)
		if fields := names(of(path, "401", refused.Header.Get("Content-Type"))["properties"]); !slices.Contains(fields, "code") || !slices.Contains(fields, "message") {
			t.Errorf("%s: a refusal of the type %q is not described", path, refused.Header.Get("Content-Type"))
		}
	}
	accepted, _ := responses("/validate")["200"].(map[string]any)
	headers := names(accepted["headers"])
	validated := p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret))
	for _, name := range headers {
		if validated.Header.Values(name) == nil {
			t.Errorf("validate: no header %s", name)
		}
	}
	if len(headers) != 7 {
		t.Errorf("validate: described headers %v", headers)
	}
}
