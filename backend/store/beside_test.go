package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/pgtest"
)

// colourAlone returns the setting colour as the database file alone has it, which is what a kill and a start leave.
func colourAlone(t *testing.T, s *Store) (colour string) {
	t.Helper()
	content, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(copied, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := connect(copied, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer closePools(db)
	if err := db.Raw("SELECT value FROM settings WHERE name = 'colour'").Scan(&colour).Error; err != nil {
		t.Fatal(err)
	}
	return colour
}

func TestWhatARemovedLogHoldsIsSavedBeforeTheNextChangeIsRefused(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	for name, remove := range map[string]func(path, away string) error{
		"removed": func(path, _ string) error { return os.Remove(path) },
		"moved":   os.Rename,
		"emptied": func(path, away string) error {
			if err := os.Rename(path, away); err != nil {
				return err
			}
			return os.WriteFile(path, nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, later := openQuiet(t, t.TempDir())
			if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
				t.Fatal(err)
			}
			wal, away := s.path+"-wal", s.path+"-wal.away"
			if err := remove(wal, away); err != nil {
				t.Fatal(err)
			}
			if err := s.SetSetting(t.Context(), "colour", "red"); err == nil || !strings.Contains(err.Error(), sentences[replaced]) {
				t.Errorf("the next change: %v", err)
			}
			if !s.Replaced().Load() {
				t.Error("validations go on")
			}
			if got := colourAlone(t, s); got != "green" {
				t.Errorf("the database file has the colour %q", got)
			}
			if name == "moved" { // a connection may have another file open
				if err := os.Rename(away, wal); err != nil {
					t.Fatal(err)
				}
			}
			later()
			notReady(t, s, sentences[replaced])
		})
	}
}

func TestNoChangeIsAcknowledgedWhoseLogIsRemovedDuringItsCommit(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	var s *Store
	armed := false
	clock := func() time.Time { // read between the commit and the answer
		var colour string
		if armed && s.reader.Raw("SELECT value FROM settings WHERE name = 'colour'").Scan(&colour).Error == nil && colour == "green" {
			armed = false
			if err := os.Remove(s.path + "-wal"); err != nil {
				t.Error(err)
			}
		}
		return now()
	}
	s = open(t, t.TempDir(), clock)
	s.stop()
	s.tending.Wait()
	t.Cleanup(func() { _ = s.Close() })
	err := s.change(t.Context(), func(tx *gorm.DB) error {
		armed = true
		return setSetting(tx, "colour", "green")
	})
	if armed {
		t.Fatal("nothing was removed")
	}
	if err == nil || !strings.Contains(err.Error(), sentences[replaced]) {
		t.Errorf("the change: %v", err)
	}
	if got := colourAlone(t, s); got != "green" { // so a restart has the committed state
		t.Errorf("the database file has the colour %q", got)
	}
}

func TestAGroupOfChangesIsUndoneIfTheDatabaseIsReplacedMeanwhile(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	s, _ := openQuiet(t, t.TempDir())
	g, _ := joined(t, s, set("colour", "green"))
	if err := os.Rename(s.path, s.path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := s.end(g); err == nil {
		t.Error("the change succeeded")
	}
	if err := os.Rename(s.path+".away", s.path); err != nil {
		t.Fatal(err)
	}
	if err := s.inPlace(); err != nil {
		t.Errorf("with the same file back: %v", err)
	}
	holdsSettings(t, s, map[string]string{"colour": ""})
}

func TestAReplacedMemoryOfTheLogStopsChangesAndLeavesTheLogAlone(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	s, later := openQuiet(t, t.TempDir())
	if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.path + "-shm"); err != nil {
		t.Fatal(err)
	}
	later()
	notReady(t, s, sentences[replaced])
	if err := s.SetSetting(t.Context(), "colour", "red"); err == nil {
		t.Error("it still writes")
	}
	if got := colourAlone(t, s); got != "" { // another process may use the log now
		t.Errorf("it wrote %q to the database", got)
	}
}
