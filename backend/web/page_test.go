package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"tokentab/backend/backendtest"
)

func TestOnlyListedPathsArePages(t *testing.T) {
	p := backendtest.Start(t, backendtest.WithUI(fstest.MapFS{
		"index.html":    {Data: []byte("the page")},
		"routes.txt":    {Data: []byte("/\n/agents\n/agents/:id/versions\n/a.b\n")},
		"routes.txt.br": {Data: []byte("brotli")},
	}))
	for path, want := range map[string]int{
		"/": http.StatusOK, "/agents": http.StatusOK, "/agents/pfid-1_A/versions": http.StatusOK, "/agents/?page=2": http.StatusOK,
		"/agents/x": http.StatusNotFound, "/agents/x/y": http.StatusNotFound, "/agents/x/y/versions": http.StatusNotFound,
		"/agents//versions": http.StatusNotFound, "/agents/%2e%2e/versions": http.StatusNotFound, "/agents/:id/versions": http.StatusNotFound,
		"/Agents": http.StatusNotFound, "/agents\\": http.StatusNotFound, "/aXb": http.StatusNotFound, "/nothing": http.StatusNotFound,
	} {
		a := p.Call(http.MethodGet, path, nil, backendtest.Header{Name: "Accept", Value: "text/html"})
		if a.Status != want || a.Body != "the page" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	for _, path := range []string{"/routes.txt", "/routes.txt.br"} {
		if a := p.Call(http.MethodGet, path, nil); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

func TestAProgramWithoutThePageSaysHowToGetIt(t *testing.T) {
	for name, p := range map[string]*backendtest.Program{
		"no folder": backendtest.Start(t), "an empty folder": backendtest.Start(t, backendtest.WithUI(fstest.MapFS{})),
	} {
		for _, path := range []string{"/", "/sign-in", "/sign-in/", "//"} {
			a := p.Call(http.MethodGet, path, nil, backendtest.Header{Name: "Accept", Value: "text/html"})
			if a.Status != http.StatusNotFound || !strings.Contains(a.Body, "make build") {
				t.Errorf("%s: %s: %d %s", name, path, a.Status, a.Body)
			}
		}
	}
}
