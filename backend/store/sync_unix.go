//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncFolder makes the name of a file survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// names returns how many names (hard links) a file has.
func names(f *os.File) int {
	info, err := f.Stat()
	if err != nil {
		return 1
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return int(stat.Nlink)
}

// inodeOf returns the inode number of a file, which is never 0.
func inodeOf(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(stat.Ino)
}

// canWrite reports whether this process may write a file.
func canWrite(path string) bool { return unix.Access(path, unix.W_OK) == nil }
