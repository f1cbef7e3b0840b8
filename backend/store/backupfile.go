package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A backup is one file: backupMagic, the Manifest as a line of JSON, the database compressed with Zstandard (RFC 8878), and
// the SHA-256 of all that. SQLite's own check misses many changed bytes; this sum misses none.
const backupMagic = "tokentab backup 1\n"

// maxManifest bounds the line of the manifest, in bytes.
const maxManifest = 64 << 10

// copyAtOnce is how many bytes of a database are copied between two pauses.
const copyAtOnce = 1 << 20

// Manifest says what is in a backup.
type Manifest struct {
	Version string    `json:"version"` // of the program
	Schema  int64     `json:"schema"`
	MadeAt  time.Time `json:"made_at"` // the instant that the backup shows
	Bytes   int64     `json:"bytes"`   // of the database
	Contents
	// Key is the master key, encrypted with a passphrase; nil if the backup does not have it.
	Key []byte `json:"key,omitempty"`
}

// errDamaged is the error for a backup that has changed since it was written.
var errDamaged = errors.New("the backup is damaged: it has changed since it was written")

// writeBackup writes the backup of a database file. rest is called after each piece of work.
func writeBackup(ctx context.Context, to io.Writer, m Manifest, database io.Reader, rest func()) error {
	sum := sha256.New()
	all := io.MultiWriter(to, sum)
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(line) > maxManifest {
		return errors.New("store: the manifest of the backup is too long")
	}
	if _, err := fmt.Fprintf(all, "%s%s\n", backupMagic, line); err != nil {
		return err
	}
	packer, err := zstd.NewWriter(all, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if err := copyPaced(ctx, packer, database, rest); err != nil {
		return errors.Join(err, packer.Close())
	}
	if err := packer.Close(); err != nil {
		return err
	}
	_, err = to.Write(sum.Sum(nil))
	return err
}

// copyPaced copies until the end of from, and rests after each piece.
func copyPaced(ctx context.Context, to io.Writer, from io.Reader, rest func()) error {
	piece := make([]byte, copyAtOnce)
	for {
		n, err := io.ReadFull(from, piece)
		if n > 0 {
			if _, err := to.Write(piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ctx.Err()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rest()
	}
}

// mayBecomeBackup returns an error if there is something that a backup must not replace. Only backups and empty files may be
// overwritten, so that a wrong name costs nothing else: neither files nor links, devices and pipes.
func mayBecomeBackup(path string, overwrite bool) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !overwrite {
		return fmt.Errorf("%s exists: name another file, or replace it with --force", path)
	}
	replaceable := false
	if info.Mode().IsRegular() { // opening a pipe would wait
		if replaceable, err = isEmptyOrBackup(path); err != nil {
			return err
		}
	}
	if !replaceable {
		return fmt.Errorf("%s is not a backup of Tokentab, so it is not replaced: name another file", path)
	}
	return nil
}

func isEmptyOrBackup(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	magic := make([]byte, len(backupMagic))
	switch n, err := io.ReadFull(f, magic); err {
	case nil, io.ErrUnexpectedEOF:
		return string(magic[:n]) == backupMagic, nil
	case io.EOF:
		return true, nil
	default:
		return false, err
	}
}

// readBackup reads a backup, and writes its database to a file unless that is nil. It returns errDamaged if any byte is not
// as it was written. Until it returns nil, nothing that it wrote may be used.
func readBackup(ctx context.Context, from *os.File, to io.Writer, rest func()) (m Manifest, err error) {
	info, err := from.Stat()
	if err != nil {
		return m, err
	}
	size := info.Size() - sha256.Size
	if size < int64(len(backupMagic)) {
		return m, errors.New("this file is not a backup of Tokentab")
	}
	sum := sha256.New()
	body := bufio.NewReaderSize(io.TeeReader(io.NewSectionReader(from, 0, size), sum), copyAtOnce)
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(body, magic); err != nil {
		return m, err
	}
	if !bytes.Equal(magic, []byte(backupMagic)) {
		return m, errors.New("this file is not a backup of Tokentab, or of a newer version")
	}
	line, err := readLine(body)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return m, errDamaged
	}
	if to == nil {
		to = io.Discard
	}
	unpacker, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return m, err
	}
	defer unpacker.Close()
	// A damaged stream may unpack to anything; the manifest says how much.
	counted := &counter{to: to, left: m.Bytes}
	if err := copyPaced(ctx, counted, unpacker, rest); err != nil {
		if counted.failed || ctx.Err() != nil {
			return m, err
		}
		return m, errDamaged
	}
	if counted.left != 0 {
		return m, errDamaged
	}
	return m, checkSum(from, size, body, sum)
}

func checkSum(from *os.File, size int64, rest io.Reader, sum hash.Hash) error {
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return err
	}
	want := make([]byte, sha256.Size)
	if _, err := from.ReadAt(want, size); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(want, sum.Sum(nil)) == 0 {
		return errDamaged
	}
	return nil
}

// readLine reads the line of the manifest.
func readLine(from *bufio.Reader) (line []byte, err error) {
	for len(line) <= maxManifest {
		b, err := from.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil, errDamaged
		}
		if err != nil || b == '\n' {
			return line, err
		}
		line = append(line, b)
	}
	return nil, errDamaged
}

// counter passes on as many bytes as it expects.
type counter struct {
	to     io.Writer
	left   int64
	failed bool // the write did, not the reader
}

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	if c.left -= int64(len(b)); c.left < 0 {
		return 0, errDamaged
	}
	n, err := c.to.Write(b)
	c.failed = err != nil
	return n, err
}
