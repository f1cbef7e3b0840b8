package api_test

import (
	"flag"
	"os"
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
