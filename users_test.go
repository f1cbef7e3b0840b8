package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// machine runs commands beside a server.
type machine struct {
	t      *testing.T
	server *server
	folder string
}

// run runs a command and checks its exit and a part of what it prints.
func (m machine) run(ok bool, says, stdin string, args ...string) {
	m.t.Helper()
	out, err := tokentab(stdin, append(args, "--data", m.folder)...)
	if (err == nil) != ok || !strings.Contains(out, says) {
		m.t.Errorf("tokentab %s: %v\n%s\nwant %q", strings.Join(args, " "), err, out, says)
	}
}

// send sends a request of a browser with a session cookie, and returns the status and the session cookie that it set.
func (m machine) send(method, path, cookie, body string) (status int, set string) {
	m.t.Helper()
	status, set, _ = m.call(method, path, cookie, body)
	return status, set
}

func (m machine) call(method, path, cookie, body string) (status int, set string, answer map[string]any) {
	m.t.Helper()
	request, err := http.NewRequest(method, "http://"+m.server.address+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	request.Header.Set("Cookie", cookie)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	for _, c := range response.Cookies() {
		if strings.Contains(c.Name, "session") {
			set = c.Name + "=" + c.Value
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		m.t.Fatal(err)
	}
	return response.StatusCode, set, answer
}

// signIn returns the status of a sign-in and its cookie.
func (m machine) signIn(email, password string) (int, string) {
	m.t.Helper()
	return m.send(http.MethodPost, "/api/v1/session", "", `{"details":{"email":"`+email+`","password":"`+password+`"}}`)
}

func (m machine) asks(what string, want int, method, path, cookie, body string) {
	m.t.Helper()
	if status, _ := m.send(method, path, cookie, body); status != want {
		m.t.Errorf("%s: %d, want %d", what, status, want)
	}
}

func TestACommandMakesReadOnlyTokensAndListsTheAgentsToChooseFrom(t *testing.T) {
	folder, manager := setUp(t)
	m := machine{t: t, server: serveIn(t, folder), folder: folder}
	post := func(secret string) (int, map[string]any) {
		status, answer, err := m.server.call(http.MethodPost, "/api/v1/agent", secret, `{"details":{"name":"Clerk"}}`)
		if err != nil {
			t.Fatal(err)
		}
		return status, answer
	}
	_, made := post(manager)
	agent := made["details"].(map[string]any)["id"].(string)
	m.run(false, "--agent-id is required; choose one of these agents\n  "+agent+"  Clerk", "", "token", "create", "--scope", "agent_deployment")
	m.run(false, "  Development", "", "token", "create", "--scope", "agent_deployment", "--agent-id", agent)
	secret, err := tokentab("", "token", "create", "--data", folder, "--scope", "account", "--role", "read")
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := post(secret); status != http.StatusForbidden {
		t.Errorf("a read-only token: %d %v", status, answer)
	}
}

// TestARunningServerObeysTheCommandsForUsersAtOnce covers user list, set-role, reset-password and remove, and account list.
func TestARunningServerObeysTheCommandsForUsersAtOnce(t *testing.T) {
	t.Parallel()
	folder, _ := setUp(t)
	m := machine{t: t, server: serveIn(t, folder), folder: folder}
	m.run(true, " 1        ", "", "account", "list")
	m.run(true, "a@b.co  admin  0            ", "", "user", "list")
	m.run(false, "the last admin", "", "user", "set-role", "a@b.co", "viewer")
	m.run(false, "the last admin", "", "user", "remove", "a@b.co", "--yes")
	m.run(false, "no admin user with the email x@y.co", "", "user", "remove", "x@y.co", "--yes")
	m.run(false, "there is no account nonsense", "", "user", "list", "--account", "nonsense")

	status, ada := m.signIn("a@b.co", "secret-pass-1")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	_, _, invite := m.call(http.MethodPost, "/api/v1/admin_user_invite", ada, `{"details":{"email":"bob@b.co"}}`)
	for _, command := range [][]string{{"set-role", "bob@b.co", "viewer"}, {"remove", "bob@b.co", "--yes"}} {
		m.run(false, "bob@b.co has an invite, and has not joined yet", "", append([]string{"user"}, command...)...)
	}
	code, _ := invite["details"].(map[string]any)["token"].(string)
	status, bob := m.send(http.MethodPost, "/api/v1/invite/accept", "", `{"details":{"code":"`+code+`","name":"Bob","password":"secret-pass-2"}}`)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	_, _, made := m.call(http.MethodPost, "/api/v1/api_token", bob, `{"details":{"token_scope":"account"}}`)
	secret, _ := made["token"].(string)
	pings := func(want int) {
		t.Helper()
		if status, answer, err := m.server.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != want {
			t.Errorf("their token: %d %v %v, want %d", status, answer, err, want)
		}
	}
	pings(http.StatusOK)

	const agent = `{"details":{"name":"bot"}}`
	m.asks("an admin", http.StatusOK, http.MethodPost, "/api/v1/agent", bob, agent)
	m.run(true, "The role of bob@b.co is viewer. 1 API token that they created was not revoked", "", "user", "set-role", "bob@b.co", "viewer")
	m.asks("a viewer changes", http.StatusForbidden, http.MethodPost, "/api/v1/agent", bob, agent)
	m.asks("a viewer looks", http.StatusOK, http.MethodGet, "/api/v1/agent", bob, "")
	m.run(true, "bob@b.co  viewer  1", "", "user", "list")
	pings(http.StatusOK)

	for range 6 {
		m.signIn("bob@b.co", "wrong")
	}
	m.run(false, "the password on standard input must", "short\n", "user", "reset-password", "bob@b.co", "--password-stdin")
	m.run(true, "The password of BOB@b.co is changed", "secret-pass-3\n", "user", "reset-password", "BOB@b.co", "--password-stdin")
	m.asks("an old session", http.StatusUnauthorized, http.MethodGet, "/api/v1/agent", bob, "")
	m.run(true, "The role of bob@b.co is admin.", "", "user", "set-role", "bob@b.co", "admin")

	m.run(false, "nothing was changed", "no\n", "user", "remove", "bob@b.co")
	pings(http.StatusOK)
	m.run(true, "bob@b.co is removed from Acme. 1 API token is revoked.", "yes\n", "user", "remove", "bob@b.co", "--revoke-tokens")
	pings(http.StatusUnauthorized)
	m.run(false, "no admin user", "secret-pass-4\n", "user", "reset-password", "bob@b.co", "--password-stdin")
}
