package answer

import (
	"net/http"

	"github.com/valyala/fasthttp"
)

const contentTypeJSON = "application/json; charset=utf-8"

// TypeJSON is the content type of JSON.
var TypeJSON = []byte(contentTypeJSON)

// TimeFormat is the format of an instant in JSON, which must be in UTC: always with milliseconds, so that clients can
// compare two as text.
const TimeFormat = `"2006-01-02T15:04:05.000Z"`

// Challenges (RFC 6750, section 3). Requests without a credential get no error code (section 3.1).
const (
	ChallengeNone    = `Bearer realm="tokentab"`
	ChallengeInvalid = ChallengeNone + `, error="invalid_token"`
)

// Refusal is a prepared response to a refused request.
type Refusal struct {
	status    int
	body      []byte
	Challenge []byte // WWW-Authenticate; may be empty
}

// NewRefusal returns a refusal in the error envelope. Its arguments must not contain characters that JSON escapes.
func NewRefusal(status int, code, message, challenge string) Refusal {
	body := `{"status":"error","code":"` + code + `","message":"` + message + `"}`
	return Refusal{status: status, body: []byte(body), Challenge: []byte(challenge)}
}

// Refusals of requests that are not routed.
var (
	Unreadable    = NewRefusal(http.StatusBadRequest, "bad_request", "The request can't be read.", "")
	LongQuery     = NewRefusal(http.StatusBadRequest, "bad_request", "The query has more than 1,000 parameters.", "")
	UnknownMethod = NewRefusal(http.StatusNotImplemented, "not_implemented", "This server does not know that method.", "")
	// MethodNotTaken goes with a header Allow.
	MethodNotTaken = NewRefusal(http.StatusMethodNotAllowed, "bad_request", "This URL does not accept that method.", "")
)

// Fixed are the headers of responses written on raw fasthttp, independent of the request and in canonical form, so that
// responses need no conversion.
type Fixed []struct{ name, value []byte }

// NewFixed returns the headers. With https they include Strict-Transport-Security.
func NewFixed(https bool) (fixed Fixed) {
	all := append([][2]string{{"Cache-Control", "no-store"}}, SecurityHeaders...)
	if https {
		all = append(all, [2]string{"Strict-Transport-Security", StrictTransport})
	}
	for _, h := range all {
		fixed = append(fixed, struct{ name, value []byte }{[]byte(h[0]), []byte(h[1])})
	}
	return fixed
}

// Send ends a response with a status.
func (f Fixed) Send(c *fasthttp.RequestCtx, status int) { f.send(&c.Response.Header, status) }

func (f Fixed) send(h *fasthttp.ResponseHeader, status int) {
	h.DisableNormalizing()
	for i := range f {
		h.SetCanonical(f[i].name, f[i].value)
	}
	h.SetStatusCode(status)
}

// SendJSON ends a response with a status and a JSON body, which must not change afterwards.
func (f Fixed) SendJSON(c *fasthttp.RequestCtx, status int, body []byte) {
	c.Response.Header.SetContentTypeBytes(TypeJSON)
	c.Response.SetBodyRaw(body)
	f.Send(c, status)
}

// Refuse sends a refusal.
func (f Fixed) Refuse(c *fasthttp.RequestCtx, r Refusal) {
	f.refuse(&c.Response.Header, r)
	c.Response.SetBodyRaw(r.body)
}

func (f Fixed) refuse(h *fasthttp.ResponseHeader, r Refusal) {
	if len(r.Challenge) > 0 {
		h.SetCanonical(headerChallenge, r.Challenge)
	}
	h.SetContentTypeBytes(TypeJSON)
	f.send(h, r.status)
}

// Prepared is a response that depends on nothing in the request. Sending it takes less time than setting its headers one by one.
type Prepared struct {
	header fasthttp.ResponseHeader
	body   []byte
}

// Prepare returns a response with a status and no body.
func (f Fixed) Prepare(status int) *Prepared {
	p := &Prepared{}
	f.send(&p.header, status)
	return p
}

// PrepareRefusal returns a refusal as a response.
func (f Fixed) PrepareRefusal(r Refusal) *Prepared {
	p := &Prepared{body: r.body}
	f.refuse(&p.header, r)
	return p
}

// Send replaces a response by the prepared one. Headers may be added afterwards, with names in canonical form.
func (p *Prepared) Send(c *fasthttp.RequestCtx) {
	p.header.CopyTo(&c.Response.Header)
	c.Response.SetBodyRaw(p.body)
}

var headerChallenge = []byte("Www-Authenticate")
