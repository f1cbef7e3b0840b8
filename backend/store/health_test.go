package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// openQuiet opens a database without its background checks, on a clock that the test moves.
func openQuiet(t *testing.T, folder string) (*Store, func()) {
	t.Helper()
	at := now()
	s := open(t, folder, func() time.Time { return at })
	s.stop()
	s.tending.Wait()
	t.Cleanup(func() { _ = s.Close() })
	return s, func() { at = at.Add(10 * time.Second) }
}

func notReady(t *testing.T, s *Store, want string) {
	t.Helper()
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("ready: %v; want %q", err, want)
	}
}

func TestReadyFollowsTheLastWriteAndTriesOneItself(t *testing.T) {
	pgtest.OnSQLite(t, "pragmas stand in for a failing disk")
	s, later := openQuiet(t, t.TempDir())
	for _, db := range []*gorm.DB{s.writer, s.noter} { // noter writes last uses
		if err := db.Exec("PRAGMA query_only = 1").Error; err != nil {
			t.Fatal(err)
		}
		later()
		for range 6 {
			later()
		}
		if db == s.noter {
			if err := s.Tokens.RecordUses(t.Context(), token.UseBatch{Number: 1}); err == nil {
				t.Fatal("a read-only database was written")
			}
			if s.health.writing != diskReadOnly {
				t.Errorf("after a failed flush the trouble is %d", s.health.writing)
			}
		} else {
			notReady(t, s, sentences[diskReadOnly]) // nothing else wrote
		}
		if err := s.writer.Exec("PRAGMA query_only = 0").Error; err != nil {
			t.Fatal(err)
		}
		later()
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("writable again: %v", err)
		}
	}
	if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Error(err)
	}
}

// TestReadyWaitsUntilChangesAreAccepted covers the moment after a disk became writable again, before what a crash or a
// restore left is settled.
func TestReadyWaitsUntilChangesAreAccepted(t *testing.T) {
	pgtest.OnSQLite(t, "its first writes may have to wait for the disk")
	s, later := openQuiet(t, t.TempDir())
	s.unsettled.Store(true)
	if err := s.SetSetting(t.Context(), "colour", "green"); err == nil {
		t.Fatal("a change was accepted")
	}
	later()
	notReady(t, s, sentences[diskFull])
	if err := s.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	later()
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestReadyFollowsAFailedWriteOfSeveralTogether covers a request with an idempotency key, which fails with an error
// of its own.
func TestReadyFollowsAFailedWriteOfSeveralTogether(t *testing.T) {
	pgtest.OnSQLite(t, "a trigger of SQLite stands in for a failing disk")
	s, _ := openQuiet(t, t.TempDir())
	if err := s.writer.Exec("CREATE TEMP TRIGGER failing BEFORE INSERT ON main.settings BEGIN SELECT missing FROM main.absent; END").Error; err != nil {
		t.Fatal(err)
	}
	own := errors.New("the request failed")
	s.health.noticeWrite(nil)
	err := s.Together(t.Context(), func(ctx context.Context) error {
		if err := s.SetSetting(ctx, "colour", "green"); err == nil {
			t.Error("it was written")
		}
		return own
	})
	if !errors.Is(err, own) || s.health.writing == 0 {
		t.Errorf("%v, the trouble is %d", err, s.health.writing)
	}
}

func TestAnIdleDatabaseIsProbedOnceAMinuteWithASmallWrite(t *testing.T) {
	s, later := openQuiet(t, t.TempDir())
	size := func() int {
		t.Helper()
		value, err := s.Setting(t.Context(), "probe")
		if err != nil {
			t.Fatal(err)
		}
		return len(value)
	}
	for seconds := 10; seconds <= 70; seconds += 10 {
		later()
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := size(); (got > 0) != (seconds >= 60) || got > 1024 {
			t.Errorf("after %d seconds %d bytes were written", seconds, got)
		}
	}
	s.health.noticeWrite(syscall.ENOSPC)
	later()
	if err := s.Ready(t.Context()); err != nil || size() != probeBytes {
		t.Errorf("after a failure %d bytes were written: %v", size(), err)
	}
}

func TestReadyChecksOnceASecond(t *testing.T) {
	pgtest.OnSQLite(t, "what readiness looks at is in sqlite_schema")
	s, _ := openQuiet(t, t.TempDir())
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.Exec("DROP INDEX " + anIndex(t, s)).Error; err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("it looked again within the second: %v", err)
	}
}

