package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"tokentab/backend"
	"tokentab/backend/config"
	"tokentab/backend/signer"
)

type database struct {
	Confirm confirmDatabase `cmd:"" help:"Let all copies of the server go on with the database as it is, after a failover or a restore that lost changes. Look first at what is missing. It ends all sessions."`
	Copy    copyDatabase    `cmd:"" help:"Copy everything from SQLite to an empty Postgres database, or back. Stop the server first."`
}

type copyDatabase struct {
	config.Storage `embed:""`

	To config.Secret `help:"Target: the URL of an empty Postgres database or, with --database-url, a folder without a database. Also TOKENTAB_TO_DATABASE_URL_FILE." env:"TOKENTAB_TO_DATABASE_URL" placeholder:"URL|FOLDER"`
}

// Run copies the database, and prints how much it copied and in what time.
func (d *copyDatabase) Run(ctx context.Context, std IO) error {
	if err := errors.Join(fillSecret(&d.To, config.ToDatabaseURLFromFile), fillDatabaseURL(&d.Storage)); err != nil {
		return err
	}
	c, err := settings(d.Storage, config.Issuing{})
	if err != nil {
		return err
	}
	began := time.Now()
	done, err := backend.CopyDatabase(ctx, c, d.To, world(std, slog.New(slog.NewTextHandler(std.Err, nil))), progress(std))
	if err != nil {
		return fmt.Errorf("nothing was copied: %w", err)
	}
	rows := int64(0)
	for _, n := range done.Rows {
		rows += n
	}
	if _, err := fmt.Fprintf(std.Out, "%d tables  %d rows  %s  %s\n", len(done.Rows), rows, counted(done.Rows["api_tokens"], "API token", "API tokens"), time.Since(began).Round(time.Millisecond)); err != nil {
		return err
	}
	fmt.Fprintln(std.Err, d.keyAdvice())
	if done.Audit != nil {
		return fmt.Errorf("the copy equals the original, but the audit trail does not verify in either: %w", done.Audit)
	}
	return nil
}

// keyAdvice says where the master key must be, which is in neither database.
func (d *copyDatabase) keyAdvice() string {
	key, err := config.MasterKey()
	switch {
	case err == nil && key != "" && backend.IsPostgres(d.To):
		return "The master key is not in the database: keep setting TOKENTAB_MASTER_KEY for each server."
	case backend.IsPostgres(d.To):
		return fmt.Sprintf("The master key is not in the database: set TOKENTAB_MASTER_KEY to the content of %s for each server.", filepath.Join(d.Data, signer.MasterKeyFile))
	}
	return fmt.Sprintf("The master key was not copied: keep setting TOKENTAB_MASTER_KEY, or write its value into %s, with mode 0600.", filepath.Join(string(d.To), signer.MasterKeyFile))
}

type confirmDatabase struct {
	config.Storage `embed:""`

	Yes bool `help:"Confirm without asking."`
}

// Run accepts the history of the database.
func (d *confirmDatabase) Run(ctx context.Context, std IO) error {
	return with(ctx, std, d.Storage, config.Issuing{}, func(b *backend.Backend) error {
		if err := b.CheckConfirmable(); err != nil {
			return err
		}
		if !d.Yes {
			fmt.Fprint(std.Err, "Let all copies of the server go on with the database as it is? Look first at what is missing. All sessions end, and status lists show the tokens that the database has forgotten as invalid. ")
			if err := confirm(ctx, std, "confirm", "the database"); err != nil {
				return err
			}
		}
		if err := b.ConfirmDatabase(ctx); err != nil {
			return err
		}
		return Say(std.Out, "All copies of the server now go on with the database as it is. All sessions have ended. The page asks admin users to review the tokens.\n")
	})
}
