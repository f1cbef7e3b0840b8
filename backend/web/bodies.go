package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/valyala/fasthttp"

	"tokentab/backend/fault"
)

// Limits of request bodies, stated in docs/settings.md.
const (
	maxBodyBytes     = 256 << 10
	maxStrangerBytes = 16 << 10 // on routes without a credential
	maxBatchBytes    = 3 << 19  // 1.5 MiB, for a batch of introspections
	// strangersBytes bounds the memory of all batch bodies whose callers are not authenticated yet.
	strangersBytes = 16 << 20
)

// firstBytes is the initial size of a body's buffer. The buffer grows with the bytes that arrive, so a large
// Content-Length alone takes no memory.
const firstBytes = 4 << 10

// bodyLimit returns the body limit of a request in bytes, from its headers and path.
func bodyLimit(h *fasthttp.RequestHeader, path []byte) int {
	switch {
	case h.IsPost() && string(path) == pathIntrospectBatch:
		return maxBatchBytes
	case string(path) == pathRevoke:
		return maxStrangerBytes
	}
	return maxBodyBytes
}

// beforeBody decides how to read a body, after the headers and before anything is allocated for it.
//
// The validation endpoints don't wait for a body: a gateway may send the Content-Length of its client's request without
// the body, as nginx does by default. The connection closes after the response, since a late body would be read as the
// next request.
func beforeBody(h *fasthttp.RequestHeader) (limits fasthttp.RequestConfig) {
	n := h.ContentLength()
	if n == 0 || n == withoutLength {
		return limits
	}
	var target fasthttp.URI
	if err := target.Parse(nil, h.RequestURI()); err != nil {
		return limits
	}
	path := target.PathOriginal()
	switch {
	case isForGateways(path) || bytes.Equal(path, pathPing):
		h.SetContentLength(0)
		h.SetConnectionClose()
	case n > bodyLimit(h, path):
		// fasthttp answers an expectation before it reads the body, see expected.
		h.SetProtocol("HTTP/1.1") // HTTP/1.0 has no expectations
		h.Set("Expect", "100-continue")
	}
	return limits
}

// withoutLength is fasthttp's content length for a request without a length.
const withoutLength = -2

// expected answers "Expect: 100-continue": it refuses a body that is too large and requests any other. Waiting for the
// body counts towards the request's time.
func (s *Server) expected(c *fasthttp.RequestCtx) int {
	path := c.URI().PathOriginal()
	if limit := bodyLimit(&c.Request.Header, path); c.Request.Header.ContentLength() > limit {
		if isOAuth(path) {
			s.refuseOAuth(c, largeForm(limit))
		} else {
			s.refuse(c, refusalOf(http.StatusRequestEntityTooLarge, "bad_request", tooLarge(limit), ""))
		}
		return http.StatusRequestEntityTooLarge
	}
	if conn, ok := c.Conn().(*conn); ok {
		conn.asked = true
	}
	return http.StatusContinue
}

func isOAuth(path []byte) bool {
	switch string(path) {
	case pathIntrospect, pathIntrospectBatch, pathRevoke:
		return true
	}
	return false
}

func tooLarge(limit int) string {
	return "The body is larger than " + strconv.Itoa(limit>>10) + " KiB."
}

// receive reads the body of an admitted request. Reading after admission keeps callers without a credential from making
// the server hold large bodies.
func (s *Server) receive(a access) func(huma.Context, func(huma.Context)) {
	limit := maxBodyBytes
	if a == open {
		limit = maxStrangerBytes
	}
	return func(ctx huma.Context, next func(huma.Context)) {
		if err := readBody(humafiber.Unwrap(ctx).Context(), limit, nil); err != nil {
			s.answerHuma(ctx, err)
			return
		}
		next(ctx)
	}
}

// readBody reads the body into c.Request. It returns fault.TooLarge above the limit, fault.Late if the body does not
// arrive in full, and fault.Unavailable if shared has no room for it; a nil shared has no limit. After a failure the
// connection closes.
func readBody(c *fasthttp.RequestCtx, limit int, shared *share) error {
	if !c.Request.IsBodyStream() {
		if len(c.Request.Body()) > limit {
			return fault.New(fault.TooLarge, "%s", tooLarge(limit))
		}
		return nil
	}
	body, err := readStream(c.RequestBodyStream(), c.Request.Header.ContentLength(), limit, shared)
	if err != nil {
		c.SetConnectionClose()
		return err
	}
	c.Request.SetBodyRaw(body)
	return dropTrailers(c)
}

// readStream reads a body of the announced length in bytes, or until the stream ends if that is negative.
func readStream(stream io.Reader, announced, limit int, shared *share) ([]byte, error) {
	if announced > limit {
		return nil, fault.New(fault.TooLarge, "%s", tooLarge(limit))
	}
	body := make([]byte, 0, first(announced))
	for len(body) != announced {
		if len(body) == cap(body) {
			grown := min(2*cap(body), limit+1)
			if announced >= 0 {
				grown = min(grown, announced)
			}
			if !shared.grow(grown) {
				return nil, &fault.Error{Kind: fault.Unavailable, Message: "Too many large bodies arrive at once. Try again.", RetryAfter: time.Second}
			}
			body = append(make([]byte, 0, grown), body...)
		}
		n, err := stream.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return nil, fault.New(fault.TooLarge, "%s", tooLarge(limit))
		case errors.Is(err, io.EOF) && (announced < 0 || len(body) == announced):
			return body, nil
		case err != nil: // also if the stream ends early
			return nil, fault.Because(fault.Late, "The request did not arrive in time.", err)
		}
	}
	return body, nil
}

func first(announced int) int {
	if announced < 0 {
		return firstBytes
	}
	return min(announced, firstBytes)
}

// share is one body's part of the memory limit for callers that are not authenticated. A nil share has no limit.
type share struct {
	all  *atomic.Int64
	held int64
}

// grow reports whether the body may hold this many bytes. Bodies up to the size limit of small ones always may.
func (s *share) grow(to int) bool {
	if s == nil || to <= maxStrangerBytes {
		return true
	}
	more := int64(to) - s.held
	if s.all.Add(more) > strangersBytes {
		s.all.Add(-more)
		return false
	}
	s.held = int64(to)
	return true
}

func (s *share) release() {
	if s != nil {
		s.all.Add(-s.held)
	}
}
