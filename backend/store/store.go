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
	"sync"
	"sync/atomic"
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
	// pools is held to use the connections, and alone to replace them. The first two are nil while the database can be
	// read only.
	pools                         sync.RWMutex
	writer, noter, reader, finder *gorm.DB

	writing chan struct{} // holds one element while one of the two writes: SQLite lets one write at a time
	turns   *turns
	path    string

	file      *file
	claimed   bool        // whether this process serves the database
	server    Server      // this process, if claimed
	wasClosed bool        // by the process before, see restored.go
	unsettled atomic.Bool // whether a server has still to do what it writes first; until then no other change is made

	release func() // of the door, which stays closed while the database can be read only

	health  health
	tended  context.Context // ends with the store
	stop    context.CancelFunc
	tending sync.WaitGroup
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
	s := newStore(c.file, now)
	s.claimed, s.server, s.health.log = true, c.server, c.log
	s.unsettled.Store(true)
	c.warn()
	return s, s.open(ctx, func() (err error) {
		if s.wasClosed, err = s.file.wasClosed(); err != nil && !isOfDisk(err) {
			return err
		}
		if err := s.migrate(ctx, migrations, now); err != nil {
			return err
		}
		if err := s.settle(ctx); !isOfDisk(err) {
			return err
		}
		return nil // validation needs no write, and the rest is done when the disk takes some
	})
}

// isOfDisk reports whether a failure is one of the disk, which a server can start with.
func isOfDisk(err error) bool {
	found := troubleOf(err)
	return found == diskFull || found == diskReadOnly || found == diskFailing
}

// settle does what a server writes before anything else.
func (s *Store) settle(ctx context.Context) error {
	ctx = context.WithValue(ctx, settling{}, true)
	if err := s.avoidTakenEntries(ctx, s.wasClosed, s.health.now); err != nil {
		return err
	}
	if err := s.recordServer(ctx); err != nil {
		return err
	}
	s.unsettled.Store(false)
	return nil
}

// settling marks the context of settle.
type settling struct{}

func newStore(f *file, now func() time.Time) *Store {
	s := &Store{file: f, path: f.path, health: health{now: now}, release: func() {}}
	s.tended, s.stop = context.WithCancel(context.Background())
	return s
}

func (s *Store) recordServer(ctx context.Context) error {
	record, err := json.Marshal(s.server)
	if err != nil {
		return err
	}
	return s.SetSetting(ctx, serverSetting, string(record))
}

// Join opens the database in a folder for a command, beside a server or without one. With create it makes a database if
// there never was one. It changes no schema: an older one, and a server of another version that runs, are refused.
func Join(ctx context.Context, folder, version string, create bool, now func() time.Time) (*Store, error) {
	f, err := findForCommand(ctx, folder, create, now)
	if err != nil {
		return nil, err
	}
	s := newStore(f, now)
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
	release, err := s.waitAtDoor(ctx)
	if err != nil {
		return errors.Join(err, s.file.Close())
	}
	s.writing = make(chan struct{}, 1)
	s.turns = newTurns()
	if err = s.checkName(); err == nil {
		if err = s.connect(); err == nil {
			err = begin()
		}
	}
	if s.claimed && isOfDisk(err) {
		err = s.openReadOnly(ctx, troubleOf(err), err)
	}
	if err == nil {
		s.health.schema, err = s.readSchema(ctx)
	}
	if err != nil {
		err = errors.Join(explained(err, s.path), s.close())
		release()
		return errors.Join(err, s.file.Close())
	}
	if s.writer == nil {
		s.release = release // commands stay out, since what they wrote would not be read here
	} else {
		release()
	}
	if s.claimed {
		s.tending.Go(s.tend)
	}
	return nil
}

// explained adds to an error of a damaged database what to do about it.
func explained(err error, path string) error {
	if troubleOf(err) != damaged {
		return err
	}
	beside := ""
	if copies := copiesOf(path); len(copies) > 0 {
		beside = "; the copy from before the last upgrade is " + copies[len(copies)-1]
	}
	return fmt.Errorf("--data: the database %s is damaged or is none: keep a copy of it, and restore the newest backup%s: %w", path, beside, err)
}

