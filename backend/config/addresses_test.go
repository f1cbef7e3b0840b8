package config

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestTrustedProxiesMatchHoweverIPv4IsWritten(t *testing.T) {
	for text, matches := range map[string]map[string]bool{
		"127.0.0.0/8":                {"127.0.0.1": true, "::ffff:127.0.0.1": true, "128.0.0.1": false, "::1": false},
		"::ffff:127.0.0.0/104":       {"127.0.0.1": true, "::ffff:127.9.0.1": true, "128.0.0.1": false, "::1": false},
		"::ffff:10.1.2.3/128":        {"10.1.2.3": true, "10.1.2.4": false},
		"::ffff:10.1.2.3":            {"10.1.2.3": true, "10.1.2.4": false},
		"::ffff:0:0/96":              {"10.1.2.3": true, "::1": false},
		"::1, 10.0.0.0/8":            {"::1": true, "10.2.3.4": true, "11.0.0.1": false},
		"fe80::1%eth0":               {"fe80::1": true, "fe80::2": false},
		"2001:db8::/32,192.0.2.7/31": {"2001:db8::5": true, "192.0.2.6": true, "192.0.2.8": false},
	} {
		var n Networks
		if err := n.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for ip, want := range matches {
			if got := n.Contain(netip.MustParseAddr(ip)); got != want {
				t.Errorf("%s contains %s: %v", text, ip, got)
			}
		}
	}
	for _, text := range []string{"::ffff:127.0.0.0/95", "::ffff:0:0/0", "127.0.0.0/33", "fe80::1%eth0/64", "10.0.0.0-10.0.0.9"} {
		var n Networks
		if err := n.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestAnIPv4AddressListensOnIPv4Alone(t *testing.T) {
	for address, want := range map[string]struct{ v4, v6 bool }{
		"0.0.0.0:0": {v4: true}, "127.0.0.1:0": {v4: true}, "[::ffff:0.0.0.0]:0": {v4: true}, "[::]:0": {true, true}, ":0": {true, true}, "[::1]:0": {v6: true},
	} {
		l, err := net.Listen(NetworkOf(address), address)
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for host, want := range map[string]bool{"127.0.0.1": want.v4, "::1": want.v6} {
			c, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if (err == nil) != want {
				t.Errorf("%s is reached at %s: %v", address, host, err)
			}
			if err == nil {
				_ = c.Close()
			}
		}
	}
}

func TestMailNeedsThePublicURL(t *testing.T) {
	c := Config{Storage: Storage{Data: "d"}, Issuing: Issuing{MaxTokenLifetime: Lifetime(day)}, Serving: Serving{
		DatabaseLookLimit: time.Second,
		Listen:            "127.0.0.1:8080", CacheTokens: 1, SMTPURL: "smtp://mail.example.com?from=t@example.com",
	}, Activity: Activity{ActivityRetention: Lifetime(day), ActivityMax: 1 << 30}}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "--public-url") || !strings.Contains(err.Error(), "--smtp-url") {
		t.Errorf("without a public URL: %v", err)
	}
	c.PublicURL = "https://tokens.example.com"
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestThePublicURLAndTheAudienceFitIntoTokens(t *testing.T) {
	at := func(url, audience string) error {
		i := Issuing{PublicURL: url, Audience: audience, MaxTokenLifetime: Lifetime(day)}
		return i.Check()
	}
	for _, url := range []string{"https://tokens.example.com", "http://127.0.0.1:8080", "https://[::1]:65535/", "https://bücher.example", "https://my_service:443", "https://tokens.example.com.", "https://" + strings.Repeat("a.", 126) + "x:65535"} {
		if err := at(url, ""); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{
		"https://a.example,b.example", "https://a.example;b.example", "https://*.example.com", "https://tokens..example.com", "https://.example.com", `https://"tokens".example.com`, "https://[fe80::1%25eth0]", "https://{host}",
		"https://:443", "https://tokens.example.com:0", "https://tokens.example.com:65536", "https://to\u200bkens.example.com", "https://tokens\u202e.example.com", "https://" + strings.Repeat("a.", 150) + "example"} {
		if err := at(url, ""); err == nil || !strings.Contains(err.Error(), "--public-url") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, audience := range []string{"orders", "https://orders.example/?a=b&c", "Bücher 1", strings.Repeat("<", 255)} {
		if err := at("", audience); err != nil {
			t.Errorf("%s: %v", audience, err)
		}
	}
	for _, audience := range []string{"a\u200bb", "a\x01b", "a\xffb", "a\nb", " ", strings.Repeat("a", 256)} {
		if err := at("", audience); err == nil || !strings.Contains(err.Error(), "--audience") {
			t.Errorf("%q: %v", audience, err)
		}
	}
}
