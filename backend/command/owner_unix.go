//go:build unix

package command

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the user who owns a file; ok is false if the system does not say.
func ownerOf(info fs.FileInfo) (id uint32, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Uid, true
}
