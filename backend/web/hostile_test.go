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
	p := backendtest.Start(t)
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const first = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	half := "GET /healthz HTTP/1.1\r\nHost: x\r\n" + crowded
	for what, sent := range map[string]string{"half of a first request": half, "half of a later request": first + half} {
		before := held()
		const connections = 64
		for range connections {
			c := p.Dial(sent)
			defer c.Close()
			if sent != half {
				if _, err := io.ReadFull(c, make([]byte, 12)); err != nil {
					t.Fatal(err)
				}
			}
		}
		p.Call(http.MethodGet, "/healthz", nil)
		if each := (int64(held()) - int64(before)) / connections; each > 100<<10 {
			t.Errorf("%s: each connection holds %d KiB", what, each>>10)
		}
	}
}
