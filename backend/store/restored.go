package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"gorm.io/gorm"
)

// closedSuffix ends the name of the file that says how the database file was when its last process closed it. It is there
// only while no process has the database open.
const closedSuffix = ".closed"

// state describes the database file so that any later change of it, or another file in its place, has another one. It is
// empty where the system can't tell.
func (f *file) state() (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("store: look at the database file: %w", err)
	}
	change, ok := changeOf(info)
	if !ok {
		return "", nil
	}
	return fmt.Sprintf("%s %d %d\n", change, info.Size(), info.ModTime().UnixNano()), nil
}

// noteClosed notes the state of the database file. The last process that closes it calls this behind the door; any other
// finds the log of changes, which goes with the last one.
func (s *Store) noteClosed() error {
	if _, err := os.Stat(s.path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	state, err := s.file.state()
	if err != nil || state == "" {
		return err
	}
	return os.WriteFile(s.path+closedSuffix, []byte(state), 0o600) // torn by a crash, it matches no state
}

// wasClosed reports whether the database file is as its last process closed it. After a crash, and after the file was replaced by a backup, it is not.
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

// forgetClosed removes what was noted of how the file was closed, before it changes.
func (f *file) forgetClosed() error {
	if err := os.Remove(f.path + closedSuffix); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// avoidTakenEntries begins a new status list if the database may be a restored backup. Tokens that were made after the
// backup have entries in the lists that the backup knows, and in those that followed. A new token must not get one of
// these, so the new list has a number that was not used before, but for a chance of one in 2^32.
func (s *Store) avoidTakenEntries(ctx context.Context, closed bool, now func() time.Time) error {
	if closed {
		return nil
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		err := tx.Exec(`INSERT INTO status_lists (number, taken, inserted_at)
			SELECT MAX(number) + 2 + abs(random() % 4294967296), 0, ? FROM status_lists HAVING COUNT(*) > 0`, millis(now())).Error
		if err != nil {
			return err
		}
		// No token names a list that took none, but the one that was just made.
		return tx.Exec("DELETE FROM status_lists WHERE taken = 0 AND number < (SELECT MAX(number) FROM status_lists)").Error
	})
}
