package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
)

// Open opens a claimed database and migrates an older schema after keeping a copy. It fails if the schema is newer
// than this program. Closing the Store releases the claim.
func (c *Claim) Open(ctx context.Context, now func() time.Time) (*Store, error) {
	if c.remote != nil {
		return c.openRemote(ctx, now)
	}
	s := newDB(c.file, now)
	s.claimed, s.mayReadOnly, s.server, s.health.log = true, true, c.server, c.log
	s.chains.process = audit.Server
	s.unsettled.Store(true)
	c.warn()
	return newStore(s), s.open(ctx, func() (err error) {
		if s.wasClosed, err = s.file.wasClosed(); err != nil && !isOfDisk(err) {
			return err
		}
		if err := s.warnOfLostLog(); err != nil {
			return err
		}
		if err := s.checkHasTables(ctx); err != nil {
			return err
		}
		if err := s.migrate(ctx, migrations, now); err != nil {
			return err
		}
		if s.writer != nil { // what savepoints may have to undo goes through no file. An upgrade still sorts in one
			if err := s.writer.Exec("PRAGMA temp_store = MEMORY").Error; err != nil && !isOfDisk(err) {
				return err
			}
		}
		if err := s.settle(ctx); !isOfDisk(err) {
			return err
		}
		return nil // validation needs no write; settle runs again once the disk accepts writes
	})
}

// checkHasTables returns an error if the database never had a schema of this program. A new one gets its name once it has,
// so this one has lost its content or belongs to another program.
func (s *db) checkHasTables(ctx context.Context) error {
	pool, err := s.writer.DB()
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, pool)
	if err == nil && version == 0 {
		err = fmt.Errorf("--data: the database %s has none of the tables of this program, so its content is lost, or another program made it: restore a backup, or move %s, master.key and %s.* away to start with a new database", s.path, FileName, FileName)
	}
	return err
}

// isOfDisk reports whether a failure is one of the disk. A server can start in spite of it.
func isOfDisk(err error) bool {
	found := troubleOf(err)
	return found == diskFull || found == diskReadOnly || found == diskFailing
}

// settle makes the writes of a server that must come before all others.
func (s *db) settle(ctx context.Context) error {
	ctx = context.WithValue(ctx, settling{}, true)
	if err := s.file.forgetClosed(); err != nil {
		s.health.noticeWrite(err)
		return err
	}
	// One transaction: a start after a crash waits for the disk once.
	err := s.Together(ctx, func(ctx context.Context) error {
		if err := s.avoidTakenEntries(ctx, s.wasClosed, s.health.now); err != nil {
			return err
		}
		return s.recordServer(ctx)
	})
	if err != nil {
		return err
	}
	s.unsettled.Store(false)
	return nil
}

// settling marks the context of settle.
type settling struct{}

func newDB(f *file, now func() time.Time) *db {
	s := &db{onDisk: &onDisk{file: f, path: f.path, release: func() {}}, health: health{now: now}}
	s.chains.process = audit.CommandLine
	s.tended, s.stop = context.WithCancel(context.Background())
	return s
}

// recordServer records this process for commands, in a transaction, which opens the files that it names.
func (s *db) recordServer(ctx context.Context) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		server := s.server
		server.Files = findBeside(s.path).String()
		record, err := json.Marshal(server)
		if err != nil {
			return err
		}
		return setSetting(tx, serverSetting, string(record))
	})
}

// Joining says what a command may do to open a database.
type Joining struct {
	Create   bool // the database, if there never was one
	ReadOnly bool // open it read-only if it can't be written
}

// Join opens the database in a folder for a command, with or without a running server. It does not migrate, and fails if
// the schema is older or a server of another version is running.
func Join(ctx context.Context, folder, version string, may Joining, now func() time.Time) (*Store, error) {
	f, err := findForCommand(ctx, folder, may.Create, now)
	if err != nil {
		return nil, err
	}
	s := newDB(f, now)
	s.mayReadOnly = may.ReadOnly
	return newStore(s), s.open(ctx, func() error {
		if err := s.checkServer(ctx, version); err != nil {
			return err
		}
		if running, err := isServed(f.File); err != nil || running {
			return err // the running server has checked this
		}
		closed, err := f.wasClosed()
		if err := errors.Join(err, s.warnOfLostLog()); err != nil {
			return err
		}
		if err := f.forgetClosed(); err != nil {
			return fmt.Errorf("--data: remove the record of how the database was closed: %w", err)
		}
		return s.avoidTakenEntries(ctx, closed, now)
	})
}

