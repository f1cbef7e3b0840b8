package store

import (
	"errors"
	"io/fs"
	"syscall"
)

// isReadOnly reports whether a file could not be opened for writing, and perhaps can be for reading.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
