// Package store keeps everything in SQLite. It is the only package that knows SQL and GORM, and turns rows into the
// nouns' types and back.
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// operationTimeout bounds every read and change, the wait for the writing connection included.
const operationTimeout = 10 * time.Second

// FileName is the name of the database file in the data folder.
const FileName = "tokentab.db"

// Store is an open database: a connection that writes what is acknowledged, one that writes what may be lost in a
// power cut, a pool of readers, and one for the look-ups of validations, which wait for nothing else.
type Store struct {
	writer, noter, reader, finder *gorm.DB

	writing chan struct{} // holds one element while one of the two writes: SQLite lets one write at a time
	turns   *turns
	path    string

	file    *file
	claimed bool   // whether this process serves the database
	server  Server // this process, if claimed
}

// Open claims the database in the folder for a server and opens it; see Serve.
func Open(ctx context.Context, folder string, now func() time.Time) (*Store, error) {
	claim, err := Serve(ctx, folder, "", now, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return claim.Open(ctx, now)
}

// Open opens a claimed database, and brings an older schema up to date after keeping a copy. A schema that is newer than
// this program is refused. Closing the Store releases the claim.
func (c *Claim) Open(ctx context.Context, now func() time.Time) (*Store, error) {
	s := &Store{file: c.file, path: c.file.path, claimed: true, server: c.server}
	return s, s.open(ctx, func() error {
		closed, err := s.file.wasClosed()
		if err != nil {
			return err
		}
		if err := s.migrate(ctx, migrations, now); err != nil {
			return err
		}
		if err := s.avoidTakenEntries(ctx, closed, now); err != nil {
			return err
		}
		record, err := json.Marshal(s.server)
		if err != nil {
			return err
		}
		return s.SetSetting(ctx, serverSetting, string(record))
	})
}

// Join opens the database in a folder for a command, beside a server or without one. With create it makes a database if
// there never was one. It changes no schema: an older one, and a server of another version that runs, are refused.
func Join(ctx context.Context, folder, version string, create bool, now func() time.Time) (*Store, error) {
	f, err := findForCommand(ctx, folder, create, now)
	if err != nil {
		return nil, err
	}
	s := &Store{file: f, path: f.path}
	return s, s.open(ctx, func() error {
		if err := s.checkServer(ctx, version); err != nil {
			return err
		}
		if running, err := isServed(f.File); err != nil || running {
			return err // the server has looked
		}
		closed, err := f.wasClosed()
		if err != nil {
			return err
		}
		return s.avoidTakenEntries(ctx, closed, now)
	})
}

func findForCommand(ctx context.Context, folder string, create bool, now func() time.Time) (*file, error) {
	if create {
		return findOrCreate(ctx, folder, now)
	}
	path, exists, err := locate(folder)
	if err == nil && !exists {
		err = fmt.Errorf("--data: there is no database in %s, so there is no account yet: run tokentab setup, or open the set-up link that tokentab serve prints", folder)
	}
	if err != nil {
		return nil, err
	}
	return openFile(path)
}

// open connects to the database and runs begin, while no other process opens or closes it.
func (s *Store) open(ctx context.Context, begin func() error) (err error) {
	release, err := s.file.door(ctx)
	if err != nil {
		return errors.Join(err, s.file.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
		release()
		if err != nil {
			err = errors.Join(err, s.file.Close())
		}
	}()
	if err := s.checkName(); err != nil {
		return err
	}
	s.writing = make(chan struct{}, 1)
	if s.writer, err = connect(s.path, 1, append(writerOptions, temporaryFilesIn(filepath.Dir(s.path)))...); err != nil {
		return err
	}
	if s.noter, err = connect(s.path, 1, "_txlock=immediate", "_pragma=synchronous(NORMAL)"); err != nil {
		return err
	}
	s.turns = newTurns()
	if s.reader, err = connect(s.path, max(4, 2*runtime.GOMAXPROCS(0)), "_pragma=query_only(1)"); err != nil {
		return err
	}
	if s.finder, err = connect(s.path, max(2, runtime.GOMAXPROCS(0)), "_pragma=query_only(1)"); err != nil {
		return err
	}
	return begin()
}

// checkName refuses a name of the database that is not the one by which a running server knows it, such as a hard link:
// SQLite would look for the log of its changes under that name.
func (s *Store) checkName() error {
	if s.claimed {
		return nil
	}
	running, err := isServed(s.file.File)
	if err != nil || !running {
		return err
	}
	if _, err := os.Stat(s.path + "-wal"); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--data: a server is running on %s by another name of that file: use the folder that the server uses", s.path)
	}
	return nil
}

// checkServer returns an error if a command of this program must not work on the database: its schema is not the one that
// this program knows, or a server of another version is running.
func (s *Store) checkServer(ctx context.Context, version string) error {
	server, running, err := s.Serving(ctx)
	if err != nil {
		return err
	}
	if running && server.Process != 0 && server.Version != version {
		return fmt.Errorf("%s is running on this data, and this is version %s: use the program of that version, or restart the server with this one", server, version)
	}
	_, current, target, err := s.migrations(ctx, migrations)
	if err == nil && current < target {
		err = fmt.Errorf("the database was written by an earlier version of this program (schema %d, this one needs %d): start tokentab serve of this version once, which keeps a copy and brings it up to date", current, target)
	}
	return err
}

// temporaryFilesIn makes all connections of the process put what large sorts and changes need into a folder: no other has
// to be writable.
func temporaryFilesIn(folder string) string {
	return "_pragma=" + url.QueryEscape("temp_store_directory='"+strings.ReplaceAll(folder, "'", "''")+"'")
}

// writerOptions are those of the connection that writes what is acknowledged.
var writerOptions = []string{"_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)"}

// walKept is the size in bytes to which the log of changes, the WAL, shrinks when SQLite begins it anew.
const walKept = 16 << 20

func connect(path string, connections int, options ...string) (*gorm.DB, error) {
	// The busy timeout comes first: the pragmas after it may already have to wait for another process.
	// Pages that are written again and again, those of tokens in use, go back into the database less often than SQLite
	// would: the log grows to 16 MiB instead of 4.
	options = append([]string{"_pragma=busy_timeout(5000)", "_pragma=foreign_keys(1)", "_pragma=wal_autocheckpoint(4000)", fmt.Sprintf("_pragma=journal_size_limit(%d)", walKept)}, options...)
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() + "?" + strings.Join(options, "&")
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{
		Logger:                 logger.Discard, // failures come back as errors; statements hold values that no log should
		PrepareStmt:            true,
		SkipDefaultTransaction: true,
		TranslateError:         true,
		NowFunc:                func() time.Time { return time.Time{} }, // times come from the nouns only
	})
	if err != nil {
		return nil, fmt.Errorf("store: open the database: %w", err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("store: open the database: %w", err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, nil
}

// Exclusively runs f while no other process opens or closes the database, or runs such a function.
func (s *Store) Exclusively(ctx context.Context, f func() error) error {
	release, err := s.file.door(ctx)
	if err != nil {
		return err
	}
	defer release()
	return f()
}

// Close waits for what runs and closes the database.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	release, err := s.file.door(ctx)
	if err != nil {
		return errors.Join(err, s.close(), s.file.Close())
	}
	if err = s.close(); err == nil {
		err = s.noteClosed()
	}
	release()
	return errors.Join(err, s.file.Close())
}

func (s *Store) close() error {
	var errs []error
	for _, db := range []*gorm.DB{s.finder, s.reader, s.noter, s.writer} {
		if db == nil {
			continue
		}
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, func(tx *gorm.DB) error { return tx.Exec("SELECT 1 FROM api_tokens LIMIT 1").Error })
}

// change runs f in one transaction on the writing connection. Its changes and events are kept together or not at all. A
// context of Together makes it a part of that transaction.
func (s *Store) change(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(all.Transaction(f)) // what fails is undone up to here
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.alone(ctx, func() error { return s.writer.WithContext(ctx).Transaction(f) })
}

// changeSoon runs one statement that needs not be on the disk when it returns: a power cut may take it back, and no
// more than it. It spares validations the wait for the disk, which on one core is theirs too.
func (s *Store) changeSoon(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.alone(ctx, func() error { return f(s.noter.WithContext(ctx)) })
}

// alone runs f while nothing else writes.
func (s *Store) alone(ctx context.Context, f func() error) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
		return classify(f())
	case <-ctx.Done():
		return classify(ctx.Err())
	}
}

