package deploy_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestPreflightsReachTheApplicationOnceTheirLinesCount(t *testing.T) {
	preflight := []string{"Origin: https://page.example", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization"}
	for _, x := range proxies {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, "")
			s.refused(t, http.StatusUnauthorized, "OPTIONS", "/orders", preflight...)

			s = x.startWith(t, places{preflights: true})
			r := s.passes(t, "OPTIONS", "/orders?a=b", append(preflight, "X-Token-Id: forged", "X_Agent_Id: forged", s.tokens.account.bearer(), "X-API-Key: "+s.tokens.account.secret)...)
			if r.method != "OPTIONS" || r.target != "/orders?a=b" || r.header.Get("Access-Control-Request-Method") != "PUT" || r.header.Get("Origin") != "https://page.example" {
				t.Errorf("the application got %s %s %v", r.method, r.target, r.header)
			}
			for _, name := range []string{"X-Token-Id", "X-Agent-Id", "Authorization", "X-API-Key"} {
				if got := r.variable(name); got != "" {
					t.Errorf("the application got %s: %s", name, got)
				}
			}
			// Nothing else passes without a token.
			for _, method := range []string{"GET", "POST", "PUT", "HEAD", "DELETE"} {
				s.refused(t, http.StatusUnauthorized, method, "/orders", append(preflight, "Connection: close")...)
			}
			s.refused(t, http.StatusUnauthorized, "OPTIONS", "/orders", preflight[0])
			s.refused(t, http.StatusUnauthorized, "OPTIONS", "/orders", preflight[1])
			s.refused(t, http.StatusUnauthorized, "OPTIONS", "/orders", "Origin:", preflight[1])
			s.tokens.deployment.knows(t, "a request with a token", s.passes(t, "GET", "/orders", append(preflight, s.tokens.deployment.bearer())...))
		})
	}
}

func TestEveryFileHasLinesForPreflights(t *testing.T) {
	for _, name := range []string{"nginx.conf", "Caddyfile", "traefik-dynamic.yml", "envoy.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if set := uncommentPreflights(string(text)); set == string(text) || !strings.Contains(withoutComments(set), "preflight") && !strings.Contains(withoutComments(set), "access-control-request-method") {
			t.Errorf("%s has none", name)
		}
	}
}
