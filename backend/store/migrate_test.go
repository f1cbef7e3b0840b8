package store

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// migrationsUpTo returns the migrations in a folder up to a number, such as 00012.
func migrationsUpTo(t *testing.T, all fs.FS, pattern, last string) fstest.MapFS {
	t.Helper()
	names, err := fs.Glob(all, pattern)
	if err != nil {
		t.Fatal(err)
	}
	some := fstest.MapFS{}
	for _, name := range names {
		content, err := fs.ReadFile(all, name)
		if err != nil {
			t.Fatal(err)
		}
		if path.Base(name)[:len(last)] <= last {
			some[name] = &fstest.MapFile{Data: content}
		}
	}
	return some
}

// withOneMore returns the migrations of this version and one that the next version could add.
func withOneMore(t *testing.T, statement string) fs.FS {
	t.Helper()
	all := migrationsUpTo(t, migrations, "migrations/*.sql", "99999")
	all["migrations/99998_next.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + "\n")}
	return all
}

// newOlder is newShelf with the schema of an earlier version, whose last migration has the given number.
func newOlder(t *testing.T, last string) *shelf {
	t.Helper()
	at := filepath.Join(t.TempDir(), FileName)
	writer, err := connect(at, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := &db{writer: writer, onDisk: &onDisk{path: at}}
	if err := d.migrate(t.Context(), migrationsUpTo(t, migrations, "migrations/*.sql", last), now); err != nil {
		t.Fatal(err)
	}
	s := &shelf{Store: newStore(d), t: t}
	s.actor.AccountID = s.id()
	s.exec("INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES (?, 7, 'Acme', 'business', 1, 1)", s.actor.AccountID)
	return s
}

// upgraded closes an older database and opens it with this version.
func (s *shelf) upgraded() *Store {
	s.t.Helper()
	if err := s.close(); err != nil {
		s.t.Fatal(err)
	}
	present := open(s.t, filepath.Dir(s.path), now)
	s.t.Cleanup(func() { _ = present.Close() })
	return present
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
	old := newOlder(t, "00001")
	old.exec("UPDATE accounts SET api_token_count = 3")
	hashes := map[token.Status]token.Hash{}
	for status := token.Active; status <= token.Revoked; status++ {
		hash := token.HashOf([]byte(status.String()))
		hashes[status] = hash
		var lastUsed any // only the active token was used
		if status == token.Active {
			lastUsed = 123456
		}
		old.exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, last_used_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, 'abcd', 'account', ?, ?, ?, 1, 1)`, old.id(), old.actor.AccountID, hash[:], status.String(), now().Add(time.Hour).UnixMilli(), lastUsed)
	}
	s := old.upgraded()
	for status, hash := range hashes {
		standing, ok, err := s.Tokens.FindToken(t.Context(), hash)
		if err != nil || !ok || standing.Status != status {
			t.Errorf("a %s token is %v %s %v", status, ok, standing.Status, err)
		}
		found, err := s.Tokens.Token(t.Context(), old.actor.AccountID, standing.TokenID)
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
