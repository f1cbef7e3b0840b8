package store

import (
	"io/fs"
	"os"
)

// syncFolder does nothing: NTFS logs changes of names itself.
func syncFolder(string) error { return nil }

// names returns 1: the number of hard links is not known here.
func names(*os.File) int { return 1 }

// inodeOf returns 0: here no one can remove or replace an open file of SQLite.
func inodeOf(fs.FileInfo) uint64 { return 0 }

// canWrite reports whether this process may write a file.
func canWrite(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o200 != 0
}
