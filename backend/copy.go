package backend

import (
	"context"
	"errors"
	"strings"

	"tokentab/backend/audit"
	"tokentab/backend/config"
	"tokentab/backend/store"
)

// CopyDatabase copies the whole database to a Postgres database that it names by its URL or, from Postgres, into a folder. No
// server may run on either. An error means that nothing was copied, and that the target is as it was, except that a
// Postgres database may have empty tables.
func CopyDatabase(ctx context.Context, c config.Config, to config.Secret, world World, progress func(step string)) (store.Copied, error) {
	toPostgres := IsPostgres(to)
	switch {
	case to == "":
		return store.Copied{}, errors.New("--to must name the target: the URL of a Postgres database or, from Postgres, a folder")
	case toPostgres && c.DatabaseURL != "":
		return store.Copied{}, errors.New("--database-url and --to both name a Postgres database, but the copy goes from SQLite to Postgres or back: unset --database-url (TOKENTAB_DATABASE_URL) to copy the database in --data")
	case !toPostgres && c.DatabaseURL == "":
		return store.Copied{}, errors.New("--to names a folder, but the copy goes from SQLite to Postgres or back: name a Postgres database in --to or in --database-url")
	}
	sealer, err := auditKeyOf(ctx, c, world)
	if err != nil {
		return store.Copied{}, err
	}
	options := store.CopyOptions{Now: world.Now, Progress: progress, Audit: func(ctx context.Context, events audit.Store) error {
		return audit.NewTrail(events, sealer).VerifyAll(ctx)
	}}
	if toPostgres {
		return store.CopyToPostgres(ctx, c.Data, store.Postgres{URL: string(to), Flag: "--to"}, options)
	}
	return store.CopyFromPostgres(ctx, postgres(c), string(to), options)
}

// IsPostgres reports whether the target of a copy is a Postgres database rather than a folder.
func IsPostgres(target config.Secret) bool {
	return strings.HasPrefix(string(target), "postgres://") || strings.HasPrefix(string(target), "postgresql://")
}

// auditKeyOf opens the installation as a command does, which also proves its master key, and closes it again.
func auditKeyOf(ctx context.Context, c config.Config, world World) (audit.Sealer, error) {
	b, err := Open(ctx, c, world)
	if err != nil {
		return nil, err
	}
	return b.auditKey, b.Close()
}
