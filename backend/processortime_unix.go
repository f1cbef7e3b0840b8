//go:build unix

package backend

import (
	"syscall"
	"time"
)

// processorTime returns how long this process has run on processors; 0 if the system does not say.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
