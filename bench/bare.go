package main

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// bare is the server that Tokentab is compared with: Fiber, set up for production, with a handler for each endpoint that
// returns a fixed text. sizes are the total bytes of each response. It is also the application behind nginx.
func bare(sizes []int) *fiber.App {
	app := fiber.New(fiber.Config{
		DisableStartupMessage: true, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	})
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString(strings.Repeat("x", 1000)) })
	for i, path := range []string{"/api/v1/validate", "/api/v1/ping", "/oauth/introspect"} {
		var body string
		app.All(path, func(c *fiber.Ctx) error { return c.SendString(body) })
		for range 3 { // the digits of Content-Length count too
			var c fasthttp.RequestCtx
			c.Request.SetRequestURI(path)
			app.Handler()(&c)
			body = strings.Repeat("x", max(0, len(body)+sizes[i]-len(c.Response.String())))
		}
	}
	return app
}
