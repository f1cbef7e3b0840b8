package store

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"tokentab/backend/pgtest"
)

func TestOneWholeCopyOfASchemaIsKeptHoweverOftenAnUpgradeFails(t *testing.T) {
	pgtest.OnSQLite(t, "copies of its file")
	folder := t.TempDir()
	s := open(t, folder, now)
	defer s.Close()
	name := filepath.Join(folder, FileName) + ".schema-" + strconv.FormatInt(newestSchema(), 10)
	// Leftovers of interrupted upgrades: by an earlier version, under the final name of a copy, and by this one.
	for _, path := range []string{name + ".20260101T120000Z", name + copying} {
		if err := os.WriteFile(path, []byte("SQLite format 3\x00 and no more"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var first []byte
	for try := range 3 { // all within one second
		if err := s.migrate(t.Context(), withOneMore(t, "SELECT nonsense FROM nowhere;"), now); err == nil {
			t.Fatal("a migration that can't run succeeded")
		}
		copies, err := filepath.Glob(name + "*")
		if err != nil || len(copies) != 1 || copies[0] != name+"."+now().Format("20060102T150405Z") {
			t.Fatalf("try %d left %v, %v", try, copies, err)
		}
		content, err := os.ReadFile(copies[0])
		if err != nil || !isWhole(t.Context(), copies[0], newestSchema()) {
			t.Errorf("try %d: the copy is not whole: %v", try, err)
		}
		if try > 0 && !bytes.Equal(first, content) {
			t.Errorf("try %d wrote the copy again", try)
		}
		first = content
		if info, err := os.Stat(copies[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others can read the copy: %v %v", info, err)
		}
	}
}

func TestPromise8ACopyIsMadeOfWhatWasChangedAfterAWayBack(t *testing.T) {
	pgtest.OnSQLite(t, "copies of its file")
	folder := t.TempDir()
	s := open(t, folder, now)
	defer s.Close()
	pattern := filepath.Join(folder, FileName) + ".schema-" + strconv.FormatInt(newestSchema(), 10) + ".*"
	upgrade := func(copies int) (newest string) {
		t.Helper()
		if err := s.migrate(t.Context(), withOneMore(t, "SELECT nonsense FROM nowhere;"), now); err == nil {
			t.Fatal("a migration that can't run succeeded")
		}
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) != copies {
			t.Fatalf("there are %v instead of %d copies: %v", paths, copies, err)
		}
		return paths[copies-1]
	}
	upgrade(1)
	upgrade(1)
	// Someone goes back with a copy of the copy, and the earlier program goes on with the data.
	if err := s.writer.Exec("INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES ('a', 1, 'Acme', '', 1, 1)").Error; err != nil {
		t.Fatal(err)
	}
	newest := upgrade(2)
	same, err := s.hasRowsOf(t.Context(), newest)
	if err != nil || !same {
		t.Errorf("the newest copy lacks the change: %v", err)
	}
	upgrade(2)
}
