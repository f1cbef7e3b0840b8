package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
)

// besideSuffixes end the names of the files that SQLite keeps beside an open database: the write-ahead log (WAL) and the
// memory that processes share to find their way in it. SQLite removes both when the last process closes the database.
var besideSuffixes = [...]string{"-wal", "-shm"}

// beside are the files beside an open database; nil for one that is not there. While a file is open, no other file gets its
// inode number, even if its name is removed.
type beside [len(besideSuffixes)]fs.FileInfo

// findBeside returns the files that are beside the database at a path now.
func findBeside(path string) (found beside) {
	for i, suffix := range besideSuffixes {
		if info, err := os.Stat(path + suffix); err == nil {
			found[i] = info
		}
	}
	return found
}

// String identifies the files for other processes; empty if one is missing or the system can't tell.
func (b beside) String() string {
	var numbers []string
	for _, info := range b {
		if info == nil || inodeOf(info) == 0 {
			return ""
		}
		numbers = append(numbers, strconv.FormatUint(inodeOf(info), 10))
	}
	return strings.Join(numbers, " ")
}

// lost returns the name of a file that is no longer beside the database at a path; empty if there is none.
func (b beside) lost(path string) string {
	for i, suffix := range besideSuffixes {
		if b[i] == nil {
			continue
		}
		found, err := os.Stat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(b[i], found) {
			return path + suffix
		}
	}
	return ""
}

// watched is what is known about the names of the files of an open database.
type watched struct {
	mu     sync.Mutex
	beside beside // empty while SQLite opens or closes the files, and while the database is open read-only
	isLost bool   // one of them was removed or replaced. It can't come back: SQLite may have opened another one meanwhile
	saved  bool   // after that all changes were moved into the database; guarded by the turn to write
}

// watchBeside begins to watch the files beside the database, which SQLite has opened.
func (s *db) watchBeside() {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	s.watched.beside = findBeside(s.path)
}

// ignoreBeside ends that before SQLite closes the files.
func (s *db) ignoreBeside() {
	if s.onDisk == nil {
		return
	}
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	s.watched.beside = beside{}
}

// checkFiles returns an error while a name of the open database leads to another file, or to none: a restart would not find
// what is written. It logs when that begins, and when the database is back. The caller holds the pools, because SQLite removes
// files when they are replaced.
func (s *db) checkFiles() error {
	if s.onDisk == nil {
		return nil
	}
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	h, path := &s.health, s.path
	current, err := s.file.isCurrent()
	isGone := h.replaced.Load()
	if err == nil {
		isGone = !current
	}
	if !isGone && !s.watched.isLost {
		path = s.watched.beside.lost(s.path)
		s.watched.isLost = path != ""
	}
	isGone = isGone || s.watched.isLost
	if h.replaced.Swap(isGone) != isGone {
		h.isStale.Store(true)
		switch {
		case h.log == nil:
		case !isGone:
			h.log.Info("the database file is back: requests are answered again")
		case s.watched.isLost:
			h.log.Error("a file beside the database was removed or replaced while the server runs", "file", path, "do", adviceBeside)
		default:
			h.log.Error("the database file was removed or replaced while the server runs", "do", advice[replaced])
		}
	}
	if isGone {
		return replaced.fail(errReplaced)
	}
	return nil
}

const adviceBeside = "all requests are refused; restart the server, but don't kill it: when it stops, it saves the changes that only its open files hold"

// save moves changes that only a removed WAL holds into the database, so that a restart finds them. The caller has the turn
// to write and holds the pools, and no transaction is open.
func (s *db) save() {
	if s.onDisk == nil || !s.health.replaced.Load() || s.watched.saved || s.writer == nil {
		return
	}
	s.watched.mu.Lock()
	isLost := s.watched.isLost
	s.watched.mu.Unlock()
	// A WAL under that name that has changes is in place, or would be applied to the database on top of the saved ones.
	if !isLost || isLarger(s.path+"-wal", 0) {
		return
	}
	var done struct{ Busy, Log, Checkpointed int }
	err := s.writer.Raw("PRAGMA wal_checkpoint(FULL)").Scan(&done).Error
	s.watched.saved = err == nil && done.Busy == 0 && done.Log == done.Checkpointed
	if s.watched.saved && s.health.log != nil {
		s.health.log.Info("all changes are saved in the database file: a restart loses none", "file", s.path)
	}
}

// inPlace is checkFiles for a caller that does not hold the pools.
func (s *db) inPlace() error {
	s.pools.RLock()
	defer s.pools.RUnlock()
	return s.checkFiles()
}

// tendFiles checks the files of the database, and saves what a removed one holds.
func (s *db) tendFiles(ctx context.Context) {
	if s.inPlace() == nil {
		return
	}
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer s.pass()
	s.commit()
	s.pools.RLock()
	defer s.pools.RUnlock()
	s.save()
}
