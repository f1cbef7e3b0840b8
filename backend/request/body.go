package request

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/fault"
)

// Limits of request bodies in bytes, stated in docs/settings.md.
const (
	MaxBody         = 256 << 10
	MaxStrangerBody = 16 << 10 // on routes without a credential
)

// MaxKept bounds, in bytes, the line and headers of a request, or its form, whose parsed parts a connection may keep for its next
// request. They may take fifty times as many bytes.
const MaxKept = 4 << 10

// firstBytes is the initial size of a body's buffer. The buffer grows with the bytes that arrive, so a large
// Content-Length alone takes no memory.
const firstBytes = 4 << 10

// TooLarge returns the fault of a body larger than the limit, which is in bytes.
func TooLarge(limit int) *fault.Error {
	return fault.New(fault.TooLarge, "The body is larger than %d KiB.", limit>>10)
}

// ReadBody reads the body into c.Request. It returns fault.TooLarge above the limit, fault.Late if the body does not
// arrive in full, fault.BadRequest if its chunks are malformed, and fault.Unavailable if shared has no room for it; a nil
// shared has no limit. After a failure the connection closes.
func ReadBody(c *fasthttp.RequestCtx, limit int, shared *Share) error {
	if !c.Request.IsBodyStream() {
		if len(c.Request.Body()) > limit {
			return TooLarge(limit)
		}
		return nil
	}
	small := smallBodies.Get().(*[firstBytes]byte)
	defer smallBodies.Put(small)
	body, err := readStream(c.RequestBodyStream(), small[:0], c.Request.Header.ContentLength(), limit, shared)
	if err != nil {
		c.SetConnectionClose()
		return err
	}
	if len(body) <= firstBytes {
		c.Request.SetBody(body) // copies it
	} else {
		c.Request.SetBodyRaw(body)
	}
	return dropTrailers(c)
}

// smallBodies are buffers for bodies on their way to the request, so that most bodies take no memory of their own.
var smallBodies = sync.Pool{New: func() any { return new([firstBytes]byte) }}

// Unread is a body that is not read, because its sender is refused. Reading it fails, should the sender be known by then.
type Unread struct{}

// Read implements io.Reader.
func (Unread) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// DropBody reads the rest of a body that ReadBody refused as too large, up to most bytes, without keeping it. Then the
// client gets the answer, and the connection stays open. It returns fault.TooLarge for a longer body, and fails like ReadBody
// if it does not arrive in full or is malformed.
func DropBody(c *fasthttp.RequestCtx, most int) error {
	_, err := io.CopyN(io.Discard, c.RequestBodyStream(), int64(most)+1)
	switch {
	case err == nil:
		return TooLarge(most)
	case !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return unreadable(err)
	}
	if len(c.Request.Header.PeekTrailerKeys()) == 0 { // see dropTrailers
		c.Response.Header.ResetConnectionClose()
	}
	return nil
}

// readStream reads a body of the announced length in bytes, or until the stream ends if that is negative. It begins with the
// given empty buffer and takes a larger one when that is full.
func readStream(stream io.Reader, body []byte, announced, limit int, shared *Share) ([]byte, error) {
	if announced > limit {
		return nil, TooLarge(limit)
	}
	for len(body) != announced {
		if len(body) == cap(body) {
			grown := min(2*cap(body), limit+1)
			if announced >= 0 {
				grown = min(grown, announced)
			}
			if !shared.Hold(grown) {
				return nil, &fault.Error{Kind: fault.Unavailable, Message: "Too many large bodies arrive at once. Try again.", RetryAfter: time.Second}
			}
			body = append(make([]byte, 0, grown), body...)
		}
		n, err := stream.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return nil, TooLarge(limit)
		case errors.Is(err, io.EOF) && (announced < 0 || len(body) == announced):
			return body, nil
		case err != nil: // also if the stream ends early
			return nil, unreadable(err)
		}
	}
	return body, nil
}

// unreadable returns the fault of a body whose stream failed. Clients repeat a request that was late (RFC 9110, section
// 15.5.9), which would not mend a malformed one.
func unreadable(err error) *fault.Error {
	var network interface{ Timeout() bool }
	// fasthttp doesn't wrap the errors of reading the end of a chunk.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) || strings.HasPrefix(err.Error(), "cannot read ") {
		return fault.Because(fault.Late, "The request did not arrive in time.", err)
	}
	return fault.Because(fault.BadRequest, "The request can't be read.", err)
}

// Memory limits what large values of all connections take together. It is for one kind of value.
type Memory struct {
	free, total int // bytes: what one value may have without being counted, and what all others may have together
	held        atomic.Int64
}

// NewMemory returns a Memory of total bytes that does not count values of up to free bytes.
func NewMemory(free, total int) *Memory { return &Memory{free: free, total: total} }

// Share returns the share of one value, to be released in the end.
func (m *Memory) Share() *Share { return &Share{all: m} }

// Share is one value's part of a Memory. A nil Share has no limit.
type Share struct {
	all  *Memory
	held int64
}

// Hold reports whether the value may have this many bytes from now on. It may always have fewer than before.
func (s *Share) Hold(bytes int) bool {
	if s == nil {
		return true
	}
	if bytes <= s.all.free {
		bytes = 0
	}
	more := int64(bytes) - s.held
	if s.all.held.Add(more) > int64(s.all.total) && more > 0 {
		s.all.held.Add(-more)
		return false
	}
	s.held = int64(bytes)
	return true
}

// Release frees the share.
func (s *Share) Release() { s.Hold(0) }

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
