package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"tokentab/backend"
	"tokentab/backend/config"
)

type exportTokens struct {
	config.Storage `embed:""`

	Account string `help:"ID of the account; required if there are several." placeholder:"ID"`
}

// Run prints a line of JSON for each token.
func (e *exportTokens) Run(ctx context.Context, std IO) error {
	return with(ctx, std, e.Storage, config.Issuing{}, func(b *backend.Backend) error {
		owner, err := chooseAccount(ctx, b, e.Account)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(std.Out)
		n, replaced, err := b.ExportTokens(ctx, owner, out)
		if err = errors.Join(err, out.Flush()); err != nil {
			return err
		}
		if _, err = fmt.Fprintf(std.Err, "Exported %s.\n", counted(n, "token", "tokens")); err == nil && replaced > 0 {
			_, err = fmt.Fprintf(std.Err, "Secrets that a rotation replaced and that still work: %d. They are not exported, so give their clients the new secrets first.\n", replaced)
		}
		return err
	})
}

type importTokens struct {
	config.Storage `embed:""`
	config.Issuing `embed:""`

	File    string `arg:"" help:"File with a JSON object on each line, such as from tokentab token export."`
	Account string `help:"ID of the account; required if there are several." placeholder:"ID"`
	DryRun  bool   `help:"Only check the file, and say what would be imported."`
	Shorten bool   `help:"Shorten lifetimes beyond --max-token-lifetime, instead of refusing them."`
}

// Run imports the tokens of a file.
func (i *importTokens) Run(ctx context.Context, std IO) error {
	return with(ctx, std, i.Storage, i.Issuing, func(b *backend.Backend) error {
		owner, err := chooseAccount(ctx, b, i.Account)
		if err != nil {
			return err
		}
		result, err := b.ImportTokens(ctx, backend.Import{Account: owner, File: i.File, DryRun: i.DryRun, Shorten: i.Shorten})
		if err != nil {
			return err
		}
		verb := "Imported"
		if i.DryRun {
			verb = "Would import"
		}
		_, err = fmt.Fprintf(std.Err, "%s %s. Skipped %d whose secret is known, %d revoked and %d expired ones.\n", verb, counted(result.Made, "token", "tokens"), result.Known, result.Revoked, result.Expired)
		return err
	})
}
