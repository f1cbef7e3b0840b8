package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/pgtest"
)

func TestLargeSortsNeedOnlyTheDataFolder(t *testing.T) {
	pgtest.OnSQLite(t, "its temporary files")
	folder := t.TempDir()
	s := open(t, folder, now)
	defer s.Close()
	rows, err := s.reader.Raw(`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
		SELECT hex(randomblob(50)) AS text FROM numbers ORDER BY text`).Rows()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	inFolder := 0
	for _, descriptor := range open {
		target, err := os.Readlink(descriptor)
		if err != nil || !strings.Contains(target, "etilqs_") {
			continue
		}
		if !strings.HasPrefix(target, folder) {
			t.Errorf("a temporary file is at %s", target)
		}
		inFolder++
	}
	if inFolder == 0 {
		t.Error("the sort was too small to need a file")
	}
}
