package backend

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lookEvery is how often a server looks for changes that commands made beside it, since it caches what they change.
const lookEvery = 200 * time.Millisecond

// confirmWithin is how long a command waits for a running server to confirm its change.
const confirmWithin = 10 * time.Second

// seeOutsideChanges empties the cache of validations whenever a command has changed something, then confirms the
// change, until stopRepeating. It looks once before it returns, while the cache is still empty.
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
	const failed = "could not look for changes made by commands, or could not confirm them; will retry"
	if err := look(b.working); err != nil {
		b.log.Error(failed, "cause", err)
	}
	b.repeat(lookEvery, failed, look)
}

// AwaitServer waits until the server on the same data has seen all changes that commands made so far, including those
// of earlier runs. It returns immediately if no server runs, and an error after confirmWithin.
func (b *Backend) AwaitServer(ctx context.Context) error {
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
			return errors.Join(fmt.Errorf("the change is made, but %s did not confirm it within %s and may still accept tokens that it ended: restart that server", server, confirmWithin), err, err2)
		}
	}
}
