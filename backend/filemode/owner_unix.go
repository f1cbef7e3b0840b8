//go:build unix

package filemode

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// OwnerOf returns the user and the group who own a file; ok is false if the system does not say.
func OwnerOf(info fs.FileInfo) (user, group uint32, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return stat.Uid, stat.Gid, true
}

// GiveToFolder gives a file that root has made to the owner of its folder: the server runs as that user, and commands often as
// root. It leaves a file that a link of that user leads to, symbolic or not.
func GiveToFolder(f *os.File) {
	if os.Geteuid() != 0 {
		return
	}
	folder, err1 := os.Stat(filepath.Dir(f.Name()))
	named, err2 := os.Lstat(f.Name())
	opened, err3 := f.Stat()
	if errors.Join(err1, err2, err3) != nil || !os.SameFile(named, opened) || opened.Sys().(*syscall.Stat_t).Nlink > 1 {
		return
	}
	if user, group, ok := OwnerOf(folder); ok && user != 0 {
		_ = f.Chown(int(user), int(group)) // in some containers root may not; doctor says what to do
	}
}
