package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// A database has one server, which holds a lock on the file itself: a second server finds it under whatever name it
// reaches the file. Another lock, the door, is held for moments by each process that opens or closes the database.
// SQLite locks the bytes from 1<<30 to 1<<30+511; ours are beyond all content of the file.
const (
	serverByte int64 = 1<<62 + iota
	doorByte
)

// errLocked means that another process holds a lock.
var errLocked = errors.New("another process holds the lock")

// lockEvery is how often a lock that another process holds is tried again.
const lockEvery = 10 * time.Millisecond

// waitForServer is how long a server waits for one that is stopping.
const waitForServer = 15 * time.Second

// Files that earlier versions lock: a server while it runs, and each process while it opens or closes the database.
const (
	oldServerLock = "serve.lock"
	oldDoorLock   = FileName + ".migrate.lock"
)

// file is the open database file. It stays open for as long as SQLite has the database open: closing any descriptor of a
// file drops the POSIX locks that the process holds on it, SQLite's included.
type file struct {
	*os.File
	path string // without symbolic links, as SQLite resolves it
}

// openFile opens a database that exists, read-only if it can't be opened for writing.
func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if isReadOnly(err) {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("--data: open the database: %w", err)
	}
	return &file{File: f, path: path}, nil
}

// isCurrent reports whether the path still leads to this file.
func (f *file) isCurrent() (bool, error) {
	held, err := f.Stat()
	if err != nil {
		return false, err
	}
	found, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, found), err
}

// door keeps all other processes from opening or closing the database until release is called. The schema changes under
// it; and SQLite, whose last connection to close removes the WAL, refuses one that opens at that moment.
func (f *file) door(ctx context.Context) (release func(), err error) {
	err = retry(ctx, func() error { return lockByte(f.File, doorByte) })
	if err != nil {
		return nil, fmt.Errorf("store: wait for another process that opens or closes the database: %w", err)
	}
	// An unlock that fails is made up for by the end of the process.
	return func() { _ = unlockByte(f.File, doorByte) }, nil
}

// retry calls f until it returns something else than errLocked or the context ends.
func retry(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !errors.Is(err, errLocked) {
			return err
		}
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// Server is the process that serves a database. The zero Server is one of which nothing is known.
type Server struct {
	Version string `json:"version"`
	Process int    `json:"process"`
	Host    string `json:"host"` // each container has a process 1
}

// thisServer returns the Server that this process is.
func thisServer(version string) Server {
	host, _ := os.Hostname() // for people only
	return Server{Version: version, Process: os.Getpid(), Host: host}
}

// String names the server for people.
func (s Server) String() string {
	if s.Process == 0 {
		return "another server"
	}
	return fmt.Sprintf("another server (process %d on %s, version %s)", s.Process, s.Host, s.Version)
}

// serverSetting is the setting that holds the Server that started last, as JSON.
const serverSetting = "server"

// recordedServer reads the Server that started last, or the zero Server if that can't be read.
func recordedServer(ctx context.Context, path string) (server Server) {
	db, err := connect(path, 1, "mode=ro", "_pragma=query_only(1)")
	if err != nil {
		return Server{}
	}
	s := newStore(&file{path: path}, time.Now)
	s.reader = db
	if text, ok, err := s.Setting(ctx, serverSetting); err == nil && ok {
		_ = json.Unmarshal([]byte(text), &server)
	}
	_ = s.close()
	return server
}

// Claim is a database that this process alone may serve.
type Claim struct {
	file   *file
	folder string
	server Server
	log    *slog.Logger
}

// Release gives up a claim that was not opened.
func (c *Claim) Release() error { return c.file.Close() }

// Serve claims the database in a folder for a server, and makes both if they do not exist. It waits up to 15 seconds for
// a server that is stopping, and fails with the name of its process if that does not end. No second claim on a database
// succeeds, whichever path or link leads to it.
func Serve(ctx context.Context, folder, version string, now func() time.Time, log *slog.Logger) (*Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, waitForServer)
	defer cancel()
	if err := waitForOldServer(ctx, folder, log); err != nil {
		return nil, err
	}
	for {
		f, err := findOrCreate(ctx, folder, now)
		if err != nil {
			return nil, err
		}
		if err := f.lockForServer(ctx, folder, log); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if current, err := f.isCurrent(); err != nil || current {
			_ = os.Remove(filepath.Join(folder, oldDoorLock)) // does no harm if it stays
			return &Claim{file: f, folder: folder, server: thisServer(version), log: log}, err
		}
		// It was replaced while we waited.
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

func (f *file) lockForServer(ctx context.Context, folder string, log *slog.Logger) error {
	err := lockServer(f.File)
	if !errors.Is(err, errLocked) {
		return err
	}
	other := recordedServer(ctx, f.path)
	log.Info("waiting for another server on the same data to stop", "other", other, "data", folder, "at_most", waitForServer)
	err = retry(ctx, func() error { return lockServer(f.File) })
	if errors.Is(err, errLocked) {
		return fmt.Errorf("--data: %s is running on the data in %s: stop it first, or give this one a folder of its own", other, folder)
	}
	return err
}

// waitForOldServer waits for a server of an earlier version, which locks a file beside the database, and removes that
// file.
func waitForOldServer(ctx context.Context, folder string, log *slog.Logger) error {
	path := filepath.Join(folder, oldServerLock)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil // there is none, or it can't be locked either
	}
	err = lockServer(f)
	if errors.Is(err, errLocked) {
		log.Info("waiting for a server of an earlier version on the same data to stop", "data", folder, "at_most", waitForServer)
		err = retry(ctx, func() error { return lockServer(f) })
	}
	if errors.Is(err, errLocked) {
		return errors.Join(fmt.Errorf("--data: another server is running on the data in %s, of an earlier version: stop it first", folder), f.Close())
	}
	return errors.Join(err, f.Close(), os.Remove(path))
}

// Serving returns the server that runs on this database, if one runs. That may be this process.
func (s *Store) Serving(ctx context.Context) (server Server, running bool, err error) {
	if s.claimed {
		return s.server, true, nil
	}
	if running, err = isServed(s.file.File); err != nil || !running {
		return Server{}, false, err
	}
	text, _, err := s.Setting(ctx, serverSetting)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &server)
	}
	return server, true, err
}
