package webhook

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// TestASignatureIsThatOfTheStandard uses the example with which the libraries of Standard Webhooks are tested.
func TestASignatureIsThatOfTheStandard(t *testing.T) {
	got, err := sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s %v, want %s", got, err, want)
	}
}

func TestAReceiverGetsASignedPost(t *testing.T) {
	secret, err := New(true).NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) != 32 {
		t.Fatalf("%s: %v", secret, err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.%s", r.Header.Get("webhook-id"), at.Unix(), body)
		if got, want := r.Header.Get("webhook-signature"), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
		if r.RequestURI != "/h%C3%B6k?key=%41&name=%C3%B6%20b" {
			t.Errorf("asked for %s", r.RequestURI)
		}
		if r.Method != http.MethodPost || r.Header.Get("webhook-timestamp") != fmt.Sprint(at.Unix()) || r.Header.Get("Content-Type") != "application/json" || string(body) != `{"a":1}` {
			t.Errorf("%s %v %s", r.Method, r.Header, body)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	if status, failure := New(true).Post(t.Context(), receiver.URL+"/hök?key=%41&name=ö b", secret, "msg_1", at, []byte(`{"a":1}`)); status != 204 || failure != "" {
		t.Errorf("%d %s", status, failure)
	}
}

// raw answers each connection with bytes, repeated until the client closes if endless.
func raw(t *testing.T, answer string, endless bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = http.ReadRequest(bufio.NewReader(c))
				for {
					if _, err := io.WriteString(c, answer); err != nil || !endless {
						break
					}
				}
				if !endless {
					_, _ = c.Read(make([]byte, 1)) // until the client has had enough
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestABadReceiverIsReportedInTime(t *testing.T) {
	// Another server must never see a redirected message.
	victim := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer victim.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // the client hangs up
	untrusted.StartTLS()
	defer untrusted.Close()
	leaving := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer leaving.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for what, c := range map[string]struct {
		url    string
		status int
		reason string
	}{
		"a failure":              {raw(t, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", false), 500, "answered with status 500"},
		"a redirect":             {raw(t, "HTTP/1.1 307 To\r\nLocation: "+victim.URL+"\r\nContent-Length: 0\r\n\r\n", false), 307, "redirected with status 307"},
		"silence":                {raw(t, "", false), 0, "did not answer within"},
		"an endless head":        {raw(t, "HTTP/1.1 200 OK\r\nX-A: "+strings.Repeat("a", 1<<20), true), 0, "There was no answer"},
		"endless information":    {raw(t, "HTTP/1.1 100 Continue\r\n\r\n", true), 0, "There was no answer"},
		"no HTTP":                {raw(t, "220 smtp ready\r\n", false), 0, "does not speak HTTP"},
		"no header":              {raw(t, "HTTP/1.1 200 OK\r\nsmtp ready\r\n\r\n", false), 0, "does not speak HTTP"},
		"a closed connection":    {leaving.URL, 0, "closed the connection without an answer"},
		"a closed port":          {"http://" + closed.Addr().String(), 0, "connection refused"},
		"an unknown certificate": {untrusted.URL, 0, "certificate is not accepted"},
		"an unknown host":        {"https://nowhere.invalid", 0, "nowhere.invalid"},
	} {
		t.Run(what, func(t *testing.T) {
			s := New(true)
			if what == "silence" {
				s.timeout = 50 * time.Millisecond
			}
			status, failure := s.Post(t.Context(), c.url, secret, "msg_1", at, []byte("{}"))
			if what == "an unknown host" && strings.Contains(failure, "did not answer") {
				return // a resolver that is slow or absent
			}
			if status != c.status || !strings.Contains(failure, c.reason) {
				t.Errorf("%d %q, want %d %q", status, failure, c.status, c.reason)
			}
			if strings.Contains(failure, "smtp ready") {
				t.Errorf("the failure shows what the receiver sent: %s", failure)
			}
		})
	}
}

func TestAnEndlessBodyIsNotRead(t *testing.T) {
	url := raw(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("5\r\naaaaa\r\n", 1000), true)
	if status, failure := New(true).Post(t.Context(), url, secret, "msg_1", at, []byte("{}")); status != 200 || failure != "" {
		t.Errorf("%d %s", status, failure)
	}
}

func TestAddressesOfThisMachineAndItsNetworksAreRefused(t *testing.T) {
	for _, text := range []string{
		"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::ffff:192.168.1.1", "100.64.0.1", "100.127.255.254", "fd00::1", "fc00::1",
	} {
		ip := netip.MustParseAddr(text)
		if (addresses{}).objection(ip, false) == "" {
			t.Errorf("%s is not refused", text)
		}
		if why := (addresses{allowPrivate: true}).objection(ip, true); why != "" {
			t.Errorf("%s with the setting: %s", text, why)
		}
	}
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "::", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fe80::1%lo", "224.0.0.1", "239.1.1.1", "ff02::1", "255.255.255.255", "240.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "::127.0.0.1", "fec0::1", "100::1", "192.0.2.1", "198.18.0.1",
		"100.100.100.200", "::ffff:100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::253", "fd20:ce::254", "fd00:42::42",
	} {
		for _, allow := range []bool{false, true} {
			if (addresses{allow}).objection(netip.MustParseAddr(text), false) == "" {
				t.Errorf("%s is not refused (private allowed: %v)", text, allow)
			}
		}
	}
	for _, text := range []string{"8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111", "172.32.0.1", "100.128.0.1", "198.20.0.1"} {
		if why := (addresses{}).objection(netip.MustParseAddr(text), false); why != "" {
			t.Errorf("%s: %s", text, why)
		}
		if (addresses{allowPrivate: true}).objection(netip.MustParseAddr(text), true) == "" {
			t.Errorf("%s takes messages without TLS", text)
		}
	}
}

// TestANameIsCheckedWhenItIsDialled covers names that lead to this machine, however they are written.
func TestANameIsCheckedWhenItIsDialled(t *testing.T) {
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the receiver was reached") }))
	defer receiver.Close()
	_, port, _ := net.SplitHostPort(receiver.Listener.Addr().String())
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001"} {
		status, failure := New(false).Post(t.Context(), "https://"+host+":"+port, secret, "msg_1", at, []byte("{}"))
		if status != 0 || failure == "" {
			t.Errorf("%s: %d %q", host, status, failure)
		}
		if (host == "localhost" || host == "127.0.0.1") && !strings.Contains(failure, "--allow-private-webhooks") {
			t.Errorf("%s: %q names no setting", host, failure)
		}
	}
}

func TestAProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was used") }))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("HTTP_PROXY", proxy.URL)
	s := New(false)
	s.timeout = 100 * time.Millisecond
	if _, failure := s.Post(t.Context(), "https://nowhere.invalid", secret, "msg_1", at, nil); failure == "" {
		t.Error("there was an answer")
	}
}

func TestURLsThatCantBeReceiversAreRefused(t *testing.T) {
	for _, url := range []string{
		"", "example.com/hook", "ftp://example.com", "https://", "https:example.com", "https://user:pass@example.com", "https://example.com/#a", "http://example.com",
		"https://127.0.0.1/", "https://[::1]:8443/", "https://10.0.0.1", "https://169.254.169.254/latest", "javascript:alert(1)", "https://exa mple.com", "https://example.com:port",
		"https://example.com:0/", "https://example.com:65536/", "https://2130706433/", "https://127.1/", "https://0x7f.1/", "https://0X7F000001/", "https://./", "https://example.com../",
	} {
		if New(false).CheckURL(url) == nil {
			t.Errorf("%s is accepted", url)
		}
	}
	for _, url := range []string{"https://example.com/hook?key=1", "https://bücher.example", "HTTPS://EXAMPLE.COM:8443/x"} {
		if err := New(false).CheckURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"http://127.0.0.1:9000/x", "http://receiver.internal", "https://10.0.0.1"} {
		if err := New(true).CheckURL(url); err != nil {
			t.Errorf("%s with the setting: %v", url, err)
		}
	}
	for _, url := range []string{"http://8.8.8.8/", "https://169.254.169.254", "http://[64:ff9b::7f00:1]/"} {
		if New(true).CheckURL(url) == nil {
			t.Errorf("%s is accepted with the setting", url)
		}
	}
}
