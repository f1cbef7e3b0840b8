package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// bareSettings say where the bare server listens and how much it answers.
type bareSettings struct {
	address string
	bodies  string // bytes of body for each door, with spaces between
}

// door is one address of tokentab that the bare server has too.
type door struct {
	method, path string
	traffic      traffic
}

// doors are the addresses that are measured, with one token of so many that are stored.
func doors(stored int) []door {
	return []door{
		{"GET", pathValidate, get(pathValidate)},
		{"GET", pathPing, get(pathPing)},
		{"POST", pathIntrospect, introspect(stored)},
	}
}

// serveBare is what tokentab is compared with: Fiber, set up as a sensible person would for production, and a handler
// for each door that answers a fixed text. It is the application behind the proxy as well.
func serveBare(ctx context.Context, s bareSettings) error {
	app := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		ReadTimeout:           30 * time.Second,
		WriteTimeout:          30 * time.Second,
		IdleTimeout:           2 * time.Minute,
	})
	doors := doors(0)
	bodies := strings.Fields(s.bodies)
	if len(bodies) != len(doors) {
		return fmt.Errorf("-bare-bodies must have %d numbers", len(doors))
	}
	for i, d := range doors {
		size, err := strconv.Atoi(bodies[i])
		if err != nil {
			return fmt.Errorf("-bare-bodies: %w", err)
		}
		app.Add(d.method, d.path, answer(size))
	}
	app.Get(pathApplication, answer(applicationBody))
	failed := make(chan error, 1)
	go func() { failed <- app.Listen(s.address) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return app.ShutdownWithTimeout(time.Second)
	}
}

// applicationBody is how much the application behind the proxy answers, in bytes.
const applicationBody = 1000

func answer(size int) fiber.Handler {
	body := strings.Repeat("x", size)
	return func(c *fiber.Ctx) error { return c.SendString(body) }
}
