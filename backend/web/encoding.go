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

// preferred are the encodings of answers, the best one first.
var preferred = []string{"br", "gzip"}

// encodeFrom is from how many bytes on it pays to encode an answer.
const encodeFrom = 1 << 10

// secretFields are the fields of answers that hold a secret. It is shown once, and never encoded together with what
// others wrote: the size would tell how alike they are (BREACH).
var secretFields = []string{"token", "invite_url"}

// condense tags the answer to a GET, so that a client that has it already is told so instead, and encodes large answers.
// They stay out of every cache: a client that wants to ask for changes keeps the answer and its tag in memory.
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
		c.Set(fiber.HeaderETag, `W/"`+tag+`"`) // the same for every encoding
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

// holdsSecret reports whether a field of the JSON holds a secret. Texts can't look like one: their quotes are escaped.
func holdsSecret(body []byte) bool {
	for _, field := range secretFields {
		if bytes.Contains(body, []byte(`"`+field+`":"`)) {
			return true
		}
	}
	return false
}

// encode appends the encoded form of an answer that is made for one request.
var encode = map[string]func(to, plain []byte) []byte{
	"br":   func(to, plain []byte) []byte { return fasthttp.AppendBrotliBytesLevel(to, plain, 4) },
	"gzip": func(to, plain []byte) []byte { return fasthttp.AppendGzipBytesLevel(to, plain, 5) },
}

// rendered returns a file that is made once and sent often.
func rendered(contentType string, plain []byte) file {
	return file{contentType: contentType, digest: digestOf(plain), plain: plain, encoded: map[string][]byte{
		"br": fasthttp.AppendBrotliBytesLevel(nil, plain, 9), "gzip": fasthttp.AppendGzipBytesLevel(nil, plain, fasthttp.CompressBestCompression),
	}}
}

// digestOf names the bytes of an answer.
func digestOf(plain []byte) string {
	sum := sha256.Sum256(plain)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func acceptedEncodings(c *fiber.Ctx) string {
	return strings.Join(c.GetReqHeaders()[fiber.HeaderAcceptEncoding], ",")
}

// known reports whether If-None-Match names the tag, weakly compared (RFC 9110, section 13.1.2). That fetch in Node and
// browsers sends "Cache-Control: no-cache" with it is for caches, not for us (RFC 9111, section 5.2.1.4).
func known(lines []string, etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == `"`+etag+`"` || tag == "*" {
			return true
		}
	}
	return false
}

// takes reports whether Accept-Encoding names the encoding, or says of all others that they are taken (RFC 9110, section
// 12.5.3). Where it says nothing everything would be allowed, but programs that do not ask often can't read it.
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
