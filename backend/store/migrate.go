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

// migrate brings the schema up to date, each migration in a transaction of its own, after a copy of older data was
// put beside the database.
// The caller holds the database alone: of two that start at once, the second finds the work done.
func (s *Store) migrate(ctx context.Context, all fs.FS, now func() time.Time) error {
	pool, err := s.writer.DB()
	if err != nil {
		return err
	}
	files, err := fs.Sub(all, "migrations")
	if err != nil {
		return err
	}
	steps, err := goose.NewProvider(goose.DialectSQLite3, pool, files)
	if err != nil {
		return fmt.Errorf("store: read the migrations: %w", err)
	}
	current, target, err := steps.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("store: read the schema version: %w", err)
	}
	if current > target {
		return fmt.Errorf("the database was written by a newer version of this program (schema %d, this one knows %d): start that version again, or restore a backup made by this one", current, target)
	}
	if current == target {
		return nil
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
