package store

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// withOneMore returns the migrations of this version and one that the next version could add.
func withOneMore(t *testing.T, statement string) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: content}
	}
	all["migrations/99998_next.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + "\n")}
	return all
}

func TestPromise8UpgradesKeepEverythingAfterACopyWasMade(t *testing.T) {
	pgtest.OnSQLite(t, "migrations of SQLite")
	folder := t.TempDir()
	s := open(t, folder, now)
	if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Fatal(err)
	}
	copies := func() []string {
		found, err := filepath.Glob(filepath.Join(folder, FileName+".schema-*Z"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if n := len(copies()); n != 0 {
		t.Fatalf("%d copies of a new database", n)
	}
	if err := s.migrate(t.Context(), withOneMore(t, "ALTER TABLE settings ADD COLUMN note TEXT;"), now); err != nil {
		t.Fatal(err)
	}
	if value, err := s.Setting(t.Context(), "colour"); err != nil || value != "green" {
		t.Errorf("after the upgrade the setting is %q, %v", value, err)
	}
	if err := s.writer.Exec("UPDATE settings SET note = 'new'").Error; err != nil {
		t.Errorf("the upgrade did not happen: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(t, folder, now); err == nil || !strings.Contains(err.Error(), "newer version of this program") {
		t.Errorf("the older program opens newer data: %v", err)
	}
	found := copies()
	if len(found) != 1 {
		t.Fatalf("%d copies", len(found))
	}
	older, err := connect(found[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	var value string
	if err := older.Raw("SELECT value FROM settings WHERE name = 'colour'").Scan(&value).Error; err != nil || value != "green" {
		t.Errorf("the copy holds %q, %v", value, err)
	}
	if pool, err := older.DB(); err == nil {
		_ = pool.Close()
	}
}

// TestPromise8TokensOfSchema1StayGood fills a database with the schema of the first version.
func TestPromise8TokensOfSchema1StayGood(t *testing.T) {
	pgtest.OnSQLite(t, "migrations of SQLite")
	folder := t.TempDir()
	first, err := fs.ReadFile(migrations, "migrations/00001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, FileName)
	writer, err := connect(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	old := newDB(&file{path: path}, now)
	old.writer = writer
	if err := old.migrate(t.Context(), fstest.MapFS{"migrations/00001_first.sql": &fstest.MapFile{Data: first}}, now); err != nil {
		t.Fatal(err)
	}
	hashes := map[token.Status]token.Hash{}
	ids := newShelf(t)
	err = writer.Exec("INSERT INTO accounts (id, partition, name, purpose, api_token_count, inserted_at, updated_at) VALUES (?, 7, 'Acme', 'business', 3, 1, 1)", ids.actor.AccountID).Error
	if err != nil {
		t.Fatal(err)
	}
	for status := token.Active; status <= token.Revoked; status++ {
		hash := token.HashOf([]byte(status.String()))
		hashes[status] = hash
		var lastUsed any // only the active token was used
		if status == token.Active {
			lastUsed = 123456
		}
		err := writer.Exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, last_used_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, 'abcd', 'account', ?, ?, ?, 1, 1)`, ids.id(), ids.actor.AccountID, hash[:], status.String(), now().Add(time.Hour).UnixMilli(), lastUsed).Error
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := old.close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, folder, now)
	defer s.Close()
	for status, hash := range hashes {
		standing, ok, err := s.Tokens.FindToken(t.Context(), hash)
		if err != nil || !ok || standing.Status != status {
			t.Errorf("a %s token is %v %s %v", status, ok, standing.Status, err)
		}
		found, err := s.Tokens.Token(t.Context(), ids.actor.AccountID, standing.TokenID)
		if err != nil || !found.StatusEntry.IsZero() {
			t.Errorf("%v %v", found.StatusEntry, err)
		}
		if used := found.LastUsedAt.Equal(time.UnixMilli(123456)); used != (status == token.Active) || !used && !found.LastUsedAt.IsZero() {
			t.Errorf("a %s token was last used at %s", status, found.LastUsedAt)
		}
	}
}

func TestAnUpgradeThatFailsLeavesTheDataAsItWas(t *testing.T) {
	pgtest.OnSQLite(t, "migrations of SQLite")
	s := open(t, t.TempDir(), now)
	defer s.Close()
	if err := s.migrate(t.Context(), withOneMore(t, "ALTER TABLE settings ADD COLUMN note TEXT; SELECT nonsense FROM nowhere;"), now); err == nil {
		t.Fatal("a migration that can't run succeeded")
	}
	var columns int
	if err := s.writer.Raw("SELECT count(*) FROM pragma_table_info('settings')").Scan(&columns).Error; err != nil || columns != 2 {
		t.Errorf("%d columns, %v; want 2", columns, err)
	}
	if err := s.migrate(t.Context(), migrations, now); err != nil {
		t.Errorf("the data can't be opened any more: %v", err)
	}
}

func TestProcessesThatStartAtOnceOpenTheSameNewDatabase(t *testing.T) {
	pgtest.OnSQLite(t, "migrations of SQLite")
	folder := t.TempDir()
	opened := make(chan error)
	for range 6 {
		go func() {
			s, err := tryOpen(t, folder, now)
			if err == nil {
				err = s.Close()
			}
			opened <- err
		}()
	}
	for range 6 {
		if err := <-opened; err != nil {
			t.Error(err)
		}
	}
}
