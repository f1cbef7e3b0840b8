package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// preferred are the encodings of responses, best first.
var preferred = []string{"br", "gzip"}

// encodeFrom is the smallest response worth encoding, in bytes.
const encodeFrom = 1 << 10

// secretFields are the response fields that hold a secret. Responses with a secret are not compressed: beside text from
// other people, their size would leak parts of the secret (BREACH).
var secretFields = []string{"token", "invite_url"}

// condense adds an ETag to GET responses, answers 304 if the client has the current one, and compresses large
// responses. It keeps them out of caches: a client that polls keeps response and tag in memory.
func condense(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	answer := c.Response()
	if answer.StatusCode() != http.StatusOK || len(answer.Header.Peek(fiber.HeaderETag)) > 0 {
		return nil
	}
	body := answer.Body()
	c.Vary(fiber.HeaderAcceptEncoding)
	if !isUnsafe(c.Method()) {
		tag := digestOf(body)
		c.Set(fiber.HeaderETag, `W/"`+tag+`"`) // one tag for all encodings
		if known(c.GetReqHeaders()[fiber.HeaderIfNoneMatch], tag) {
			answer.ResetBody()
			return c.SendStatus(fiber.StatusNotModified)
		}
	}
	if len(body) < encodeFrom || holdsSecret(body) {
		return nil
	}
	accepted := acceptedEncodings(c)
	for _, encoding := range preferred {
		if takes(accepted, encoding) {
			c.Set(fiber.HeaderContentEncoding, encoding)
			answer.SetBodyRaw(encode[encoding](nil, body))
			break
		}
	}
	return nil
}

// holdsSecret reports whether a JSON body has a field with a secret. Text values can't imitate one, since their quotes
// are escaped.
func holdsSecret(body []byte) bool {
	for _, field := range secretFields {
		if bytes.Contains(body, []byte(`"`+field+`":"`)) {
			return true
		}
	}
	return false
}

// encode appends a response in one of the encodings, for responses made for one request.
var encode = map[string]func(to, plain []byte) []byte{
	"br":   func(to, plain []byte) []byte { return fasthttp.AppendBrotliBytesLevel(to, plain, 4) },
	"gzip": func(to, plain []byte) []byte { return fasthttp.AppendGzipBytesLevel(to, plain, 5) },
}

// rendered returns a file that is rendered once and served often.
func rendered(contentType string, plain []byte) file {
	return file{contentType: contentType, digest: digestOf(plain), plain: plain, encoded: map[string][]byte{
		"br": fasthttp.AppendBrotliBytesLevel(nil, plain, 9), "gzip": fasthttp.AppendGzipBytesLevel(nil, plain, fasthttp.CompressBestCompression),
	}}
}

// digestOf returns a short hash of a response, for its ETag.
func digestOf(plain []byte) string {
	sum := sha256.Sum256(plain)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func acceptedEncodings(c *fiber.Ctx) string {
	return strings.Join(c.GetReqHeaders()[fiber.HeaderAcceptEncoding], ",")
}

// known reports whether If-None-Match names the tag, by weak comparison (RFC 9110, section 13.1.2). It ignores the
// "Cache-Control: no-cache" that fetch in Node and browsers add: that is meant for caches (RFC 9111, section 5.2.1.4).
func known(lines []string, etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(lines, ","), ",") {
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
