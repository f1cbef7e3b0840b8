//go:build unix

package store

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/pgtest"
)

// startLogging opens and closes a database as a server does, and returns its log. It checks that not everyone can
// reach the files of the open database.
func startLogging(t *testing.T, folder string) string {
	t.Helper()
	var lines bytes.Buffer
	claim, err := Serve(t.Context(), folder, "", now, slog.New(slog.NewTextHandler(&lines, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := claim.Open(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetSetting(t.Context(), "colour", "green"); err != nil { // makes SQLite create its files
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, FileName+"*"))
	if err != nil || len(files) != 3 {
		t.Errorf("%v %v", files, err)
	}
	for _, path := range files {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("others can reach %s: %v %v", path, info.Mode(), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return lines.String()
}

func TestFilesThatEveryoneCanReadAreClosedToThemWithAWarning(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	folder := filepath.Join(t.TempDir(), "data")
	if lines := startLogging(t, folder); lines != "" {
		t.Errorf("a new installation warns: %s", lines)
	}
	path := filepath.Join(folder, FileName)
	if err := os.WriteFile(path+"-wal", nil, 0o600); err != nil { // as after a crash
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "-wal"} {
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lines := startLogging(t, folder)
	for _, words := range []string{"file=" + path + " ", "file=" + path + "-wal ", "mode=0644"} {
		if !strings.Contains(lines, words) {
			t.Errorf("no warning says %q: %s", words, lines)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil { // as for a group that makes backups
		t.Fatal(err)
	}
	if lines := startLogging(t, folder); lines != "" {
		t.Errorf("it warns again: %s", lines)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the group is shut out: %v %v", info.Mode(), err)
	}
}

func TestADataFolderThatEveryoneCanEnterIsWarnedAbout(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	for mode, warns := range map[os.FileMode]bool{0o700: false, 0o750: false, 0o755: true, 0o701: true, 0o777: true} {
		folder := t.TempDir()
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		lines := startLogging(t, folder)
		if warned := strings.Contains(lines, "data="+folder) && strings.Contains(lines, "chmod 700"); warned != warns {
			t.Errorf("%#o: %q", mode, lines)
		}
	}
}
