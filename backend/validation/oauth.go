package validation

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/request"
	"tokentab/backend/token"
)

// Paths of the OAuth endpoints. They are outside /api/v1 and answer as their RFCs define.
const (
	pathIntrospect      = "/oauth/introspect"
	pathIntrospectBatch = "/oauth/introspect/batch"
	pathRevoke          = "/oauth/revoke"
)

// Limits of the OAuth endpoints, stated in docs/settings.md.
const (
	maxBatch      = 1000
	maxBatchBytes = 3 << 19 // 1.5 MiB
	// A form has few parameters besides the tokens; more would only take memory.
	maxParameters = 16
)

const contentTypeForm = "application/x-www-form-urlencoded"

const challengeBasic = `Basic realm="tokentab"`

// oauthError is an error response (RFC 6749, section 5.2). Its description must not contain characters that JSON
// escapes.
type oauthError struct {
	status      int
	code        string
	description string
	challenges  []string // WWW-Authenticate, one header each
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func invalidRequest(description string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

// unavailable is the body of each 503: a token that can't be checked is not reported as inactive (RFC 7009, section
// 2.2.1).
var unavailable = []byte(`{"error":"temporarily_unavailable","error_description":"The store does not answer right now. Try again."}`)

// formOf is how often a form may contain the parameter token.
type formOf struct{ tokens int }

var (
	formOfOne   = formOf{tokens: 1}
	formOfBatch = formOf{tokens: maxBatch}
)

// oauth reads a form sent by POST, passes it to the endpoint, and writes its errors. Unexpected errors become 503.
func (e *Endpoints) oauth(c *fasthttp.RequestCtx, reads formOf, endpoint func(*fasthttp.RequestCtx, *fasthttp.Args) error) {
	told := false
	e.guarded(c, func(c *fasthttp.RequestCtx) {
		hold := e.strangers.Share()
		defer hold.Release()
		err := e.readForm(c, hold)
		var form *fasthttp.Args
		if err == nil {
			form, err = reads.form(c)
		}
		if err == nil {
			err = endpoint(c, form)
		}
		if form != nil && len(c.Request.Body()) > request.MaxKept { // the connection would keep what is parsed
			*form = fasthttp.Args{}
		}
		if refused, ok := errors.AsType[*oauthError](err); ok {
			told = true
			e.refuseOAuth(c, refused)
		} else if err != nil {
			e.cannotTell(c, err)
		}
	})
	if c.Response.StatusCode() == http.StatusServiceUnavailable {
		c.Response.Header.Set("Retry-After", "1")
		if !told {
			c.Response.SetBodyRaw(unavailable)
		}
	}
}

func (e *Endpoints) refuseOAuth(c *fasthttp.RequestCtx, refused *oauthError) {
	for _, challenge := range refused.challenges {
		c.Response.Header.Add("WWW-Authenticate", challenge)
	}
	if refused.status == http.StatusMethodNotAllowed {
		c.Response.Header.Set("Allow", http.MethodPost)
	}
	e.fixed.SendJSON(c, refused.status, []byte(`{"error":"`+refused.code+`","error_description":"`+refused.description+`"}`))
}

// readForm reads a form's body. It refuses compressed bodies, which could decompress to any size. It authenticates callers with a header
// before it reads a large body or refuses the form; other large bodies share the memory that hold belongs to.
func (e *Endpoints) readForm(c *fasthttp.RequestCtx, hold *request.Share) error {
	h, path := &c.Request.Header, c.URI().PathOriginal()
	if !c.IsPost() {
		return &oauthError{status: http.StatusMethodNotAllowed, code: "invalid_request", description: "Send a form with POST."}
	}
	limit, large, unfit := BodyLimit(h, path), isLarge(h), unfitForm(h)
	switch {
	case (large || unfit != nil) && isIntrospection(path) && readClient(h).headers > 0:
		if _, err := e.introspector(c, nil); err != nil {
			c.SetConnectionClose()
			return err
		}
		hold = nil
	case large && limit < maxBatchBytes:
		limit = request.MaxStrangerBody
	}
	if unfit != nil {
		return unfit
	}
	return formFault(request.ReadBody(c, limit, hold))
}

// unfitForm returns why a body can't be a form, or nil.
func unfitForm(h *fasthttp.RequestHeader) error {
	contentType, _, _ := bytes.Cut(h.ContentType(), []byte(";"))
	switch packed := h.ContentEncoding(); {
	case len(packed) > 0 && string(packed) != "identity":
		return invalidRequest("Send the body uncompressed: Content-Encoding is not supported.")
	case !bytes.EqualFold(bytes.TrimSpace(contentType), []byte(contentTypeForm)):
		return invalidRequest("The Content-Type must be " + contentTypeForm + ".")
	}
	return nil
}

// isLarge reports whether a body may be larger than what is read from everyone.
func isLarge(h *fasthttp.RequestHeader) bool {
	n := h.ContentLength()
	return n < 0 || n > request.MaxStrangerBody
}

func isIntrospection(path []byte) bool {
	return string(path) == pathIntrospect || string(path) == pathIntrospectBatch
}

// IsStranger reports whether introspection refuses the credentials in a request's header now, whatever its large form holds. A
// small form is read first: it may come from anyone, and almost always it has arrived by then. It does not count as a use.
func (e *Endpoints) IsStranger(ctx context.Context, h *fasthttp.RequestHeader, path []byte) bool {
	if !h.IsPost() || !isIntrospection(path) || !isLarge(h) {
		return false
	}
	client := readClient(h)
	if client.headers == 0 { // the form may hold the credentials
		return false
	}
	verdict, err := e.Tokens.Glance(ctx, client.secret, needAccountToken)
	return err == nil && (verdict.Reason != token.Good || client.isBasic && !isIDOf(&verdict.State, client.id))
}

// formFault turns a fault of reading a body into an OAuth error, and returns other errors unchanged.
func formFault(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	switch f.Kind {
	case fault.TooLarge:
		return &oauthError{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: f.Message}
	case fault.Unavailable: // no memory for the body; the store is fine
		return &oauthError{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: f.Message}
	case fault.Late:
		return &oauthError{status: http.StatusRequestTimeout, code: "invalid_request", description: f.Message}
	case fault.BadRequest:
		return invalidRequest(f.Message)
	}
	return err
}

// BodyLimit returns the body limit of a request in bytes, from its headers and path.
func BodyLimit(h *fasthttp.RequestHeader, path []byte) int {
	switch {
	case h.IsPost() && string(path) == pathIntrospectBatch:
		return maxBatchBytes
	case string(path) == pathRevoke:
		return request.MaxStrangerBody
	}
	return request.MaxBody
}

// RefuseBody refuses a body that is larger than its limit.
func (e *Endpoints) RefuseBody(c *fasthttp.RequestCtx, limit int) {
	f := request.TooLarge(limit)
	if refused, ok := errors.AsType[*oauthError](formFault(f)); ok && isOAuth(c.URI().PathOriginal()) {
		e.refuseOAuth(c, refused)
		return
	}
	e.fixed.Refuse(c, answer.NewRefusal(http.StatusRequestEntityTooLarge, "bad_request", f.Message, ""))
}

func isOAuth(path []byte) bool {
	return slices.Contains([]string{pathIntrospect, pathIntrospectBatch, pathRevoke}, string(path))
}

// form parses the form in the body.
func (f formOf) form(c *fasthttp.RequestCtx) (*fasthttp.Args, error) {
	if bytes.Count(c.Request.Body(), []byte("&")) >= f.tokens+maxParameters {
		return nil, invalidRequest("Send token " + f.times() + ", and at most " + strconv.Itoa(maxParameters) + " other parameters.")
	}
	c.Request.Header.SetContentType(contentTypeForm) // fasthttp compares in lower case only
	form := c.PostArgs()
	return form, f.check(form)
}

// check refuses repeated parameters. A parameter without a value counts as omitted (RFC 6749, section 3.1); unknown
// ones are ignored.
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

// tokenOf returns the form's one token.
func tokenOf(form *fasthttp.Args) ([]byte, error) {
	if secret := form.Peek("token"); len(secret) > 0 {
		return secret, nil
	}
	return nil, errNoToken
}

// revoke revokes a token for its holder (RFC 7009). Holding the token is the proof, so client credentials are ignored.
// Unknown and ended tokens get the same response.
func (e *Endpoints) revoke(c *fasthttp.RequestCtx, form *fasthttp.Args) error {
	secret, err := tokenOf(form)
	if err != nil {
		return err
	}
	if err := e.Tokens.RevokeSecret(context.Background(), secret, e.Source.Address(c), request.ID(c)); err != nil {
		e.counts.failedRevocations.Add(1)
		return err
	}
	e.counts.revocations.Add(1)
	e.fixed.Send(c, http.StatusOK)
	return nil
}
