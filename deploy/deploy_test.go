package deploy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

// tokens are one good token of each scope, and who issued them.
type tokens struct {
	actor                            audit.Actor
	account, environment, deployment credential
}

// credential is a token with its secret.
type credential struct {
	token.Listed
	secret string
}

// bearer is the header line with which a client presents the token.
func (c credential) bearer() string { return "Authorization: Bearer " + c.secret }

// identity returns the headers that the application must get, empty if they don't apply.
func (c credential) identity() map[string]string {
	return map[string]string{
		"X-Token-Id": c.ID.String(), "X-Token-Scope": c.Scope.String(), "X-Account-Id": c.AccountID.String(),
		"X-Environment-Id": c.EnvironmentID.String(), "X-Agent-Id": c.AgentID.String(),
		"X-Agent-Deployment-Id": c.AgentDeploymentID.String(), "X-Token-Expires-At": c.ExpiresAt.Format(time.RFC3339),
	}
}

func issueTokens(t *testing.T, p *backendtest.Program) tokens {
	t.Helper()
	actor := p.Found()
	bot := p.Register(actor, agent.Order{Name: "bot"})
	issue := func(order token.Order) credential {
		made, secret := p.Issue(actor, order)
		return credential{made, secret}
	}
	return tokens{
		actor:       actor,
		account:     issue(token.Order{Scope: token.ScopeAccount}),
		environment: issue(token.Order{Scope: token.ScopeEnvironment, EnvironmentID: p.Environment(actor)}),
		deployment:  issue(token.Order{Scope: token.ScopeAgentDeployment, EnvironmentID: p.Environment(actor), AgentID: bot.ID}),
	}
}

// knows fails the test if the application got the token, or an identity other than the token's in any spelling of the
// headers.
func (c credential) knows(t *testing.T, what string, r received) {
	t.Helper()
	for name, want := range c.identity() {
		if got := r.variable(name); got != want {
			t.Errorf("%s: the application sees %s: %q, want %q", what, name, got, want)
		}
	}
	for name, values := range r.header {
		if strings.Contains(strings.Join(values, " "), c.secret) || variableName(name) == "AUTHORIZATION" || variableName(name) == "X_API_KEY" {
			t.Errorf("%s: the application got the token in %s", what, name)
		}
	}
}

func TestEachFileNamesItsPlacesAsTheOthersDo(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"nginx.conf":          {endpoint: 1, "127.0.0.1:8080": 1, "127.0.0.1:9000": 1, ":8000": 1},
		"Caddyfile":           {endpoint: 1, "127.0.0.1:8080": 1, "127.0.0.1:9000": 1, ":8000": 1},
		"traefik.yml":         {endpoint: 0, "127.0.0.1:8080": 0, "127.0.0.1:9000": 0, ":8000": 1},
		"traefik-dynamic.yml": {endpoint: 1, "127.0.0.1:8080": 1, "127.0.0.1:9000": 1, ":8000": 0},
	} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for place, times := range want {
			if n := strings.Count(withoutComments(string(text)), place); n != times {
				t.Errorf("%s has %s %d times, want %d", name, place, n, times)
			}
		}
	}
}

func withoutComments(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "#")
		kept.WriteString(code + "\n")
	}
	return kept.String()
}

func TestEachProxyGuardsTheApplication(t *testing.T) {
	for _, x := range proxies {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, "")
			for name, hold := range guarantees {
				t.Run(name, func(t *testing.T) { hold(t, s) })
			}
		})
	}
}

func TestNginxGuardsTheApplicationInAConfigurationThatTakesAnyHeader(t *testing.T) {
	s := nginx().startWith(t, places{around: "underscores_in_headers on;\nignore_invalid_headers off;"})
	for _, name := range []string{"what a client says of its identity never reaches the application", "method, path, query and body reach the application as they were sent"} {
		t.Run(name, func(t *testing.T) { guarantees[name](t, s) })
	}
	s.passes(t, "POST", "/", s.tokens.account.bearer(), "Content-Length: 2097152", "", strings.Repeat("x", 2<<20))
}

