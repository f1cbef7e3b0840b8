package command

import (
	"errors"
	"io"
	"os"
)

var errClosed = errors.New("standard output is closed")

// checkOpen returns errClosed if an output was closed when the program started. Go opens the null device in its place, for reading
// and writing, where a secret would be lost without a word. Libraries that start programs open it in the same way if no one wants
// the output, so this is for secrets only.
func checkOpen(out io.Writer) error {
	f, ok := out.(*os.File)
	if !ok {
		return nil
	}
	null, err := os.Stat(os.DevNull)
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !os.SameFile(null, info) {
		return nil
	}
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil // a shell opens it for writing only
	}
	return errClosed
}
