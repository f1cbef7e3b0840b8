package backend

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/signer"
	"tokentab/backend/store"
)

// sharedSetupCode returns the code of the setup link that all copies print: behind a load balancer, any copy gets it.
func sharedSetupCode(ctx context.Context, copies *store.Copies, master signer.MasterKey) (string, error) {
	key, err := master.MACKey("setup")
	if err != nil {
		return "", err
	}
	lineage, err := copies.Lineage(ctx)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(key.MAC([]byte(lineage))[:16]), nil
}

// sharedTime returns the clock that all copies have in common; nil if there is one server, whose own clock will do.
func (b *Backend) sharedTime(world World) func(context.Context) (time.Time, error) {
	copies := b.store.Copies()
	switch {
	case copies == nil:
		return nil
	case world.Shared != nil:
		return func(context.Context) (time.Time, error) { return world.Shared().UTC(), nil }
	}
	return copies.Time
}

// CheckConfirmable returns an error unless ConfirmDatabase applies to the database.
func (b *Backend) CheckConfirmable() error {
	if b.store.Copies() == nil {
		return errors.New("database confirm is for a Postgres that copies share: name it with --database-url")
	}
	return nil
}

// ConfirmDatabase makes all copies of the program go on with a database that has lost changes which they have seen.
func (b *Backend) ConfirmDatabase(ctx context.Context) error {
	if err := b.CheckConfirmable(); err != nil {
		return err
	}
	event, err := audit.New(b.now().UTC(), audit.Actor{}, audit.DatabaseConfirmed, "", "", b.random)
	if err != nil {
		return err
	}
	return b.store.Copies().Confirm(ctx, event)
}

// tellLooks logs that looks at the changes of other copies begin to fail, or work again.
func (b *Backend) tellLooks(cause error) {
	if cause != nil {
		b.log.Error("could not read the changes of other copies: validations and the page are answered with 503", "cause", cause)
	} else {
		b.log.Info("the changes of other copies can be read: validations are answered again")
	}
}

// repeatAlone is repeat for what one copy of the program does for all.
func (b *Backend) repeatAlone(every time.Duration, failed string, do func(context.Context) error) {
	b.repeat(every, failed, b.alone(do))
}

// alone returns do for the copy that leads, and for a server that shares its database with none.
func (b *Backend) alone(do func(context.Context) error) func(context.Context) error {
	copies := b.store.Copies()
	if copies == nil {
		return do
	}
	return func(ctx context.Context) error {
		if leads, err := copies.Leads(ctx); err != nil || !leads {
			return err
		}
		return do(ctx)
	}
}
