package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// nextPostgres returns the migrations of this version and made-up later ones.
func nextPostgres(t *testing.T, later map[string]string) fs.FS {
	t.Helper()
	all := migrationsUpTo(t, postgresMigrations, "*.sql", "99999")
	for name, statement := range later {
		all[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + "\n")}
	}
	return all
}

func TestACopyStopsOnceANewerVersionChangesWhatItMustNotRunBeside(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	upgrade := func(later map[string]string) {
		t.Helper()
		next, err := parsePostgres(Postgres{URL: at})
		if err != nil {
			t.Fatal(err)
		}
		all := nextPostgres(t, later)
		next.schema = lastOf(all)
		if err := next.prepare(t.Context(), all, true, true); err != nil {
			t.Fatal(err)
		}
	}
	works := func(want bool) {
		t.Helper()
		_, look := s.Copies().ChangesFrom(t.Context(), token.Mark{})
		uses := s.Tokens.RecordUses(t.Context(), token.UseBatch{Writer: 1, Number: 1})
		for name, err := range map[string]error{"a look": look, "a change": s.SetSetting(t.Context(), "colour", "green"), "a write of uses": uses} {
			if isOutdated := errors.Is(err, errOutdated); isOutdated == want || err != nil && !isOutdated {
				t.Errorf("%s: %v", name, err)
			}
		}
		if leads, err := s.Copies().Leads(t.Context()); leads != want || err != nil {
			t.Errorf("leads: %v, %v", leads, err)
		}
	}
	later := map[string]string{"99997_beside.sql": "-- The previous version may keep running.\nALTER TABLE settings ADD COLUMN note TEXT;"}
	upgrade(later)
	works(true)
	again, err := openURL(t, at)
	if err != nil {
		t.Fatalf("the older version can't start beside the newer one: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	later["99998_alone.sql"] = "UPDATE schema_needs SET lowest = 99998;\nALTER TABLE settings DROP COLUMN note;"
	upgrade(later)
	works(false)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for led := true; led; { // until Postgres has ended the session
		var err error
		if led, err = s.isLed(ctx); err != nil {
			t.Fatalf("it keeps the lock: %v", err)
		}
	}
	if _, err := openURL(t, at); err == nil || !strings.Contains(err.Error(), "newer version of this program (schema 99998") {
		t.Errorf("the older version starts: %v", err)
	}
	if value, err := s.Setting(t.Context(), "colour"); err != nil || value != "green" {
		t.Errorf("after the upgrades the setting is %q, %v", value, err)
	}
}

func TestAServerUpgradesAnOlderSchemaAndACommandDoesNot(t *testing.T) {
	pgtest.OnPostgres(t)
	at := migrated.Database(t)
	all := nextPostgres(t, map[string]string{"99998_next.sql": "-- The previous version may keep running.\nALTER TABLE settings ADD COLUMN note TEXT;"})
	r, err := parsePostgres(Postgres{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	r.schema = lastOf(all)
	if err := r.prepare(t.Context(), all, true, false); err == nil || !strings.Contains(err.Error(), "start tokentab serve of this version once") {
		t.Errorf("a command: %v", err)
	}
	failed := make(chan error, 4)
	for range cap(failed) { // several start at once
		go func() { failed <- r.prepare(context.WithoutCancel(t.Context()), all, true, true) }()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	onPostgres(t, at, "UPDATE settings SET note = 'new'")
}

func TestAMigrationThatWaitsForAnotherSessionHoldsUpNoChange(t *testing.T) {
	pgtest.OnPostgres(t)
	defer func(wait, pause time.Duration) { migrationWait, migrationPause = wait, pause }(migrationWait, migrationPause)
	migrationWait, migrationPause = 50*time.Millisecond, 50*time.Millisecond
	s, at := opened(t)
	other, err := OpenPostgres(at)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	reading, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if err := reading.QueryRow("SELECT pg_backend_pid() FROM (SELECT count(*) FROM settings) used").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	all := nextPostgres(t, map[string]string{"99998_next.sql": "ALTER TABLE settings ADD COLUMN note TEXT;"})
	r, err := parsePostgres(Postgres{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	r.schema = lastOf(all)
	lines := make(chan string, 1)
	r.servers.log = slog.New(slog.NewTextHandler(writerFunc(func(line []byte) { lines <- string(line) }), nil))
	done := make(chan error, 1)
	go func() { done <- r.prepare(context.WithoutCancel(t.Context()), all, true, true) }()
	if line := <-lines; !strings.Contains(line, fmt.Sprintf("pid %d ", pid)) {
		t.Errorf("the log does not name pid %d: %s", pid, line)
	}
	for range 3 {
		if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
			t.Error(err)
		}
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	onPostgres(t, at, "UPDATE settings SET note = 'new'")
}

type writerFunc func(line []byte)

func (f writerFunc) Write(line []byte) (int, error) { f(line); return len(line), nil }

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	pgtest.OnPostgres(t)
	at := migrated.Database(t)
	all := nextPostgres(t, map[string]string{"99998_next.sql": "UPDATE schema_needs SET lowest = 99998;\nALTER TABLE settings ADD COLUMN note TEXT;\nSELECT nonsense FROM nowhere;"})
	r, err := parsePostgres(Postgres{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	r.schema = lastOf(all)
	if err := r.prepare(t.Context(), all, true, true); err == nil {
		t.Error("it did not fail")
	}
	s, err := openURL(t, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestEachMigrationSaysWhetherThePreviousVersionMayKeepRunning holds for migrations after the first of Postgres.
func TestEachMigrationSaysWhetherThePreviousVersionMayKeepRunning(t *testing.T) {
	numbers := func(all fs.FS) (list []string) {
		names, err := fs.Glob(all, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			list = append(list, name[:5])
		}
		return list
	}
	ours, theirs := numbers(postgresMigrations), numbers(below(migrations, "migrations"))
	first := ours[0]
	for _, number := range theirs {
		if number > first && !strings.Contains(strings.Join(ours, " "), number) {
			t.Errorf("migration %s is missing in migrations/postgres", number)
		}
	}
	if ours[len(ours)-1] != theirs[len(theirs)-1] {
		t.Errorf("the newest migrations are %s of Postgres and %s of SQLite", ours[len(ours)-1], theirs[len(theirs)-1])
	}
	names, _ := fs.Glob(postgresMigrations, "*.sql")
	for _, name := range names[1:] {
		content, err := fs.ReadFile(postgresMigrations, name)
		if err != nil {
			t.Fatal(err)
		}
		mayRun := strings.Contains(string(content), "The previous version may keep running.")
		lowest := regexp.MustCompile(`UPDATE schema_needs SET lowest = (\d+);`).FindSubmatch(content)
		if mayRun == (lowest != nil) || lowest != nil && string(lowest[1]) != strings.TrimLeft(name[:5], "0") {
			t.Errorf("%s must have either the sentence The previous version may keep running. or the statement UPDATE schema_needs SET lowest = %s;", name, strings.TrimLeft(name[:5], "0"))
		}
	}
}
