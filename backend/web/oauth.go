package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/fault"
)

// The paths of the OAuth endpoints, which are outside of the contract's /api/v1 and speak as their RFCs say.
const (
	pathIntrospect      = "/oauth/introspect"
	pathIntrospectBatch = "/oauth/introspect/batch"
	pathRevoke          = "/oauth/revoke"
)

// Limits of what the OAuth endpoints read, stated in docs/settings.md.
const (
	maxBatch = 1000
	// A form has few parameters besides the tokens; many more would only fill the memory when they are taken apart.
	maxParameters = 16
)

const contentTypeForm = "application/x-www-form-urlencoded"

const challengeBasic = `Basic realm="tokentab"`

// oauthError is a refusal in the words of RFC 6749, section 5.2. Its description needs no escaping in JSON.
type oauthError struct {
	status      int
	code        string
	description string
	challenges  []string // of WWW-Authenticate, one header for each
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func invalidRequest(description string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

// unavailable is the body of each 503: "not valid" is an answer, "could not find out" is none (RFC 7009, section 2.2.1).
var unavailable = []byte(`{"error":"temporarily_unavailable","error_description":"The store does not answer right now. Try again."}`)

// formOf says how often the parameter token may stand in a form.
type formOf struct{ tokens int }

var (
	formOfOne   = formOf{tokens: 1}
	formOfBatch = formOf{tokens: maxBatch}
)

// oauth lets an endpoint answer a form that was sent by POST. What the endpoint can't find out is answered 503.
func (s *Server) oauth(c *fasthttp.RequestCtx, reads formOf, endpoint func(*fasthttp.RequestCtx, *fasthttp.Args) error) {
	told := false
	s.guarded(c, func(c *fasthttp.RequestCtx) {
		hold := &share{all: &s.strangers}
		defer hold.release()
		err := s.readForm(c, hold)
		var form *fasthttp.Args
		if err == nil {
			form, err = reads.form(c)
		}
		if err == nil {
			err = endpoint(c, form)
		}
		if refused, ok := errors.AsType[*oauthError](err); ok {
			told = true
			s.refuseOAuth(c, refused)
		} else if err != nil {
			s.cannotTell(c, err)
		}
	})
	if c.Response.StatusCode() == http.StatusServiceUnavailable {
		c.Response.Header.Set(fiber.HeaderRetryAfter, "1")
		if !told {
			c.Response.SetBodyRaw(unavailable)
		}
	}
}

func (s *Server) refuseOAuth(c *fasthttp.RequestCtx, e *oauthError) {
	for _, challenge := range e.challenges {
		c.Response.Header.Add(fiber.HeaderWWWAuthenticate, challenge)
	}
	if e.status == http.StatusMethodNotAllowed {
		c.Response.Header.Set(fiber.HeaderAllow, http.MethodPost)
	}
	s.answerJSON(c, e.status, []byte(`{"error":"`+e.code+`","error_description":"`+e.description+`"}`))
}

func (s *Server) answerJSON(c *fasthttp.RequestCtx, status int, body []byte) {
	c.Response.Header.SetContentTypeBytes(contentTypeJSON)
	c.Response.SetBodyRaw(body)
	s.answerNoStore(c, status)
}

// readForm reads the body of a form. Packed bodies are refused as everywhere, see refusePacked. A caller that shows its
// credentials in a header is known before a large body is read; large bodies of others share the memory that hold is of.
func (s *Server) readForm(c *fasthttp.RequestCtx, hold *share) error {
	h := &c.Request.Header
	contentType, _, _ := bytes.Cut(h.ContentType(), []byte(";"))
	switch packed := h.ContentEncoding(); {
	case !c.IsPost():
		return &oauthError{status: http.StatusMethodNotAllowed, code: "invalid_request", description: "Send a form by POST."}
	case len(packed) > 0 && string(packed) != "identity":
		return invalidRequest("Send the body as it is: Content-Encoding is not taken.")
	case !bytes.EqualFold(bytes.TrimSpace(contentType), []byte(contentTypeForm)):
		return invalidRequest("The Content-Type must be " + contentTypeForm + ".")
	}
	path := c.URI().PathOriginal()
	limit := bodyLimit(h, path)
	if n := h.ContentLength(); n < 0 || n > maxStrangerBytes {
		switch {
		case len(h.Peek(fiber.HeaderAuthorization)) > 0 && limit > maxStrangerBytes:
			if _, err := s.introspector(c, &fasthttp.Args{}); err != nil {
				c.SetConnectionClose()
				return err
			}
			hold = nil
		case limit < maxBatchBytes:
			limit = maxStrangerBytes
		}
	}
	err := readBody(c, limit, hold)
	switch fault.KindOf(err) {
	case fault.TooLarge:
		return largeForm(limit)
	case fault.Unavailable: // of the memory for bodies; the store was not asked
		return &oauthError{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: "Too many large bodies arrive at once. Try again."}
	case fault.Late:
		return &oauthError{status: http.StatusRequestTimeout, code: "invalid_request", description: "The request did not arrive in time."}
	}
	return err
}

func largeForm(limit int) *oauthError {
	return &oauthError{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: tooLarge(limit)}
}

// form returns the form that a body holds.
func (f formOf) form(c *fasthttp.RequestCtx) (*fasthttp.Args, error) {
	if bytes.Count(c.Request.Body(), []byte("&")) >= f.tokens+maxParameters {
		return nil, invalidRequest("Send token " + f.times() + ", and at most " + strconv.Itoa(maxParameters) + " other parameters.")
	}
	c.Request.Header.SetContentType(contentTypeForm) // the library knows it in lower case only
	form := c.PostArgs()
	return form, f.check(form)
}

// check refuses what is sent too often. A parameter without a value counts as left out (RFC 6749, section 3.1); those
// that nobody asks for are ignored.
func (f formOf) check(form *fasthttp.Args) error {
	var tokens, hints, ids, secrets int
	for name, value := range form.All() {
		switch string(name) {
		case "token":
			if len(value) == 0 {
				return invalidRequest("A parameter token has no value.")
			}
			tokens++
		case "token_type_hint":
			hints++
		case "client_id":
			ids++
		case "client_secret":
			secrets++
		}
	}
	switch {
	case tokens > f.tokens:
		return invalidRequest("The parameter token may be sent " + f.times() + ".")
	case hints > 1:
		return invalidRequest("The parameter token_type_hint may be sent once.")
	case ids > 1:
		return invalidRequest("The parameter client_id may be sent once.")
	case secrets > 1:
		return invalidRequest("The parameter client_secret may be sent once.")
	}
	return nil
}

func (f formOf) times() string {
	if f.tokens == 1 {
		return "once"
	}
	return "up to " + strconv.Itoa(f.tokens) + " times"
}

var errNoToken = invalidRequest("The parameter token is missing.")

// tokenOf returns the one token of a form.
func tokenOf(form *fasthttp.Args) ([]byte, error) {
	if secret := form.Peek("token"); len(secret) > 0 {
		return secret, nil
	}
	return nil, errNoToken
}

// revoke ends a token for whoever holds it (RFC 7009). Holding it is the proof: clients are public, and credentials that
// some send all the same are not looked at. What is no token, or has ended already, gets the same answer.
func (s *Server) revoke(c *fasthttp.RequestCtx, form *fasthttp.Args) error {
	secret, err := tokenOf(form)
	if err != nil {
		return err
	}
	if err := s.Tokens.RevokeSecret(context.Background(), secret, s.addressOf(c)); err != nil {
		return err
	}
	s.answerNoStore(c, http.StatusOK)
	return nil
}
