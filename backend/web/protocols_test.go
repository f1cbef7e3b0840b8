package web_test

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
)

func TestAConnectionInAnotherProtocolIsToldSo(t *testing.T) {
	const request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	headers := map[string]string{
		"version 1":                  "PROXY TCP4 192.0.2.1 192.0.2.2 1111 8080\r\n",
		"version 1 without a client": "PROXY UNKNOWN\r\n",
		"version 2":                  "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\x57\x1f\x90",
	}
	folder := t.TempDir()
	chain, key := backendtest.Certificate(t, "tokens.example.com")
	files := []string{filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")}
	for i, content := range [][]byte{chain, key} {
		if err := os.WriteFile(files[i], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	withTLS := func(c *config.Config, _ *backend.World) { c.TLSCert, c.TLSKey = files[0], files[1] }
	for name, p := range map[string]*backendtest.Program{"plain": backendtest.Start(t), "TLS": backendtest.Start(t, withTLS)} {
		for version, header := range headers {
			all := p.UntilClosed(header + request)
			if !strings.HasPrefix(all, "HTTP/1.1 400 ") || !strings.Contains(all, "does not speak the PROXY protocol") || strings.Count(all, "HTTP/1.1") != 1 {
				t.Errorf("%s, %s: answered\n%s", name, version, all)
			}
		}
		if n := strings.Count(p.Log.String(), "a proxy speaks the PROXY protocol"); n != 1 {
			t.Errorf("%s: logged %d times:\n%s", name, n, p.Log.String())
		}
		if all := p.UntilClosed(request); strings.HasPrefix(all, "HTTP/1.1 200 ") != (name == "plain") || strings.Contains(all, "use https") != (name == "TLS") {
			t.Errorf("%s: answered plain HTTP with\n%s", name, all)
		}
	}
}

func TestAProxyThatSpeaksHTTP2IsToldSo(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	all := p.UntilClosed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	if !strings.HasPrefix(all, "HTTP/1.1 400 ") || !strings.Contains(all, "use HTTP/1.1") || strings.Count(p.Log.String(), "a proxy speaks HTTP/2") != 1 {
		t.Errorf("answered\n%s\nlogged\n%s", all, p.Log.String())
	}
}

func TestABodyMayBeginLikeThePROXYProtocol(t *testing.T) {
	t.Parallel()
	c := backendtest.Start(t).Dial("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 11\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
	defer c.Close()
	answers := bufio.NewReader(c)
	if line, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := io.WriteString(c, "PROXY TCP4 "); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(answers); err != nil || strings.Contains(string(all), "PROXY protocol") || !strings.Contains(string(all), "HTTP/1.1 4") {
		t.Errorf("%s, %v", all, err)
	}
}
