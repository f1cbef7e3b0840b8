package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
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
		p.Call(http.MethodGet, path, nil).Want(t, path, http.StatusNotFound)
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

func TestThePageIsServedByTheThreeRulesOfCaching(t *testing.T) {
	p := backendtest.Start(t, backendtest.WithUI(fstest.MapFS{
		"index.html":            {Data: []byte("<!doctype html><title>page</title>")},
		"assets/app-1a2b.js":    {Data: []byte("plain")},
		"assets/app-1a2b.js.br": {Data: []byte("brotli")},
		"assets/app-1a2b.js.gz": {Data: []byte("gzip")},
		"favicon.svg":           {Data: []byte("<svg/>")},
		"routes.txt":            {Data: []byte("/\n/account/api-tokens\n/account/api-tokens/connect\n/agents/:id/deployments\n")},
	}))
	get := func(path, encodings string) backendtest.Answer {
		return p.Call(http.MethodGet, path, nil, backendtest.Header{Name: "Accept-Encoding", Value: encodings})
	}
	for _, path := range []string{"/", "/index.html", "/account/api-tokens", "/account/api-tokens/connect", "/agents/x/deployments"} {
		a := get(path, "identity")
		if a.Status != http.StatusOK || !strings.Contains(a.Body, "page") || a.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v %s", path, a.Status, a.Header, a.Body)
		}
		if csp := a.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	for encodings, want := range map[string]string{"br, gzip": "brotli", "gzip": "gzip", "identity": "plain", "br;q=0, gzip": "gzip"} {
		if a := get("/assets/app-1a2b.js", encodings); a.Body != want || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s %v", encodings, a.Body, a.Header)
		}
	}
	for _, path := range []string{"/assets/gone.js", "/assets/gone", "/robots.txt", "/assets/app-1a2b.js.br"} {
		if a := get(path, "identity"); a.Status != http.StatusNotFound || strings.Contains(a.Body, "page") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, path := range []string{"/", "/api/v1/ping", "/api/v1/validate", "/api/v1/agent", "/api/v1/nothing", "/healthz", "/assets/gone.js", "/.well-known/jwks.json"} {
		for _, headers := range [][]backendtest.Header{nil, {backendtest.Bearer(secret)}} {
			a := p.Call(http.MethodGet, path, nil, headers...)
			if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") == "" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s: %d %v", path, a.Status, a.Header)
			}
			if id := a.Header.Get("X-Request-Id"); (id == "") != (path == "/api/v1/ping" || path == "/api/v1/validate") {
				t.Errorf("%s has the id %q", path, id)
			}
			if strings.HasPrefix(path, "/api") && a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s may be stored: %v", path, a.Header)
			}
		}
	}
}
