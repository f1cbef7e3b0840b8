// Package answer writes the parts that all responses share: the error envelope and its log lines, security headers, and
// tagged and compressed files.
package answer

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"

	"tokentab/backend/fault"
	"tokentab/backend/request"
)

// Failure is a status and its code in the wire contract.
type Failure struct {
	Status int
	Code   string
}

// Failures maps each kind of failure to its status and code. No other code does.
var Failures = map[fault.Kind]Failure{
	fault.Unexpected:                {http.StatusInternalServerError, "unexpected"},
	fault.BadRequest:                {http.StatusBadRequest, "bad_request"},
	fault.NotAuthenticated:          {http.StatusUnauthorized, "not_authenticated"},
	fault.BadAuthToken:              {http.StatusUnauthorized, "bad_authtoken"},
	fault.NotPermitted:              {http.StatusForbidden, "not_permitted"},
	fault.NotFound:                  {http.StatusNotFound, "not_found"},
	fault.NotImplemented:            {http.StatusNotFound, "not_implemented"},
	fault.InvalidAction:             {http.StatusConflict, "invalid_action"},
	fault.IdempotencyKeyAlreadyUsed: {http.StatusConflict, "idempotency_key_already_used"},
	fault.Validation:                {http.StatusUnprocessableEntity, "validation_errors"},
	fault.TooLarge:                  {http.StatusRequestEntityTooLarge, "bad_request"},
	fault.Late:                      {http.StatusRequestTimeout, "bad_request"},
	fault.TooManyRequests:           {http.StatusTooManyRequests, "not_permitted"},
	fault.Unavailable:               {http.StatusServiceUnavailable, "unexpected"},
}

// ErrorBody is the error envelope of the wire contract. It implements huma.StatusError and huma.HeadersError.
type ErrorBody struct {
	Status  string              `json:"status" enum:"error"`
	Code    string              `json:"code" doc:"The kind of error, such as not_found"`
	Message string              `json:"message" doc:"Explanation for people"`
	Errors  map[string][]string `json:"errors,omitempty" doc:"With validation_errors: messages by field"`

	status  int
	headers http.Header
}

// NewErrorBody returns an envelope for a status that no kind of failure has.
func NewErrorBody(status int, code, message string) *ErrorBody {
	return &ErrorBody{Status: "error", Code: code, Message: message, status: status}
}

// Error implements error.
func (e *ErrorBody) Error() string { return e.Message }

// GetStatus implements huma.StatusError.
func (e *ErrorBody) GetStatus() int { return e.status }

// GetHeaders implements huma.HeadersError.
func (e *ErrorBody) GetHeaders() http.Header { return e.headers }

// ContentType implements huma.ContentTypeFilter: the envelope is plain JSON, not a problem document.
func (e *ErrorBody) ContentType(string) string { return contentTypeJSON }

// Send writes the envelope as the response.
func (e *ErrorBody) Send(c *fasthttp.RequestCtx) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	for name := range e.headers {
		c.Response.Header.Set(name, e.headers.Get(name))
	}
	c.SetStatusCode(e.status)
	c.SetContentType("application/json")
	c.SetBody(body)
	return nil
}

// RequestID is the key of a request's id in its context.
type RequestID struct{}

// Error returns the error envelope for a failure. It logs server-side failures with their cause and the request id that
// the caller gets.
func Error(ctx context.Context, log *FoldedLog, err error) *ErrorBody {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = fault.Because(fault.Unexpected, "", err)
	}
	body := NewErrorBody(Failures[f.Kind].Status, Failures[f.Kind].Code, f.Message)
	body.Errors, body.headers = f.Fields, http.Header{}
	switch f.Kind {
	case fault.Unexpected:
		body.Message = "Something went wrong on the server. The log has the cause under the request id."
	case fault.NotAuthenticated:
		body.headers.Set("WWW-Authenticate", ChallengeNone)
	case fault.BadAuthToken:
		body.headers.Set("WWW-Authenticate", ChallengeInvalid)
	}
	if f.RetryAfter > 0 {
		body.headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	if body.status >= http.StatusInternalServerError && !errors.Is(context.Cause(ctx), request.ErrLeft) {
		id, _ := ctx.Value(RequestID{}).(string)
		if f.Kind == fault.Unavailable { // many may come at once
			log.Failed("request could not be answered", err, slog.String("request_id", id))
		} else {
			log.Error("request failed", "request_id", id, "status", body.status, "cause", err)
		}
	}
	return body
}
