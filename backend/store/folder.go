package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tokentab/backend/filemode"
	"tokentab/backend/signer"
)

// newSuffix ends the name of a database that is still being created.
const newSuffix = ".new"

// findOrCreate opens the database file of a folder. If there never was one, it creates the folder and the database.
func findOrCreate(ctx context.Context, folder string, now func() time.Time) (*file, error) {
	if err := checkFolder("--data", folder); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("--data: create the folder: %w", err)
	}
	for {
		path, exists, err := locate(folder)
		if err != nil {
			return nil, err
		}
		if exists {
			return openFile(path)
		}
		f, err := create(ctx, path, now)
		if err != nil || f != nil {
			return f, err
		}
	}
}

// checkFolder returns an error if the path of a folder, which a flag names, leads elsewhere, such as to a missing mount.
func checkFolder(flag, folder string) error {
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s: %s is not a folder: name a folder", flag, folder)
	}
	if target, linkErr := os.Readlink(folder); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: the link %s leads to %s, which does not exist: mount or restore that folder, or name another one", flag, folder, target)
	}
	return nil // other problems show when the folder is used
}

// locate returns the path of the database without symbolic links, and whether it exists. If files beside a missing
// database show that there was one, it returns an error: starting with an empty database would refuse all existing
// tokens as unknown.
func locate(folder string) (path string, exists bool, err error) {
	path = filepath.Join(folder, FileName)
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSymlink {
		target, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) {
			target, _ = os.Readlink(path)
			return "", false, fmt.Errorf("--data: the link %s leads to %s, which does not exist: mount or restore it, or move the link, master.key and %s.* away to start with a new database", path, target, FileName)
		}
		if err != nil {
			return "", false, fmt.Errorf("--data: %w", err)
		}
		path = target
	} else if folder, err := filepath.EvalSymlinks(folder); err == nil {
		path = filepath.Join(folder, FileName)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, false, checkNeverThere(folder, path)
	case err != nil:
		return "", false, fmt.Errorf("--data: %w", err)
	case !info.Mode().IsRegular():
		return "", false, fmt.Errorf("--data: %s is not a file, so it can't be the database: mount the disk that has the database, or restore a backup", path)
	case info.Size() == 0:
		return "", false, fmt.Errorf("--data: the database %s is empty, so its content is lost: restore a backup, or move %s, master.key and %s.* away to start with a new database", path, FileName, FileName)
	}
	return path, true, nil
}

// checkNeverThere returns an error if files beside the missing database show that there was one. It ignores files of
// an interrupted first start.
func checkNeverThere(folder, path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--data: %w", err)
	}
	var leftovers []string
	if info, err := os.Lstat(filepath.Join(folder, signer.MasterKeyFile)); err == nil && info.Size() > 0 {
		leftovers = append(leftovers, filepath.Join(folder, signer.MasterKeyFile))
	}
	database := filepath.Base(path)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), database) && !strings.HasPrefix(entry.Name(), database+newSuffix) {
			leftovers = append(leftovers, filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
	if _, err := os.Lstat(path); err == nil || len(leftovers) == 0 {
		return nil // another process may have just created it
	}
	return fmt.Errorf("--data: the database %s is missing, but some of its files exist, so this is not a first start: restore the database from a backup, or move these away to start with a new, empty one: %s",
		path, strings.Join(leftovers, ", "))
}

// create creates a database under a temporary name and renames it when it is complete. It returns nil if another
// process was faster.
func create(ctx context.Context, path string, now func() time.Time) (made *file, err error) {
	newPath := path + newSuffix
	opened, err := os.OpenFile(newPath, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--data: create the database: %w", err)
	}
	filemode.GiveToFolder(opened)
	f := &file{File: opened, path: newPath}
	defer func() {
		if made == nil {
			err = errors.Join(err, f.Close())
		}
	}()
	release, err := f.openingLock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if current, err := f.isCurrent(); err != nil || !current {
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, removeIfThere(newPath)
	}
	// An interrupted start may have left parts of a database.
	if err := errors.Join(f.Truncate(0), removeIfThere(newPath+"-wal", newPath+"-shm")); err != nil {
		return nil, fmt.Errorf("--data: create the database: %w", err)
	}
	if err := fill(ctx, newPath, now); err != nil {
		return nil, errors.Join(err, removeIfThere(newPath, newPath+"-wal", newPath+"-shm"))
	}
	if err := errors.Join(f.Sync(), os.Rename(newPath, path), syncFolder(path)); err != nil {
		return nil, fmt.Errorf("--data: create the database: %w", err)
	}
	f.path, f.isNew = path, true
	if err := newDB(f, now).noteClosed(); err != nil { // the server may end before it opens it
		return nil, fmt.Errorf("--data: create the database: %w", err)
	}
	return f, nil
}

// beginNew empties the temporary file in which a database for the path is made, and keeps other programs from it until release.
// The caller removes the file unless the database is complete.
func beginNew(ctx context.Context, path string) (_ *file, release func(), err error) {
	opened, err := os.OpenFile(path+newSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("create the database: %w", err)
	}
	f := &file{File: opened, path: path + newSuffix}
	if release, err = f.openingLock(ctx); err != nil { // a server that starts without a database makes one under this name
		return nil, nil, errors.Join(err, f.Close())
	}
	current, err := f.isCurrent()
	if err == nil && !current {
		err = errors.New("another program has just created the database")
	}
	if err == nil {
		filemode.GiveToFolder(opened)
		err = errors.Join(f.Chmod(0o600), f.Truncate(0), removeIfThere(f.path+"-wal", f.path+"-shm"))
	}
	if err != nil {
		release()
		return nil, nil, errors.Join(fmt.Errorf("create the database: %w", err), f.Close())
	}
	return f, release, nil
}

// fill creates the schema in a new database.
func fill(ctx context.Context, path string, now func() time.Time) error {
	writer, err := connect(path, 1, writerOptions...)
	if err != nil {
		return err
	}
	s := newDB(&file{path: path}, now)
	s.writer = writer
	return errors.Join(s.migrate(ctx, migrations, now), s.close())
}

func removeIfThere(paths ...string) error {
	var errs []error
	for _, path := range paths {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// warn logs which files other users of the machine can reach, after closing those of the database to them, and
// whether the database has several names.
func (c *Claim) warn() {
	if c.log == nil || runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(c.folder); err == nil && info.Mode().Perm()&0o007 != 0 {
		c.log.Warn("everyone on this machine can enter the data folder", "data", c.folder, "mode", fmt.Sprintf("%#o", info.Mode().Perm()), "do", "restrict it to its owner with chmod 700")
	}
	for _, path := range []string{c.file.path, c.file.path + "-wal", c.file.path + "-shm"} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o007 == 0 {
			continue
		}
		mode := fmt.Sprintf("%#o", info.Mode().Perm())
		if err := os.Chmod(path, 0o600); err != nil {
			c.log.Warn("everyone on this machine can reach a file of the database, and its mode can't be changed", "file", path, "mode", mode, "cause", err, "do", "restrict it to its owner with chmod 600")
			continue
		}
		c.log.Warn("everyone on this machine could reach a file of the database; its mode is now 0600", "file", path, "mode", mode)
	}
	if n := names(c.file.File); n > 1 {
		c.log.Warn("the database file has several names (hard links): always start the server under the same one, because its write-ahead log is kept beside that name", "names", n)
	}
}
