// Tokentab issues, shows and validates API tokens.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tokentab/backend/command"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go stopOnSignal(stop)
	os.Exit(command.Run(ctx, os.Args[1:], command.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, UI: page()}))
}

// stopTime is how long the program has to end after a signal, before service managers may kill it.
const stopTime = 8 * time.Second

// stopOnSignal asks the program to end at the first SIGINT or SIGTERM, and ends it at the second. As the first process of
// a container it would survive a signal that it does not take.
func stopOnSignal(stop context.CancelFunc) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	stop()
	why := "by a second signal"
	select {
	case <-signals:
	case <-time.After(stopTime):
		why = "since it did not stop in time"
	}
	command.Say(os.Stderr, "tokentab: ended at once "+why+"; the last uses of some tokens may be lost\n")
	os.Exit(1)
}
