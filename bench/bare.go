package main

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// bareSettings say where the bare server listens and how much it answers.
type bareSettings struct {
	address                string
	validateBody, pingBody int
}

// serveBare is what tokentab is compared with: Fiber, set up as a sensible person would for production, and two
// handlers that answer a fixed text.
func serveBare(ctx context.Context, s bareSettings) error {
	app := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		ReadTimeout:           30 * time.Second,
		WriteTimeout:          30 * time.Second,
		IdleTimeout:           2 * time.Minute,
	})
	app.Get(pathValidate, answer(s.validateBody))
	app.Get(pathPing, answer(s.pingBody))
	failed := make(chan error, 1)
	go func() { failed <- app.Listen(s.address) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return app.ShutdownWithTimeout(time.Second)
	}
}

func answer(size int) fiber.Handler {
	body := strings.Repeat("x", size)
	return func(c *fiber.Ctx) error { return c.SendString(body) }
}
