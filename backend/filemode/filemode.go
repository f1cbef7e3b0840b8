// Package filemode checks what other users of the machine may do with files, and which files are no pipes. Windows has no modes,
// so there others may do nothing.
package filemode

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

const (
	writableByOthers   = 0o022 // by the group, too
	writableByEveryone = 0o002
	readableByEveryone = 0o004
)

// CheckFile returns an error if others than the owner may write a file.
func CheckFile(path string, info fs.FileInfo) error {
	if mode := info.Mode(); has(info, writableByOthers) && mode.IsRegular() {
		return fmt.Errorf("others on this machine can write %s (mode %#o): run chmod go-w %s", path, mode.Perm(), path)
	}
	return nil
}

// CheckFolder returns an error if everyone may replace the files in a folder. The sticky bit prevents that.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode(); has(info, writableByEveryone) && mode&fs.ModeSticky == 0 {
		return fmt.Errorf("everyone on this machine can replace files in the folder %s (mode %#o): run chmod o-w on it, or name another", path, mode.Perm())
	}
	return nil
}

// maxFile is the size in bytes of the largest file that is read. Some that a wrong path names, such as devices, never end.
const maxFile = 1 << 20

// ReadFile reads a file that passes CheckFile, of up to 1 MiB.
func ReadFile(path string) ([]byte, error) { return read(path, CheckFile) }

// ReadAny reads a file of any mode, of up to 1 MiB.
func ReadAny(path string) ([]byte, error) {
	return read(path, func(string, fs.FileInfo) error { return nil })
}

func read(path string, check func(string, fs.FileInfo) error) (content []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		return nil, err
	}
	content, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return content, err
}

// OpenRegular opens a file that is read more than once, which a pipe can't be. It does not wait for the writer of a pipe.
func OpenRegular(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file, and must be one since it is read more than once", path)
	}
	return os.Open(path)
}

// IsReadable reports whether everyone on the machine may read a file.
func IsReadable(info fs.FileInfo) bool { return has(info, readableByEveryone) }

func has(info fs.FileInfo, bits fs.FileMode) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&bits != 0
}
