package web_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

func TestABodyThatIsTooLargeIsRefusedBeforeItArrives(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		for _, more := range []string{"", "Expect: 100-continue\r\n", "Content-Type: multipart/form-data; boundary=x\r\n", "Content-Encoding: gzip\r\n", "Authorization: Bearer " + secret + "\r\n"} {
			for line, length := range map[string]int{
				"POST /": 2 << 20, "GET /healthz": 262145, "PUT /api/v1/agent/x": 262145, "POST /api/v1/session": 1 << 40, "BREW /nowhere": 262145,
				"POST /oauth/introspect": 262145, "POST /oauth/revoke": 16385, "POST /oauth/introspect/batch": 1572865, "PUT /oauth/introspect/batch": 262145,
			} {
				all := p.UntilClosed(fmt.Sprintf("%s %s\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n", line, version, more, length))
				want := "HTTP/1.1 413 "
				if line == "PUT /api/v1/agent/x" && !strings.HasPrefix(more, "Authorization") { // its sender is looked at first
					want = "HTTP/1.1 401 "
				}
				if strings.Count(all, "HTTP/1.1 ") != 1 || !strings.HasPrefix(all, want) || !strings.Contains(all, "\r\nConnection: close\r\n") || !strings.Contains(all, "\r\nCache-Control: no-store\r\n") {
					t.Errorf("%s %s, %q: answered\n%s", line, version, more, all)
				}
			}
		}
	}
}

func TestABodyInChunksIsRefusedOnceItIsTooLarge(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	chunk := "10000\r\n" + strings.Repeat("x", 64<<10) + "\r\n"
	for _, line := range []string{"POST /api/v1/agent", "POST /api/v1/session", "POST /oauth/introspect", "POST /oauth/revoke"} {
		all := p.UntilClosed(line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Bearer " + secret + "\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 5))
		if !strings.HasPrefix(all, "HTTP/1.1 413 ") || !strings.Contains(all, "\r\nConnection: close\r\n") {
			t.Errorf("%s: answered\n%s", line, all)
		}
	}
}

// An unread rest would reset the connection, and proxies that still send would answer 502.
func TestAnAnswerArrivesThoughNoOneReadsTheBody(t *testing.T) {
	p := backendtest.Start(t)
	for _, framed := range []string{
		"Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat("x", 64<<10)+"\r\n", 80) + "0\r\n\r\n",
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 20<<20, strings.Repeat("x", 20<<20)),
	} {
		for _, path := range []string{"/healthz", "/nowhere", "/oauth/introspect", "/api/v1/validate", "/api/v1/agent"} {
			all := p.UntilClosed("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + framed)
			if strings.Count(all, "HTTP/1.1 ") != 1 || !strings.HasPrefix(all, "HTTP/1.1 4") {
				t.Errorf("%s, %.40q: answered\n%s", path, framed, all)
			}
		}
	}
}

func TestBodiesThatAreOnlyAnnouncedHoldNoMemory(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	const connections = 64
	for i := range connections {
		line := []string{"POST /api/v1/agent", "POST /api/v1/bulk", "POST /api/v1/session", "POST /oauth/introspect/batch"}[i%4]
		c := p.Dial(line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Bearer " + secret + "\r\nContent-Length: 262144\r\nExpect: 100-continue\r\n\r\n")
		defer c.Close()
		answer := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
		if _, err := bufio.NewReader(c).Read(answer); err != nil || !strings.Contains(string(answer), " 100 ") {
			t.Fatalf("%s: %q, %v", line, answer, err)
		}
		if _, err := c.Write(make([]byte, 10<<10)); err != nil {
			t.Fatal(err)
		}
	}
	p.Call(http.MethodGet, "/healthz", nil)
	if each := (int64(held()) - int64(before)) / connections; each > 100<<10 {
		t.Errorf("each connection holds %d KiB", each>>10)
	}
}

func TestAStrangerIsRefusedBeforeALargeBodyArrives(t *testing.T) {
	p := backendtest.Start(t)
	for line, want := range map[string]string{
		"POST /api/v1/agent": " 401 ", "POST /api/v1/bulk": " 401 ", "POST /api/v1/session/password": " 401 ", "POST /api/v1/nowhere": " 404 ",
		"POST /api/v1/session": " 413 ", "POST /api/v1/setup": " 413 ", "POST /oauth/introspect": " 413 ",
	} {
		answer := p.StatusLine(line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 8<<10))
		if !strings.Contains(answer, want) {
			t.Errorf("%s: %s, want%s", line, answer, want)
		}
	}
	for _, authorization := range []string{"Bearer nonsense", "Basic bm9uc2Vuc2U6bm9uc2Vuc2U="} {
		answer := p.StatusLine("POST /oauth/introspect/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: " + authorization + "\r\nContent-Length: 1500000\r\n\r\n" + strings.Repeat("x", 8<<10))
		if !strings.Contains(answer, " 401 ") {
			t.Errorf("%s: %s", authorization, answer)
		}
	}
}

