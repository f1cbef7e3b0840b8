package command

import (
	"os"
	"path/filepath"
	"testing"

	"tokentab/backend/config"
)

func TestTheURLOfTheDatabaseIsReadAgainIfItCameFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	put := func(url string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(url), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("postgres://u:first@a.example/d")
	typed := config.Storage{DatabaseURL: "postgres://u:typed@a.example/d"}
	if err := fillDatabaseURL(&typed); err != nil || typed.DatabaseURLAgain != nil {
		t.Errorf("a URL from a flag would be read again, or %v", err)
	}
	t.Setenv("TOKENTAB_DATABASE_URL_FILE", file)
	var s config.Storage
	if err := fillDatabaseURL(&s); err != nil || s.DatabaseURL != "postgres://u:first@a.example/d" {
		t.Fatal(err)
	}
	put("postgres://u:second@a.example/d")
	if url, err := s.DatabaseURLAgain(); err != nil || url != "postgres://u:second@a.example/d" {
		t.Errorf("%s, %v", string(url), err)
	}
}
