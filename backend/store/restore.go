package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/filemode"
	"tokentab/backend/signer"
)

// replacedSuffix begins the end of the names under which a restore keeps what it replaces.
const replacedSuffix = ".replaced-"

// suspendAtOnce is how many tokens one transaction of a restore changes.
const suspendAtOnce = 500

// RestoreOptions are the choices of a restore.
type RestoreOptions struct {
	Overwrite     bool // a database that is there is kept under another name
	SuspendActive bool // every token that is active in the backup
	// Key returns the text of the file of the master key from what the backup has; nil to leave the master key as it is.
	Key      func(sealed []byte) ([]byte, error)
	Now      func() time.Time
	Random   io.Reader
	Progress func(step string) // called when a step begins
}

// Restored says what a restore did.
type Restored struct {
	Manifest
	Kept      []string // what was replaced, under its new names
	Suspended int      // tokens, because SuspendActive
	Ended     int      // tokens, because they had ended in the replaced database
	Deleted   []string // names of accounts that had been deleted in the replaced database
	Replaced  bool     // there was a database
	Compared  bool     // the replaced database was read for what had ended since the backup
	Older     bool     // the replaced database came from an older backup, and did not know all that is in this one
	HasKey    bool     // there is a file of the master key
}

// Restore puts the database of a backup into a data folder, which it creates if it does not exist. It changes nothing that
// is there before the whole backup is proven. If it is interrupted, the folder has the old database, or none and a server
// refuses to start; a second call finishes the work.
func Restore(ctx context.Context, file, folder string, options RestoreOptions) (done Restored, err error) {
	from, err := filemode.OpenRegular(file)
	if err != nil {
		return done, err
	}
	defer from.Close()
	if err := checkFolder("--data", folder); err != nil {
		return done, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return done, fmt.Errorf("--data: create the folder: %w", err)
	}
	r := restore{RestoreOptions: options, folder: folder, at: options.Now().UTC()}
	if err := r.findPresent(ctx); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, r.release()) }()
	if err := r.prepare(ctx, from); err != nil {
		if r.made != nil {
			err = errors.Join(err, removeIfThere(r.made.path, r.made.path+"-wal", r.made.path+"-shm"))
		}
		return done, err
	}
	options.Progress("putting the database in place")
	if err := r.place(); err != nil {
		return done, err
	}
	_, err = os.Stat(filepath.Join(folder, signer.MasterKeyFile))
	r.done.HasKey = err == nil
	return r.done, nil
}

// restore is a restore under way.
type restore struct {
	RestoreOptions
	folder  string
	path    string // of the database
	at      time.Time
	present *file  // the database that is replaced; nil for none
	was     string // the path of the database that was there last; empty for none
	key     []byte // the text of the master key's file; nil to leave it
	made    *file  // the restored database, under a temporary name
	unlock  []func()
	done    Restored
}

func (r *restore) release() error {
	for _, unlock := range slices.Backward(r.unlock) {
		unlock()
	}
	var errs []error
	for _, f := range []*file{r.made, r.present} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// findPresent finds the database that is there, and keeps servers and commands from it.
func (r *restore) findPresent(ctx context.Context) error {
	r.path = filepath.Join(r.folder, FileName)
	if target, err := filepath.EvalSymlinks(r.path); err == nil {
		r.path = target
	}
	f, err := os.OpenFile(r.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return r.findReplaced()
	}
	if err != nil {
		return fmt.Errorf("--data: open the database: %w", err)
	}
	r.present, r.was = &file{File: f, path: r.path}, r.path
	err = lockServer(f)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("--data: a server is running on the data in %s: stop it first", r.folder)
	}
	if err == nil && !r.Overwrite {
		err = fmt.Errorf("--data: there is a database in %s: name another folder, or use --force, which keeps it under another name", r.folder)
	}
	if err != nil {
		return errors.Join(err, r.release())
	}
	soon, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	unlock, err := r.present.openingLock(soon)
	if err != nil {
		return errors.Join(err, r.release())
	}
	r.unlock = append(r.unlock, unlock)
	return nil
}

