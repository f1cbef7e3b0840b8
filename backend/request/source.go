// Package request reads from a request where it came from, its body, and whether its client is still connected.
package request

import (
	"bytes"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	"tokentab/backend/config"
)

// Source tells where requests come from, through trusted proxies.
type Source struct {
	PublicURL   string // empty if none is set
	AlwaysHTTPS bool   // TLS is on here, or the public URL says so

	trusted config.Networks
	log     *slog.Logger
	warn    sync.Once
}

// NewSource returns a source that trusts the configured proxies.
func NewSource(c config.Config, log *slog.Logger) *Source {
	https := c.TLSCert != "" || strings.HasPrefix(c.PublicURL, "https://")
	return &Source{PublicURL: c.PublicURL, AlwaysHTTPS: https, trusted: c.TrustedProxies, log: log}
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
		if remote = ip.Unmap(); !s.trusted.Contain(remote) {
			break
		}
	}
	return remote.String()
}

// parseHop parses an address, with or without a port.
func parseHop(text string) (netip.Addr, error) {
	if hop, err := netip.ParseAddrPort(text); err == nil {
		return hop.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(text, "[]"))
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
	if origin == s.PublicURL {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && u.Host == s.Host(c) && u.Scheme == s.scheme(c)
}

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
