package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// isReadOnly reports whether a file could not be opened for writing, but perhaps for reading.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// trouble is a kind of failure that lasts until its cause is removed. The zero trouble is none.
type trouble uint8

const (
	diskFull trouble = iota + 1
	diskReadOnly
	diskFailing
	damaged
	otherSchema
	replaced
	serverFull
	serverReadOnly
	foreign
	silent
)

// sentences tell callers what does not work. advice tells the admin, in the log, what to do.
var (
	sentences = [...]string{
		diskFull:     "Nothing can be changed: the server's disk is full. Tokens are still validated.",
		diskReadOnly: "Nothing can be changed: the server's disk or data folder is read-only. Tokens are still validated.",
		diskFailing:  "Nothing can be changed: the server's disk is failing. Tokens are still validated if it can be read.",
		damaged:      "The server's database is damaged. Its log says what to do.",
		otherSchema:  "Another program changed the schema of the server's database. Its log says what to do.",
		replaced:     "A file of the server's database was removed or replaced. Its log says what to do.",

		serverFull:     "Nothing can be changed: the disk of the server's database is full. Tokens are still validated.",
		serverReadOnly: "Nothing can be changed: the server's database is read-only. Tokens are still validated.",
		foreign:        "Another installation has taken the place of the server's database. Its log says what to do.",
		silent:         "Nothing can be changed: triggers of the server's database are disabled or missing. Its log says what to do.",
	}
	advice = [...]string{
		diskFull:     "make space on the disk of the data folder; changes then work again automatically",
		diskReadOnly: "make the disk and the data folder writable for this user, and check that the disk has free inodes (df -i); changes then work again automatically",
		diskFailing:  "check the disk and the system's log; changes work again automatically when the disk does",
		damaged:      "stop the server, keep a copy of the data folder, and restore the newest backup; a copy from before the last upgrade may be beside the database, named like tokentab.db.schema-4.…",
		otherSchema:  "undo what the other program did to the schema, or stop the server and restore the newest backup",
		replaced:     "all requests are refused until the same file is back; to continue with the file that is there now, restart the server",

		serverFull:     "make space on the disk of the Postgres server; changes then work again automatically",
		serverReadOnly: "make sure that --database-url leads to the primary, and that neither the role nor the database has default_transaction_read_only; changes then work again automatically",
		foreign:        "all requests are refused until the former database is back, or a backup of it; to continue with the one that is there now, restart the server with the master key of that installation",
		silent:         "run ALTER TABLE ... ENABLE TRIGGER ALL as a superuser, or ENABLE TRIGGER USER as the owner if there is none, for the tables of SELECT tgrelid::regclass FROM pg_trigger WHERE tgenabled IN ('D', 'R'), and leave session_replication_role at origin; if no trigger is disabled, some are missing: an interrupted pg_restore leaves them out, so restore the whole backup again. Changes then work again automatically. If another program changed tokens meanwhile, restart all servers",
	}
)

// Result codes of SQLite: primary ones, and two extended ones, which keep the primary code in their lowest byte.
const (
	codeError    = 1
	codePerm     = 3
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26

	codeIONoMemory  = codeIO | 12<<8 // passes without action
	codeIOSharedEnd = codeIO | 19<<8 // no space for the shared memory file beside the database
)

// troubleOf returns the trouble that a failure shows; none if it will pass without action.
func troubleOf(err error) trouble {
	switch {
	case err == nil:
		return 0
	case isOfPostgres(err):
		return troubleOfPostgres(err)
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

// isWritable reports whether this process can create files in a folder.
func isWritable(folder string) bool {
	f, err := os.CreateTemp(folder, ".writable-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

// hasUnappliedLog reports whether the WAL may hold changes that are not in the database. A WAL without changes is at
// most its header.
func hasUnappliedLog(path string) bool { return isLarger(path+"-wal", 32) }

// isLarger reports whether a file is larger than size bytes.
func isLarger(path string, size int64) bool { return sizeOfFile(path) > size }

// sizeOfFile returns the size of a file in bytes; 0 if it does not exist.
func sizeOfFile(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// copiesOf returns the copies that migrations put beside a database, oldest first.
func copiesOf(path string) []string {
	found, _ := filepath.Glob(path + ".schema-*Z") // the constant pattern is valid
	return found
}
