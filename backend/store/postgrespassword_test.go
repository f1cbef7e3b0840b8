package store

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"tokentab/backend/pgtest"
)

func TestAServerConnectsWithThePasswordThatHoldsNow(t *testing.T) {
	pgtest.OnPostgres(t)
	admin := pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")
	const role = "rotated"
	onPostgres(t, admin, "CREATE ROLE asked", "CREATE ROLE "+role+" LOGIN PASSWORD 'first' IN ROLE asked", "ALTER DATABASE "+databaseOf(t, admin)+" OWNER TO "+role)
	t.Cleanup(func() {
		onPostgres(t, admin, "ALTER DATABASE "+databaseOf(t, admin)+" OWNER TO CURRENT_USER", "REASSIGN OWNED BY "+role+" TO CURRENT_USER", "DROP ROLE "+role, "DROP ROLE asked")
	})
	with := func(password string) string {
		return changedURL(t, admin, func(u *url.URL) { u.User = url.UserPassword(role, password) })
	}
	passwords := filepath.Join(t.TempDir(), "pgpass")
	keep := func(password string) {
		t.Helper()
		if err := os.WriteFile(passwords, []byte("*:*:*:"+role+":"+password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keep("first")
	for name, c := range map[string]struct {
		at     Postgres
		change func(password string)
	}{
		"in the file of the URL": {Postgres{URL: with("first")}, nil},
		"in .pgpass":             {Postgres{URL: changedURL(t, admin, func(u *url.URL) { u.User = url.User(role) }) + "&passfile=" + passwords}, keep},
	} {
		onPostgres(t, admin, "ALTER ROLE "+role+" PASSWORD 'first'")
		present := c.at.URL
		if c.change == nil {
			c.at.Again = func() (string, error) { return present, nil }
			c.change = func(password string) { present = with(password) }
		}
		claim, err := ServePostgres(c.at, "", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(name, err)
		}
		s, err := claim.Open(t.Context(), now)
		if err != nil {
			t.Fatal(name, err)
		}
		onPostgres(t, admin, "ALTER ROLE "+role+" PASSWORD 'second'")
		c.change("second")
		onPostgres(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+role+"'")
		if err := s.Ready(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("%s: with the new password: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAConnectionTakesWhatAURLHasForItsOwnDatabaseOnly(t *testing.T) {
	const first = "postgres://u:first@a.example:5432/d?sslmode=disable"
	for url, taken := range map[string]bool{
		"postgres://u:second@a.example:5432/d?sslmode=require": true,
		"postgres://u:second@b.example:5432/d?sslmode=require": false,
		"postgres://u:second@a.example:5433/d?sslmode=require": false,
		"postgres://u:second@a.example:5432/e?sslmode=require": false,
		"postgres://v:second@a.example:5432/d?sslmode=require": false,
		"postgres://u:sec": false, // half written
		"":                 false,
	} {
		r, err := parsePostgres(Postgres{URL: first, Again: func() (string, error) {
			if url == "" {
				return url, os.ErrNotExist
			}
			return url, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		c := r.config.Copy()
		if err := r.present(t.Context(), c); err != nil || (c.Password == "second") != taken || (c.TLSConfig != nil) != taken {
			t.Errorf("of %q it takes the password %s, and TLS %v: %v", url, c.Password, c.TLSConfig != nil, err)
		}
	}
}
