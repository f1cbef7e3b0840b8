package deploy_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tokentab/backend/activity"
	"tokentab/backend/api"
	"tokentab/backend/backendtest"
)

// fronts are the configurations of nginx in front of Tokentab itself.
var fronts = map[string]func(t *testing.T) string{
	"nginx-copies.conf": func(t *testing.T) string { return shipped(t, "nginx-copies.conf") },
	"docs/gateways.md": func(t *testing.T) string {
		_, rest, _ := strings.Cut(shipped(t, "../docs/gateways.md"), "```nginx\n")
		server, _, _ := strings.Cut(rest, "```")
		return "events {}\nhttp {\n" + regexp.MustCompile(`\n *ssl_certificate.*`).ReplaceAllString(server, "") + "}\n"
	},
}

// runFront runs nginx with the configuration in front of the address of Tokentab, and returns its URL.
func runFront(t *testing.T, conf func(*testing.T) string, tokentab string) string {
	t.Helper()
	address, folder := backendtest.FreeAddress(t), t.TempDir()
	text := strings.NewReplacer("listen 443 ssl;", "listen "+address+";", "*:8000", address,
		"127.0.0.1:8080", tokentab, "tokentab-1:8080", tokentab, "tokentab-2:8080", tokentab).Replace(conf(t))
	if err := os.WriteFile(filepath.Join(folder, "nginx.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	runNginx(t, folder, "")
	return "http://" + address
}

// do sends a request with the bearer token and returns the response.
func do(t *testing.T, c credential, method, url string, body io.Reader) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// TestNginxInFrontOfTokentabLeavesItsLargeBodiesToIt holds that no SDK gets the 413 of nginx, which ends its run, for a body that
// Tokentab takes or refuses with 422.
func TestNginxInFrontOfTokentabLeavesItsLargeBodiesToIt(t *testing.T) {
	for name, conf := range fronts {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			agent, url := issueTokens(t, p).deployment, runFront(t, conf, strings.TrimPrefix(p.URL, "http://"))
			for _, size := range []int{2 * activity.MaxPayload, api.MaxDropped} {
				body := `{"details":{"payload":"` + strings.Repeat("x", size-len(`{"details":{"payload":""}}`)) + `"}}`
				if a := do(t, agent, http.MethodPost, url+"/api/v1/agent_spans", strings.NewReader(body)); a.StatusCode != http.StatusUnprocessableEntity {
					t.Errorf("%d bytes: %s", size, a.Status)
				}
			}
		})
	}
}

// TestADownloadThatBreaksOffBehindNginxDoesNotLookWhole ends the connection in the middle of an export, as the system does for a
// program that was killed. With HTTP/1.0 nginx would take that for the end of the body.
func TestADownloadThatBreaksOffBehindNginxDoesNotLookWhole(t *testing.T) {
	for name, conf := range fronts {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			c, url := issueTokens(t, p).account, runFront(t, conf, brokenOff(t, strings.TrimPrefix(p.URL, "http://"), 2000))
			a := do(t, c, http.MethodGet, url+"/api/v1/audit_event/export", http.NoBody)
			if body, err := io.ReadAll(a.Body); a.StatusCode != http.StatusOK || len(body) == 0 || err == nil {
				t.Errorf("%s with %d bytes that look whole", a.Status, len(body))
			}
		})
	}
}

// TestValidationsGoOnThroughNginxWhileOtherRequestsGet503 stands for copies of which too much is asked at once.
func TestValidationsGoOnThroughNginxWhileOtherRequestsGet503(t *testing.T) {
	p := backendtest.Start(t)
	c, url := issueTokens(t, p).account, runFront(t, fronts["nginx-copies.conf"], strings.TrimPrefix(p.URL, "http://"))
	if a := do(t, c, http.MethodGet, url+"/api/v1/validate", http.NoBody); a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	p.Exec("ALTER TABLE status_lists RENAME TO gone")
	for range 4 {
		if a := do(t, c, http.MethodGet, url+"/status-lists/1", http.NoBody); a.StatusCode != http.StatusServiceUnavailable {
			t.Fatal(a.Status)
		}
		if a := do(t, c, http.MethodGet, url+"/api/v1/validate", http.NoBody); a.StatusCode != http.StatusOK {
			t.Fatalf("a validation gets %s", a.Status)
		}
	}
}

func TestTokentabBehindNginxSeesTheAddressOfTheClient(t *testing.T) {
	for name, conf := range fronts {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t, backendtest.Trusting(t, "127.0.0.1"))
			tokens, url := issueTokens(t, p), runFront(t, conf, strings.TrimPrefix(p.URL, "http://"))
			from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
			client := http.Client{Transport: &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/validate", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+tokens.deployment.secret)
			request.Header.Set("X-Forwarded-For", "203.0.113.9")
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if response.Body.Close(); response.StatusCode != http.StatusOK {
				t.Fatal(response.Status)
			}
			a := p.Call(http.MethodGet, "/api/v1/api_token/"+tokens.deployment.ID.String()+"/use", nil, backendtest.Bearer(tokens.account.secret))
			if strings.Count(a.Body, `"address":`) != 1 || !strings.Contains(a.Body, `"address":"127.0.0.9"`) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
}

// brokenOff returns an address at which the target answers, but no more than these bytes on a connection.
func brokenOff(t *testing.T, target string, bytes int64) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", target)
			if err != nil {
				from.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, from) }()
			go func() {
				_, _ = io.CopyN(from, to, bytes)
				from.Close()
				to.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