// TestNginxAsksTokentabInAConfigurationThatReplacesAnswers keeps and replaces what Tokentab answers, where nothing else says so.
func TestNginxAsksTokentabInAConfigurationThatReplacesAnswers(t *testing.T) {
	for name, around := range map[string]string{
		"by kept ones": "proxy_cache_path cache keys_zone=any:1m;\nproxy_cache any;\nproxy_cache_valid any 1h;\nproxy_cache_key key;\nproxy_ignore_headers Cache-Control;\n" +
			"map $uri $not_asked { /.tokentab ''; default 1; }\nproxy_no_cache $not_asked;\nproxy_cache_bypass $not_asked;",
		"by pages": "proxy_intercept_errors on;\nerror_page 401 403 =200 /welcome;",
	} {
		t.Run(name, func(t *testing.T) {
			s := nginx().startWith(t, places{around: around})
			c := s.suspended(t)
			s.refused(t, http.StatusUnauthorized, "GET", "/", c.bearer())
			s.passes(t, "GET", "/", s.tokens.account.bearer())
			s.refused(t, http.StatusUnauthorized, "GET", "/", c.bearer())
			s.refused(t, http.StatusUnauthorized, "GET", "/")
		})
	}
}

func TestEachProxyHoldsTheNeedAgainstTheTokenWhateverItsClientAsksFor(t *testing.T) {
	for _, x := range proxies {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, "scope=environment&scope=agent_deployment")
			for _, target := range []string{"/", "/?scope=account", "/a?scope=account&scope=account", "/%3Fscope=account", "/api/v1/validate?scope=account", "/;scope=account", "/?scope=account#"} {
				a := s.ask(t, "GET", target, s.tokens.account.bearer())
				if all := s.application.take(); len(all) != 0 || a.status != http.StatusForbidden && a.status != http.StatusBadRequest {
					t.Errorf("%s with a token that does not meet the need: %d", target, a.status)
				}
			}
			for _, target := range []string{"/", "/?scope=account", "/?environment_id=x&agent_id=y&account_id=z"} {
				if r := s.passes(t, "GET", target, s.tokens.deployment.bearer()); r.target != target {
					t.Errorf("%s reached the application as %s", target, r.target)
				}
			}
			s.refused(t, http.StatusForbidden, "GET", "/", s.tokens.account.bearer(), "X-Token-Need: scope=account")
		})
	}
}

func TestNothingPassesWhereTokentabCannotTell(t *testing.T) {
	for _, x := range proxies {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, "")
			s.passes(t, "GET", "/", s.tokens.account.bearer())
			s.Exec("ALTER TABLE api_tokens RENAME TO gone")
			defer s.Exec("ALTER TABLE gone RENAME TO api_tokens")
			s.refused(t, http.StatusServiceUnavailable, "GET", "/", "Authorization: Bearer unseen")
			s.refused(t, http.StatusServiceUnavailable, "GET", "/", s.tokens.environment.bearer())
		})
	}
}

// TestNothingPassesWhereAnotherServerAnswers covers a wrong address, such as that of a proxy or a page that answers 200 to
// everything. Traefik and Envoy look at the status only.
func TestNothingPassesWhereAnotherServerAnswers(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	for _, x := range proxies {
		if x.name != "nginx" && x.name != "Caddy" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			s := x.startWith(t, places{tokentab: other.Listener.Addr().String()})
			for _, lines := range [][]string{nil, {s.tokens.account.bearer()}, {"X-Token-Id: " + s.tokens.account.ID.String()}} {
				s.refused(t, http.StatusBadGateway, "GET", "/", lines...)
			}
			s.refused(t, http.StatusBadGateway, "OPTIONS", "/", "Origin: https://app.example", "Access-Control-Request-Method: POST")
		})
	}
}

