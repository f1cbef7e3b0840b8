package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockServer takes the server lock until the file is closed, or returns errLocked.
func lockServer(f *os.File) error { return lockByte(f, serverByte) }

// isServed reports whether another open file holds the server lock. f must not hold it.
func isServed(f *os.File) (bool, error) {
	err := lockByte(f, serverByte)
	if err == nil {
		err = unlockByte(f, serverByte)
	}
	if errors.Is(err, errLocked) {
		return true, nil
	}
	return false, err
}

// lockByte takes an exclusive lock on a byte for this open file.
func lockByte(f *os.File, at int64) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, region(at))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errLocked
	}
	return err
}

func unlockByte(f *os.File, at int64) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, region(at))
}

func region(at int64) *windows.Overlapped {
	return &windows.Overlapped{Offset: uint32(at), OffsetHigh: uint32(at >> 32)}
}