func (s *Store) read(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return classify(f(s.reader.WithContext(ctx)))
}

// readTogether runs f on one snapshot, for reads that have to agree with each other.
func (s *Store) readTogether(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	return s.read(ctx, func(tx *gorm.DB) error {
		return tx.Transaction(f, &sql.TxOptions{ReadOnly: true})
	})
}

// classify turns a failure of the database into a fault that says so. Faults of the nouns pass through.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return &fault.Error{Kind: fault.Unavailable, Message: "The store does not answer right now. Try again.", RetryAfter: time.Second, Cause: err}
}

// record writes an event within the transaction of its change.
func record(tx *gorm.DB, e audit.Event) error {
	row := auditRowOf(e)
	return tx.Create(&row).Error
}

// eventBatch is how many events one statement writes.
const eventBatch = 100

// recordEach writes an event for each of the ids within the transaction of their change.
func recordEach(tx *gorm.DB, ids []pfid.ID, event func(id pfid.ID) (audit.Event, error)) error {
	if len(ids) == 0 {
		return nil
	}
	rows := make([]auditRow, len(ids))
	for i, id := range ids {
		e, err := event(id)
		if err != nil {
			return err
		}
		rows[i] = auditRowOf(e)
	}
	return tx.CreateInBatches(rows, eventBatch).Error
}

func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

func millisOrNull(at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	ms := at.UnixMilli()
	return &ms
}

func instantOrZero(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return instant(*ms)
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
