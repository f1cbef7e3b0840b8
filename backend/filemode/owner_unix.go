//go:build unix

package filemode

import (
	"io/fs"
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

// hasOtherNames reports whether hard links lead to a file, too.
func hasOtherNames(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Nlink != 1
}
