package web

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/config"
	"tokentab/backend/fault"
)

// pagePolicy is the page's Content-Security-Policy. The page loads only from this server, without inline scripts or
// styles.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

const strictTransport = "max-age=31536000"

// securityHeaders are on every response. The policy is for responses that browsers don't render.
var securityHeaders = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
}

// fixedHeaders returns the headers on every response of the validation endpoints, independent of the request.
func fixedHeaders(c config.Config) []fixedHeader {
	all := append([][2]string{{fiber.HeaderCacheControl, "no-store"}}, securityHeaders...)
	if c.TLSCert != "" || strings.HasPrefix(c.PublicURL, "https://") {
		all = append(all, [2]string{fiber.HeaderStrictTransportSecurity, strictTransport})
	}
	fixed := make([]fixedHeader, len(all))
	for i, h := range all {
		fixed[i] = fixedHeader{name: []byte(h[0]), value: []byte(h[1])}
	}
	return fixed
}

// fixedHeader is a header in canonical form.
type fixedHeader struct{ name, value []byte }

func (s *Server) secureHeaders(c *fiber.Ctx) error {
	for _, h := range securityHeaders {
		c.Set(h[0], h[1])
	}
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	if s.isHTTPS(c) { // browsers warn about both headers over plain HTTP
		c.Set("Cross-Origin-Opener-Policy", "same-origin")
		c.Set("Strict-Transport-Security", strictTransport)
	}
	return c.Next()
}

// refusePacked refuses compressed bodies: a small body could decompress to any size.
func refusePacked(c *fiber.Ctx) error {
	if packed := c.Get(fiber.HeaderContentEncoding); packed != "" && packed != "identity" {
		return fault.New(fault.BadRequest, "Send the body uncompressed: Content-Encoding is not supported.")
	}
	return c.Next()
}

func noStore(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Next()
}

type requestIDKey struct{}

// identifyRequest assigns a random id to each request, for the header X-Request-Id and the log.
func (s *Server) identifyRequest(c *fiber.Ctx) error {
	var b [8]byte
	if _, err := io.ReadFull(s.Random, b[:]); err != nil {
		return fmt.Errorf("web: read random bytes: %w", err)
	}
	id := hex.EncodeToString(b[:])
	c.Locals(requestIDKey{}, id)
	c.SetUserContext(s.running)
	c.Set(fiber.HeaderXRequestID, id)
	return c.Next()
}

// address returns the client's address: the connection's peer or, behind trusted proxies, the last address in
// X-Forwarded-For that is not a trusted proxy.
func (s *Server) address(c *fiber.Ctx) string {
	remote := remoteAddr(c)
	if !s.Config.TrustedProxies.Contain(remote) {
		if c.Get(fiber.HeaderXForwardedFor) != "" {
			s.warnProxy.Do(func() {
				s.Log.Warn("a proxy is missing in --trusted-proxies, so all its clients count as one address", "proxy", remote.String())
			})
		}
		return remote.String()
	}
	hops := strings.Split(strings.Join(c.GetReqHeaders()[fiber.HeaderXForwardedFor], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		ip, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if remote = ip.Unmap(); !s.Config.TrustedProxies.Contain(remote) {
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

// isHTTPS reports whether the browser connected over TLS, from trusted sources only. With an https public URL the
// answer is always yes, so that a misconfigured proxy can't weaken the cookies.
func (s *Server) isHTTPS(c *fiber.Ctx) bool {
	if s.Config.TLSCert != "" || strings.HasPrefix(s.Config.PublicURL, "https://") {
		return true
	}
	return s.Config.TrustedProxies.Contain(remoteAddr(c)) && strings.EqualFold(firstHop(c, fiber.HeaderXForwardedProto), "https")
}

// host returns the host that the browser requested, from trusted sources only.
func (s *Server) host(c *fiber.Ctx) string {
	if forwarded := firstHop(c, fiber.HeaderXForwardedHost); forwarded != "" && s.Config.TrustedProxies.Contain(remoteAddr(c)) {
		return forwarded
	}
	return string(c.Context().Host())
}

// firstHop returns the first value of a header that several proxies may have extended.
func firstHop(c *fiber.Ctx, header string) string {
	first, _, _ := strings.Cut(c.Get(header), ",")
	return strings.TrimSpace(first)
}

func remoteAddr(c *fiber.Ctx) netip.Addr {
	ip, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return ip.Unmap()
}
