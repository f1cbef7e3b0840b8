package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/backup"
	"tokentab/backend/filemode"
)

// closedSuffix ends the name of the file that records the state of the database file when its last process closed it.
// It exists only while no process has the database open.
const closedSuffix = ".closed"

// restoredState is the text of that file after a restore. It is no state, so the next start begins a new status list.
const restoredState = "restored\n"

// state returns a text that changes with any change or replacement of the database file; empty if the system can't
// tell.
func (f *file) state() (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("store: read the state of the database file: %w", err)
	}
	change, ok := changeOf(info)
	if !ok {
		return "", nil
	}
	return fmt.Sprintf("%s %d %d\n", change, info.Size(), info.ModTime().UnixNano()), nil
}

// noteClosed records the state of the database file. Every closing process calls it while it holds the opening lock; it
// does nothing while the WAL exists, because then another process still has the database open, or if the next server must warn.
func (s *db) noteClosed() error {
	if s.lostLog {
		return nil
	}
	if _, err := os.Stat(s.path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	state, err := s.file.state()
	if err != nil || state == "" {
		return err
	}
	return writeClosed(s.path, state)
}

// writeClosed writes the record of noteClosed. If a crash tears it, it matches no state.
func writeClosed(path, state string) error {
	f, err := os.OpenFile(path+closedSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	filemode.GiveToFolder(f)
	_, err = f.WriteString(state)
	return errors.Join(err, f.Close())
}

// wasClosed reports whether the database file is as its last process left it. It returns false after a crash, and
// after the file was replaced by a backup.
func (f *file) wasClosed() (bool, error) {
	noted, err := os.ReadFile(f.path + closedSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: read how the database was closed: %w", err)
	}
	state, err := f.state()
	if err != nil {
		return false, err
	}
	return state != "" && state == string(noted), nil
}

// warnOfLostLog logs an error if the database was not closed, as after a kill, and has no WAL, which a kill leaves. A command
// leaves this to the next server.
func (s *db) warnOfLostLog() error {
	if s.hadLog || s.file.isNew {
		return nil
	}
	if _, err := os.Stat(s.path + closedSuffix); !errors.Is(err, fs.ErrNotExist) { // closed, though perhaps as another file
		return nil
	}
	state, err := s.file.state()
	switch {
	case err != nil || state == "": // no close leaves a record here
	case !s.claimed:
		s.lostLog = true
	case s.health.log != nil:
		s.health.log.Error("the database was not closed, and its write-ahead log is missing: its newest changes may be lost", "file", s.path+"-wal", "do", "suspend or revoke again what was suspended or revoked lately; if a backup is newer than what you find, restore it")
	}
	return err
}

// forgetClosed removes the record of noteClosed before the file changes.
func (f *file) forgetClosed() error {
	noted, _ := os.ReadFile(f.path + closedSuffix)
	f.forgotten = cmp.Or(string(noted), restoredState)
	if err := os.Remove(f.path + closedSuffix); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// noteFailedOpen leaves a record after an open that failed, as when a signal stops a start. SQLite has then removed the WAL with all
// that it held, and without a record the next start would take it for lost.
func (s *db) noteFailedOpen() {
	if s.lostLog || !s.hadLog && s.file.forgotten == "" {
		return
	}
	for _, suffix := range []string{"-wal", closedSuffix} {
		if _, err := os.Lstat(s.path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	_ = writeClosed(s.path, cmp.Or(s.file.forgotten, restoredState)) // without it the next start only warns without need
}

// avoidTakenEntries starts a new status list if the database may be a restored backup. Tokens issued after that
// backup hold entries in its lists, or in later ones, that a new token must not get. The new list's number is random;
// it repeats a used one with a chance of one in 2^32.
func (s *db) avoidTakenEntries(ctx context.Context, closed bool, now func() time.Time) error {
	if closed {
		return nil
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		has, err := exists(tx, "SELECT 1 FROM status_lists")
		if err != nil || !has {
			return err
		}
		if err := beginList(tx, now()); err != nil {
			return err
		}
		// No token refers to an empty list. Keep only the new one.
		return tx.Exec("DELETE FROM status_lists WHERE taken = 0 AND number < (SELECT MAX(number) FROM status_lists)").Error
	})
}

// beginList starts a new status list under a random number.
func beginList(tx *gorm.DB, at time.Time) error {
	return tx.Exec("INSERT INTO status_lists (number, taken, inserted_at) SELECT COALESCE(MAX(number), 0) + 2 + ?, 0, ? FROM status_lists",
		int64(rand.Uint32()), stamp(at)).Error
}

// noteRestored records that the database may have lost changes. It closes its status lists, so that they show what it forgot as
// invalid, asks admin users to review the tokens, and ends all sessions: those that had ended would be back, and so would their
// cookies.
func noteRestored(tx *gorm.DB, note backup.Restored) error {
	if err := execAll(tx, []string{"DELETE FROM sessions", "DELETE FROM settings WHERE name LIKE '" + backup.ReviewedPrefix + "%'"}); err != nil {
		return err
	}
	if err := tx.Exec("UPDATE status_lists SET restored_at = ?", stamp(note.At)).Error; err != nil {
		return err
	}
	if err := beginList(tx, note.At); err != nil {
		return err
	}
	text, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return setSetting(tx, backup.RestoredSetting, string(text))
}
