package deploy_test

import (
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

// TestNginxInFrontOfTokentabLeavesItsLargeBodiesToIt holds that no SDK gets the 413 of nginx, which ends its run, for a body that
// Tokentab takes or refuses with 422.
func TestNginxInFrontOfTokentabLeavesItsLargeBodiesToIt(t *testing.T) {
	for name, conf := range map[string]func(t *testing.T) string{
		"nginx-copies.conf": func(t *testing.T) string { return shipped(t, "nginx-copies.conf") },
		"docs/gateways.md": func(t *testing.T) string {
			_, rest, _ := strings.Cut(shipped(t, "../docs/gateways.md"), "```nginx\n")
			server, _, _ := strings.Cut(rest, "```")
			return "events {}\nhttp {\n" + regexp.MustCompile(`\n *ssl_certificate.*`).ReplaceAllString(server, "") + "}\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			agent, address, folder := issueTokens(t, p).deployment, freeAddress(t), t.TempDir()
			own := strings.TrimPrefix(p.URL, "http://")
			text := strings.NewReplacer("listen 443 ssl;", "listen "+address+";", "*:8000", address,
				"127.0.0.1:8080", own, "tokentab-1:8080", own, "tokentab-2:8080", own).Replace(conf(t))
			if err := os.WriteFile(filepath.Join(folder, "nginx.conf"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			runNginx(t, folder, "")
			for _, size := range []int{2 * activity.MaxPayload, api.MaxDropped} {
				body := `{"details":{"payload":"` + strings.Repeat("x", size-len(`{"details":{"payload":""}}`)) + `"}}`
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/api/v1/agent_spans", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Authorization", "Bearer "+agent.secret)
				request.Header.Set("Content-Type", "application/json")
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if answer.StatusCode != http.StatusUnprocessableEntity {
					t.Errorf("%d bytes: %s", size, answer.Status)
				}
			}
		})
	}
}

func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
