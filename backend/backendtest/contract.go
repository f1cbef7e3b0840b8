package backendtest

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract checks every response that tests see against the program's OpenAPI document.
type contract struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	paths    map[string]any
	compiled map[string]*jsonschema.Schema
}

const documentName = "openapi.json"

// shared is the contract of all programs of a test process, because their documents don't differ. Writing one takes a fifth
// of a start.
var shared struct {
	sync.Mutex
	contract *contract
}

// contractOf returns the contract of a program, which can write its document.
func contractOf(write func() ([]byte, error)) (*contract, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.contract == nil {
		document, err := write()
		if err != nil {
			return nil, err
		}
		if shared.contract, err = newContract(document); err != nil {
			return nil, err
		}
	}
	return shared.contract, nil
}

func newContract(document []byte) (*contract, error) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	paths, _ := parsed.(map[string]any)["paths"].(map[string]any)
	c := &contract{compiler: jsonschema.NewCompiler(), paths: paths, compiled: map[string]*jsonschema.Schema{}}
	return c, c.compiler.AddResource(documentName, parsed)
}

// check returns how a response differs from the document's schema for its route and status. It returns nil for URLs
// outside the document, and for failures that can meet any request before its route is known.
func (c *contract) check(method, address string, a Answer) error {
	place, _, _ := strings.Cut(address, "?")
	place, isAPI := strings.CutPrefix(place, "/api/v1")
	if !isAPI || strings.HasPrefix(place, "/validate") || a.Status == 431 || a.Status == 413 {
		return nil
	}
	if a.Status == http.StatusNotModified || a.Header.Get("Content-Encoding") != "" { // only sent on request
		return nil
	}
	path, operation := c.find(strings.ToLower(method), place)
	if operation == nil {
		return nil
	}
	responses, _ := operation["responses"].(map[string]any)
	of := fmt.Sprint(a.Status)
	if responses[of] == nil && a.Status >= http.StatusBadRequest {
		of = "default"
	}
	response, _ := responses[of].(map[string]any)
	if response == nil {
		return fmt.Errorf("the document does not say that it may answer %d: %s", a.Status, a.Body)
	}
	content, _ := response["content"].(map[string]any)
	media := slices.Collect(maps.Keys(content))
	if len(media) != 1 || !strings.HasPrefix(media[0], "application/json") {
		return nil
	}
	schema, err := c.schema("paths", path, strings.ToLower(method), "responses", of, "content", media[0], "schema")
	if err != nil {
		return err
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(a.Body))
	if err != nil {
		return err
	}
	return schema.Validate(body)
}

// find returns the operation whose path matches the place. A parameter matches any segment, but an exact path takes
// precedence.
func (c *contract) find(method, place string) (string, map[string]any) {
	item, exact := c.paths[place].(map[string]any)
	if exact {
		operation, _ := item[method].(map[string]any)
		return place, operation
	}
	segments := strings.Split(place, "/")
	for path, item := range c.paths {
		operation, _ := item.(map[string]any)[method].(map[string]any)
		if operation != nil && matches(strings.Split(path, "/"), segments) {
			return path, operation
		}
	}
	return "", nil
}

func matches(pattern, segments []string) bool {
	if len(pattern) != len(segments) {
		return false
	}
	for i := range pattern {
		if pattern[i] != segments[i] && !strings.HasPrefix(pattern[i], "{") {
			return false
		}
	}
	return true
}

// schema returns the schema at a place in the document (RFC 6901).
func (c *contract) schema(place ...string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pointer := documentName + "#"
	for _, key := range place {
		pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	if known := c.compiled[pointer]; known != nil {
		return known, nil
	}
	schema, err := c.compiler.Compile(pointer)
	if err == nil {
		c.compiled[pointer] = schema
	}
	return schema, err
}
