package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/pgtest"
)

func TestWhatCantBeOpenedReadOnlyIsNotPromisedToWorkAgainByItself(t *testing.T) {
	pgtest.OnSQLite(t, "Postgres has no file to open")
	cause := errors.New("a write failed")
	for _, found := range []trouble{diskFull, diskReadOnly, diskFailing} {
		path := filepath.Join(t.TempDir(), "tokentab.db")
		for _, file := range []struct{ name, content string }{{path, ""}, {path + "-wal", strings.Repeat("x", 64)}} { // no tables, then changes in the WAL
			if err := os.WriteFile(file.name, []byte(file.content), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := openFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := newDB(f, now)
			err = s.openReadOnly(t.Context(), found, cause)
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), ", then start it again: ") || strings.Contains(err.Error(), "automatically") {
				t.Errorf("trouble %d, %q: %v", found, file.name, err)
			}
			_ = s.close()
			_ = f.Close()
		}
	}
}
