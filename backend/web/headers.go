package web

import (
	"encoding/hex"
	"fmt"
	"io"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
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

// refusePacked refuses compressed bodies: a small body could decompress to any size.
func refusePacked(c *fiber.Ctx) error {
	if packed := c.Get(fiber.HeaderContentEncoding); packed != "" && packed != "identity" {
		return fault.New(fault.BadRequest, "Send the body uncompressed: Content-Encoding is not supported.")
	}
	return c.Next()
}

// identifyRequest assigns a random id to each request, for the header X-Request-Id and the log.
func (s *Server) identifyRequest(c *fiber.Ctx) error {
	var b [8]byte
	if _, err := io.ReadFull(s.Random, b[:]); err != nil {
		return fmt.Errorf("web: read random bytes: %w", err)
	}
	id := hex.EncodeToString(b[:])
	c.Locals(answer.RequestID{}, id)
	c.SetUserContext(s.running)
	c.Set(fiber.HeaderXRequestID, id)
	return c.Next()
}
