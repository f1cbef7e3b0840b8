package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/backup"
)

// proveFile unpacks a backup to a path and compares its database with the manifest.
func proveFile(ctx context.Context, from *os.File, path string, want Manifest, rest func()) error {
	m, err := unpackTo(ctx, from, path, rest)
	if err == nil {
		err = proveDatabase(ctx, path, m, rest)
	}
	if errors.Is(err, errDamaged) {
		err = fmt.Errorf("%w: %w", backup.ErrNotProven, err)
	}
	if err == nil && !(m.Contents.equal(want.Contents) && m.MadeAt.Equal(want.MadeAt)) {
		err = backup.ErrNotProven
	}
	return err
}

// unpackTo writes the database of a backup to a new file, with mode 0600, that is on the disk when it returns.
func unpackTo(ctx context.Context, from *os.File, path string, rest func()) (m Manifest, err error) {
	if err := removeIfThere(path, path+"-journal", path+"-wal", path+"-shm"); err != nil {
		return m, err
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return m, err
	}
	m, err = readBackup(ctx, from, to, rest)
	return m, errors.Join(err, to.Sync(), to.Close())
}

// verifyTrail verifies the audit trail of an unpacked database.
func verifyTrail(ctx context.Context, path string, options BackupOptions) error {
	copied, err := connectUnpacked(path)
	if err != nil {
		return err
	}
	defer closePools(copied)
	ctx = context.WithValue(ctx, sharedKey{}, &shared{tx: copied.WithContext(ctx), holdsPools: true})
	err = options.Audit(ctx, restingEvents{Events{new(db)}, options.Rest})
	if _, ok := errors.AsType[*audit.Broken](err); ok {
		err = fmt.Errorf("%w: %w", backup.ErrAuditBroken, err)
	}
	return err
}

// restingEvents rests after each part of a chain.
type restingEvents struct {
	audit.Store
	rest func()
}

func (e restingEvents) ChainAfter(ctx context.Context, chain string, after int64, most int) (audit.Page, error) {
	defer e.rest()
	return e.Store.ChainAfter(ctx, chain, after, most)
}

// connectUnpacked opens an unpacked database, which no other process uses.
func connectUnpacked(path string) (*gorm.DB, error) {
	return connect(path, 1, "mode=ro", "immutable=1", "_pragma=query_only(1)", temporaryInMemory)
}

// proveDatabase compares an unpacked database with its manifest.
func proveDatabase(ctx context.Context, path string, m Manifest, rest func()) error {
	db, err := connectUnpacked(path)
	if err != nil {
		return err
	}
	defer closePools(db)
	pool, err := db.DB()
	if err != nil {
		return err
	}
	found, err := schemaVersion(ctx, pool)
	if err != nil {
		return err
	}
	if found != m.Schema {
		return fmt.Errorf("%w: it has schema %d instead of %d", backup.ErrNotProven, found, m.Schema)
	}
	tx := db.WithContext(ctx)
	for table := range m.Rows { // piece by piece, to rest in between
		// The name is one of a table: it was read from the schema of a database that this program made.
		result, err := value[string](tx, "PRAGMA integrity_check('"+strings.ReplaceAll(table, "'", "''")+"')")
		if err != nil {
			return err
		}
		if result != "ok" {
			return fmt.Errorf("%w: the check of its table %s says: %s", backup.ErrNotProven, table, result)
		}
		rest()
	}
	has, err := contentsOf(ctx, tx, m.MadeAt)
	if err != nil {
		return err
	}
	if !has.equal(m.Contents) {
		return fmt.Errorf("%w: rows, tokens or status lists differ", backup.ErrNotProven)
	}
	return nil
}
