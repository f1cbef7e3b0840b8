package backendtest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/config"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// Deployed founds an account and issues a token for a new agent deployment in it.
func (p *Program) Deployed() (actor audit.Actor, made token.Listed, secret string) {
	p.t.Helper()
	actor = p.Found()
	made, secret = p.Deploy(actor)
	return actor, made, secret
}

// Deploy issues a token for a new agent deployment in the actor's account.
func (p *Program) Deploy(actor audit.Actor) (made token.Listed, secret string) {
	p.t.Helper()
	bot := p.Register(actor, agent.Order{Name: "bot"})
	return p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: bot.ID, EnvironmentID: p.Environment(actor)})
}

// Environment returns the id of the oldest environment of the actor's account.
func (p *Program) Environment(actor audit.Actor) pfid.ID {
	p.t.Helper()
	environments, _, err := p.Accounts.Environments(p.t.Context(), actor.AccountID, paging.Page{Size: 1, Sort: "inserted_at"})
	if err != nil {
		p.t.Fatal(err)
	}
	return environments[0].ID
}

// Register registers an agent.
func (p *Program) Register(actor audit.Actor, order agent.Order) agent.Agent {
	p.t.Helper()
	registered, err := p.Agents.Register(p.t.Context(), actor, order)
	if err != nil {
		p.t.Fatal(err)
	}
	return registered
}

// Recorded checks how many audit events have the action.
func (p *Program) Recorded(action audit.Action, want int) {
	p.t.Helper()
	var n int
	if err := p.Database().QueryRow("SELECT count(*) FROM audit_events WHERE action = ?", action).Scan(&n); err != nil || n != want {
		p.t.Errorf("%d events %s, %v; want %d", n, action, err, want)
	}
}

// PostForm posts a form.
func (p *Program) PostForm(path, body string, headers ...Header) Answer {
	p.t.Helper()
	return p.SendForm(http.MethodPost, path, body, headers...)
}

// SendForm sends a form with any method. A Content-Type among the headers replaces that of a form.
func (p *Program) SendForm(method, path, body string, headers ...Header) Answer {
	p.t.Helper()
	return p.send(method, path, strings.NewReader(body), "application/x-www-form-urlencoded", headers)
}

// send sends a request. A Content-Type among the headers replaces the given one, which may be empty.
func (p *Program) send(method, path string, body io.Reader, contentType string, headers []Header) Answer {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.URL+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for _, h := range headers {
		if h.Name == "Content-Type" {
			request.Header.Del(h.Name)
		}
		request.Header.Add(h.Name, h.Value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: string(text), request: method + " " + path}
}

// Form encodes pairs of names and values, which may repeat names.
func Form(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(pairs[i] + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}

// Dial opens a connection and sends bytes unchanged.
func (p *Program) Dial(request string) net.Conn {
	p.t.Helper()
	u, err := url.Parse(p.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := c.Write([]byte(request)); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// StatusLine sends bytes unchanged and returns the first line of the response.
func (p *Program) StatusLine(request string) string {
	p.t.Helper()
	c := p.Dial(request)
	defer c.Close()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// UntilClosed sends bytes unchanged and returns all responses until the server closes the connection.
func (p *Program) UntilClosed(request string) string {
	p.t.Helper()
	c := p.Dial(request)
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		p.t.Errorf("the connection stays open: %v", err)
	}
	return string(all)
}

// From is the header of a proxy whose client has the address.
func From(address string) Header {
	return Header{Name: "X-Forwarded-For", Value: address}
}

// SignIn sends a request to sign in.
func (p *Program) SignIn(email, password string, headers ...Header) Answer {
	return p.Call(http.MethodPost, "/api/v1/session", Details(map[string]any{"email": email, "password": password}), headers...)
}

// Cookie returns the cookie in a response whose name contains a word, as a header and as it was set.
func Cookie(t testing.TB, a Answer, word string) (value Header, cookie *http.Cookie) {
	t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if strings.Contains(c.Name, word) {
			return Header{Name: "Cookie", Value: c.Name + "=" + c.Value}, c
		}
	}
	t.Fatalf("no %s cookie in %d %s", word, a.Status, a.Body)
	return value, nil
}

// Trusting makes the program trust proxies in the given networks.
func Trusting(t testing.TB, networks string) Option {
	return func(c *config.Config, _ *backend.World) {
		if err := c.TrustedProxies.UnmarshalText([]byte(networks)); err != nil {
			t.Fatal(err)
		}
	}
}
