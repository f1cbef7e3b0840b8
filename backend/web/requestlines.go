package web

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

var (
	nameTransferEncoding = []byte("transfer-encoding")
	nameContentLength    = []byte("content-length")
	codingChunked        = []byte("chunked")
)

// readLines scans the raw header lines once per request, without allocating.
//
// ambiguous reports that another server could see the headers or the body end elsewhere, and a second request after
// that (request smuggling): a transfer coding other than chunked, or with a Content-Length (RFC 9112, section 6.3), a
// folded line (section 5.2), or a line without a carriage return (section 2.2).
//
// extended reports that a header name starts with X-, as those of proxies do.
func readLines(h *fasthttp.RequestHeader) (ambiguous, extended bool) {
	coded, chunked, measured := false, false, false
	for raw := h.RawHeaders(); len(raw) > 0; {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return true, extended
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			break
		}
		switch line[0] {
		case ' ', '\t':
			return true, extended
		case 't', 'T':
			if isNamed(line, nameTransferEncoding) {
				coded, chunked = true, bytes.EqualFold(bytes.TrimSpace(line[len(nameTransferEncoding)+1:]), codingChunked)
			}
		case 'c', 'C':
			measured = measured || isNamed(line, nameContentLength)
		case 'x', 'X':
			extended = extended || len(line) > 1 && line[1] == '-'
		}
	}
	return coded && (measured || !chunked), extended
}

func isNamed(line, name []byte) bool {
	return len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], name)
}

// dropTrailers removes the trailers of a chunked body, which fasthttp adds to the headers: they must not decide about
// the request (RFC 9110, section 6.5.1). The connection closes after the response, since servers disagree on where
// trailers end.
func dropTrailers(c *fasthttp.RequestCtx) error {
	h := &c.Request.Header
	if len(h.PeekTrailerKeys()) == 0 {
		return nil
	}
	sent := slices.Concat(h.Method(), []byte(" "), h.RequestURI(), []byte(" HTTP/1.1\r\n"), h.RawHeaders())
	var again fasthttp.RequestHeader
	if err := again.Read(bufio.NewReaderSize(bytes.NewReader(sent), len(sent))); err != nil {
		return err
	}
	again.SetContentLength(h.ContentLength())
	again.CopyTo(h)
	c.SetConnectionClose()
	return nil
}

// Headers in which gateways describe the request they ask about. Plain proxies send some of them for the request they
// forward.
var (
	askedTargets = []string{"X-Forwarded-Uri", "X-Original-Uri", "X-Original-Url", "X-Auth-Request-Redirect"}
	askedMethods = []string{"X-Forwarded-Method", "X-Original-Method"}
)

// asksAboutAnother reports whether a gateway asks here about another request. It would take any 2xx as permission, so
// paths without authentication must not answer 2xx. A plain proxy's headers describe this very request.
func (s *Server) asksAboutAnother(c *fasthttp.RequestCtx) bool {
	h := &c.Request.Header
	if len(h.PeekAll(headerNeed)) > 0 || string(h.Peek("X-Sent-From")) == "nginx-ingress-controller" {
		return true
	}
	asked := false
	for _, name := range askedMethods {
		for _, method := range h.PeekAll(name) {
			asked = true
			if len(method) > 0 && !bytes.EqualFold(method, h.Method()) {
				return true
			}
		}
	}
	for _, name := range askedTargets {
		for _, target := range h.PeekAll(name) {
			asked = true
			if len(target) > 0 && !isTarget(string(target), c.URI()) {
				return true
			}
		}
	}
	// Traefik sends its client's host in X-Forwarded-Host, and asks at Tokentab's own host.
	first, _, _ := strings.Cut(string(h.Peek("X-Forwarded-Host")), ",")
	host := hostname(strings.TrimSpace(first))
	return asked && host != "" && s.publicHost != "" && host != s.publicHost && host != hostname(string(h.Host()))
}

// isTarget reports whether a path or URL is the one requested. Proxies differ in what they encode, and some omit the
// query.
func isTarget(target string, requested *fasthttp.URI) bool {
	if _, rest, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	path, query, hasQuery := strings.Cut(target, "?")
	return decoded(path) == decoded(string(requested.PathOriginal())) &&
		(!hasQuery || decoded(query) == decoded(string(requested.QueryString())))
}

func decoded(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// hostname returns the host of a Host header or authority, in lower case without the port.
func hostname(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		authority = host
	}
	return strings.ToLower(strings.Trim(authority, "[]"))
}

var misdirected = refusalOf(http.StatusForbidden, "not_permitted", "A gateway asked here about another request. It must ask at /api/v1/validate.", "")

// refuseGateway refuses a gateway that asks at the wrong address, and logs the remedy once.
func (s *Server) refuseGateway(c *fasthttp.RequestCtx) {
	s.warnGateway.Do(func() {
		s.Log.Warn("a gateway asks about requests at an address that does not validate, and is refused; configure it to ask at /api/v1/validate. A plain proxy must not change the path, and must send its own X-Forwarded headers",
			"gateway", c.RemoteAddr().String()) // not the path: an invite's holds its code
	})
	s.refuse(c, misdirected)
}
