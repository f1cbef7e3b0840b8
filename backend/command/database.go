package command

import (
	"context"
	"errors"

	"tokentab/backend/config"
)

type database struct {
	Confirm confirmDatabase `cmd:"" help:"Let all copies of the server go on with the database as it is, after a failover or a restore that lost changes. Look first at what is missing."`
}

type confirmDatabase struct {
	config.Storage `embed:""`
}

// Run accepts the history of the database.
func (d *confirmDatabase) Run(ctx context.Context, std IO) (err error) {
	b, err := open(ctx, std, d.Storage, config.Issuing{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.ConfirmDatabase(ctx); err != nil {
		return err
	}
	Say(std.Out, "All copies of the server now go on with the database as it is.\n")
	return nil
}
