package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestARequestTargetHasOneReading(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	const host = "Host: localhost\r\n"
	for _, c := range []struct{ line, host, want string }{
		{"GET %s HTTP/1.1", host, " 200 "},
		{"GET http://localhost%s HTTP/1.1", host, " 200 "},
		{"GET HTTP://LocalHost%s HTTP/1.1", host, " 200 "},
		{"GET https://localhost%s HTTP/1.1", host, " 200 "},
		{"GET %s HTTP/1.0", "", " 200 "},
		{"GET %s?x=:// HTTP/1.1", host, " 200 "},
		{"GET %s?x=//localhost/ HTTP/1.0", "", " 200 "},

		{"GET //localhost%s HTTP/1.1", host, " 404 "},
		{"GET /%s HTTP/1.1", host, " 404 "},
		{"GET ///localhost%s HTTP/1.1", host, " 404 "},
		{"GET //localhost%s?x=:// HTTP/1.1", host, " 400 "},
		{"GET //localhost%s?x=:// HTTP/1.1", "Host: evil.example\r\n", " 400 "},
		{"GET //localhost%s HTTP/1.0", "", " 400 "},
		{"GET ///localhost%s HTTP/1.0", "", " 400 "},
		{"GET ///localhost%s?x=:// HTTP/1.1", host, " 400 "},
		{"GET //localhost/..%s?x=:// HTTP/1.1", host, " 400 "},
		{"GET /\\localhost%s?x=:// HTTP/1.1", host, " 404 "},
		{"GET \\\\localhost%s?x=:// HTTP/1.1", host, " 400 "},
		{"GET /%%2flocalhost%s?x=:// HTTP/1.1", host, " 404 "},
		{"GET /\t/localhost%s?x=:// HTTP/1.1", host, " 400 "},
		{"GET \t//localhost%s HTTP/1.1", host, " 400 "},

		{"GET http://localhost%s HTTP/1.1", "Host: evil.example\r\n", " 400 "},
		{"GET http://evil.example%s HTTP/1.1", host, " 400 "},
		{"GET http://localhost:80%s HTTP/1.1", host, " 400 "},
		{"GET http://localhost:80%s HTTP/1.1", "Host: localhost:80\r\n", " 200 "},
		{"GET http://localhost%s HTTP/1.0", "", " 400 "},
		{"GET http://evil.example@localhost%s HTTP/1.1", host, " 400 "},
		{"GET http://localhost\\@evil.example%s HTTP/1.1", host, " 400 "},
		{"GET http://%s HTTP/1.1", host, " 400 "},
		{"GET http:%s HTTP/1.1", host, " 400 "},
		{"GET ://localhost%s HTTP/1.1", host, " 400 "},
		{"GET ws://localhost%s HTTP/1.1", host, " 400 "},
		{"GET file://localhost%s HTTP/1.1", host, " 400 "},
		{"GET localhost//localhost%s?x=:// HTTP/1.1", host, " 400 "},
		{"GET localhost%s HTTP/1.1", host, " 400 "},
		{"CONNECT localhost:80%s HTTP/1.1", host, " 400 "},
		{"CONNECT localhost:80 HTTP/1.1", host, " 400 "},
		{"CONNECT localhost//localhost%s HTTP/1.0", "", " 400 "},
		{"CONNECT http://localhost%s HTTP/1.0", "", " 400 "},
		{"GET * HTTP/1.1", host, " 400 "},
		{"OPTIONS * HTTP/1.1", host, " 404 "},
		{"OPTIONS *%s HTTP/1.1", host, " 400 "},

		{"GET %s#x HTTP/1.1", host, " 400 "},
		{"GET %s# HTTP/1.1", host, " 400 "},
		{"GET %s?x#?y HTTP/1.1", host, " 400 "},

		{"GET %s HTTP/1.1", "Host: evil.example@localhost\r\n", " 400 "},
		{"GET %s HTTP/1.1", "Host: @localhost\r\n", " 400 "},
		{"GET %s HTTP/1.1", "Host: local%68ost\r\n", " 400 "},
		{"GET %s HTTP/1.1", "Host: evil.example/@localhost\r\n", " 400 "},
		{"GET %s HTTP/1.1", "Host: localhost\r\nHost: evil.example\r\n", " 400 "},
		{"GET %s HTTP/1.1", "", " 400 "},
	} {
		for _, path := range []string{"/metrics", "/healthz", "/api/v1/validate", "/api/v1/ping", "/api/v1/session", "/api/v1/agent", "/status-lists"} {
			line := c.line
			if strings.Contains(line, "%") {
				line = fmt.Sprintf(line, path)
			}
			got := p.StatusLine(line + "\r\n" + c.host + "Authorization: Bearer " + secret + "\r\nAccept: application/json\r\n\r\n")
			want := c.want
			if path == "/metrics" && c.host == "" && want == " 200 " { // no name of this machine
				want = " 404 "
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s with %q: %s, want%s", line, c.host, got, want)
			}
		}
	}
}

func TestATargetDoesNotChooseTheHostOfAnOrigin(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	_, cookie := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	host := strings.TrimPrefix(p.URL, "http://")
	body := `{"details":{"name":"bot"}}`
	for _, target := range []string{"//evil.example/api/v1/agent?=://", "http://evil.example/api/v1/agent", "//evil.example/api/v1/agent"} {
		line := p.StatusLine(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://evil.example\r\nCookie: %s=%s\r\nContent-Length: %d\r\n\r\n%s", target, host, cookie.Name, cookie.Value, len(body), body))
		if strings.Contains(line, " 200 ") {
			t.Errorf("%s: %s", target, line)
		}
	}
	header := backendtest.Header{Name: "Cookie", Value: cookie.Name + "=" + cookie.Value}
	if a := p.Call(http.MethodGet, "/api/v1/agent", nil, header); strings.Contains(a.Body, "bot") {
		t.Errorf("another origin made an agent: %s", a.Body)
	}
}

func TestItemsOfABulkRequestNameNoHost(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, path := range []string{"//localhost/api/v1/agent?x=://", "http://localhost/api/v1/agent", "/api/v1/agent#x", "*"} {
		a := p.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{map[string]any{"method": "GET", "path": path}}}, backendtest.Bearer(secret))
		if strings.Contains(a.Body, `"status":200`) {
			t.Errorf("%s: %s", path, a.Body)
		}
	}
}