// strangerLines are headers of callers who are not known: without a credential, and with wrong ones.
var strangerLines = []string{
	"", "Authorization: Bearer nonsense\r\n", "Authorization: Basic bm9uc2Vuc2U6bm9uc2Vuc2U=\r\n", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
	"Cookie: tokentab_session=nonsense\r\n", "X-API-Key: nonsense\r\n",
}

func TestAStrangerIsRefusedBeforeAnyOfTheBodyArrives(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	isOpen := []string{"POST /api/v1/session", "DELETE /api/v1/session", "POST /api/v1/setup", "POST /api/v1/invite/show", "POST /api/v1/invite/accept"}
	for _, route := range append(p.Web.Routes(), "POST /oauth/introspect", "POST /oauth/introspect/batch") {
		method, path, _ := strings.Cut(route, " ")
		isOAuth := strings.HasPrefix(path, "/oauth/")
		if slices.Contains(isOpen, route) || method == http.MethodGet || !isOAuth && !strings.HasPrefix(path, "/api/v1/") || strings.HasSuffix(path, "*") {
			continue
		}
		for _, stranger := range strangerLines {
			if isOAuth && !strings.HasPrefix(stranger, "Authorization") { // the credentials may be in the form
				continue
			}
			length := "Content-Length: 20"
			if isOAuth { // a small form is read from everyone
				length += "000"
			}
			for _, more := range []string{length, length + "\r\nExpect: 100-continue", length + "\r\nContent-Encoding: gzip", "Transfer-Encoding: chunked"} {
				all := p.UntilClosed(method + " " + strings.ReplaceAll(path, ":id", "x") + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" + stranger + more + "\r\n\r\n")
				want := "HTTP/1.1 401 "
				if isOAuth && strings.Count(stranger, "\n") > 1 {
					want = "HTTP/1.1 400 " // RFC 6749, section 5.2
				}
				if !strings.HasPrefix(all, want) || strings.Count(all, "HTTP/1.1 ") != 1 {
					t.Errorf("%s, %q, %q: answered\n%s", route, stranger, more, all)
				}
			}
		}
	}
}

func TestATokenThatMayNotIntrospectIsRefusedBeforeALargeFormArrives(t *testing.T) {
	p := backendtest.Start(t)
	actor, _, deployment := p.Deployed()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	other, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for authorization, want := range map[string]string{
		"Basic " + base64.StdEncoding.EncodeToString([]byte(other.ID.String()+":"+secret)): "HTTP/1.1 401 ",
		"Basic " + base64.StdEncoding.EncodeToString([]byte(":"+secret)):                   "HTTP/1.1 401 ",
		"Bearer " + deployment: "HTTP/1.1 403 ",
	} {
		for _, path := range []string{"/oauth/introspect", "/oauth/introspect/batch"} {
			all := p.UntilClosed("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: " + authorization + "\r\nContent-Length: 20000\r\n\r\n")
			if !strings.HasPrefix(all, want) {
				t.Errorf("%s, %.12s: answered\n%s", path, authorization, all)
			}
		}
	}
}

// A gateway may send the Content-Length of its client's request without the body.
func TestAGetDoesNotWaitForABody(t *testing.T) {
	p := backendtest.Start(t, smallPage)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/.well-known/jwks.json", "/status-lists", "/api/v1/agent", "/nowhere"} {
		for _, method := range []string{"GET", "HEAD"} {
			head := method + " " + path + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(p.URL, "http://") + "\r\nAuthorization: Bearer " + secret + "\r\n"
			want := p.StatusLine(head + "\r\n")
			for _, body := range []string{"Content-Length: 20\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n", "Content-Length: 37\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"} {
				all := p.UntilClosed(head + body)
				if !strings.HasPrefix(all, want) || strings.Count(all, "HTTP/1.1 ") != 1 || !strings.Contains(all, "\r\nConnection: close\r\n") {
					t.Errorf("%s %s, %q: answered\n%s, want %s", method, path, body, all, want)
				}
			}
		}
	}
}

