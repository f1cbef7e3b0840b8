package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"tokentab/backend"
	"tokentab/backend/config"
)

// masterKey are the flags for the master key in a backup.
type masterKey struct {
	WithKey        bool   `help:"${with_key} The passphrase comes from --passphrase-file, TOKENTAB_PASSPHRASE, or the terminal."`
	PassphraseFile string `help:"File whose content is the passphrase." placeholder:"FILE"`
}

// passphrase returns the passphrase; empty without --with-key.
func (m *masterKey) passphrase(ctx context.Context, std IO, again bool) (string, error) {
	if !m.WithKey {
		if m.PassphraseFile != "" {
			return "", errors.New("--passphrase-file goes together with --with-key")
		}
		return "", nil
	}
	given, err := config.Passphrase(m.PassphraseFile)
	if err != nil || given != "" {
		return string(given), err
	}
	in, ok := std.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", errors.New("--with-key needs a passphrase: name its file with --passphrase-file, or set TOKENTAB_PASSPHRASE")
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(std.Err, prompt)
		text, err := readHidden(ctx, int(in.Fd()))
		fmt.Fprintln(std.Err)
		return text, err
	}
	first, err := ask("Passphrase: ")
	if err != nil || !again {
		return first, err
	}
	second, err := ask("Once more: ")
	if err == nil && first != second {
		err = errors.New("the passphrases differ")
	}
	return first, err
}

// shortestPassphrase is the least number of bytes of a new passphrase.
const shortestPassphrase = 12

type makeBackup struct {
	config.Storage `embed:""`
	masterKey      `embed:"" set:"with_key=Include the master key, encrypted with a passphrase."`

	File  string `arg:"" help:"File to write. It gets its name once the backup is proven."`
	Force bool   `help:"Replace the file if it is a backup."`
}

// Run makes a backup, and prints its file, size, number of tokens, and the time that it shows.
func (m *makeBackup) Run(ctx context.Context, std IO) error {
	passphrase, err := m.passphrase(ctx, std, true)
	if err != nil {
		return err
	}
	if m.WithKey && len(passphrase) < shortestPassphrase {
		return fmt.Errorf("the passphrase must have %d characters or more", shortestPassphrase)
	}
	if err := onlyFiles(&m.Storage, "backup"); err != nil {
		return err
	}
	return with(ctx, std, m.Storage, config.Issuing{}, func(b *backend.Backend) error {
		made, err := b.BackUp(ctx, backend.BackupOrder{Path: m.File, Passphrase: passphrase, Overwrite: m.Force, Progress: progress(std)})
		if err != nil {
			return fmt.Errorf("no backup was made: %w", err)
		}
		_, err = fmt.Fprintf(std.Out, "%s  %d bytes  %s  %s\n", m.File, made.Bytes, counted(made.Tokens, "API token", "API tokens"), made.At.Format(time.RFC3339))
		if made.Audit != nil {
			err = errors.Join(err, fmt.Errorf("the backup equals the database, but its audit trail does not verify: %w", made.Audit))
		}
		return err
	}, func(w *backend.World) { w.ReadOnly = true })
}

// onlyFiles returns an error if the data is in Postgres.
func onlyFiles(s *config.Storage, command string) error {
	if err := fillDatabaseURL(s); err != nil {
		return err
	}
	if s.DatabaseURL != "" {
		return fmt.Errorf("tokentab %s is for SQLite; for the Postgres of --database-url use its own backups, such as pg_dump or continuous archiving", command)
	}
	return nil
}

// progress returns a function that says on standard error what goes on.
func progress(std IO) func(string) {
	return func(step string) { fmt.Fprintf(std.Err, "%s …\n", step) }
}

type restore struct {
	config.Storage `embed:""`
	masterKey      `embed:"" set:"with_key=Restore the master key too, which the backup has if it was made with this flag."`

	File          string `arg:"" help:"Backup, as written by tokentab backup."`
	Force         bool   `help:"Replace the database in the data folder. It is kept under a name with the date, and what has ended in it since the backup ends again."`
	SuspendActive bool   `help:"Suspend every token that is active in the backup, so that none that was revoked since works again."`
}

// Run restores a backup, and prints the time that it shows.
func (r *restore) Run(ctx context.Context, std IO) error {
	if err := onlyFiles(&r.Storage, "restore"); err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return err
	}
	passphrase, err := r.passphrase(ctx, std, false)
	if err != nil {
		return err
	}
	if r.WithKey && passphrase == "" {
		return errors.New("the passphrase is empty")
	}
	done, err := backend.Restore(ctx, r.Storage, backend.RestoreOrder{
		File: r.File, Overwrite: r.Force, SuspendActive: r.SuspendActive, Passphrase: passphrase, Progress: progress(std),
	}, world(std, nil))
	if err != nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	for _, kept := range done.Kept {
		fmt.Fprintf(std.Err, "Kept %s.\n", kept)
	}
	if done.Compared {
		fmt.Fprintf(std.Err, "Compared with the replaced database, and revoked or suspended %s that had been suspended, revoked, deleted or rotated since the backup.\n",
			counted(done.Ended, "token", "tokens"))
		if done.Older {
			fmt.Fprintln(std.Err, "It had been restored from an older backup, so tokens that it does not know are suspended. Activate those that you still trust.")
		}
		for _, name := range done.Deleted {
			fmt.Fprintf(std.Err, "Deleted the account %s again, which had been deleted since the backup.\n", name)
		}
	} else if done.Replaced {
		fmt.Fprintln(std.Err, "The replaced database could not be compared: it is damaged, of another version, or has no account of the backup.")
	}
	switch {
	case r.SuspendActive:
		fmt.Fprintf(std.Err, "Suspended %s. Activate those that you still trust.\n", counted(done.Suspended, "token", "tokens"))
	case !done.Compared:
		fmt.Fprintln(std.Err, "Tokens that were suspended or revoked after the backup work again. Review them on the page, or restore again with --force --suspend-active.")
	}
	if !done.HasKey && os.Getenv(config.Prefix+"_MASTER_KEY") == "" && os.Getenv(config.Prefix+"_MASTER_KEY_FILE") == "" {
		fmt.Fprintf(std.Err, "Put the file master.key of the installation into %s before you start the server. If the backup was made with --with-key, restore it again with --force --with-key instead.\n", r.Data)
	}
	_, err = fmt.Fprintf(std.Out, "%s  %s  %s\n", r.File, counted(done.Rows["api_tokens"], "API token", "API tokens"), done.MadeAt.Format(time.RFC3339))
	return err
}
