//go:build unix && !linux

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockServer takes the server lock until the file is closed, or returns errLocked. On these systems locks on whole
// files conflict with those on byte ranges, so it locks a byte that SQLite does not use.
func lockServer(f *os.File) error { return lockByte(f, serverByte) }

// isServed reports whether another open file holds the server lock. f must not hold it.
func isServed(f *os.File) (bool, error) {
	lock := unix.Flock_t{Type: unix.F_RDLCK, Start: serverByte, Len: 1}
	err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock)
	return lock.Type != unix.F_UNLCK, err
}

// lockByte locks a byte for this process. The lock is exclusive, or shared if the file is open read-only.
func lockByte(f *os.File, at int64) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock)
	if errors.Is(err, unix.EBADF) {
		lock.Type = unix.F_RDLCK
		err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock)
	}
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return errLocked
	}
	return err
}

func unlockByte(f *os.File, at int64) error {
	return unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: at, Len: 1})
}
