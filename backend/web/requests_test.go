package web_test

import (
	"net"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestConnectionsThatClientsResetAreNoFailures(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	const body = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
	for _, sent := range []string{
		"", "GET /hea", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST /api/v1/session HTTP/1.1\r\n" + body + "\r\n{",
		"POST /api/v1/agent HTTP/1.1\r\nAuthorization: Bearer " + secret + "\r\n" + body + "\r\n{", "POST /oauth/introspect HTTP/1.1\r\n" + body + "\r\n",
	} {
		c := p.Dial(sent)
		if tcp, ok := c.(*net.TCPConn); !ok || tcp.SetLinger(0) != nil || c.Close() != nil { // sends a reset, as health checks of HAProxy do
			t.Fatalf("%T can't be reset", c)
		}
	}
	// By the answer the server has accepted the connections above, and by the end it has read them.
	if line := p.StatusLine("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); !strings.Contains(line, " 200 ") {
		t.Error(line)
	}
	p.Stop()
	if log := p.Log.String(); strings.Contains(log, "level=ERROR") {
		t.Error(log)
	}
}
