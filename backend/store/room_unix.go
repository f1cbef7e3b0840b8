//go:build unix

package store

import (
	"math"

	"golang.org/x/sys/unix"
)

// diskSpace returns the free bytes and the size of a folder's file system; a zero size if the system does not say.
func diskSpace(folder string) (free, size int64) {
	var fs unix.Statfs_t
	if unix.Statfs(folder, &fs) != nil {
		return 0, 0
	}
	return int64(fs.Bavail) * int64(fs.Bsize), int64(fs.Blocks) * int64(fs.Bsize)
}

// fileLimit returns the largest size of a file that this process may write, in bytes; 0 for no limit.
func fileLimit() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil || limit.Cur > math.MaxInt64/2 {
		return 0
	}
	return int64(limit.Cur)
}
