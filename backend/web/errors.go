package web

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/fault"
)

// answers maps each kind of failure to its status and code of the wire contract. It is the only such place.
var answers = map[fault.Kind]struct {
	status int
	code   string
}{
	fault.Unexpected:                {http.StatusInternalServerError, "unexpected"},
	fault.BadRequest:                {http.StatusBadRequest, "bad_request"},
	fault.NotAuthenticated:          {http.StatusUnauthorized, "not_authenticated"},
	fault.BadAuthToken:              {http.StatusUnauthorized, "bad_authtoken"},
	fault.NotPermitted:              {http.StatusForbidden, "not_permitted"},
	fault.NotFound:                  {http.StatusNotFound, "not_found"},
	fault.InvalidAction:             {http.StatusConflict, "invalid_action"},
	fault.IdempotencyKeyAlreadyUsed: {http.StatusConflict, "idempotency_key_already_used"},
	fault.Validation:                {http.StatusUnprocessableEntity, "validation_errors"},
	fault.TooLarge:                  {http.StatusRequestEntityTooLarge, "bad_request"},
	fault.Late:                      {http.StatusRequestTimeout, "bad_request"},
	fault.TooManyRequests:           {http.StatusTooManyRequests, "not_permitted"},
	fault.Unavailable:               {http.StatusServiceUnavailable, "unexpected"},
}

// errorBody is the error envelope of the wire contract. It implements huma.StatusError and huma.HeadersError.
type errorBody struct {
	Status  string              `json:"status" enum:"error"`
	Code    string              `json:"code" doc:"One of the codes of the contract"`
	Message string              `json:"message" doc:"A sentence for people"`
	Errors  map[string][]string `json:"errors,omitempty" doc:"With validation_errors: what is wrong with each field"`

	status  int
	headers http.Header
}

func (e *errorBody) Error() string           { return e.Message }
func (e *errorBody) GetStatus() int          { return e.status }
func (e *errorBody) GetHeaders() http.Header { return e.headers }

// ContentType keeps Huma from calling the envelope a problem document.
func (e *errorBody) ContentType(string) string { return fiber.MIMEApplicationJSONCharsetUTF8 }

// envelope turns a failure into the answer that its kind has. Failures of ours are logged here, once, with their cause
// and the request id that the caller also gets.
func (s *Server) envelope(ctx context.Context, err error) *errorBody {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = fault.Because(fault.Unexpected, "", err)
	}
	answer := answers[f.Kind]
	body := &errorBody{Status: "error", Code: answer.code, Message: f.Message, Errors: f.Fields, status: answer.status, headers: http.Header{}}
	switch f.Kind {
	case fault.Unexpected:
		body.Message = "Something went wrong on the server. Its log has the cause under the request id."
	case fault.NotAuthenticated:
		body.headers.Set("WWW-Authenticate", challengeNone)
	case fault.BadAuthToken:
		body.headers.Set("WWW-Authenticate", challengeInvalid)
	}
	if f.RetryAfter > 0 {
		body.headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	if body.status >= http.StatusInternalServerError && !errors.Is(context.Cause(ctx), errLeft) {
		id, _ := ctx.Value(requestIDKey{}).(string)
		if f.Kind == fault.Unavailable { // of which many may come at once
			s.failed("request could not be answered", err, slog.String("request_id", id))
		} else {
			s.Log.Error("request failed", "request_id", id, "status", body.status, "cause", err)
		}
	}
	return body
}

// answerError is Fiber's error handler: it answers failures outside of Huma, those of reading a request included.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	// Before the router has a request, as when it is too large, no middleware has run either.
	for _, h := range securityHeaders {
		c.Set(h[0], h[1])
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if e, ok := errors.AsType[*fiber.Error](err); ok {
		err = requestFault(e)
		if err == nil {
			return c.Status(e.Code).JSON(&errorBody{Status: "error", Code: "bad_request", Message: e.Message})
		}
	}
	body := s.envelope(c.Context(), err)
	for name := range body.headers {
		c.Set(name, body.headers.Get(name))
	}
	return c.Status(body.status).JSON(body)
}

// requestFault returns the fault for an error of Fiber's own; nil where only its status fits.
func requestFault(e *fiber.Error) error {
	switch {
	case e.Code == http.StatusNotFound:
		return fault.New(fault.NotFound, "There is nothing at this address.")
	case e.Code >= http.StatusInternalServerError:
		return fault.Because(fault.Unexpected, "", e)
	}
	switch e.Code {
	case http.StatusMethodNotAllowed:
		e.Message = "This address does not take that method."
	case http.StatusRequestHeaderFieldsTooLarge:
		e.Message = "The headers are larger than 16 KiB."
	case http.StatusRequestTimeout:
		e.Message = "The request did not arrive in time."
	default:
		e.Code, e.Message = http.StatusBadRequest, "The request can't be read."
	}
	return nil
}

func (s *Server) logPanic(c *fiber.Ctx, cause any) {
	id, _ := c.Locals(requestIDKey{}).(string)
	s.Log.Error("a handler panicked", "request_id", id, "route", c.Route().Path, "cause", cause, "stack", string(debug.Stack()))
}