// findReplaced finds what an interrupted restore has replaced.
func (r *restore) findReplaced() error {
	found, err := filepath.Glob(r.path + "*")
	if err != nil {
		return err
	}
	for _, path := range found {
		name := strings.TrimPrefix(path, r.path)
		if strings.HasPrefix(name, newSuffix) {
			continue
		}
		if !r.Overwrite {
			return fmt.Errorf("--data: %s is there, so a database was: name another folder, or use --force, which keeps that file", path)
		}
		if strings.HasPrefix(name, replacedSuffix) && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			r.was = path // the newest comes last
		}
	}
	return nil
}

// prepare unpacks the backup under a temporary name, proves it, and changes what a restore has to change.
func (r *restore) prepare(ctx context.Context, from *os.File) error {
	made, unlock, err := beginNew(ctx, r.path)
	if err != nil {
		return err
	}
	r.made = made
	r.unlock = append(r.unlock, unlock)
	r.Progress("reading the backup")
	if r.done.Manifest, err = readBackup(ctx, from, r.made, func() {}); err != nil {
		return err
	}
	if newest := newestSchema(); r.done.Schema > newest {
		return fmt.Errorf("the backup was made by a newer version of this program (%s, schema %d; this one knows %d): use that version", r.done.Version, r.done.Schema, newest)
	}
	r.Progress("proving the backup")
	if err := proveDatabase(ctx, r.made.path, r.done.Manifest, func() {}); err != nil {
		return err
	}
	if r.Key != nil {
		if r.key, err = r.Key(r.done.Key); err != nil {
			return err
		}
		has, err := os.ReadFile(filepath.Join(r.folder, signer.MasterKeyFile))
		if err == nil && strings.TrimSpace(string(has)) == strings.TrimSpace(string(r.key)) {
			r.key = nil
		}
	}
	size, err := from.Stat()
	if err != nil {
		return err
	}
	writer, err := connect(r.made.path, 1, append(writerOptions, temporaryInMemory)...)
	if err != nil {
		return err
	}
	s := newDB(r.made, r.Now)
	defer s.stop()
	s.writer = writer
	steps, _, _, err := s.migrations(ctx, migrations)
	if err == nil {
		_, err = steps.Up(ctx)
	}
	if err == nil {
		err = r.adjust(writer.WithContext(context.WithValue(ctx, chainsKey{}, &chains{later: true, process: audit.CommandLine})), size.Size())
	}
	return errors.Join(err, s.close(), r.made.Sync())
}

// place moves what is there aside, and the restored database to its name. Only the last step makes a server start again.
func (r *restore) place() error {
	kept := r.path + replacedSuffix + r.at.Format("20060102T150405Z")
	for i := 2; ; i++ { // two restores within a second
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
		kept = fmt.Sprintf("%s%s%s-%d", r.path, replacedSuffix, r.at.Format("20060102T150405Z"), i)
	}
	if r.present == nil && r.was != "" {
		kept = r.was // an interrupted restore has moved the database, perhaps not yet its log
	}
	for _, move := range [][2]string{{r.path, kept}, {r.path + "-wal", kept + "-wal"}} {
		if err := r.keep(move[0], move[1]); err != nil {
			return err
		}
	}
	if err := removeIfThere(r.path+"-shm", kept+"-shm", r.path+closedSuffix); err != nil {
		return err
	}
	if r.key != nil {
		if err := r.placeKey(); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Rename(r.made.path, r.path), syncFolder(r.path)); err != nil {
		return err
	}
	_ = writeClosed(r.path, restoredState) // without it the next start only warns without need
	return nil
}

func (r *restore) keep(path, under string) error {
	err := os.Rename(path, under)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.done.Kept = append(r.done.Kept, under)
		err = syncFolder(path)
	}
	return err
}

// placeKey puts the master key of the backup in place, and keeps another one that is there.
func (r *restore) placeKey() error {
	path := filepath.Join(r.folder, signer.MasterKeyFile)
	if err := r.keep(path, path+replacedSuffix+r.at.Format("20060102T150405Z")); err != nil {
		return err
	}
	f, err := os.CreateTemp(r.folder, signer.MasterKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	filemode.GiveToFolder(f)
	_, err = f.Write(r.key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(f.Name()))
	}
	return syncFolder(path)
}
