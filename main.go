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
	// As process 1 of a container, the program would ignore any signal that it does not handle.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		why := awaitEnd(signals, stop)
		_ = command.Say(os.Stderr, "tokentab: stopped immediately because "+why+"; the last uses of some tokens may be lost\n")
		os.Exit(1)
	}()
	os.Exit(command.Run(ctx, os.Args[1:], command.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, UI: page()}))
}

// stopTime is how long the program may take to end after a signal, less than service managers allow before they kill
// it.
const stopTime = 8 * time.Second

// sameSignal is the time after the first signal within which another signal counts as the same one: GNU timeout, make
// and terminals signal both a process and its group.
const sameSignal = 100 * time.Millisecond

// awaitEnd calls stop at the first signal. It returns, with the reason, when the program must end immediately: at the
// next signal, or stopTime after the first one.
func awaitEnd(signals <-chan os.Signal, stop context.CancelFunc) (why string) {
	<-signals
	first := time.Now()
	stop()
	late := time.After(stopTime)
	for {
		select {
		case <-signals:
			if time.Since(first) >= sameSignal {
				return "a second signal arrived"
			}
		case <-late:
			return "it did not stop in time"
		}
	}
}
