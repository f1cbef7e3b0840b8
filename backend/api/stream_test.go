package api_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

const export = "/api/v1/audit_event/export"

// RFC 9112, section 6.1: such a client can't read chunks.
func TestAStreamToAnOldClientEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, reader := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	want := p.Call(http.MethodGet, export, nil, backendtest.Bearer(reader)).Body
	for _, more := range []string{"", "Connection: keep-alive\r\n", "Accept-Encoding: gzip\r\n"} {
		for _, method := range []string{"GET", "HEAD", "GET"} { // each gives its place back
			all := p.UntilClosed(method + " " + export + " HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer " + reader + "\r\n" + more + "\r\n")
			head, body, _ := strings.Cut(all, "\r\n\r\n")
			if method == "HEAD" && body != "" || method == "GET" && body != want {
				t.Errorf("%s with %q: the body is\n%s\nwant\n%s", method, more, body, want)
			}
			for _, line := range []string{"HTTP/1.1 200 OK\r\n", "\r\nConnection: close", "\r\nContent-Type: application/x-ndjson\r\n", "\r\nCache-Control: no-store, no-transform\r\n", "\r\nX-Content-Type-Options: nosniff\r\n", "\r\nDate: "} {
				if !strings.Contains(head+"\r\n", line) {
					t.Errorf("%s with %q: no %q in\n%s", method, more, line, head)
				}
			}
			if strings.Contains(head, "Transfer-Encoding") || strings.Contains(head, "Content-Length") || strings.Contains(head, "Etag") || strings.Contains(head, "keep-alive") {
				t.Errorf("%s with %q:\n%s", method, more, head)
			}
		}
	}
	// Behind another request in the same packet, as no such client sends it.
	all := p.UntilClosed("GET /healthz HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\nGET " + export + " HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer " + reader + "\r\n\r\n")
	if !strings.HasPrefix(all, "HTTP/1.1 200 OK\r\n") || !strings.Contains(all, "\r\n\r\nok\nHTTP/1.1 200 OK\r\n") || !strings.HasSuffix(all, "\r\n\r\n"+want) {
		t.Errorf("two requests:\n%s", all)
	}
}

func TestSlowExportsOfAnAccountLeaveThoseOfOthersAlone(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, rival := p.Found(), p.Rival()
	_, writer := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for range 100 {
		p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	}
	for range 40 { // more events than the buffers of a connection take
		for _, action := range []string{"suspend", "activate"} {
			bulk(p, []backendtest.Header{backendtest.Bearer(writer)}, map[string]any{"action": action, "filter": map[string]any{"token_role": "read"}}).Must(t, http.StatusOK)
		}
	}
	for range 2 {
		c := p.Dial("GET " + export + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + writer + "\r\n\r\n")
		defer func() { _ = c.Close() }()
		if line, err := bufio.NewReaderSize(c, 16).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200 ") {
			t.Fatal(line, err)
		}
	}
	refused(t, "a third one", p.Call(http.MethodGet, export, nil, backendtest.Bearer(writer)), http.StatusServiceUnavailable, "unexpected", "")
	_, other := p.Issue(rival, token.Order{Scope: token.ScopeAccount})
	for range 3 {
		wantStatus(t, "another account", p.Call(http.MethodGet, export, nil, backendtest.Bearer(other)), http.StatusOK)
	}
}

// partsCounted is a connection that counts the parts of its response.
type partsCounted struct {
	net.Conn
	parts atomic.Int64
}

func (*partsCounted) Stream() {}

func (c *partsCounted) Part() { c.parts.Add(1) }

// A response that is no stream ends after half a minute, which is too short for many events or a slow client.
func TestAnExportHasTheTimeOfAResponseForEachOfItsParts(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, reader := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	for range 130 { // more than are read at once
		p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	}
	ours, peer := net.Pipe()
	defer ours.Close()
	defer peer.Close()
	conn := &partsCounted{Conn: ours}
	var c fasthttp.RequestCtx
	c.Init2(conn, nil, false)
	c.Request.SetRequestURI(export)
	c.Request.Header.Set("Authorization", "Bearer "+reader)
	p.Web.API.Serve(&c)
	lines := strings.Count(string(c.Response.Body()), "\n")
	if parts := conn.parts.Load(); c.Response.StatusCode() != http.StatusOK || lines <= 130 || parts != int64(lines/100+1) {
		t.Errorf("%d: %d events in %d parts", c.Response.StatusCode(), lines, parts)
	}
}

// followOld opens a stream of changes by HTTP/1.0 and reads its first event.
func followOld(t *testing.T, p *backendtest.Program, cookie backendtest.Header) (net.Conn, *bufio.Reader) {
	t.Helper()
	c := p.Dial("GET " + changes + " HTTP/1.0\r\nHost: x\r\nCookie: " + cookie.Value + "\r\n\r\n")
	t.Cleanup(func() { c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	head := ""
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(head, err)
		}
		head += line
	}
	if !strings.HasPrefix(head, "HTTP/1.1 200 ") || !strings.Contains(head, "\r\nContent-Type: text/event-stream\r\n") || strings.Contains(head, "Transfer-Encoding") {
		t.Fatal(head)
	}
	if line, err := r.ReadString('\n'); line != alive+"\n" {
		t.Fatalf("the first line is %q, %v", line, err)
	}
	return c, r
}

func TestAnOldClientHearsOfChangesUntilItsSessionEndsOrTheServerStops(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	signedIn, cookie := signedInAs(t, p, actor)
	_, r := followOld(t, p, cookie)
	if err := p.People.SignOut(t.Context(), actor, signedIn.SessionID); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		if line != "\n" && !strings.HasPrefix(line, "data: ") {
			t.Errorf("%q", line)
		}
	}
	_, cookie = signedInAs(t, p, actor)
	_, r = followOld(t, p, cookie)
	p.Stop()
	for {
		if _, err := r.ReadString('\n'); err != nil {
			break
		}
	}
	if log := p.Log.String(); strings.Contains(log, "cut off") {
		t.Error(log)
	}
}