func findForCommand(ctx context.Context, folder string, create bool, now func() time.Time) (*file, error) {
	if create {
		return findOrCreate(ctx, folder, now)
	}
	if err := checkFolder("--data", folder); err != nil {
		return nil, err
	}
	path, exists, err := locate(folder)
	if err == nil && !exists {
		if whole, err := filepath.Abs(folder); err == nil {
			folder = whole
		}
		err = fmt.Errorf("--data: there is no database in %s. Name the folder that the server uses. For a new installation run tokentab setup, or open the setup link that tokentab serve prints", folder)
	}
	if err != nil {
		return nil, err
	}
	return openFile(path)
}

// open connects to the database and calls begin, while no other process opens or closes it.
func (s *db) open(ctx context.Context, begin func() error) (err error) {
	release, err := s.lockOpening(ctx)
	if err != nil {
		return errors.Join(err, s.file.Close())
	}
	s.writing = make(chan struct{}, 1)
	if err = s.checkName(); err == nil {
		s.hadLog = findBeside(s.path)[0] != nil
		if err = s.connect(); err == nil {
			err = begin()
		}
	}
	if s.mayReadOnly && isOfDisk(err) {
		err = s.openReadOnly(ctx, troubleOf(err), err)
	}
	if err == nil {
		s.health.schema, err = s.readSchema(ctx)
	}
	if err == nil && s.writer != nil {
		s.watchBeside()
	}
	if err != nil {
		closing := s.close()
		if closing == nil {
			s.noteFailedOpen()
		}
		err = errors.Join(s.explained(err), closing)
		release()
		return errors.Join(err, s.file.Close())
	}
	if s.writer == nil {
		s.release = release // keep commands out: this process would not read what they write
	} else {
		release()
	}
	if s.claimed {
		s.tending.Go(s.tend)
	}
	return nil
}

// explained adds advice to the error of a damaged database, and of a disk that takes no writes.
func (s *db) explained(err error) error {
	if isOfDisk(err) && !s.mayReadOnly {
		return fmt.Errorf("--data: commands write to the folder of %s, even those that only show something: run this one as the user of the server, on a disk that has space and can be written: %w", s.path, err)
	}
	if troubleOf(err) != damaged {
		return err
	}
	beside := ""
	if copies := copiesOf(s.path); len(copies) > 0 {
		beside = "; the copy from before the last upgrade is " + copies[len(copies)-1]
	}
	return fmt.Errorf("--data: the database %s is damaged or is not a database: keep a copy of it, and restore the newest backup%s: %w", s.path, beside, err)
}

// lockOpening takes the file's opening lock. Commands give up after operationTimeout.
func (s *db) lockOpening(ctx context.Context) (release func(), err error) {
	if s.claimed {
		return s.file.openingLock(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	release, err = s.file.openingLock(ctx)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("--data: the database can't be changed now: a server is starting on it, or had to open it read-only and says why in its log: %w", err)
	}
	return release, err
}

// checkName refuses a name of the database, such as a hard link, other than the one that a running server uses:
// SQLite would look for the WAL under that name.
func (s *db) checkName() error {
	if s.claimed {
		return nil
	}
	running, err := isServed(s.file.File)
	if err != nil || !running {
		return err
	}
	for _, info := range findBeside(s.path) {
		if info != nil {
			continue
		}
		if !canWrite(s.path) || !isWritable(filepath.Dir(s.path)) { // so the server may have opened it read-only
			return fmt.Errorf("--data: a server is running on %s, which can't be written now: %s", s.path, advice[diskReadOnly])
		}
		return s.otherFiles()
	}
	return nil
}

// otherFiles is the error for files beside the database that are not those of the running server. It would not read what is
// written to them.
func (s *db) otherFiles() error {
	return fmt.Errorf("--data: a server is running on %s under another name of that file, or a file beside it was removed: use the folder that the server uses, or restart the server", s.path)
}

// checkServer returns an error if this program's commands must not touch the database: its schema has another
// version, or a server of another version is running.
func (s *db) checkServer(ctx context.Context, version string) error {
	server, running, err := s.Serving(ctx)
	if err != nil {
		return err
	}
	if running && server.Process != 0 && server.Version != version {
		return fmt.Errorf("%s is running on this data, but this is version %s: use the program of that version, or restart the server with this one", server, version)
	}
	if running && server.Files != "" && server.Files != findBeside(s.path).String() {
		return s.otherFiles()
	}
	if err := s.checkHasTables(ctx); err != nil {
		return err
	}
	_, current, target, err := s.migrations(ctx, migrations)
	if err == nil && current < target {
		err = fmt.Errorf("the database was written by an earlier version of this program (schema %d, this one needs %d): start tokentab serve of this version once, which keeps a copy and brings it up to date", current, target)
	}
	return err
}
