//go:build unix

package web

import (
	"math"
	"syscall"
)

// openFiles returns how many files the process may have open. Go has raised the soft limit to the hard one.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fewFiles
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}

// fewFiles is the limit where the system does not tell it: that of old ones.
const fewFiles = 256
