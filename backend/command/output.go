package command

import (
	"errors"
	"io"
	"os"
)

// Output returns standard output. If it was closed, each write fails: Go opens the null device in place of a closed file, where a
// secret would be lost without a word.
func Output(f *os.File) io.Writer {
	if isClosed(f) {
		return closedOutput{}
	}
	return f
}

var errClosed = errors.New("standard output is closed")

type closedOutput struct{}

// Write implements io.Writer.
func (closedOutput) Write([]byte) (int, error) { return 0, errClosed }

// isClosed reports whether Go has replaced a file. A shell opens the null device for writing only, Go also for reading.
func isClosed(f *os.File) bool {
	null, err := os.Stat(os.DevNull)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	if err != nil || !os.SameFile(null, info) {
		return false
	}
	_, err = f.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}
