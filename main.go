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
	// As the first process of a container the program would survive a signal that it does not take.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		why := awaitEnd(signals, stop)
		command.Say(os.Stderr, "tokentab: ended at once "+why+"; the last uses of some tokens may be lost\n")
		os.Exit(1)
	}()
	os.Exit(command.Run(ctx, os.Args[1:], command.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, UI: page()}))
}

// stopTime is how long the program has to end after a signal, before service managers may kill it.
const stopTime = 8 * time.Second

// sameSignal is how soon after the first signal another one counts as the same. GNU timeout, make and terminals signal
// both a process and its group.
const sameSignal = 100 * time.Millisecond

// awaitEnd calls stop at the first signal. It returns when the program must end at once, and why: at the next signal, or
// stopTime after the first one.
func awaitEnd(signals <-chan os.Signal, stop context.CancelFunc) (why string) {
	<-signals
	first := time.Now()
	stop()
	late := time.After(stopTime)
	for {
		select {
		case <-signals:
			if time.Since(first) >= sameSignal {
				return "by a second signal"
			}
		case <-late:
			return "since it did not stop in time"
		}
	}
}
