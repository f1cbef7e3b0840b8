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

	request string // such as GET /api/v1/ping
}

// Want fails the test if the status is another one. what says which request it was.
func (a Answer) Want(t testing.TB, what string, status int) {
	t.Helper()
	if a.Status != status {
		t.Errorf("%s: %d, want %d: %s", what, a.Status, status, a.Body)
	}
}

// Must ends the test if the status is another one.
func (a Answer) Must(t testing.TB, status int) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: %d, want %d: %s", a.request, a.Status, status, a.Body)
	}
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
