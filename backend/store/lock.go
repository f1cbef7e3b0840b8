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

// The server holds a lock on the database file itself, so a second server finds it whatever path leads to the file.
// Each process that opens or closes the database briefly holds another one, the opening lock. SQLite locks the bytes from
// 1<<30 to 1<<30+511; ours are beyond any content of the file.
const (
	serverByte int64 = 1<<62 + iota
	openingByte
)

// errLocked means that another process holds a lock.
var errLocked = errors.New("another process holds the lock")

// lockEvery is how often to retry a lock that another process holds.
const lockEvery = 10 * time.Millisecond

// waitForServer is how long a server waits for another that is stopping.
const waitForServer = 15 * time.Second

// Lock files of earlier versions: a server holds the first while it runs; any process holds the second while it opens or
// closes the database.
const (
	oldServerLock  = "serve.lock"
	oldOpeningLock = FileName + ".migrate.lock"
)

// file is the open database file. It must stay open as long as SQLite has the database open: closing any descriptor
// of a file drops all POSIX locks of the process on it, including SQLite's.
type file struct {
	*os.File
	path  string // without symbolic links, as SQLite resolves it
	isNew bool   // this process has made the database
	// forgotten is the record of a close that forgetClosed has removed; empty if it has not.
	forgotten string
}

// openFile opens an existing database, read-only if it can't be opened for writing.
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

// openingLock keeps other processes from opening or closing the database until release is called. The schema changes under
// this lock. Also, the last SQLite connection to close removes the WAL, and SQLite refuses to open the database at
// that moment.
func (f *file) openingLock(ctx context.Context) (release func(), err error) {
	err = retry(ctx, func() error { return lockByte(f.File, openingByte) })
	if err != nil {
		return nil, fmt.Errorf("store: wait for another process that opens or closes the database: %w", err)
	}
	// If the unlock fails, the end of the process unlocks.
	return func() { _ = unlockByte(f.File, openingByte) }, nil
}

// retry calls f until it returns something other than errLocked, or the context ends.
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

// Server is the process that serves a database. The zero Server is unknown.
type Server struct {
	Version string `json:"version"`
	Process int    `json:"process"`
	Host    string `json:"host"`  // process ids repeat across containers
	Files   string `json:"files"` // beside the database; see beside. Empty if the system can't tell
}

// thisServer returns this process as a Server.
func thisServer(version string) Server {
	host, _ := os.Hostname() // only for display
	return Server{Version: version, Process: os.Getpid(), Host: host}
}

// String describes the server for messages.
func (s Server) String() string {
	if s.Process == 0 {
		return "another server"
	}
	return fmt.Sprintf("another server (process %d on %s, version %s)", s.Process, s.Host, s.Version)
}

// serverSetting is the setting that holds the last started Server as JSON.
const serverSetting = "server"

// recordedServer reads the last started Server. It returns the zero Server if it can't, or if a file beside the database is
// missing, as under another name of the database: SQLite would create that file.
func recordedServer(ctx context.Context, path string) (server Server) {
	for _, suffix := range besideSuffixes {
		if _, err := os.Stat(path + suffix); err != nil {
			return Server{}
		}
	}
	db, err := connect(path, 1, "mode=ro", "_pragma=query_only(1)")
	if err != nil {
		return Server{}
	}
	s := newDB(&file{path: path}, time.Now)
	s.reader = db
	if text, err := s.Setting(ctx, serverSetting); err == nil && text != "" {
		_ = json.Unmarshal([]byte(text), &server)
	}
	_ = s.close()
	return server
}

// Claim is the exclusive right of this process to serve a database.
type Claim struct {
	file   *file
	remote *remote // a Postgres database instead of a file
	folder string
	server Server
	log    *slog.Logger
}

// Release gives up a claim that was not opened.
func (c *Claim) Release() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}

// Serve claims the database in a folder for a server, and creates both if they do not exist. It waits up to 15
// seconds for another server to stop, then fails and names its process. Only one claim on a database can exist,
// whichever path or link leads to it.
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
			_ = os.Remove(filepath.Join(folder, oldOpeningLock)) // harmless if it stays
			return &Claim{file: f, folder: folder, server: thisServer(version), log: log}, err
		}
		// The file was replaced while we waited.
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
		return fmt.Errorf("--data: %s is running on the data in %s: stop it first, or give this server another folder", other, folder)
	}
	return err
}

// waitForOldServer waits for a server of an earlier version, which locks a file beside the database, then removes
// that file.
func waitForOldServer(ctx context.Context, folder string, log *slog.Logger) error {
	path := filepath.Join(folder, oldServerLock)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil // there is no such file, or no server could lock it
	}
	err = lockServer(f)
	if errors.Is(err, errLocked) {
		log.Info("waiting for a server of an earlier version on the same data to stop", "data", folder, "at_most", waitForServer)
		err = retry(ctx, func() error { return lockServer(f) })
	}
	if errors.Is(err, errLocked) {
		return errors.Join(fmt.Errorf("--data: another server of an earlier version is running on the data in %s: stop it first", folder), f.Close())
	}
	return errors.Join(err, f.Close(), os.Remove(path))
}

// Serving returns the server that runs on this database, which may be this process; running is false if there is
// none. On Postgres several may run: it says only whether one of them leads, which takes them a few seconds after a start.
func (s *db) Serving(ctx context.Context) (server Server, running bool, err error) {
	if s.remote != nil && !s.claimed {
		running, err = s.isLed(ctx)
		return Server{}, running, err
	}
	if s.claimed || s.onDisk == nil {
		return s.server, s.claimed, nil
	}
	if running, err = isServed(s.file.File); err != nil || !running {
		return Server{}, false, err
	}
	text, err := s.Setting(ctx, serverSetting)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &server)
	}
	return server, true, err
}
