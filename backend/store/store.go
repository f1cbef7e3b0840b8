// Package store keeps everything in SQLite. It is the only package that knows SQL and GORM, and turns rows into the
// nouns' types and back.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/gofrs/flock"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// moveTimeout bounds a change that may move very many tokens, all in one transaction.
const moveTimeout = time.Minute

// operationTimeout bounds every read and change, the wait for the writing connection included.
const operationTimeout = 10 * time.Second

// FileName is the name of the database file in the data folder.
const FileName = "tokentab.db"

// Store is an open database: a connection that writes what is acknowledged, one that writes what may be lost in a
// power cut, and a pool of readers.
type Store struct {
	writer, noter, reader *gorm.DB

	writing chan struct{} // holds one element while one of the two writes: SQLite lets one write at a time
	finding chan struct{} // held by look-ups of validations, which are half as many as readers at the most
	path    string
}

// Open opens the database in the folder, makes both if they do not exist, and brings an older schema up to date after
// keeping a copy. A schema that is newer than this program is refused.
func Open(ctx context.Context, folder string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("store: make the data folder: %w", err)
	}
	path := filepath.Join(folder, FileName)
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	release, err := holdDoor(ctx, path)
	if err != nil {
		return nil, err
	}
	defer release()
	writer, err := connect(path, 1, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	s := &Store{writer: writer, writing: make(chan struct{}, 1), path: path}
	if err := s.migrate(ctx, migrations, now); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.noter, err = connect(path, 1, "_txlock=immediate", "_pragma=synchronous(NORMAL)"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	if s.reader, err = connect(path, readers, "_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.finding = make(chan struct{}, readers/2)
	return s, nil
}

// holdDoor keeps all other processes from opening or closing the database until release is called. The schema changes
// under it; and SQLite, whose last connection to close removes the WAL, refuses one that opens at that moment.
func holdDoor(ctx context.Context, path string) (release func(), err error) {
	lock := flock.New(path+".migrate.lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, fmt.Errorf("store: wait for another process that opens or closes the database: %w", err)
	}
	// An unlock that fails is made up for by the end of the process.
	return func() { _ = lock.Unlock() }, nil
}

// makePrivate makes sure that nobody else on the machine reads the database; SQLite gives its WAL the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("store: open the database: %w", err)
	}
	return f.Close()
}

func connect(path string, connections int, options ...string) (*gorm.DB, error) {
	// The busy timeout comes first: the pragmas after it may already have to wait for another process.
	// Pages that are written again and again, those of tokens in use, go back into the database less often than SQLite
	// would: the log grows to 16 MiB instead of 4.
	options = append([]string{"_pragma=busy_timeout(5000)", "_pragma=foreign_keys(1)", "_pragma=wal_autocheckpoint(4000)"}, options...)
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

// Close waits for what runs and closes the database.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	release, err := holdDoor(ctx, s.path)
	if err != nil {
		return errors.Join(err, s.close())
	}
	defer release()
	return s.close()
}

func (s *Store) close() error {
	var errs []error
	for _, db := range []*gorm.DB{s.reader, s.noter, s.writer} {
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
	return s.changeWithin(ctx, operationTimeout, f)
}

func (s *Store) changeWithin(ctx context.Context, timeout time.Duration, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(all.Transaction(f)) // what fails is undone up to here
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
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
