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

// readLines reads the header lines as they were sent, once for each request and without allocating.
//
// A request is ambiguous if another server on its way could see another end of its headers or its body than this one
// does, and a second request behind it: a transfer coding other than chunked, or beside a Content-Length (RFC 9112,
// section 6.3), a folded line (section 5.2), a line that ends without a carriage return (section 2.2).
//
// extended reports whether a header starts with X-, as those of proxies do.
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

// dropTrailers forgets what came behind a chunked body, which the library counts among the headers: nothing there may
// decide about a request that is under way (RFC 9110, section 6.5.1). The connection closes after the answer, since
// servers differ in where such a section ends.
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

// Headers by which gateways tell what they ask about. Plain proxies send some of them too, of the request that they
// pass on.
var (
	askedTargets = []string{"X-Forwarded-Uri", "X-Original-Uri", "X-Original-Url", "X-Auth-Request-Redirect"}
	askedMethods = []string{"X-Forwarded-Method", "X-Original-Method"}
)

// asksAboutAnother reports whether a gateway asks here whether it may let another request pass. It takes any 2xx for a
// yes, so an address that is open to strangers must not give it one. The target or the method that a plain proxy tells
// is that of the request itself.
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
	// Traefik asks at the address of Tokentab about a host of its client.
	first, _, _ := strings.Cut(string(h.Peek("X-Forwarded-Host")), ",")
	host := hostname(strings.TrimSpace(first))
	return asked && host != "" && s.publicHost != "" && host != s.publicHost && host != hostname(string(h.Host()))
}

// isTarget reports whether a target, or an address with it, leads where the request went. Proxies differ in what they
// encode, and some leave the query out.
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

// hostname is the host of a Host header or of a URL's authority, in lower case and without the port.
func hostname(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		authority = host
	}
	return strings.ToLower(strings.Trim(authority, "[]"))
}

var misdirected = refusalOf(http.StatusForbidden, "not_permitted", "A gateway asked here whether it may let another request pass. It has to ask /api/v1/validate.", "")

// refuseGateway answers a gateway that asks at an address that validates nothing, and logs once how to fix that.
func (s *Server) refuseGateway(c *fasthttp.RequestCtx) {
	s.warnGateway.Do(func() {
		s.Log.Warn("a gateway asks whether it may let requests pass at an address that validates nothing, and is refused; let it ask /api/v1/validate. If this is a plain proxy, it must not change the path, and has to send its own X-Forwarded headers",
			"gateway", c.RemoteAddr().String()) // no address: that of an invite holds its code
	})
	s.refuse(c, misdirected)
}
