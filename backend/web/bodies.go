package web

import (
	"bytes"
	"net/http"

	"github.com/valyala/fasthttp"

	"tokentab/backend/api"
	"tokentab/backend/request"
	"tokentab/backend/validation"
)

// bodyLimit returns the longest body, in bytes, that a request may announce without being refused before it is sent.
func bodyLimit(h *fasthttp.RequestHeader, path []byte) int {
	if h.IsPost() && api.DropsLargeBodies(path) {
		return api.MaxDropped
	}
	return validation.BodyLimit(h, path)
}

// beforeBody decides how to read a body, after the headers and before anything is allocated for it.
//
// The validation endpoints don't wait for a body: a gateway may send the Content-Length of its client's request without
// the body, as nginx does by default. The connection closes after the response, since a late body would be read as the
// next request. Others don't wait for the body of a caller who is refused whatever it holds, and none for that of a GET or
// HEAD request, which has no meaning (RFC 9110, section 9.3.1).
func (s *Server) beforeBody(h *fasthttp.RequestHeader) (limits fasthttp.RequestConfig) {
	if hasManyLines(h) {
		expect(h)
		return limits
	}
	if !announcesBody(h) {
		return limits
	}
	n := h.ContentLength()
	path, ok := pathOf(h.RequestURI())
	switch {
	case !ok:
	case validation.IgnoresBody(path):
		ignoreBody(h)
	case n > bodyLimit(h, path) || s.isStranger(h, path):
		expect(h)
	case h.IsGet() || h.IsHead():
		ignoreBody(h)
	}
	return limits
}

// expect makes fasthttp call expected before it waits for a body.
func expect(h *fasthttp.RequestHeader) {
	h.SetProtocol("HTTP/1.1") // HTTP/1.0 has no expectations
	h.Set("Expect", "100-continue")
}

// maxHeaderLines bounds the header lines of a request, as docs/settings.md says. fasthttp keeps some 100 bytes for each, also
// while the connection waits for its next request.
const maxHeaderLines = 256

func hasManyLines(h *fasthttp.RequestHeader) bool { return areMany(h.RawHeaders()) }

// areMany reports whether these are more than maxHeaderLines lines. Most requests are too short: a header line has a name of a
// letter, a colon and its end.
func areMany(lines []byte) bool {
	return len(lines) > 3*maxHeaderLines && bytes.Count(lines, newline) > maxHeaderLines
}

var newline = []byte{'\n'}

// ignoreBody makes fasthttp read no body, and not request it either. The connection closes after the response.
func ignoreBody(h *fasthttp.RequestHeader) {
	h.Del("Expect")
	h.SetContentLength(0)
	h.SetConnectionClose()
}

// announcesBody reports whether a body follows the headers of a request. fasthttp's content length is -2 without a body, and -1
// before chunks.
func announcesBody(h *fasthttp.RequestHeader) bool {
	n := h.ContentLength()
	return n > 0 || n == -1
}

// isStranger reports whether a request is refused for its credentials, so that its body need not arrive.
func (s *Server) isStranger(h *fasthttp.RequestHeader, path []byte) bool {
	return s.API.IsStranger(s.running, h, path) || s.endpoints.IsStranger(s.running, h, path)
}

// expected answers "Expect: 100-continue": it refuses strangers, too many header lines and a body that is too large, and
// requests any other. Waiting for the body counts towards the request's time.
func (s *Server) expected(c *fasthttp.RequestCtx) int {
	h, path := &c.Request.Header, c.URI().PathOriginal()
	if hasManyLines(h) {
		s.refuseMalformed(c, &fasthttp.ErrSmallBuffer{})
		c.Request.Header = fasthttp.RequestHeader{} // fasthttp would use its memory for the next connection
		return http.StatusRequestHeaderFieldsTooLarge
	}
	if s.isStranger(h, path) {
		c.Request.SetBodyStream(request.Unread{}, h.ContentLength())
		s.http.Handler(c)
		return c.Response.StatusCode()
	}
	if limit := bodyLimit(h, path); h.ContentLength() > limit {
		s.source.Identify(c)
		s.endpoints.RefuseBody(c, limit)
		return http.StatusRequestEntityTooLarge
	}
	if conn, ok := c.Conn().(*conn); ok {
		conn.asked = true
	}
	return http.StatusContinue
}
