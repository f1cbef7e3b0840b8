package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/pgtest"
)

func TestACopyHasEveryTableAndColumnExceptThoseNamedAsOfOneStore(t *testing.T) {
	files, err := Join(t.Context(), t.TempDir(), "", Joining{Create: true}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	remote, err := JoinPostgres(t.Context(), Postgres{URL: pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")}, Joining{Create: true}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	here, there := files.reader.WithContext(t.Context()), remote.reader.WithContext(t.Context())
	tables, err := tablesToCopy(here, there)
	if err != nil {
		t.Fatal(err)
	}
	copied := map[string]bool{}
	for _, t := range tables {
		copied[t.name] = true
		for _, c := range t.columns {
			copied[t.name+"."+c.name] = true
		}
	}
	inPostgres, err := values[string](there, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
		UNION SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	inSQLite, err := values[string](here, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
		UNION SELECT s.name || '.' || c.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%'`)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range append(inPostgres, inSQLite...) {
		found[name] = true
		table, _, _ := strings.Cut(name, ".")
		if isOfOneStore := ofOneStore[name] != "" || ofOneStore[table] != ""; copied[name] == isOfOneStore {
			t.Errorf("%s is copied: %v, and named as of one store: %v", name, copied[name], isOfOneStore)
		}
	}
	for name := range ofOneStore {
		if !found[name] {
			t.Errorf("%s is named as of one store, and in neither", name)
		}
	}
}

func TestACopyNamesTheRowWithATextThatPostgresCantHold(t *testing.T) {
	for name, text := range map[string]string{"zero byte": "zero \x00 byte", "not UTF-8": "not \xff UTF-8"} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s, err := Join(t.Context(), folder, "", Joining{Create: true}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(s.SetSetting(t.Context(), "colour", "green"), s.SetSetting(t.Context(), "size", text), s.Close())
			if err != nil {
				t.Fatal(err)
			}
			to := Postgres{URL: pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")}
			_, err = CopyToPostgres(t.Context(), folder, to, CopyOptions{Now: time.Now, Progress: func(string) {}})
			if err == nil || !strings.Contains(err.Error(), `copy the table settings: its row with the name "size" has a bad value in the column value: Text must be UTF-8 without zero bytes.`) {
				t.Error(err)
			}
		})
	}
}

func TestACopyDependsOnNoSettingOfTheTarget(t *testing.T) {
	folder := t.TempDir()
	s, err := Join(t.Context(), folder, "", Joining{Create: true}, time.Now)
	if err == nil {
		err = errors.Join(s.SetSetting(t.Context(), "colour", `gr\"ün'`), s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	to := Postgres{URL: pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")}
	for _, setting := range []string{"quote_all_identifiers = on", "standard_conforming_strings = off", "transform_null_equals = on", "bytea_output = 'escape'", "datestyle = 'German'", "default_transaction_isolation = 'serializable'"} {
		onPostgres(t, to.URL, "ALTER DATABASE "+databaseOf(t, to.URL)+" SET "+setting)
	}
	options := CopyOptions{Now: time.Now, Progress: func(string) {}, Audit: func(context.Context, audit.Store) error { return nil }}
	if _, err := CopyToPostgres(t.Context(), folder, to, options); err != nil {
		t.Fatal(err)
	}
	if colour, err := openedAt(t, to.URL).Setting(t.Context(), "colour"); err != nil || colour != `gr\"ün'` {
		t.Errorf("%q, %v", colour, err)
	}
}

// Nothing on Postgres makes backups, so the record of one would warn of its failure or its age forever.
func TestACopyOnPostgresKnowsNoBackupOfTheFile(t *testing.T) {
	folder := t.TempDir()
	s, err := Join(t.Context(), folder, "", Joining{Create: true}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SetSetting(t.Context(), backup.FactsSetting, "{}"), s.SetSetting(t.Context(), "colour", "green"), s.Close()); err != nil {
		t.Fatal(err)
	}
	to := Postgres{URL: pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")}
	options := CopyOptions{Now: time.Now, Progress: func(string) {}, Audit: func(context.Context, audit.Store) error { return nil }}
	if _, err := CopyToPostgres(t.Context(), folder, to, options); err != nil {
		t.Fatal(err)
	}
	remote, err := JoinPostgres(t.Context(), to, Joining{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	for name, want := range map[string]string{backup.FactsSetting: "", "colour": "green"} {
		if has, err := remote.Setting(t.Context(), name); err != nil || has != want {
			t.Errorf("the setting %s is %q, want %q: %v", name, has, want, err)
		}
	}
}

func TestATargetThatIsNoFolderIsNamedByItsFlag(t *testing.T) {
	pgtest.OnPostgres(t)
	target := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := CopyFromPostgres(t.Context(), Postgres{URL: migrated.Database(t)}, target, CopyOptions{Now: time.Now})
	if err == nil || err.Error() != "--to: "+target+" is not a folder: name a folder" {
		t.Error(err)
	}
}
