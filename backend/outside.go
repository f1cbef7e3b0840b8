package backend

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Commands run beside a server, which remembers what they change. lookEvery is how often it looks whether one did.
const lookEvery = 200 * time.Millisecond

// confirmWithin is how long a command waits until a running server has seen its change.
const confirmWithin = 10 * time.Second

// seeOutsideChanges forgets everything that validations remember whenever a command has changed something, and then says
// so, until stopRepeating. The first look is over when it returns, before anything is remembered.
func (b *Backend) seeOutsideChanges() {
	last := int64(-1)
	look := func(ctx context.Context) error {
		made, seen, err := b.store.OutsideChanges(ctx)
		if err != nil || made == last && made == seen {
			return err
		}
		if made != last {
			b.Tokens.ForgetAll()
			last = made
		}
		return b.store.SeeOutsideChanges(ctx, made)
	}
	const failed = "could not look for changes that commands make, or not confirm them; trying again"
	if err := look(b.working); err != nil {
		b.log.Error(failed, "cause", err)
	}
	b.repeat(lookEvery, failed, look)
}

// awaitServer returns when a server that runs on the same data has seen all changes that commands made so far, those of an
// earlier run too, or none runs.
func (b *Backend) awaitServer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	change, _, err := b.store.OutsideChanges(ctx)
	if err != nil {
		return err
	}
	for {
		_, seen, err := b.store.OutsideChanges(ctx)
		if err == nil && seen >= change {
			return nil
		}
		server, running, err2 := b.Serving(ctx)
		if err2 == nil && !running {
			return nil
		}
		select {
		case <-time.After(lookEvery / 8):
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the change is made, but %s did not confirm it within %s and may still accept what it ended: restart that server", server, confirmWithin), err, err2)
		}
	}
}