func TestAKnownCallerIsWaitedFor(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	for _, line := range []string{"Authorization: Bearer " + secret, "Cookie: " + cookie.Value + "\r\nSec-Fetch-Site: same-origin"} {
		body := `{"details":{"name":"bot"}}`
		c := p.Dial(fmt.Sprintf("POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Type: application/json\r\n%s\r\nContent-Length: %d\r\n\r\n", line, len(body)))
		defer c.Close()
		r := bufio.NewReader(c)
		if got, err := r.ReadString('\n'); err != nil || !strings.Contains(got, " 100 ") {
			t.Fatalf("%.20s: %q, %v", line, got, err)
		}
		if _, err := c.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(r); err != nil || !strings.Contains(string(all), "HTTP/1.1 200 ") {
			t.Errorf("%.20s: %s, %v", line, all, err)
		}
	}
	// These need no credential, with the slash that the router takes too.
	for path, want := range map[string]string{"/api/v1/session": " 401 ", "/api/v1/session/": " 401 ", "/api/v1/invite/show": " 404 "} {
		body := `{"details":{"email":"a@example.com","password":"wrong","code":"wrong"}}`
		if got := p.StatusLine(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestTheEarlyCheckOfAKnownCallerAsksNoOtherCopy counts the looks for changes of other copies, which each cost a round trip.
func TestTheEarlyCheckOfAKnownCallerAsksNoOtherCopy(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	create := func(number int) (looks uint64) {
		before := p.Tokens.LookStats().Looks
		body := fmt.Sprintf(`{"details":{"name":"bot %d"}}`, number)
		if got := p.StatusLine(fmt.Sprintf("POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", secret, len(body), body)); !strings.Contains(got, " 200 ") {
			t.Fatal(got)
		}
		return p.Tokens.LookStats().Looks - before
	}
	create(1) // the cache has the token from here on
	want := uint64(0)
	if pgtest.Wanted() {
		want = 2 // before the body is read and after it
	}
	if looks := create(2); looks != want {
		t.Errorf("a request with a body takes %d looks, want %d", looks, want)
	}
}

func TestALargeBodyOfAKnownCallerIsReadWholeAndTheNextRequestFollows(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	body := `{"details":{"name":"bot"` + strings.Repeat(" ", 200<<10) + `}}`
	for _, framed := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x;a=b\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", 11, body[:11], len(body)-11, body[11:]),
	} {
		all := p.UntilClosed("POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\nContent-Type: application/json\r\n" + framed + "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if strings.Count(all, "HTTP/1.1 200 ") != 2 || !strings.Contains(all, `"name":"bot"`) {
			t.Errorf("%.60s: answered\n%s", framed, all)
		}
	}
}

func TestARequestWhoseBodyEndsEarlyChangesNothing(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	body := `{"details":{"name":"bot"}}`
	for _, framed := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body)+1, body),
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s%s", 100<<10, body, strings.Repeat(" ", 50<<10)),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(body), body),
	} {
		c := p.Dial("POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\nContent-Type: application/json\r\n" + framed)
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if line, _ := bufio.NewReader(c).ReadString('\n'); strings.Contains(line, " 200 ") {
			t.Errorf("%.60q: answered %s", framed, line)
		}
		c.Close()
	}
	if a := p.Call(http.MethodGet, "/api/v1/agent", nil, backendtest.Bearer(secret)); strings.Contains(a.Body, "bot") {
		t.Errorf("an agent was made: %s", a.Body)
	}
}

func TestABatchMayHoldItsCredentialsInALargeForm(t *testing.T) {
	p := backendtest.Start(t)
	made, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	pairs := []string{"client_id", made.ID.String(), "client_secret", secret}
	for range 100 {
		pairs = append(pairs, "token", secret)
	}
	a := p.PostForm("/oauth/introspect/batch", backendtest.Form(pairs...))
	if a.Status != http.StatusOK || strings.Count(a.Body, `"active":true`) != 100 {
		t.Errorf("%d %.200s", a.Status, a.Body)
	}
}

func TestABodyThatIsNotInChunksIsMalformedAndNotLate(t *testing.T) {
	p := backendtest.Start(t)
	made, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(made.ID.String()+":"+secret)) + "\r\n"
	bearer := "Authorization: Bearer " + secret + "\r\n"
	for line, headers := range map[string]string{
		"POST /api/v1/session": "", "POST /api/v1/agent": bearer, "POST /api/v1/bulk": bearer, "POST /oauth/revoke": basic, "POST /oauth/introspect": basic, "POST /oauth/introspect/batch": basic,
	} {
		for _, body := range []string{
			"zz\r\n", "0x4\r\nabcd\r\n0\r\n\r\n", "-1\r\n", "\r\n", "4\nabcd\r\n0\r\n\r\n", "4\r\nabcdef\r\n0\r\n\r\n", "4\r\nabcd\n0\r\n\r\n", "4 x\r\nabcd\r\n", "fffffffffffffffff\r\n",
			"4\r\nabcd\r\n0\r\nAuthorization: timeout\r\n\r\n", "4\r\nabcd\r\n0\r\nContent-Length: 5\r\n\r\n", "4\r\nabcd\r\n0\r\nno colon\r\n\r\n",
			"4\r\nabcd\r\n0\r\nX: " + strings.Repeat("x", 17<<10) + "\r\n\r\n",
		} {
			all := p.UntilClosed(line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" + headers + "Transfer-Encoding: chunked\r\n\r\n" + body)
			if !strings.HasPrefix(all, "HTTP/1.1 400 ") || !strings.Contains(all, "can't be read") {
				t.Errorf("%s, %.40q: answered\n%s", line, body, all)
			}
		}
	}
	// The error that names the malformed header repeats it.
	if all := p.UntilClosed("GET /healthz HTTP/1.1\r\nHost: x\r\nX timeout\r\n\r\n"); !strings.HasPrefix(all, "HTTP/1.1 400 ") {
		t.Errorf("a malformed header: answered\n%s", all)
	}
}
