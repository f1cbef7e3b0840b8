package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
)

//go:embed migrations/*.sql
var migrations embed.FS // of SQLite

// migrations returns the migrations, the schema version of the database, and the version that this program needs.
// It fails if the version of the database is higher.
func (s *db) migrations(ctx context.Context, all fs.FS) (steps *goose.Provider, current, target int64, err error) {
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

// newestSchema returns the version of SQLite's schema that this program needs.
func newestSchema() int64 { return lastOf(below(migrations, "migrations")) }

// lastOf returns the schema version that a program with these migrations needs.
func lastOf(migrations fs.FS) (newest int64) {
	names, _ := fs.Glob(migrations, "*.sql") // the pattern is valid
	for _, name := range names {
		if version, err := goose.NumericComponent(name); err == nil {
			newest = max(newest, version)
		}
	}
	return newest
}

// schemaVersion returns the schema version of a database; 0 for none.
func schemaVersion(ctx context.Context, pool *sql.DB) (version int64, err error) {
	var has bool
	err = pool.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)", goose.DefaultTablename).Scan(&has)
	if err == nil && has {
		err = pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+goose.DefaultTablename).Scan(&version)
	}
	return version, err
}

// migrate brings the schema up to date, one transaction per migration. Before it changes existing data it keeps a
// copy beside the database. The caller must hold the opening lock, so that of two processes that start at once, the
// second finds the work done.
func (s *db) migrate(ctx context.Context, all fs.FS, now func() time.Time) error {
	steps, current, target, err := s.migrations(ctx, all)
	if err != nil || current == target {
		return err
	}
	pool, err := s.writer.DB()
	if err != nil {
		return err
	}
	if current > 0 {
		if err := s.keepCopy(ctx, pool, current, now()); err != nil {
			return fmt.Errorf("store: copy the database before changing its schema: %w", err)
		}
	}
	if _, err := steps.Up(ctx); err != nil {
		return fmt.Errorf("store: change the schema: %w", err)
	}
	return nil
}

// copying ends the name of an incomplete copy.
const copying = ".copying"

// keepCopy puts a consistent copy of the database beside it, unless there is one with the same content from an earlier
// attempt. The copy is renamed once it is complete and on the disk.
func (s *db) keepCopy(ctx context.Context, pool *sql.DB, schema int64, at time.Time) error {
	name := fmt.Sprintf("%s.schema-%d", s.path, schema)
	kept, err := filepath.Glob(name + ".*Z")
	if err != nil {
		return err
	}
	// Remove what an interrupted copy left. Earlier versions gave even an incomplete copy its final name.
	unfinished := name + copying
	if err := removeIfThere(unfinished, unfinished+"-journal"); err != nil {
		return err
	}
	for _, path := range kept {
		if !isWhole(ctx, path, schema) {
			err = removeIfThere(path, path+"-journal")
		} else if same, failed := s.hasRowsOf(ctx, path); same {
			return nil
		} else {
			err = failed // nil if the database was changed since: someone went back to this schema, and now upgrades again
		}
		if err != nil {
			return err
		}
	}
	// Create the file first, so that others can never read the copy.
	f, err := os.OpenFile(unfinished, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "VACUUM INTO ?", unfinished)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		final := func() string { return name + "." + at.UTC().Format("20060102T150405Z") }
		for slices.Contains(kept, final()) {
			at = at.Add(time.Second)
		}
		err = os.Rename(unfinished, final())
	}
	if troubleOf(err) == diskFull {
		err = fmt.Errorf("the disk has no room for a copy as large as the database: make space and start again: %w", err)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(unfinished))
	}
	return syncFolder(s.path)
}

// hasRowsOf reports whether the database has the same rows as a copy in a file.
func (s *db) hasRowsOf(ctx context.Context, path string) (bool, error) {
	db, err := connect(path, 1, "mode=ro", "immutable=1")
	if err != nil {
		return false, err
	}
	defer closePools(db)
	copied, err := sumTables(db.WithContext(ctx))
	if err != nil {
		return false, err
	}
	present, err := sumTables(s.writer.WithContext(ctx))
	return maps.Equal(present, copied), err
}

// sumTables returns the rowsSum of each table of a SQLite database, whatever its schema.
func sumTables(tx *gorm.DB) (map[string]rowsSum, error) {
	tables := map[string]copiedTable{}
	err := scan(tx, "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'", nil, func(rows *sql.Rows) error {
		var name, column string
		err := rows.Scan(&name, &column)
		tables[name] = copiedTable{name: name, columns: append(tables[name].columns, copiedColumn{name: column})}
		return err
	})
	sums := map[string]rowsSum{}
	for name, table := range tables {
		if err == nil {
			sums[name], err = sumRows(tx, table)
		}
	}
	return sums, err
}

// isWhole reports whether a file is a complete copy of a database with this schema version.
func isWhole(ctx context.Context, path string, schema int64) bool {
	db, err := connect(path, 1, "mode=ro", "immutable=1")
	if err != nil {
		return false
	}
	defer closePools(db)
	pool, err := db.DB()
	if err != nil {
		return false
	}
	var check string
	version, err := schemaVersion(ctx, pool)
	if err == nil {
		err = pool.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&check)
	}
	return err == nil && version == schema && check == "ok"
}
