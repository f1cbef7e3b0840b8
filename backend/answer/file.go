package answer

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"
)

// preferred are the encodings of responses, best first.
var preferred = []string{"br", "gzip"}

// File is a response that is served often, with its encodings.
type File struct {
	ContentType string
	Digest      string // of Plain
	Plain       []byte
	Encoded     map[string][]byte // by Content-Encoding
}

// NewFile returns a file in all encodings.
func NewFile(contentType string, plain []byte) File {
	return File{ContentType: contentType, Digest: DigestOf(plain), Plain: plain, Encoded: map[string][]byte{
		"br": fasthttp.AppendBrotliBytesLevel(nil, plain, 9), "gzip": fasthttp.AppendGzipBytesLevel(nil, plain, fasthttp.CompressBestCompression),
	}}
}

// Send writes the file in the best encoding that the client accepts. With tagged, it answers 304 if the client has the
// file.
func (f File) Send(c *fasthttp.RequestCtx, tagged bool) {
	body, etag := f.Plain, f.Digest
	accepted := lines(c, "Accept-Encoding")
	for _, encoding := range preferred {
		if encoded, ok := f.Encoded[encoding]; ok && takes(accepted, encoding) {
			c.Response.Header.Set("Content-Encoding", encoding)
			body, etag = encoded, etag+"-"+encoding // each encoding has its own tag (RFC 9110, section 8.8.3.3)
			break
		}
	}
	c.SetContentType(f.ContentType)
	c.Response.Header.Set("Vary", "Accept-Encoding")
	if tagged {
		c.Response.Header.Set("ETag", `"`+etag+`"`)
		if known(c, etag) {
			c.Response.Header.Del("Content-Encoding")
			c.SetStatusCode(http.StatusNotModified)
			return
		}
	}
	c.Response.SetBodyRaw(body)
}

// encodeFrom is the smallest response worth encoding, in bytes.
const encodeFrom = 1 << 10

// encode appends a response in one of the encodings, for responses made for one request.
var encode = map[string]func(to, plain []byte) []byte{
	"br":   func(to, plain []byte) []byte { return fasthttp.AppendBrotliBytesLevel(to, plain, 4) },
	"gzip": func(to, plain []byte) []byte { return fasthttp.AppendGzipBytesLevel(to, plain, 5) },
}

// Condense adds an ETag to a response to GET, makes it a 304 if the client has the current one, and compresses a large
// response. It leaves the responses to changes alone: most only repeat the request, and are read once. Responses with a
// secret are not compressed: beside text from other people, their size would leak parts of the secret (BREACH).
func Condense(c *fasthttp.RequestCtx, holdsSecret func(body []byte) bool) {
	if !c.IsGet() || c.Response.StatusCode() != http.StatusOK || len(c.Response.Header.Peek("ETag")) > 0 {
		return
	}
	body := c.Response.Body()
	c.Response.Header.Set("Vary", "Accept-Encoding")
	tag := DigestOf(body)
	c.Response.Header.Set("ETag", `W/"`+tag+`"`) // one tag for all encodings
	if known(c, tag) {
		c.Response.ResetBody()
		c.SetStatusCode(http.StatusNotModified)
		return
	}
	if len(body) < encodeFrom || holdsSecret(body) {
		return
	}
	accepted := lines(c, "Accept-Encoding")
	for _, encoding := range preferred {
		if takes(accepted, encoding) {
			c.Response.Header.Set("Content-Encoding", encoding)
			c.Response.SetBodyRaw(encode[encoding](nil, body))
			return
		}
	}
}

// WhenSent calls release once the body of a response was sent, or its connection has ended.
func WhenSent(c *fasthttp.RequestCtx, release func()) {
	body := c.Response.Body()
	c.Response.SwapBody(nil) // so that nothing else gets its memory
	c.Response.SetBodyStream(&sending{bytes.NewReader(body), release}, len(body))
}

// sending is a body that fasthttp closes when it was sent, or could not be.
type sending struct {
	*bytes.Reader
	release func()
}

// Close implements io.Closer.
func (s *sending) Close() error {
	s.release()
	return nil
}

// DigestOf returns a short hash of a response, for its ETag.
func DigestOf(plain []byte) string {
	sum := sha256.Sum256(plain)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// lines returns all values of a list header as one.
func lines(c *fasthttp.RequestCtx, name string) string {
	return string(bytes.Join(c.Request.Header.PeekAll(name), []byte(",")))
}

// known reports whether If-None-Match names the tag, by weak comparison (RFC 9110, section 13.1.2). It ignores the
// "Cache-Control: no-cache" that fetch in Node and browsers add: that is meant for caches (RFC 9111, section 5.2.1.4).
func known(c *fasthttp.RequestCtx, etag string) bool {
	for tag := range strings.SplitSeq(lines(c, "If-None-Match"), ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == `"`+etag+`"` || tag == "*" {
			return true
		}
	}
	return false
}

// takes reports whether Accept-Encoding names the encoding or accepts all others (RFC 9110, section 12.5.3). Without
// the header the RFC allows any encoding, but clients that don't send it often can't decode.
func takes(accepted, encoding string) bool {
	others := false
	for part := range strings.SplitSeq(accepted, ",") {
		name, weight, _ := strings.Cut(part, ";")
		_, q, weighed := strings.Cut(strings.ToLower(weight), "q=")
		refused := weighed && strings.Trim(q, " \t0.") == ""
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, encoding):
			return !refused
		case name == "*":
			others = !refused
		}
	}
	return others
}
