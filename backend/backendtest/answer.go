package backendtest

import (
	"encoding/json"
	"net/http"
	"testing"
)

// Answer is a response of the program.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// JSON decodes the body into plain maps and slices.
func (a Answer) JSON(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatalf("the answer is no JSON object: %v\n%s", err, a.Body)
	}
	return v
}

// Get follows keys into the decoded body, such as "details", "status".
func (a Answer) Get(t testing.TB, keys ...string) any {
	t.Helper()
	var v any = a.JSON(t)
	for _, key := range keys {
		object, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("no key %s in %v of %s", key, v, a.Body)
		}
		v = object[key]
	}
	return v
}

// Text is like Get, for a string.
func (a Answer) Text(t testing.TB, keys ...string) string {
	t.Helper()
	text, _ := a.Get(t, keys...).(string)
	return text
}
