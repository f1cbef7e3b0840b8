package web

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
)

func (s *Server) secureHeaders(c *fiber.Ctx) error {
	for _, h := range answer.SecurityHeaders {
		c.Set(h[0], h[1])
	}
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	if s.source.IsHTTPS(c.Context()) { // browsers warn about both headers over plain HTTP
		c.Set("Cross-Origin-Opener-Policy", "same-origin")
		c.Set("Strict-Transport-Security", answer.StrictTransport)
	}
	return c.Next()
}

// identify gives a request its id, and a context that has the id for the log and ends when Shutdown cuts it off.
func (s *Server) identify(c *fiber.Ctx) error {
	c.SetUserContext(context.WithValue(s.running, answer.RequestID{}, s.source.Identify(c.Context())))
	return c.Next()
}
