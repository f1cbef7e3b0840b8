package answer

import (
	"bufio"
	"bytes"
	"net"

	"github.com/valyala/fasthttp"

	"tokentab/backend/request"
)

// Holder is a connection that the server waits for before it stops.
type Holder interface{ Hold() (release func()) }

// Stream answers with a body of unknown length, and calls done at its end. It must come after all headers. If write fails, the
// client sees that the response is not whole.
func Stream(c *fasthttp.RequestCtx, write func(*bufio.Writer) error, done func()) {
	conn, h := c.Conn(), &c.Response.Header
	isOld := !c.Request.Header.IsHTTP11()
	if isOld { // no chunks (RFC 9112, section 6.1): the body ends with the connection
		h.SetContentLength(untilClosed)
	} else {
		h.SetContentLength(inChunks)
	}
	switch {
	case c.Response.SkipBody:
		done()
	case isOld:
		head := bytes.Clone(h.Header())
		c.HijackSetNoResponse(true)          // fasthttp would send chunks, or close the connection first
		if holder, ok := conn.(Holder); ok { // since fasthttp does not
			inner, release := done, holder.Hold()
			done = func() { inner(); release() }
		}
		c.Hijack(func(net.Conn) {
			defer done()
			w := bufio.NewWriter(conn)
			_, err := w.Write(head)
			if err == nil {
				err = write(w)
			}
			if err != nil || w.Flush() != nil {
				request.Reset(conn)
			}
		})
	default:
		c.SetBodyStreamWriter(func(w *bufio.Writer) {
			defer done()
			if err := write(w); err != nil || w.Flush() != nil {
				_ = conn.Close() // before the last chunk
			}
		})
	}
}

// fasthttp's content lengths of bodies whose length is unknown.
const (
	inChunks    = -1
	untilClosed = -2
)

// IsStreamed reports whether a response comes from Stream.
func IsStreamed(c *fasthttp.RequestCtx) bool { return c.Response.Header.ContentLength() < 0 }
