package request

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"tokentab/backend/config"
)

// FuzzForwardedAddress guarantees that a client can't choose its address by X-Forwarded-For: what it sends changes nothing
// unless a trusted proxy passes it on, and then the address that the proxy adds wins.
func FuzzForwardedAddress(f *testing.F) {
	var c config.Config
	if err := c.TrustedProxies.UnmarshalText([]byte("10.0.0.0/8,fd00::/8")); err != nil {
		f.Fatal(err)
	}
	source := NewSource(c, slog.New(slog.NewTextHandler(io.Discard, nil)))
	address := func(peer string, values ...string) string {
		var c fasthttp.RequestCtx
		c.Init2(nil, nil, false)
		c.SetRemoteAddr(&net.TCPAddr{IP: net.ParseIP(peer)})
		for _, value := range values {
			c.Request.Header.Add("X-Forwarded-For", value)
		}
		return source.Address(&c)
	}
	f.Add("192.0.2.1")
	f.Add("192.0.2.1, 10.0.0.7")
	f.Add("[2001:db8::1]:443,fd00::1, ::ffff:10.0.0.9")
	f.Add("unknown,,")
	f.Add("192.0.2.1, fe80::1%eth0")
	f.Add("fe80::1%" + strings.Repeat("a", 1000))
	f.Fuzz(func(t *testing.T, sent string) {
		if got := address("203.0.113.9", sent); got != "203.0.113.9" {
			t.Errorf("from an untrusted peer, %q gives %s", sent, got)
		}
		if got := address("10.0.0.1", sent, "203.0.113.9"); got != "203.0.113.9" {
			t.Errorf("before the address of a trusted proxy, %q gives %s", sent, got)
		}
		if got := address("10.0.0.1", sent+", 203.0.113.9, 10.0.0.2"); got != "203.0.113.9" {
			t.Errorf("before the addresses of two trusted proxies, %q gives %s", sent, got)
		}
		if got := address("10.0.0.1", sent); netip.MustParseAddr(got).Zone() != "" {
			t.Errorf("%q gives %s", sent, got)
		}
	})
}
