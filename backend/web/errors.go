package web

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/request"
)

// answerError is Fiber's error handler. It answers failures outside of Huma, including those of reading a request.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	// No middleware has run if the request failed before routing, for example because it is too large.
	ctx := context.WithValue(c.Context(), answer.RequestID{}, s.source.Identify(c.Context()))
	for _, h := range answer.SecurityHeaders {
		c.Set(h[0], h[1])
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	switch e, ok := errors.AsType[*fiber.Error](err); {
	case !ok:
	case e.Code == http.StatusNotFound:
		err = fault.New(fault.NotFound, "There is nothing at this URL.")
	case e.Code < http.StatusInternalServerError || e.Code == http.StatusBadGateway: // Fiber's word for a connection that failed
		if allowed := c.GetRespHeader(fiber.HeaderAllow); strings.Contains(allowed, http.MethodGet) {
			c.Append(fiber.HeaderAllow, http.MethodHead) // see gate
		}
		return unreadable(e.Code).Send(c.Context())
	}
	return answer.Error(ctx, s.folded, err).Send(c.Context())
}

// refuseMalformed answers a request that fasthttp can't read.
func (s *Server) refuseMalformed(c *fasthttp.RequestCtx, err error) {
	s.app.Server().ErrorHandler(c, malformed{err})
}

// malformed is an error of reading a request, without what it repeats of it: Fiber answers 408 if that has the word timeout.
type malformed struct{ error }

func (malformed) Error() string { return "the request can't be read" }

func (e malformed) Unwrap() error { return e.error }

// unreadable returns the response for the status of one of Fiber's own errors. All requests share these errors, so nothing may
// change them.
func unreadable(status int) *answer.ErrorBody {
	message := "The request can't be read."
	switch status {
	case http.StatusMethodNotAllowed:
		message = "This URL does not accept that method."
	case http.StatusRequestHeaderFieldsTooLarge:
		message = "The headers are larger than 16 KiB, or have more than 256 lines."
	case http.StatusRequestTimeout:
		message = "The request did not arrive in time."
	default:
		status = http.StatusBadRequest
	}
	return answer.NewErrorBody(status, "bad_request", message)
}

func (s *Server) logPanic(c *fiber.Ctx, cause any) {
	s.Log.Error("a handler panicked", "request_id", request.ID(c.Context()), "route", c.Route().Path, "cause", cause, "stack", string(debug.Stack()))
}
