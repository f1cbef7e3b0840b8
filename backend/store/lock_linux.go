package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockServer takes the server lock until the file is closed, or returns errLocked. It uses flock(2), which SQLite's
// locks on byte ranges don't see and which needs no write permission. Network file systems turn that into a lock that
// SQLite does see, so there it locks one byte.
func lockServer(f *os.File) error {
	if onNetwork(f) {
		return lockByte(f, serverByte)
	}
	return locked(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
}

// isServed reports whether another open file holds the server lock. f must not hold it.
func isServed(f *os.File) (bool, error) {
	if onNetwork(f) {
		lock := unix.Flock_t{Type: unix.F_RDLCK, Start: serverByte, Len: 1}
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock)
		return lock.Type != unix.F_UNLCK, err
	}
	err := locked(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB))
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	}
	if errors.Is(err, errLocked) {
		return true, nil
	}
	return false, err
}

// onNetwork reports whether a file is on a network file system.
func onNetwork(f *os.File) bool {
	var system unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &system) != nil {
		return false
	}
	switch uint32(system.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC:
		return true
	}
	return false
}

// lockByte locks a byte for this open file, not for the process (fcntl(2), open file description locks). The lock is
// exclusive, or shared if the file is open read-only.
func lockByte(f *os.File, at int64) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	if errors.Is(err, unix.EBADF) {
		lock.Type = unix.F_RDLCK
		err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	}
	return locked(err)
}

func unlockByte(f *os.File, at int64) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: at, Len: 1})
}

func locked(err error) error {
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return errLocked
	}
	return err
}
