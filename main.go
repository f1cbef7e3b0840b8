// Tokentab issues, shows and validates API tokens.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"tokentab/backend/command"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go stopOnSignal(stop)
	os.Exit(command.Run(ctx, os.Args[1:], command.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, UI: page()}))
}

// stopOnSignal asks the program to end at the first SIGINT or SIGTERM, and ends it at the second. As the first process of
// a container it would survive a signal that it does not take.
func stopOnSignal(stop context.CancelFunc) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	stop()
	<-signals
	fmt.Fprintln(os.Stderr, "tokentab: stopped at once by a second signal; the last uses of some tokens may be lost")
	os.Exit(1)
}
