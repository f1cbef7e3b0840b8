// Package request reads from a request where it came from, its body, and whether its client is still connected.
package request

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	"tokentab/backend/config"
	"tokentab/backend/text"
)

// Source tells where requests come from, through trusted proxies.
type Source struct {
	PublicURL   string // empty if none is set
	AlwaysHTTPS bool   // TLS is on here, or the public URL says so

	origin  string // of the public URL; empty without one
	trusted config.Networks
	log     *slog.Logger
	warn    sync.Once
}

// NewSource returns a source that trusts the configured proxies.
func NewSource(c config.Config, log *slog.Logger) *Source {
	https := c.TLSCert != "" || strings.HasPrefix(c.PublicURL, "https://")
	return &Source{PublicURL: c.PublicURL, AlwaysHTTPS: https, origin: originOf(c.PublicURL), trusted: c.TrustedProxies, log: log}
}

// Address returns the client's address: the connection's peer or, behind trusted proxies, the last address in
// X-Forwarded-For that is not a trusted proxy.
func (s *Source) Address(c *fasthttp.RequestCtx) string {
	remote := remoteAddr(c)
	if !s.trusted.Contain(remote) {
		if len(c.Request.Header.Peek("X-Forwarded-For")) > 0 {
			s.warn.Do(func() {
				s.log.Warn("a proxy is missing in --trusted-proxies, so all its clients count as one address", "proxy", remote.String())
			})
		}
		return remote.String()
	}
	hops := strings.Split(string(bytes.Join(c.Request.Header.PeekAll("X-Forwarded-For"), []byte(","))), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		ip, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if remote = ip.Unmap().WithZone(""); !s.trusted.Contain(remote) { // a zone may be any text
			break
		}
	}
	return remote.String()
}

// parseHop parses an address, with or without a port.
func parseHop(hop string) (netip.Addr, error) {
	if address, err := netip.ParseAddrPort(hop); err == nil {
		return address.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(hop, "[]"))
}

// IsHTTPS reports whether the browser connected over TLS, from trusted sources only. With an https public URL the
// answer is always yes, so that a misconfigured proxy can't weaken the cookies.
func (s *Source) IsHTTPS(c *fasthttp.RequestCtx) bool {
	return s.AlwaysHTTPS || s.trusted.Contain(remoteAddr(c)) && strings.EqualFold(firstHop(c, "X-Forwarded-Proto"), "https")
}

// Host returns the host that the browser requested, from trusted sources only.
func (s *Source) Host(c *fasthttp.RequestCtx) string {
	if forwarded := firstHop(c, "X-Forwarded-Host"); forwarded != "" && s.trusted.Contain(remoteAddr(c)) {
		return forwarded
	}
	return string(c.Host())
}

// URL returns the address of this server for clients: the public URL, or the address of this request if none is set.
func (s *Source) URL(c *fasthttp.RequestCtx) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	u := url.URL{Scheme: s.scheme(c), Host: s.Host(c)}
	return u.String()
}

// IsOwnOrigin reports whether an Origin header names this server.
func (s *Source) IsOwnOrigin(c *fasthttp.RequestCtx, origin string) bool {
	origin = originOf(origin)
	return origin != "" && (origin == s.origin || origin == originOf(s.scheme(c)+"://"+s.Host(c)))
}

// originOf returns the origin of a URL as browsers write it (RFC 6454, section 6): in lower case and ASCII, without the usual
// port. It is empty for a URL without a host.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host := text.Domain(u.Hostname())
	if port := u.Port(); port != "" && port != UsualPorts[u.Scheme] {
		host = net.JoinHostPort(host, port)
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host
}

// UsualPorts are the ports that URLs omit, by scheme.
var UsualPorts = map[string]string{"http": "80", "https": "443"}

func (s *Source) scheme(c *fasthttp.RequestCtx) string {
	if s.IsHTTPS(c) {
		return "https"
	}
	return "http"
}

// firstHop returns the first value of a header that several proxies may have extended.
func firstHop(c *fasthttp.RequestCtx, header string) string {
	first, _, _ := strings.Cut(string(c.Request.Header.Peek(header)), ",")
	return strings.TrimSpace(first)
}

func remoteAddr(c *fasthttp.RequestCtx) netip.Addr {
	ip, _ := netip.AddrFromSlice(c.RemoteIP())
	return ip.Unmap()
}
