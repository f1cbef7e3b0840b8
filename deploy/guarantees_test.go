package deploy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// guarantees hold behind each proxy, with a requirement that every good token meets.
var guarantees = map[string]func(*testing.T, *scene){
	"a good token passes and the application is told whose it is": func(t *testing.T, s *scene) {
		for _, c := range []credential{s.tokens.account, s.tokens.environment, s.tokens.deployment} {
			c.knows(t, c.Scope.String(), s.passes(t, "GET", "/orders/7?page=2", c.bearer()))
			c.knows(t, c.Scope.String()+" in X-API-Key", s.passes(t, "GET", "/", "X-API-Key: "+c.secret))
		}
	},

	"a request without a good token is refused and told what is missing": func(t *testing.T, s *scene) {
		suspended := s.suspended(t)
		for _, c := range []struct{ line, challenge string }{
			{"Accept: */*", `Bearer realm="tokentab"`},
			{"Authorization: Bearer wrong", `error="invalid_token"`},
			{"Authorization: Basic YTpi", `error="invalid_token"`},
			{"Authorization: Bearer " + strings.Repeat("a", 4096), `error="invalid_token"`},
			{suspended.bearer(), `error_description="The token is suspended"`},
			{"X-API-Key: " + suspended.secret, `error_description="The token is suspended"`},
		} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE"} {
				if a := s.refused(t, http.StatusUnauthorized, method, "/", c.line); !strings.Contains(a.header.Get("WWW-Authenticate"), c.challenge) {
					t.Errorf("%s %.40s: WWW-Authenticate %q, want %q", method, c.line, a.header.Get("WWW-Authenticate"), c.challenge)
				}
			}
		}
	},

	"two credentials in one request are none": func(t *testing.T, s *scene) {
		good := s.tokens.account.bearer()
		for _, second := range []string{"Authorization: Bearer wrong", s.tokens.deployment.bearer()} {
			for _, lines := range [][]string{{good, second}, {second, good}} {
				s.application.take()
				a := s.ask(t, "GET", "/", lines...)
				if all := s.application.take(); len(all) != 0 || a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest {
					t.Errorf("%.40q: %d", lines, a.status)
				}
			}
		}
	},

	"of two X-API-Key headers the second never counts": func(t *testing.T, s *scene) {
		first, second := "X-API-Key: "+s.tokens.account.secret, "X-API-Key: "+s.tokens.deployment.secret
		s.refused(t, http.StatusUnauthorized, "GET", "/", "X-API-Key: wrong", first)
		s.refused(t, http.StatusUnauthorized, "GET", "/", "X-API-Key:", first)
		s.application.take()
		a := s.ask(t, "GET", "/", first, second)
		if all := s.application.take(); len(all) > 0 && s.proxy.name == "nginx" { // up to 1.22 it sees the first only
			s.tokens.account.knows(t, "two keys", all[0])
		} else if len(all) != 0 || a.status != http.StatusUnauthorized {
			t.Errorf("%d", a.status)
		}
	},

	"a credential that no one can read is the client's mistake": func(t *testing.T, s *scene) {
		unreadable := []string{"Bearer a\x01b", "Bearer \x7f", "Bearer " + s.tokens.account.secret + "\x1f", "Bearer " + strings.Repeat("a", 16<<10-len("Authorization: Bearer \r\n"))}
		for _, value := range unreadable {
			for _, header := range []string{"Authorization: ", "X-API-Key: "} {
				s.application.take()
				a := s.ask(t, "GET", "/", header+value)
				if all := s.application.take(); len(all) != 0 || a.status < 400 || a.status >= 500 {
					t.Errorf("%.40q: %d", header+value, a.status)
				}
				if a.status == http.StatusUnauthorized && !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
					t.Errorf("%.40q: WWW-Authenticate %q", header+value, a.header.Get("WWW-Authenticate"))
				}
			}
		}
	},

	"trailers are neither a credential nor an identity": func(t *testing.T, s *scene) {
		body := "Transfer-Encoding: chunked\nTrailer: X-Token-Id, Authorization\n\n1\na\n0\nX-Token-Id: forged\n" + s.tokens.account.bearer()
		s.refused(t, http.StatusUnauthorized, "POST", "/", "Connection: close", body)
		r := s.passes(t, "POST", "/", s.tokens.deployment.bearer(), body)
		s.tokens.deployment.knows(t, "trailers", r)
		for name, values := range r.trailer {
			if len(values) > 0 {
				t.Errorf("the application got the trailer %s: %.40q", name, values)
			}
		}
	},

	"a revoked token is refused at once": func(t *testing.T, s *scene) {
		c := s.suspended(t)
		if _, err := s.Tokens.Activate(t.Context(), s.tokens.actor, c.ID); err != nil {
			t.Fatal(err)
		}
		s.passes(t, "GET", "/", c.bearer())
		s.Revoke(s.tokens.actor, c.ID)
		s.refused(t, http.StatusUnauthorized, "GET", "/", c.bearer())
	},

	"what a client says of its identity never reaches the application": func(t *testing.T, s *scene) {
		for _, c := range []credential{s.tokens.account, s.tokens.environment, s.tokens.deployment} {
			for name := range c.identity() {
				for how, keys := range spellings(name) {
					lines := []string{c.bearer()}
					for _, key := range keys {
						lines = append(lines, key+": forged")
					}
					c.knows(t, name+" "+how, s.passes(t, "GET", "/", lines...))
				}
				// Also before a credential, and with white space that changes the header's name.
				c.knows(t, name+" first", s.passes(t, "GET", "/", name+": forged", c.bearer()))
				for _, line := range []string{name + " : forged", "Accept: */*\n " + name + ": forged"} {
					s.application.take()
					if a := s.ask(t, "GET", "/", c.bearer(), line); a.status == http.StatusOK {
						c.knows(t, line, s.reached(t, a))
					}
				}
			}
		}
	},

	"no client has the identity taken away, or the token passed on": func(t *testing.T, s *scene) {
		c := s.tokens.deployment
		for name := range c.identity() {
			for _, connection := range []string{name, "close, " + strings.ToLower(name), "keep-alive,\t" + name} {
				c.knows(t, connection, s.passes(t, "GET", "/", c.bearer(), "Connection: "+connection))
			}
			c.knows(t, name+" in a second line", s.passes(t, "GET", "/", c.bearer(), "Connection: close", "Connection: "+name))
			c.knows(t, name+" in an upgrade", s.passes(t, "GET", "/", c.bearer(), "Upgrade: h2c", "Connection: Upgrade, "+name))
		}
		for _, connection := range []string{"Authorization", "X-API-Key", "close, authorization", "Host", "X-Forwarded-For"} {
			s.application.take()
			a := s.ask(t, "GET", "/", c.bearer(), "Connection: "+connection)
			if a.status == http.StatusOK {
				c.knows(t, "Connection: "+connection, s.reached(t, a))
			} else if all := s.application.take(); len(all) != 0 || a.status >= http.StatusInternalServerError {
				t.Errorf("Connection: %s: %d", connection, a.status)
			}
		}
	},

	"where a request came from is what the proxy saw": func(t *testing.T, s *scene) {
		forged := []string{
			"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: evil", "X-Forwarded-Uri: /evil",
			"X-Forwarded-Method: evil", "X-Forwarded-Port: evil", "X-Forwarded-Prefix: /evil", "X-Forwarded-Server: evil",
			"X_Forwarded_For: 203.0.113.9", "X-Real-Ip: 203.0.113.9", "Forwarded: for=203.0.113.9;host=evil.example",
		}
		s.link.take()
		r := s.passes(t, "GET", "/", append(forged, s.tokens.account.bearer())...)
		for name, values := range r.header {
			if all := strings.Join(values, " "); strings.Contains(all, "203.0.113.9") || strings.Contains(all, "evil") {
				t.Errorf("the application got %s: %s", name, all)
			}
		}
		if r.header.Get("X-Forwarded-For") != "127.0.0.1" {
			t.Errorf("X-Forwarded-For: %q", r.header.Get("X-Forwarded-For"))
		}
		if _, said := s.link.take(); strings.Contains(said, "203.0.113.9") || strings.Contains(said, "evil") {
			t.Errorf("Tokentab got\n%s", said)
		}
	},

	"Tokentab gets the credential, and neither bodies nor cookies": func(t *testing.T, s *scene) {
		s.link.take()
		s.passes(t, "POST", "/", s.tokens.account.bearer(), "Cookie: private=cookie", "Content-Length: 12", "Connection: close", "", "private body")
		if n, said := s.link.take(); strings.Contains(said, "private") || !strings.Contains(said, s.tokens.account.secret) {
			t.Errorf("on %d connections it was told\n%s", n, said)
		}
	},

	"method, path, query and body reach the application as they were sent": func(t *testing.T, s *scene) {
		bearer := s.tokens.account.bearer()
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH", "PROPFIND"} {
			if r := s.passes(t, method, "/a/b?c=d&c=e", bearer); r.method != method || r.target != "/a/b?c=d&c=e" || r.body != "" {
				t.Errorf("%s reached the application as %s %s %q", method, r.method, r.target, r.body)
			}
		}
		long := strings.Repeat("0123456789abcdef", 40<<10/16)
		for name, request := range map[string]string{
			"a body of known length": "Content-Length: 40960\n\n" + long,
			"a body in chunks":       "Transfer-Encoding: chunked\n\nA000\n" + long + "\n0\n\n",
			"a body after a pause":   "Expect: 100-continue\nContent-Length: 40960\nConnection: close\n\n" + long,
		} {
			s.application.take()
			head := "POST /a HTTP/1.1\nHost: app.example\n" + bearer + "\n"
			if strings.Contains(request, "Expect") {
				if got := s.afterContinue(t, head+request); got != long {
					t.Errorf("%s: %d bytes reached the application, want %d", name, len(got), len(long))
				}
				continue
			}
			if r := s.reached(t, s.raw(t, "POST", head+request)); r.body != long {
				t.Errorf("%s: %d bytes reached the application, want %d", name, len(r.body), len(long))
			}
		}
		s.refused(t, http.StatusUnauthorized, "POST", "/", "Content-Length: 4", "", "body")
	},

	"no path leads past the check": func(t *testing.T, s *scene) {
		for _, target := range []string{
			"/", "//", "/../../../healthz", "/%2e%2e/%2e%2e/healthz", "/..%2f..%2fhealthz", "/a%2fb", "/a//b", "/a/./b", "/.tokentab", "/.%74okentab",
			"/api/v1/validate", "/api/v1/ping", "/?scope=account", "/;x", "/a?b#c", "http://app.example/", "http://127.0.0.1/.tokentab",
		} {
			s.application.take()
			a := s.ask(t, "GET", target)
			if all := s.application.take(); len(all) != 0 || a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest && a.status != http.StatusNotFound {
				t.Errorf("%s without a token: %d, and %d requests reached the application", target, a.status, len(all))
			}
			a = s.ask(t, "GET", target, s.tokens.deployment.bearer())
			if a.status == http.StatusOK {
				s.tokens.deployment.knows(t, target, s.reached(t, a))
			} else if all := s.application.take(); len(all) != 0 || a.status != http.StatusBadRequest && a.status != http.StatusNotFound {
				t.Errorf("%s: %d, and %d requests reached the application", target, a.status, len(all))
			}
		}
	},

	"a WebSocket opens with a good token only": func(t *testing.T, s *scene) {
		upgrade := []string{"Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
		s.refused(t, http.StatusUnauthorized, "GET", "/", upgrade...)
		c, from := s.dial(t)
		lines := append([]string{"GET / HTTP/1.1", "Host: app.example", s.tokens.deployment.bearer(), "X-Agent-Id: forged"}, upgrade...)
		if _, err := io.WriteString(c, strings.Join(append(lines, "", ""), "\r\n")); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(from, nil)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%v %v", response, err)
		}
		if _, err := io.WriteString(c, "ahoy\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := from.ReadString('\n'); line != "echo ahoy\n" {
			t.Errorf("%q %v", line, err)
		}
		s.tokens.deployment.knows(t, "a WebSocket", s.application.take()[0])
	},
}

// afterContinue sends the body only once the proxy asked for it, as curl does, and returns what reached the application.
func (s *scene) afterContinue(t *testing.T, request string) string {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	c, from := s.dial(t)
	if _, err := io.WriteString(c, strings.ReplaceAll(head+"\n\n", "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(from, nil)
	if err != nil || response.StatusCode != http.StatusContinue {
		t.Fatalf("%v %v", response, err)
	}
	if _, err := io.WriteString(c, body); err != nil {
		t.Fatal(err)
	}
	for response.StatusCode == http.StatusContinue { // the application asks for it too
		if response, err = http.ReadResponse(from, nil); err != nil {
			t.Fatal(err)
		}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return s.reached(t, answer{response.StatusCode, response.Header, string(text)}).body
}
