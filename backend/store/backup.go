package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gorm.io/gorm"
	"modernc.org/sqlite"

	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/token"
)

// Names beside a backup while it is made. Neither ever counts as a backup.
const (
	partialSuffix  = ".partial"
	snapshotSuffix = ".snapshot"
)

// walPatience is the size in bytes of the WAL above which a snapshot is copied without pauses: until it is copied, the WAL
// can only grow.
const walPatience = 64 << 20

// sampled is how many tokens of a backup are looked up as a validation does.
const sampled = 1000

// Contents are what a backup must have in common with its database.
type Contents struct {
	Rows map[string]int64 `json:"rows"` // of each table
	// Sample is the SHA-256, in hex, of the states of up to 1,000 tokens, found by the hashes of their secrets.
	Sample string `json:"sample"`
	// Lists is the SHA-256, in hex, of the entries of all status lists at MadeAt.
	Lists string `json:"lists"`
}

func (c Contents) equal(o Contents) bool {
	return maps.Equal(c.Rows, o.Rows) && c.Sample == o.Sample && c.Lists == o.Lists
}

// BackupOptions are the choices of a backup.
type BackupOptions struct {
	Version   string
	Key       []byte // the encrypted master key; nil to leave it out
	Overwrite bool   // an existing backup is replaced once the new one is proven
	// Audit verifies the audit trail of the unpacked backup. An error with *audit.Broken leaves the backup as it is.
	Audit func(ctx context.Context, events audit.Store) error
	// Rest is called after each piece of work, to leave processors to others.
	Rest func()
	// Progress is called when a step begins.
	Progress func(step string)
}

// Backup writes one consistent state of the database to a file, with mode 0600, and proves it before the file gets its
// name: it is unpacked as a restore does, and compared with the database. It reads one snapshot and keeps no one from
// writing. It returns backup.ErrNotProven if the copy differs from the database, and backup.ErrAuditBroken with a backup that
// is like it, but has a broken audit trail: without backups, who broke it could also make the installation lose its data.
func (s *db) Backup(ctx context.Context, path string, options BackupOptions) (m Manifest, bytes int64, err error) {
	if err := mayBecomeBackup(path, options.Overwrite); err != nil {
		return m, 0, err
	}
	partial, err := openPartial(path + partialSuffix)
	if err != nil {
		return m, 0, err
	}
	snapshot := path + snapshotSuffix
	defer func() {
		err = errors.Join(err, partial.Close(), removeIfThere(snapshot, snapshot+"-journal"))
		if partial.unfinished {
			err = errors.Join(err, removeIfThere(path+partialSuffix))
		}
		if troubleOf(err) == diskFull {
			err = &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
		}
	}()
	options.Progress("copying the database")
	if m, err = s.snapshot(ctx, snapshot, options); err != nil {
		return m, 0, err
	}
	options.Progress("compressing the copy")
	if err := partial.pack(ctx, m, snapshot, options.Rest); err != nil {
		return m, 0, err
	}
	// The proof takes the way of a restore: from the file alone.
	options.Progress("proving the backup")
	if err := proveFile(ctx, partial.File, snapshot, m, options.Rest); err != nil {
		return m, 0, err
	}
	options.Progress("verifying its audit trail")
	trail := verifyTrail(ctx, snapshot, options)
	if trail != nil && !errors.Is(trail, backup.ErrAuditBroken) {
		return m, 0, trail
	}
	info, err := partial.Stat()
	if err != nil {
		return m, 0, err
	}
	if err := errors.Join(os.Rename(path+partialSuffix, path), syncFolder(path)); err != nil {
		return m, 0, err
	}
	partial.unfinished = false
	return m, info.Size(), trail
}

// partialFile is a backup that is being written. Its lock keeps others from writing or removing it.
type partialFile struct {
	*os.File
	unfinished bool
}

func openPartial(path string) (*partialFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = lockByte(f, openingByte)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("another backup to the same file is under way: %s", path)
	}
	if err == nil { // an interrupted backup may have left something
		err = errors.Join(f.Chmod(0o600), f.Truncate(0))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &partialFile{f, true}, nil
}

func (p *partialFile) pack(ctx context.Context, m Manifest, snapshot string, rest func()) error {
	database, err := os.Open(snapshot)
	if err != nil {
		return err
	}
	defer database.Close()
	if err := writeBackup(ctx, p.File, m, database, rest); err != nil {
		return err
	}
	return p.Sync()
}

