package store

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tokentab/backend/pgtest"
)

func TestPromise8EmailsOfEarlierVersionsGetTheOneFormAndBothOfTwoThatCollideStay(t *testing.T) {
	pgtest.OnSQLite(t, "a schema that Postgres never had")
	folder := t.TempDir()
	path := filepath.Join(folder, FileName)
	writer, err := connect(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	earlier := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_kept_emails.sql") {
			break
		}
		content, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		earlier[name] = &fstest.MapFile{Data: content}
	}
	old := &db{writer: writer, onDisk: &onDisk{path: path}}
	if err := old.migrate(t.Context(), earlier, now); err != nil {
		t.Fatal(err)
	}
	ids := newShelf(t)
	run := func(statement string, values ...any) {
		t.Helper()
		if err := writer.Exec(statement, values...).Error; err != nil {
			t.Fatal(err)
		}
	}
	run("INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES (?, 7, 'Acme', 'business', 1, 1)", ids.actor.AccountID)
	emails := map[string]string{
		"ada@bücher.example": "ada@xn--bcher-kva.example", "bob@example.com": "bob@example.com", "zoe\u0308@example.com": "zoë@example.com",
		"eve@xn--bcher-kva.example": "eve@xn--bcher-kva.example", "eve@bücher.example": "eve@bücher.example", "user@localhost": "user@localhost",
	}
	of := map[string]string{}
	for email := range emails {
		of[email] = ids.id().String()
		run("INSERT INTO admin_users (id, account_id, email, password_hash, inserted_at, updated_at) VALUES (?, ?, ?, '', 1, 1)", of[email], ids.actor.AccountID, email)
	}
	if err := old.close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, folder, now)
	defer s.Close()
	for email, kept := range emails {
		user, _, ok, err := s.People.AdminUserByEmail(t.Context(), email, kept)
		if err != nil || !ok || user.ID.String() != of[email] || user.Email != kept {
			t.Errorf("%s: %v %v %v", email, user, ok, err)
		}
	}
}
