package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// isReadOnly reports whether a file could not be opened for writing, and perhaps can be for reading.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// trouble is a kind of failure that stays until its cause is removed. The zero trouble is none.
type trouble uint8

const (
	diskFull trouble = iota + 1
	diskReadOnly
	diskFailing
	damaged
	otherSchema
	replaced
)

// sentences says to callers what does not work, and advice tells the admin in the log what to do.
var (
	sentences = [...]string{
		diskFull:     "Nothing can be changed: the server's disk is full. Tokens are still validated.",
		diskReadOnly: "Nothing can be changed: the server's disk or data folder is read-only. Tokens are still validated.",
		diskFailing:  "Nothing can be changed: the server's disk fails. Tokens are still validated as far as it can be read.",
		damaged:      "The server's database is damaged. Its log says what to do.",
		otherSchema:  "Another program changed the schema of the server's database. Its log says what to do.",
		replaced:     "The server's database was removed or replaced. Its log says what to do.",
	}
	advice = [...]string{
		diskFull:     "make space on the disk of the data folder; changes work again by themselves then",
		diskReadOnly: "make the disk and the data folder writable for this user; changes work again by themselves then",
		diskFailing:  "check the disk and the system's log; changes work again by themselves when the disk does",
		damaged:      "stop the server, keep a copy of the data folder, and restore the newest backup; a copy from before the last upgrade may be beside the database, named like tokentab.db.schema-4.…",
		otherSchema:  "undo what the other program did to the schema, or stop the server and restore the newest backup",
		replaced:     "no validation and no change is answered until the same file is back; to go on with the file that is there now, restart the server",
	}
)

// Result codes of SQLite, without what their higher bytes add.
const (
	codeError    = 1
	codePerm     = 3
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26

	codeIONoMemory  = codeIO | 12<<8 // passes by itself
	codeIOSharedEnd = codeIO | 19<<8 // no space for the shared memory beside the database
)

// troubleOf returns the trouble that a failure shows. Failures that pass by themselves show none.
func troubleOf(err error) trouble {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return diskFull
	case isReadOnly(err):
		return diskReadOnly
	}
	failed, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	if !ok || failed.Code() == codeIONoMemory {
		return 0
	}
	if failed.Code() == codeIOSharedEnd {
		return diskFull
	}
	switch failed.Code() & 0xff {
	case codeFull:
		return diskFull
	case codeReadOnly, codePerm, codeCantOpen:
		return diskReadOnly
	case codeIO:
		return diskFailing
	case codeCorrupt, codeNotADB:
		return damaged
	case codeError:
		if text := failed.Error(); strings.Contains(text, "no such table") || strings.Contains(text, "no such column") || strings.Contains(text, "has no column") {
			return otherSchema
		}
	}
	return 0
}

// isWritable reports whether files can be made in a folder.
func isWritable(folder string) bool {
	f, err := os.CreateTemp(folder, ".writable-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

// hasUnappliedLog reports whether changes are in the WAL of a database and perhaps not in the database itself. A WAL
// without any is its header at the most.
func hasUnappliedLog(path string) bool { return isLarger(path+"-wal", 32) }

// isLarger reports whether a file is larger than so many bytes.
func isLarger(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > size
}

// copiesOf returns the copies that upgrades put beside a database, the oldest first.
func copiesOf(path string) []string {
	found, _ := filepath.Glob(path + ".schema-*Z") // fails for a pattern that is wrong, and this one is not
	return found
}