// snapshot copies one state of the database to a file and says what it contains.
func (s *db) snapshot(ctx context.Context, path string, options BackupOptions) (m Manifest, err error) {
	if err := s.inPlace(); err != nil {
		return m, err
	}
	mode := "mode=rw" // SQLite needs the memory that connections share, which only a writer can create
	if s.writer == nil {
		mode = "mode=ro&immutable=1"
	}
	source, err := connect(s.path, 1, mode, "_pragma=query_only(1)", temporaryInMemory)
	if err != nil {
		return m, err
	}
	defer closePools(source)
	pool, err := source.DB()
	if err != nil {
		return m, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return m, err
	}
	defer conn.Close()
	// The transaction keeps the snapshot, for reads and for the copy.
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return m, err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	tx := source.Session(&gorm.Session{NewDB: true, Context: ctx})
	tx.Statement.ConnPool = conn
	m = Manifest{Version: options.Version, Key: options.Key, MadeAt: s.health.now().UTC()}
	if m.Contents, err = contentsOf(ctx, tx, m.MadeAt); err != nil {
		return m, err
	}
	if m.Schema, err = value[int64](tx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version"); err != nil {
		return m, err
	}
	if err := s.copyPages(ctx, conn, path, options.Rest); err != nil {
		return m, err
	}
	m.Bytes = sizeOfFile(path)
	return m, s.inPlace() // else it shows what a missing WAL left
}

// copyPages copies the snapshot that a connection reads.
func (s *db) copyPages(ctx context.Context, conn *sql.Conn, path string, rest func()) error {
	if err := removeIfThere(path, path+"-journal"); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // before SQLite makes it readable by others
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	var pageSize int
	if err := conn.QueryRowContext(ctx, "PRAGMA page_size").Scan(&pageSize); err != nil {
		return err
	}
	return conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(destination string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("store: the driver makes no backups")
		}
		// The file is read again before it counts, so it needs no journal.
		copying, err := source.NewBackup(dsn(path, "_pragma=journal_mode(OFF)", "_pragma=synchronous(OFF)"))
		if err != nil {
			return err
		}
		for more := true; more; {
			if more, err = copying.Step(int32(copyAtOnce / pageSize)); err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return errors.Join(err, copying.Finish())
			}
			if !isLarger(s.path+"-wal", walPatience) {
				rest()
			}
		}
		return copying.Finish()
	})
}

// contentsOf reads what a backup and its database must have in common.
func contentsOf(ctx context.Context, tx *gorm.DB, at time.Time) (c Contents, err error) {
	c.Rows = map[string]int64{}
	tables, err := values[string](tx, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return c, err
	}
	for _, table := range tables {
		if c.Rows[table], err = value[int64](tx, `SELECT count(*) FROM "`+strings.ReplaceAll(table, `"`, `""`)+`"`); err != nil {
			return c, err
		}
	}
	if c.Sample, err = sampleOf(tx); err != nil {
		return c, err
	}
	c.Lists, err = listsOf(context.WithValue(ctx, sharedKey{}, &shared{tx: tx, holdsPools: true}), at)
	return c, err
}

// sampleOf looks up tokens from the whole table by the hashes of their secrets.
func sampleOf(tx *gorm.DB) (string, error) {
	sum := sha256.New()
	first, err := value[int64](tx, "SELECT COALESCE(MIN(rowid), 0) FROM api_tokens")
	if err != nil {
		return "", err
	}
	last, err := value[int64](tx, "SELECT COALESCE(MAX(rowid), 0) FROM api_tokens")
	if err != nil {
		return "", err
	}
	step := max(1, (last-first)/sampled)
	for at := first; at <= last; at += step {
		hash, err := value[[]byte](tx, "SELECT secret_hash FROM api_tokens WHERE rowid >= ? ORDER BY rowid LIMIT 1", at)
		if err != nil {
			return "", err
		}
		err = scan(tx, stateOfHash, []any{hash, hash}, func(rows *sql.Rows) error {
			var t token.State
			err := scanState(rows, &t)
			fmt.Fprintf(sum, "%x %+v\n", hash, t)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// listsOf reads all status lists through the context's transaction.
func listsOf(ctx context.Context, at time.Time) (string, error) {
	sum, lists := sha256.New(), Tokens{new(db)}
	numbers, err := lists.StatusLists(ctx)
	if err != nil {
		return "", err
	}
	for _, number := range numbers {
		var entries [token.StatusListSize]token.Status
		until, _, err := lists.StatusList(ctx, number, at, func(index int, is token.Status) { entries[index] = is })
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, number, until.UnixMilli())
		for _, is := range entries {
			if _, err := sum.Write([]byte{byte(is)}); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// RemovePartialBackups removes what interrupted backups have left in a folder. It leaves those under way.
func RemovePartialBackups(folder, pattern string) error {
	found, err := filepath.Glob(filepath.Join(folder, pattern+partialSuffix))
	if err != nil {
		return err
	}
	for _, path := range found {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err = lockByte(f, openingByte); err == nil {
			snapshot := strings.TrimSuffix(path, partialSuffix) + snapshotSuffix
			err = removeIfThere(snapshot, snapshot+"-journal", path)
		}
		if errors.Is(err, errLocked) {
			err = nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
