package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrations returns what changes the schema, the version of the schema that the database has, and the one that this
// program needs. A newer one than that is an error.
func (s *Store) migrations(ctx context.Context, all fs.FS) (steps *goose.Provider, current, target int64, err error) {
	pool, err := s.writer.DB()
	if err != nil {
		return nil, 0, 0, err
	}
	files, err := fs.Sub(all, "migrations")
	if err != nil {
		return nil, 0, 0, err
	}
	if steps, err = goose.NewProvider(goose.DialectSQLite3, pool, files); err != nil {
		return nil, 0, 0, fmt.Errorf("store: read the migrations: %w", err)
	}
	for _, source := range steps.ListSources() {
		target = max(target, source.Version)
	}
	if current, err = schemaVersion(ctx, pool); err != nil {
		return nil, 0, 0, fmt.Errorf("store: read the schema version: %w", err)
	}
	if current > target {
		return nil, 0, 0, fmt.Errorf("the database was written by a newer version of this program (schema %d, this one knows %d): start that version again, or restore a backup made by this one", current, target)
	}
	return steps, current, target, nil
}

// newestSchema returns the version of the schema that this program needs.
func newestSchema() (newest int64) {
	names, _ := fs.Glob(migrations, "migrations/*.sql") // embedded, so that it can't fail
	for _, name := range names {
		if version, err := goose.NumericComponent(name); err == nil {
			newest = max(newest, version)
		}
	}
	return newest
}

// schemaVersion returns the version of the schema of a database, 0 for none.
func schemaVersion(ctx context.Context, pool *sql.DB) (version int64, err error) {
	var has bool
	err = pool.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)", goose.DefaultTablename).Scan(&has)
	if err == nil && has {
		err = pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+goose.DefaultTablename).Scan(&version)
	}
	return version, err
}

// migrate brings the schema up to date, each migration in a transaction of its own, after a copy of older data was
// put beside the database.
// The caller holds the database alone: of two that start at once, the second finds the work done.
func (s *Store) migrate(ctx context.Context, all fs.FS, now func() time.Time) error {
	steps, current, target, err := s.migrations(ctx, all)
	if err != nil || current == target {
		return err
	}
	pool, err := s.writer.DB()
	if err != nil {
		return err
	}
	if current > 0 {
		copyPath := fmt.Sprintf("%s.schema-%d.%s", s.path, current, now().UTC().Format("20060102T150405Z"))
		if err := copyInto(ctx, pool, copyPath); err != nil {
			return fmt.Errorf("store: copy the database before changing its schema: %w", err)
		}
	}
	if _, err := steps.Up(ctx); err != nil {
		return fmt.Errorf("store: change the schema: %w", err)
	}
	return nil
}

// copyInto writes a consistent copy of the database to a file that does not exist yet.
func copyInto(ctx context.Context, pool *sql.DB, path string) error {
	// Made first, so that the copy is never readable to others.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := pool.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
