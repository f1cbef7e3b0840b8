package store

import (
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"tokentab/backend/paging"
	"tokentab/backend/pgtest"
)

func TestAnUpgradePutsDevelopmentBeforeTheProductionThatCameWithIt(t *testing.T) {
	pgtest.OnSQLite(t, "a schema that Postgres never had")
	folder := t.TempDir()
	path := filepath.Join(folder, FileName)
	writer, err := connect(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	old := newDB(&file{path: path}, now)
	old.writer = writer
	before := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if content, err := fs.ReadFile(migrations, name); err == nil && name < "migrations/00022" {
			before[name] = &fstest.MapFile{Data: content}
		}
	}
	if err := old.migrate(t.Context(), before, now); err != nil {
		t.Fatal(err)
	}
	ids := newShelf(t)
	insert := func(statement string, args ...any) {
		t.Helper()
		if err := writer.Exec(statement, args...).Error; err != nil {
			t.Fatal(err)
		}
	}
	insert("INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES (?, 7, 'Acme', 'business', 1000, 1000)", ids.actor.AccountID)
	for _, e := range []struct {
		name, purpose string
		at            int
	}{{"Live", "production", 1000}, {"Development", "development", 1001}, {"Live 2", "production", 2000}, {"Development 2", "development", 2001}} {
		insert("INSERT INTO environments (id, account_id, name, purpose, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)", ids.id(), ids.actor.AccountID, e.name, e.purpose, e.at, e.at)
	}
	if err := old.close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, folder, now)
	defer s.Close()
	list, _, err := s.Accounts.Environments(t.Context(), ids.actor.AccountID, paging.Page{Size: 10, Sort: "inserted_at"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name)
		if e.UpdatedAt.Before(e.InsertedAt) {
			t.Errorf("%s was updated at %s, before it was made at %s", e.Name, e.UpdatedAt, e.InsertedAt)
		}
	}
	if want := []string{"Development", "Live", "Live 2", "Development 2"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}
