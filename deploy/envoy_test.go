package deploy_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

// TestTokentabAnswersWhatEnvoySendsByItsFile stands in for Envoy, which has no Debian package or Go module. It sends the
// client's method, its path and query after the prefix, the credential and the requirement, and no body.
func TestTokentabAnswersWhatEnvoySendsByItsFile(t *testing.T) {
	text, err := os.ReadFile("envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	setting := func(key string) string {
		found := regexp.MustCompile(key+`\s+(\S+)`).FindAllStringSubmatch(withoutComments(string(text)), -1)
		if len(found) != 1 {
			t.Fatalf("%s stands there %d times", key, len(found))
		}
		return found[0][1]
	}
	prefix, need := setting("path_prefix:"), setting(`- key: x-token-need\s+value:`)
	for place, times := range map[string]int{
		endpoint: 1, "127.0.0.1:8080": 1, `{ address: "127.0.0.1", port_value: 8080 }`: 1, `{ address: "127.0.0.1", port_value: 9000 }`: 1, "port_value: 8000": 1,
	} {
		if n := strings.Count(withoutComments(string(text)), place); n != times {
			t.Errorf("envoy.yaml has %s %d times, want %d", place, n, times)
		}
	}

	p := backendtest.Start(t)
	issued := issueTokens(t, p)
	asks := func(method, target, need, credential string) backendtest.Answer {
		headers := []backendtest.Header{{Name: "X-Token-Need", Value: need}, {Name: "Host", Value: "app.example"}}
		if name, value, ok := strings.Cut(credential, ": "); ok {
			headers = append(headers, backendtest.Header{Name: name, Value: value})
		}
		return p.Call(method, prefix+target, nil, headers...)
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		for _, target := range []string{"/", "/orders/7?page=2", "//a/../b", "/a%2fb"} {
			for _, c := range []credential{issued.account, issued.environment, issued.deployment} {
				a := asks(method, target, need, c.bearer())
				if a.Status != http.StatusOK || a.Body != "" {
					t.Fatalf("%s %s as the file is: %d %s", method, target, a.Status, a.Body)
				}
				for name, want := range c.identity() {
					if values := a.Header.Values(name); len(values) != 1 || values[0] != want {
						t.Errorf("%s: %q, want %q", name, values, want)
					}
				}
			}
			if a := asks(method, target, need, "X-API-Key: "+issued.deployment.secret); a.Status != http.StatusOK {
				t.Errorf("%s %s with X-API-Key: %d", method, target, a.Status)
			}
			if a := asks(method, target, need, ""); a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s without a token: %d %v", method, target, a.Status, a.Header)
			}
		}
	}

	// A client behind Envoy can only tighten the check with its query.
	narrow := "scope=environment&scope=agent_deployment&account_id=" + issued.account.AccountID.String()
	for target, want := range map[string][2]int{ // the account token's answer, the deployment token's
		"/":                     {http.StatusForbidden, http.StatusOK},
		"/?scope=account":       {http.StatusForbidden, http.StatusForbidden},
		"/?page=2":              {http.StatusForbidden, http.StatusOK},
		"/?scope=account&scope": {http.StatusForbidden, http.StatusForbidden},
		"/?account_id=" + issued.account.AccountID.String(): {http.StatusForbidden, http.StatusOK},
		"/?X-Token-Need=scope%3Daccount":                    {http.StatusForbidden, http.StatusOK},
	} {
		if a := asks("GET", target, narrow, issued.account.bearer()); a.Status != want[0] {
			t.Errorf("%s with the account token: %d, want %d", target, a.Status, want[0])
		}
		if a := asks("GET", target, narrow, issued.deployment.bearer()); a.Status != want[1] {
			t.Errorf("%s with the deployment token: %d, want %d", target, a.Status, want[1])
		}
	}
}