func TestNothingPassesWhereTokentabIsDown(t *testing.T) {
	for _, x := range proxies {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, "")
			s.passes(t, "GET", "/", s.tokens.account.bearer())
			s.Stop()
			s.refused(t, x.whenDown, "GET", "/", s.tokens.account.bearer()) // the connection ends without a response
			s.link.close()
			s.refused(t, x.whenDown, "GET", "/", s.tokens.account.bearer()) // there is none
			s.refused(t, x.whenDown, "POST", "/")
		})
	}
}

func nginx() proxy {
	return proxies[slices.IndexFunc(proxies, func(x proxy) bool { return x.name == "nginx" })]
}

func TestNginxAsksOverTheSocketByItsOtherLine(t *testing.T) {
	x := nginx()
	s := x.start(t, "", func(c *config.Config, _ *backend.World) { c.Socket = filepath.Join(t.TempDir(), "s") })
	s.link.close()
	s.passes(t, "GET", "/", s.tokens.account.bearer())
	s.refused(t, http.StatusUnauthorized, "GET", "/", "Authorization: Bearer unknown")
	s.Stop()
	s.refused(t, x.whenDown, "GET", "/", s.tokens.account.bearer())
}

func TestNothingPassesWhereTokentabDoesNotAnswerInTime(t *testing.T) {
	for _, x := range proxies {
		if x.whenSlow == 0 {
			continue // it waits for half a minute, and nothing in its files could change that
		}
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := x.startWith(t, places{impatient: true})
			s.link.hush()
			s.refused(t, x.whenSlow, "GET", "/", s.tokens.account.bearer())
		})
	}
}

func TestATokensPageNamesTheClientOfAGateway(t *testing.T) {
	for _, x := range proxies {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, "", backendtest.Trusting(t, "127.0.0.1"))
			from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
			c, err := from.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n"+s.tokens.deployment.bearer()+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if answer, err := io.ReadAll(c); err != nil || len(s.application.take()) != 1 {
				t.Fatalf("%s %v", answer, err)
			}
			a := s.Call(http.MethodGet, "/api/v1/api_token/"+s.tokens.deployment.ID.String()+"/use", nil, backendtest.Bearer(s.tokens.account.secret))
			if strings.Count(a.Body, `"address":`) != 1 || !strings.Contains(a.Body, `"address":"127.0.0.9"`) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
}

func TestConnectionsToTokentabAreUsedAgainAfterEveryAnswer(t *testing.T) {
	for _, x := range proxies {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, "")
			s.link.take()
			const rounds = 20
			for range rounds {
				s.passes(t, "GET", "/", s.tokens.account.bearer())
				s.refused(t, http.StatusUnauthorized, "GET", "/")
				s.refused(t, http.StatusUnauthorized, "POST", "/", "Authorization: Bearer wrong", "Content-Length: 0")
			}
			// nginx has one worker for each core, and each worker connections of its own.
			if n, _ := s.link.take(); n > runtime.NumCPU() {
				t.Errorf("%d connections for %d requests", n, 3*rounds)
			}
		})
	}
}

// suspended issues a token that is suspended then.
func (s *scene) suspended(t *testing.T) credential {
	t.Helper()
	made, secret := s.Issue(s.tokens.actor, token.Order{Scope: token.ScopeAccount})
	s.Suspend(s.tokens.actor, made.ID)
	return credential{made, secret}
}

// spellings are the ways to write a header's name that some servers take for the same.
func spellings(name string) map[string][]string {
	all := map[string][]string{
		"as it is": {name}, "in lower case": {strings.ToLower(name)}, "in upper case": {strings.ToUpper(name)}, "twice": {name, name},
		"with underscores": {strings.ReplaceAll(name, "-", "_")}, "with dots": {strings.ReplaceAll(name, "-", ".")},
		"with underscores, in upper case": {strings.ToUpper(strings.ReplaceAll(name, "-", "_"))},
	}
	for _, c := range "!#$%&'*+^`|~" {
		all["with "+string(c)] = []string{strings.ReplaceAll(name, "-", string(c))}
	}
	for i, c := range name {
		if c == '-' {
			all[fmt.Sprintf("with an underscore at %d", i)] = []string{name[:i] + "_" + name[i+1:]}
		}
	}
	return all
}