// waitAtDoor is the file's door, for which a command waits a while only.
func (s *Store) waitAtDoor(ctx context.Context) (release func(), err error) {
	if s.claimed {
		return s.file.door(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	release, err = s.file.door(ctx)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("--data: the database can't be changed now: a server is starting on it, or had to open it read-only and says why in its log: %w", err)
	}
	return release, err
}

// connect opens the connections for reading and writing.
func (s *Store) connect() (err error) {
	temporary := temporaryInMemory
	if folder := filepath.Dir(s.path); isWritable(folder) {
		temporary = temporaryFilesIn(folder)
	}
	if s.writer, err = connect(s.path, 1, append(writerOptions, temporary)...); err != nil {
		return err
	}
	if s.noter, err = connect(s.path, 1, "_txlock=immediate", "_pragma=synchronous(NORMAL)", temporary); err != nil {
		return err
	}
	return s.connectReaders("_pragma=query_only(1)", temporary)
}

// connectReaders opens the connections for reading.
func (s *Store) connectReaders(options ...string) (err error) {
	if s.reader, err = connect(s.path, max(4, 2*runtime.GOMAXPROCS(0)), options...); err != nil {
		return err
	}
	s.finder, err = connect(s.path, max(2, runtime.GOMAXPROCS(0)), options...)
	return err
}

// openReadOnly opens a database whose disk lets nothing be written, not even the files beside it that SQLite needs for
// reading. Then nobody else can change it either. It fails if there are changes in a log that can't be read this way: a
// revoke may be among them.
func (s *Store) openReadOnly(ctx context.Context, found trouble, cause error) (err error) {
	if err := s.close(); err != nil {
		return errors.Join(cause, err)
	}
	s.writer, s.noter, s.reader, s.finder = nil, nil, nil, nil
	if hasUnappliedLog(s.path) {
		return fmt.Errorf("--data: the newest changes are in %s-wal, which can't be read: %s: %w", s.path, advice[found], cause)
	}
	if err := s.connectReaders("mode=ro", "immutable=1", "_pragma=query_only(1)", temporaryInMemory); err != nil {
		return errors.Join(cause, err)
	}
	pool, err := s.reader.DB()
	if err != nil {
		return err
	}
	current, err := schemaVersion(ctx, pool)
	if target := newestSchema(); err == nil && current != target {
		err = fmt.Errorf("--data: the database has schema %d and this program needs %d, which can't be changed now: %s: %w", current, target, advice[found], cause)
	}
	s.health.noticeWrite(cause)
	if err == nil && s.health.log != nil {
		s.health.log.Warn("started read-only: tokens are validated, and changes are refused until the database can be written", "data", s.path)
	}
	return err
}

// reopen replaces the connections if they were opened while nothing could be written, and it can be now.
func (s *Store) reopen(ctx context.Context) {
	s.health.mu.Lock()
	isReadOnly := s.health.writing == diskReadOnly
	s.health.mu.Unlock()
	switch {
	case s.writer == nil:
		next := newStore(s.file, s.health.now)
		defer next.stop()
		next.server, next.writing = s.server, make(chan struct{}, 1)
		err := next.connect()
		if err == nil {
			err = next.recordServer(ctx)
		}
		if err != nil {
			_ = next.close()
			return
		}
		s.pools.Lock()
		defer s.pools.Unlock()
		_ = s.close()
		s.writer, s.noter, s.reader, s.finder = next.writer, next.noter, next.reader, next.finder
		s.release()
		s.release = func() {}
		s.health.noticeWrite(nil)
	case isReadOnly && canWrite(s.path) && isWritable(filepath.Dir(s.path)):
		// What SQLite shares between connections stays read-only until the last of them is closed.
		s.pools.Lock()
		_ = s.close()
		err := s.connect()
		s.pools.Unlock()
		if err == nil {
			err = s.recordServer(ctx)
		}
		if err != nil && s.health.log != nil {
			s.health.log.Error("could not open the database for writing again", "cause", err)
		}
	}
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

// temporaryInMemory keeps in memory what else goes to temporary files.
const temporaryInMemory = "_pragma=temp_store(2)"

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
	s.stop()
	s.tending.Wait()
	release := s.release
	if s.writer != nil {
		var err error
		if release, err = s.file.door(ctx); err != nil {
			return errors.Join(err, s.close(), s.file.Close())
		}
	}
	err := s.close()
	if err == nil {
		if err = s.noteClosed(); troubleOf(err) != 0 {
			err = nil // the next start takes it for a crash
		}
	}
	release()
	return errors.Join(err, s.file.Close())
}

func (s *Store) close() error { return closePools(s.finder, s.reader, s.noter, s.writer) }

func closePools(all ...*gorm.DB) error {
	var errs []error
	for _, db := range all {
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
	return s.alone(ctx, func() error {
		if s.writer == nil || s.unsettled.Load() && ctx.Value(settling{}) == nil {
			return s.health.refusal()
		}
		return s.writer.WithContext(ctx).Transaction(f)
	})
}

// changeSoon runs one statement that needs not be on the disk when it returns: a power cut may take it back, and no
// more than it. It spares validations the wait for the disk, which on one core is theirs too.
func (s *Store) changeSoon(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.alone(ctx, func() error {
		if s.noter == nil {
			return s.health.refusal()
		}
		return f(s.noter.WithContext(ctx))
	})
}

// alone runs f while nothing else writes.
func (s *Store) alone(ctx context.Context, f func() error) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
		if s.health.replaced.Load() {
			return replaced.fail(errReplaced)
		}
		s.pools.RLock()
		defer s.pools.RUnlock()
		err := f()
		s.health.noticeWrite(err)
		return classify(err)
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
	return s.reading(func() error { return f(s.reader.WithContext(ctx)) })
}

// reading runs f, which reads, unless the database is another one by now, and remembers what is wrong with it.
func (s *Store) reading(f func() error) error {
	if s.health.replaced.Load() {
		return replaced.fail(errReplaced)
	}
	s.pools.RLock()
	defer s.pools.RUnlock()
	err := f()
	s.health.notice(err)
	return classify(err)
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
	if found := troubleOf(err); found != 0 {
		return found.fail(err)
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
