package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"modernc.org/sqlite"
)

// connect opens the connections for reading and writing.
func (s *db) connect() (err error) {
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
func (s *db) connectReaders(options ...string) (err error) {
	if s.reader, err = connect(s.path, defaultReaders(), options...); err != nil {
		return err
	}
	s.finder, err = connect(s.path, defaultFinders(), options...)
	return err
}

// temporaryInMemory makes SQLite keep temporary data in memory instead of files.
const temporaryInMemory = "_pragma=temp_store(2)"

// temporaryFilesIn makes all connections of the process put temporary files, for large sorts and changes, into a
// folder, so that no other folder must be writable.
func temporaryFilesIn(folder string) string {
	return "_pragma=" + url.QueryEscape("temp_store_directory='"+strings.ReplaceAll(folder, "'", "''")+"'")
}

// writerOptions are the options of the connection for changes that must survive a power cut.
var writerOptions = []string{"_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)"}

// walKept is the size in bytes to which the write-ahead log (WAL) shrinks when SQLite restarts it.
const walKept = 16 << 20

func connect(path string, connections int, options ...string) (*gorm.DB, error) {
	// The busy timeout comes first, because the pragmas after it may already wait for another process. The WAL grows
	// to 16 MiB instead of SQLite's 4 before a checkpoint: the pages of tokens in use are written again and again,
	// and each checkpoint copies them once.
	options = append([]string{"_pragma=busy_timeout(5000)", "_pragma=foreign_keys(1)", "_pragma=wal_autocheckpoint(4000)", fmt.Sprintf("_pragma=journal_size_limit(%d)", walKept)}, options...)
	connector, err := sqlite.NewConnector(dsn(path, options...))
	if err != nil {
		return nil, fmt.Errorf("store: open the database: %w", err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return openPool(newStatements(pool), sqliteName)
}

// openPool returns GORM on a pool. It closes the pool if it fails.
func openPool(pool *statements, dialectName string) (*gorm.DB, error) {
	db, err := gorm.Open(dialect{pool, dialectName}, &gorm.Config{
		Logger:         logger.Discard, // failures are returned; statements hold private values
		TranslateError: true,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: open the database: %w", err), pool.Close())
	}
	return db, nil
}

// dsn returns the name of a database file for the driver.
func dsn(path string, options ...string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() + "?" + strings.Join(options, "&")
}

func (s *db) close() error {
	s.ignoreBeside()
	return errors.Join(s.copies.close(), closePools(s.finder, s.reader, s.noter, s.writer))
}

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
