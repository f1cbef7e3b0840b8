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

// answers maps each kind of failure to its status and code in the wire contract. No other code does.
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
	Code    string              `json:"code" doc:"One of the contract's error codes"`
	Message string              `json:"message" doc:"Explanation for people"`
	Errors  map[string][]string `json:"errors,omitempty" doc:"With validation_errors: messages by field"`

	status  int
	headers http.Header
}

func (e *errorBody) Error() string           { return e.Message }
func (e *errorBody) GetStatus() int          { return e.status }
func (e *errorBody) GetHeaders() http.Header { return e.headers }

// ContentType implements huma.ContentTypeFilter: the envelope is plain JSON, not a problem document.
func (e *errorBody) ContentType(string) string { return fiber.MIMEApplicationJSONCharsetUTF8 }

// envelope returns the error envelope for a failure. It logs server-side failures with their cause and the request id
// that the caller gets.
func (s *Server) envelope(ctx context.Context, err error) *errorBody {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = fault.Because(fault.Unexpected, "", err)
	}
	answer := answers[f.Kind]
	body := &errorBody{Status: "error", Code: answer.code, Message: f.Message, Errors: f.Fields, status: answer.status, headers: http.Header{}}
	switch f.Kind {
	case fault.Unexpected:
		body.Message = "Something went wrong on the server. The log has the cause under the request id."
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
		if f.Kind == fault.Unavailable { // many may come at once
			s.failed("request could not be answered", err, slog.String("request_id", id))
		} else {
			s.Log.Error("request failed", "request_id", id, "status", body.status, "cause", err)
		}
	}
	return body
}

// answerError is Fiber's error handler. It answers failures outside of Huma, including those of reading a request.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	// No middleware has run if the request failed before routing, for example because it is too large.
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

// requestFault returns the fault for one of Fiber's own errors, or nil if only the status applies.
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
