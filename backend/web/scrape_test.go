package web_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
)

func TestStrangersCanNotReadTheMetrics(t *testing.T) {
	with := func(change func(*config.Config)) *backendtest.Program {
		return backendtest.Start(t, func(c *config.Config, _ *backend.World) { change(c) })
	}
	socket := filepath.Join(t.TempDir(), "s")
	local := with(func(c *config.Config) { c.Socket = socket })
	behind := with(func(c *config.Config) { c.PublicURL = "https://tokens.example.com" })
	protected := with(func(c *config.Config) {
		c.PublicURL, c.MetricsToken = "https://tokens.example.com", "a-token-for-the-metrics"
	})
	bearer := backendtest.Bearer("a-token-for-the-metrics")
	h := func(name, value string) backendtest.Header { return backendtest.Header{Name: name, Value: value} }
	for _, test := range []struct {
		name    string
		p       *backendtest.Program
		headers []backendtest.Header
		want    int
	}{
		{"a program on this machine", local, nil, 200},
		{"with a proxy's addresses", local, []backendtest.Header{h("X-Forwarded-For", "127.0.0.1")}, 404},
		{"with another header of a proxy", local, []backendtest.Header{h("x-forwarded-something", "1")}, 404},
		{"with RFC 7239", local, []backendtest.Header{h("Forwarded", "for=127.0.0.1")}, 404},
		{"with Via", local, []backendtest.Header{h("Via", "1.1 proxy")}, 404},
		{"with nginx's own", local, []backendtest.Header{h("X-Real-Ip", "127.0.0.1")}, 404},
		{"with a token where none is set", with(func(c *config.Config) { c.PublicURL = "https://tokens.example.com" }), []backendtest.Header{bearer}, 404},
		{"behind a public URL", behind, nil, 404},
		{"behind a trusted proxy", with(func(c *config.Config) { c.TrustedProxies.UnmarshalText([]byte("10.0.0.1")) }), nil, 404},
		{"on every address", with(func(c *config.Config) { c.Listen = "0.0.0.0:0" }), nil, 404},
		{"on another address", with(func(c *config.Config) { c.MetricsListen = "127.0.0.1:0" }), nil, 404},
		{"on another address with a token", with(func(c *config.Config) { c.MetricsListen, c.MetricsToken = "127.0.0.1:0", "a-token-for-the-metrics" }), []backendtest.Header{bearer}, 404},
		{"without the token", protected, nil, 401},
		{"with another token", protected, []backendtest.Header{backendtest.Bearer("a-token-for-the-metricz")}, 401},
		{"with a part of it", protected, []backendtest.Header{backendtest.Bearer("a-token")}, 401},
		{"with Basic", protected, []backendtest.Header{h("Authorization", "Basic a-token-for-the-metrics")}, 401},
		{"with two", protected, []backendtest.Header{bearer, bearer}, 401},
		{"with the token", protected, []backendtest.Header{bearer}, 200},
		{"with the token through a proxy", protected, []backendtest.Header{bearer, h("X-Forwarded-For", "203.0.113.9")}, 200},
	} {
		a := test.p.Call(http.MethodGet, "/metrics", nil, test.headers...)
		if a.Status != test.want || (a.Status == http.StatusOK) != strings.Contains(a.Body, "\ntokentab_store_ready ") {
			t.Errorf("%s: %d, want %d: %.100s", test.name, a.Status, test.want, a.Body)
		}
		if challenge := a.Header.Get("WWW-Authenticate"); (challenge != "") != (test.want == http.StatusUnauthorized) {
			t.Errorf("%s: challenge %q", test.name, challenge)
		}
	}
	if line := local.StatusLine("GET /metrics HTTP/1.1\r\nHost: tokens.example.com\r\n\r\n"); !strings.Contains(line, " 404 ") {
		t.Errorf("for another host: %s", line)
	}
	overSocket := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	response, err := overSocket.Get("http://127.0.0.1/metrics")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("over the socket, which is for proxies: %s", response.Status)
	}
}

func TestTheListenerForMetricsServesNothingElse(t *testing.T) {
	folder := t.TempDir()
	chain, key := backendtest.Certificate(t, "tokens.example")
	files := [2]string{filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")}
	for i, content := range [][]byte{chain, key} {
		if err := os.WriteFile(files[i], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.TLSCert, c.TLSKey, c.MetricsListen, c.MetricsToken = files[0], files[1], l.Addr().String(), "a-token-for-the-metrics"
	})
	p.Web.ServeMetricsOn(l)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	ask := func(method, path, token string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(method, "https://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	gateway, err := http.NewRequest(http.MethodGet, "https://"+l.Addr().String()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	gateway.Header = http.Header{"Authorization": {"Bearer a-token-for-the-metrics"}, "X-Forwarded-Uri": {"/orders"}}
	if response, err := client.Do(gateway); err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a gateway about another request: %v, %v", response, err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	lifetime := fmt.Sprintf("\ntokentab_tls_certificate_lifetime_seconds %v\n", pair.Leaf.NotAfter.Sub(pair.Leaf.NotBefore).Seconds())
	if status, body := ask(http.MethodGet, "/metrics", "a-token-for-the-metrics"); status != http.StatusOK || !strings.Contains(body, "\ntokentab_tls_certificate_expiry_seconds ") || !strings.Contains(body, lifetime) {
		t.Errorf("%d %.100s", status, body)
	}
	if status, body := ask(http.MethodGet, "/metrics", ""); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d %.100s", status, body)
	}
	for _, path := range []string{"/", "/healthz", "/api/v1/ping", "/api/v1/validate", "/metrics/", "/oauth/introspect", "//x/metrics?y=://"} {
		if status, _ := ask(http.MethodGet, path, "a-token-for-the-metrics"); status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, status)
		}
	}
	if status, _ := ask(http.MethodPost, "/metrics", "a-token-for-the-metrics"); status != http.StatusMethodNotAllowed {
		t.Errorf("a change answers %d", status)
	}
}

func TestTheListenerForMetricsAnswersBadRequestsLikeTheOthers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.MetricsListen = l.Addr().String() })
	p.Web.ServeMetricsOn(l)
	for request, want := range map[string]string{
		"POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                          "405",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n":                                          "200",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n":                  "200",
		"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n":                                 "405",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n":             "400",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + strings.Repeat("x", 17<<10) + "\r\n\r\n": "431",
		"no request\r\n\r\n": "400",
	} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(c)
		if got := string(all); !strings.HasPrefix(got, "HTTP/1.1 "+want+" ") || strings.Count(got, "HTTP/1.1 ") != 1 || !strings.Contains(got, "\r\nX-Content-Type-Options: nosniff\r\n") {
			t.Errorf("%.80q: %v, answered\n%.500s", request, err, got)
		}
		c.Close()
	}
}
