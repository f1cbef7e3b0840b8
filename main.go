// Tokentab issues, shows and validates API tokens.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"tokentab/backend/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], command.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, UI: page()})
	stop()
	os.Exit(code)
}
