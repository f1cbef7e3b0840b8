package store

import (
	"fmt"
	"io/fs"
	"syscall"
)

// changeOf returns a file's inode number and ctime, which no program can set.
func changeOf(info fs.FileInfo) (change string, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", false
	}
	return fmt.Sprintf("%d %d.%09d", stat.Ino, stat.Ctim.Sec, stat.Ctim.Nsec), true
}
