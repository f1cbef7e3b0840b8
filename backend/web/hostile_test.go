package web_test

import (
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// TestShortLinesOfABodyArriveWhole sends lines that come in one packet, and one request behind another.
func TestShortLinesOfABodyArriveWhole(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	body := "{" + strings.Repeat("\n", 7000) + `"details":{"name":"bot"}` + strings.Repeat("\n", 7000) + "}"
	request := "POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	all := p.UntilClosed(request + "\r\n" + body + request + "Connection: close\r\n\r\n" + body)
	if strings.Count(all, "HTTP/1.1 200 ") != 2 {
		t.Errorf("answered\n%s", all)
	}
}

// Each piece of a body of empty lines must be copied once, not again with every piece before it.
func TestABodyOfEmptyLinesTakesLittleMemory(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	send := func(filler string) uint64 {
		body := "{" + strings.Repeat(filler, 2<<20) + `"items":[{"method":"GET","path":"/agent"}]}`
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		all := p.UntilClosed("POST /api/v1/bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
		runtime.ReadMemStats(&after)
		if !strings.HasPrefix(all, "HTTP/1.1 200 ") {
			t.Fatalf("answered\n%s", all)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if spaces, lines := send(" "), send("\n"); lines > spaces+8<<20 {
		t.Errorf("%d MiB were allocated, with spaces %d", lines>>20, spaces>>20)
	}
}

// crowded is a request with many short header lines, for which the server would need many times their bytes.
var crowded = strings.Repeat("a:\r\n", 3500)

func TestManyHeaderLinesAreRefused(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	few := "Host: x\r\nAuthorization: Bearer " + secret + "\r\n"
	for _, line := range []string{"GET /healthz", "GET /api/v1/validate", "GET /api/v1/agent", "POST /oauth/introspect/batch", "GET /metrics"} {
		all := p.UntilClosed(line + " HTTP/1.1\r\n" + few + crowded + "\r\n")
		if strings.Count(all, "HTTP/1.1 ") != 1 || !strings.HasPrefix(all, "HTTP/1.1 431 ") || !strings.Contains(all, "256 lines") {
			t.Errorf("%s: answered\n%s", line, all)
		}
	}
	all := p.UntilClosed("GET /api/v1/validate HTTP/1.1\r\n" + few + "Connection: close\r\n" + crowded[:250*4] + "\r\n")
	if !strings.HasPrefix(all, "HTTP/1.1 200 ") {
		t.Errorf("250 lines: answered\n%s", all)
	}
}

func TestHeaderLinesHoldLittleMemory(t *testing.T) {
	const first = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	half := "GET /healthz HTTP/1.1\r\nHost: x\r\n" + crowded
	p := backendtest.Start(t)
	for what, sent := range map[string]string{"half of a first request": half, "half of a later request": first + half} {
		if each := heldByEach(t, p, sent, sent != half); each > 100 {
			t.Errorf("%s: each connection holds %d KiB", what, each)
		}
	}
}

// fasthttp parses a request into up to fifty times its bytes, and keeps them while the connection is open.
func TestAnIdleConnectionHoldsLittleOfItsLastRequest(t *testing.T) {
	p := backendtest.Start(t)
	form := strings.Repeat("token="+strings.Repeat("x", 1000)+"&", 1000)
	for what, sent := range map[string]string{
		"cookies":                "GET /api/v1/session HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("a=b;", 3800) + "\r\n\r\n",
		"cookies of a stranger":  "POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nCookie: " + strings.Repeat("a=b;", 3800) + "\r\n\r\n{}",
		"query keys of the page": "GET /?" + strings.Repeat("a&", 7900) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"query keys of the API":  "GET /api/v1/session?" + strings.Repeat("a&", 7900) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"query keys of ping":     "HEAD /api/v1/ping?" + strings.Repeat("a&", 7900) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"query keys of a list":   "GET /status-lists/1?" + strings.Repeat("a&", 7900) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"header lines":           "GET /api/v1/session HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Padding: "+strings.Repeat("x", 45)+"\r\n", 250) + "\r\n",
		"a form":                 "POST /oauth/introspect/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(form)) + "\r\n\r\n" + form,
	} {
		if each := heldByEach(t, p, sent, true); each > 40 {
			t.Errorf("%s: each connection holds %d KiB", what, each)
		}
	}
}

func TestALongQueryIsRefusedExceptForGateways(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	long := "?" + strings.Repeat("a&", 1000)
	for _, path := range []string{"/", "/healthz", "/api/v1/session", "/api/v1/api_token", "/api/v1/ping", "/status-lists/1", "/oauth/introspect"} {
		if a := p.Call(http.MethodGet, path+long, nil, backendtest.Bearer(secret)); a.Status != http.StatusBadRequest || !strings.Contains(string(a.Body), "1,000 parameters") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	p.Call(http.MethodGet, "/healthz?"+strings.Repeat("a&", 999), nil).Want(t, "1,000 parameters", http.StatusOK)
	for path, want := range map[string]int{long: http.StatusOK, long + "scope=account": http.StatusOK, long + "scope=environment": http.StatusForbidden, long + "scop=account": http.StatusForbidden} {
		p.Call(http.MethodGet, "/api/v1/validate"+path, nil, backendtest.Bearer(secret)).Want(t, "validate"+path[len(long):], want)
	}
}

// A request of 16 KiB without a credential must not take a multiple of its bytes.
func TestARequestOfAStrangerTakesLittleMemory(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	keys, cookies := "?"+strings.Repeat("a&", 7900), "Cookie: "+strings.Repeat("a=b;", 3800)+"\r\n"
	for _, request := range [][2]string{
		{"GET /" + keys, ""}, {"GET /api/v1/session" + keys, ""}, {"GET /api/v1/ping" + keys, ""}, {"GET /status-lists/1" + keys, ""},
		{"GET /api/v1/validate" + keys, "Authorization: Bearer x\r\n"}, {"GET /api/v1/session", cookies}, {"POST /api/v1/agent", cookies},
	} {
		sent := request[0] + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + request[1] + "\r\n"
		const times = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			p.UntilClosed(sent)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 200<<10 {
			t.Errorf("%.30s: a request allocates %d KiB", sent, each>>10)
		}
	}
}

// heldByEach returns how many KiB of the heap each of several connections holds that sent the same, and got a response if
// isAnswered is set.
func heldByEach(t *testing.T, p *backendtest.Program, sent string, isAnswered bool) int64 {
	t.Helper()
	held := func() int64 {
		p.Call(http.MethodGet, "/healthz", nil)
		runtime.GC()
		runtime.GC() // frees what pools held
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := held()
	const connections = 64
	for range connections {
		c := p.Dial(sent)
		defer c.Close()
		if isAnswered {
			if _, err := io.ReadFull(c, make([]byte, 12)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return (held() - before) / connections >> 10
}
