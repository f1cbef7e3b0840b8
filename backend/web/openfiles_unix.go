//go:build unix

package web

import (
	"math"
	"syscall"
)

// openFiles returns how many files the process may have open. Go raises the soft limit to the hard limit at start.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fewFiles
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}

// fewFiles is the limit to assume if the system reports none.
const fewFiles = 256
