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
	if e, ok := errors.AsType[*fiber.Error](err); ok {
		if allowed := c.GetRespHeader(fiber.HeaderAllow); strings.Contains(allowed, http.MethodGet) {
			c.Append(fiber.HeaderAllow, http.MethodHead) // see gate
		}
		err = requestFault(e)
		if err == nil {
			return answer.NewErrorBody(e.Code, "bad_request", e.Message).Send(c.Context())
		}
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

// requestFault returns the fault for one of Fiber's own errors, or nil if only the status applies.
func requestFault(e *fiber.Error) error {
	switch {
	case e.Code == http.StatusNotFound:
		return fault.New(fault.NotFound, "There is nothing at this URL.")
	case e.Code >= http.StatusInternalServerError:
		return fault.Because(fault.Unexpected, "", e)
	}
	switch e.Code {
	case http.StatusMethodNotAllowed:
		e.Message = "This URL does not accept that method."
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
	s.Log.Error("a handler panicked", "request_id", request.ID(c.Context()), "route", c.Route().Path, "cause", cause, "stack", string(debug.Stack()))
}
