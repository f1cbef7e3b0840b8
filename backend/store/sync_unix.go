//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
)

// syncFolder makes sure that the name of a file survives a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