func anIndex(t *testing.T, s *Store) (name string) {
	t.Helper()
	if err := s.reader.Raw("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL LIMIT 1").Scan(&name).Error; err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadyNoticesAChangedSchemaButNoAddition(t *testing.T) {
	pgtest.OnSQLite(t, "what readiness looks at is in sqlite_schema")
	s, later := openQuiet(t, t.TempDir())
	for _, harmless := range []string{"CREATE TABLE notes (note TEXT)", "CREATE INDEX more ON notes (note)", "ANALYZE", "VACUUM"} {
		if err := s.writer.Exec(harmless).Error; err != nil {
			t.Fatal(err)
		}
	}
	later()
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("after additions: %v", err)
	}
	index := anIndex(t, s)
	var made string
	if err := s.reader.Raw("SELECT sql FROM sqlite_schema WHERE name = ?", index).Scan(&made).Error; err != nil {
		t.Fatal(err)
	}
	if err := s.writer.Exec("DROP INDEX " + index).Error; err != nil {
		t.Fatal(err)
	}
	later()
	notReady(t, s, sentences[otherSchema])
	if err := s.writer.Exec(made).Error; err != nil {
		t.Fatal(err)
	}
	later()
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("after the schema was mended: %v", err)
	}
}

func TestADatabaseThatIsReplacedAnswersNothingUntilItIsBack(t *testing.T) {
	pgtest.OnSQLite(t, "the file of the database")
	folder := t.TempDir()
	s, later := openQuiet(t, folder)
	path, away := filepath.Join(folder, FileName), filepath.Join(folder, "away")
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	for _, replace := range []func() error{func() error { return nil }, func() error { return os.WriteFile(path, []byte("another"), 0o600) }} {
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		later()
		notReady(t, s, sentences[replaced])
		if _, err := s.Setting(t.Context(), "colour"); err == nil {
			t.Error("it still reads")
		}
		if err := s.SetSetting(t.Context(), "colour", "green"); err == nil {
			t.Error("it still writes")
		}
	}
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	later()
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("with the same file back: %v", err)
	}
}

func TestReadyRemembersDamageUntilACheckFindsNone(t *testing.T) {
	pgtest.OnSQLite(t, "the file of the database")
	folder := t.TempDir()
	s := open(t, folder, now)
	var root, size int64
	if err := s.reader.Raw("SELECT rootpage FROM sqlite_schema WHERE name = 'audit_events'").Scan(&root).Error; err != nil {
		t.Fatal(err)
	}
	if err := s.reader.Raw("PRAGMA page_size").Scan(&size).Error; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // moves all changes into the file
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(folder, FileName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, size)
	if _, err := f.ReadAt(page, (root-1)*size); err != nil {
		t.Fatal(err)
	}
	s, later := openQuiet(t, folder)
	if _, err := f.WriteAt([]byte(strings.Repeat("damage", int(size)/6)), (root-1)*size); err != nil {
		t.Fatal(err)
	}
	err = s.read(t.Context(), func(tx *gorm.DB) error { return tx.Exec("SELECT * FROM audit_events NOT INDEXED").Error })
	if err == nil {
		t.Fatal("a damaged table was read")
	}
	s.tended = t.Context()
	for range 3 {
		later()
		notReady(t, s, sentences[damaged])
		s.tending.Wait()
	}
	if _, err := f.WriteAt(page, (root-1)*size); err != nil {
		t.Fatal(err)
	}
	for range 7 { // at most one check a minute
		later()
		_ = s.Ready(t.Context())
		s.tending.Wait()
	}
	later()
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("after the damage was mended: %v", err)
	}
}

func TestADamagedDatabaseSaysWhatToDo(t *testing.T) {
	pgtest.OnSQLite(t, "the file of the database")
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, FileName), []byte(strings.Repeat("no database at all ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(folder, FileName+".schema-3.20260131T120000Z")
	if err := os.WriteFile(copied, []byte("copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := tryOpen(t, folder, now)
	if err == nil || !strings.Contains(err.Error(), "restore the newest backup") || !strings.Contains(err.Error(), copied) {
		t.Errorf("%v", err)
	}
}

// TestALargeLogOfChangesShrinksWhenTheStoreIsIdle keeps a long read open while the WAL grows.
func TestALargeLogOfChangesShrinksWhenTheStoreIsIdle(t *testing.T) {
	pgtest.OnSQLite(t, "the file of the database")
	s, _ := openQuiet(t, t.TempDir())
	reading := s.reader.Begin()
	if err := reading.Exec("SELECT 1 FROM settings").Error; err != nil {
		t.Fatal(err)
	}
	if err := s.writer.Exec("INSERT INTO settings (name, value) VALUES ('large', zeroblob(?))", walTrimmed).Error; err != nil {
		t.Fatal(err)
	}
	wal := s.path + "-wal"
	s.trim(t.Context())
	if !isLarger(wal, walTrimmed) {
		t.Fatal("the log shrank under a read")
	}
	if err := reading.Rollback().Error; err != nil {
		t.Fatal(err)
	}
	s.trim(t.Context()) // nothing was written in between
	if isLarger(wal, 0) {
		t.Error("the log is as large as it was")
	}
	var size int64
	if err := s.reader.Raw("SELECT length(value) FROM settings WHERE name = 'large'").Scan(&size).Error; err != nil || size != walTrimmed {
		t.Errorf("%d bytes are kept: %v", size, err)
	}
}
