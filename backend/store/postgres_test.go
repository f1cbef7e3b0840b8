package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// openURL opens a database as a server does. The caller closes it.
func openURL(t *testing.T, url string) (*Store, error) {
	t.Helper()
	claim, err := ServePostgres(Postgres{URL: url}, "", slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return claim.Open(t.Context(), now)
}

// opened opens a database of its own, and returns it with its URL.
func opened(t *testing.T) (*Store, string) {
	t.Helper()
	url := migrated.Database(t)
	return openedAt(t, url), url
}

// openedAt opens a database until the end of the test.
func openedAt(t *testing.T, url string) *Store {
	t.Helper()
	s, err := openURL(t, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// onPostgres runs statements on a database.
func onPostgres(t *testing.T, url string, statements ...string) {
	t.Helper()
	db, err := OpenPostgres(url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// changedURL returns a URL with a change.
func changedURL(t *testing.T, text string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

// databaseOf returns the name of the database that a URL names.
func databaseOf(t *testing.T, at string) (name string) {
	t.Helper()
	changedURL(t, at, func(u *url.URL) { name = strings.TrimPrefix(u.Path, "/") })
	return name
}

func TestAPostgresThatCantBeUsedIsRefusedWithWhatToDo(t *testing.T) {
	pgtest.OnPostgres(t)
	whole := migrated.Database(t)
	empty := pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")
	onPostgres(t, empty, "CREATE ROLE newcomer LOGIN PASSWORD 'secret word'")
	t.Cleanup(func() { onPostgres(t, whole, "DROP ROLE newcomer") })
	as := func(at string) string {
		return changedURL(t, at, func(u *url.URL) { u.User = url.UserPassword("newcomer", "secret word") })
	}
	for name, c := range map[string]struct{ url, says string }{
		"another kind":   {"mysql://root:secret@localhost/a", "must be like postgres://"},
		"no URL":         {"postgres://user:secret word@[", "write special characters of the password as %XX"},
		"a percent sign": {"postgres://user:secret%word@localhost/a", "such as %25 for %"},
		"an @":           {"postgres://user:my@secret@localhost/a", "and %40 for @"},
		"a slash":        {"postgres://user:12/secret@localhost/a", "and %40 for @"},
		"a question":     {"postgres://user:12?secret@localhost/a", "and %40 for @"},
		"a number sign":  {"postgres://user:12#secret@localhost/a", "and %40 for @"},
		"no such file":   {"postgres://user:secret@localhost/a?sslmode=verify-full&sslrootcert=/missing/ca.pem", "open /missing/ca.pem: no such file"},
		"no certificate": {"postgres://user:secret@localhost/a?sslmode=verify-full&sslrootcert=postgres_test.go", "the file of sslrootcert has no certificate"},
		"no such mode":   {"postgres://user:secret@localhost/a?sslmode=full", "sslmode is invalid"},
		"nobody listens": {"postgres://ada:secret@127.0.0.1:1/tokens?sslmode=disable", "can't connect to the database tokens on 127.0.0.1:1 as ada"},
		"no database":    {changedURL(t, whole, func(u *url.URL) { u.Path = "/missing" }), `database "missing" does not exist`},
		"encoding":       {pgtest.Create(t, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"), "has the encoding SQL_ASCII: create the database with ENCODING 'UTF8'"},
		"may not create": {as(empty), "run GRANT USAGE, CREATE ON SCHEMA public"},
		"no such schema": {empty + "&search_path=%22app%2C%20public%22", `the search_path of the role postgres, "app, public", names no schema that it may use`},
		"may not read":   {as(whole), "the role newcomer lacks rights"},
		"read-only":      {changedURL(t, empty, func(u *url.URL) { u.RawQuery += "&default_transaction_read_only=on" }), "neither the role, the database nor the URL may have default_transaction_read_only"},
	} {
		_, err := openURL(t, c.url)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the message shows the password: %v", name, err)
		}
	}
	oldestPostgres = 990000
	defer func() { oldestPostgres = 150000 }()
	if _, err := openURL(t, whole); err == nil || !strings.Contains(err.Error(), "use version 99 or later") {
		t.Errorf("an old server: %v", err)
	}
}

func TestAStandbyIsRefused(t *testing.T) {
	pgtest.OnPostgres(t)
	standby := pgtest.Standby(t)
	if _, err := openURL(t, standby); err == nil || !strings.Contains(err.Error(), "is a standby, which takes no changes") {
		t.Error(err)
	}
	// So is each later connection: of several hosts, the primary may take no more for a while.
	pool, err := OpenPostgres(standby)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.PingContext(t.Context()); err == nil {
		t.Error("a connection to a standby is taken")
	}
	// The URL may demand a kind of server, too.
	_, at := opened(t)
	pool, err = OpenPostgres(at + "&target_session_attrs=read-only")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.PingContext(t.Context()); err == nil {
		t.Error("a connection that can write is taken for a read-only one")
	}
}

func TestTablesInAnotherSchemaThanNewOnesAreRefused(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	if leads, err := s.Copies().Leads(t.Context()); err != nil || !leads {
		t.Errorf("leads: %v, %v", leads, err)
	}
	onPostgres(t, at, "CREATE SCHEMA later", "ALTER DATABASE "+databaseOf(t, at)+" SET search_path = later, public")
	if _, err := openURL(t, at); err == nil || !strings.Contains(err.Error(), "the tables are in the schema public") || !strings.Contains(err.Error(), "SET search_path = public") {
		t.Error(err)
	}
	// A session of a running copy that began later asks for the same lock.
	if led, err := s.isLed(t.Context()); err != nil || !led {
		t.Errorf("led: %v, %v", led, err)
	}
}

func TestACommandMakesNoTablesUnlessItMay(t *testing.T) {
	pgtest.OnPostgres(t)
	url := pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")
	at := Postgres{URL: url}
	if _, err := JoinPostgres(t.Context(), at, Joining{}, now); err == nil || !strings.Contains(err.Error(), "there is no data in the database") {
		t.Error(err)
	}
	for range 2 { // once the tables are there, it changes nothing
		s, err := JoinPostgres(t.Context(), at, Joining{Create: true}, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOneCopyWritesAtATimeAndAllNumbersFollowTheCommits(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	other := openedAt(t, at)
	const each = 50
	failed := make(chan error, 2)
	for _, copy := range []*Store{s, other} {
		go func() {
			var err error
			for range each {
				err = errors.Join(err, copy.change(context.WithoutCancel(t.Context()), func(tx *gorm.DB) error {
					n, err := value[int](tx, "SELECT COALESCE(MAX(value), '0') FROM settings WHERE name = 'n'")
					if err != nil {
						return err
					}
					if err := setSetting(tx, "n", fmt.Sprintf("%03d", n+1)); err != nil {
						return err
					}
					return announceChange(tx)
				}))
			}
			failed <- err
		}()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if n, err := s.Setting(t.Context(), "n"); err != nil || n != fmt.Sprintf("%03d", 2*each) {
		t.Errorf("%s of %d changes were counted, %v", n, 2*each, err)
	}
}

func TestACopyThatStopsWithTheLockDelaysOthersForShort(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	other := openedAt(t, at)
	stuck := s.writer.Begin() // and nothing follows, as in a paused process
	if stuck.Error != nil {
		t.Fatal(stuck.Error)
	}
	defer stuck.Rollback()
	if err := other.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Errorf("another copy can't write: %v", err)
	}
	if err := stuck.Exec("INSERT INTO settings (name, value) VALUES ('late', 'yes')").Error; err == nil {
		t.Error("the paused transaction goes on")
	}
}

func TestALostConnectionIsARefusalAndTheNextRequestConnectsAgain(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Fatal(err)
	}
	err := s.change(t.Context(), func(tx *gorm.DB) error {
		onPostgres(t, at, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		return setSetting(tx, "colour", "red")
	})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a change on a lost connection: %v", err)
	}
	for range 2 {
		var colour string
		if err = s.SetSetting(t.Context(), "size", "large"); err == nil {
			colour, err = s.Setting(t.Context(), "colour")
		}
		if err == nil && colour != "green" {
			t.Errorf("the colour is %s", colour)
		}
		if err != nil && fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
	}
	if err != nil {
		t.Errorf("the store does not connect again: %v", err)
	}
}

// TestASessionThatCantDoItsWorkIsGivenUp connects while the database's defaults are wrong, which sessions keep.
func TestASessionThatCantDoItsWorkIsGivenUp(t *testing.T) {
	pgtest.OnPostgres(t)
	for _, wrong := range []string{"default_transaction_read_only = on", "search_path = pg_temp"} {
		s, at := opened(t)
		name, _, _ := strings.Cut(wrong, " ")
		onPostgres(t, at, "ALTER DATABASE "+databaseOf(t, at)+" SET "+wrong,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		for range 2 { // the first may meet the end of its connection
			if err := s.SetSetting(t.Context(), "colour", "red"); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("%s: %v", wrong, err)
			}
			_, _ = s.Setting(t.Context(), "colour")
		}
		onPostgres(t, at, "SET default_transaction_read_only = off", "ALTER DATABASE "+databaseOf(t, at)+" RESET "+name)
		_ = s.SetSetting(t.Context(), "colour", "blue")
		_, _ = s.Setting(t.Context(), "colour")
		err := s.SetSetting(t.Context(), "colour", "green")
		if colour, failed := s.Setting(t.Context(), "colour"); err != nil || failed != nil || colour != "green" {
			t.Errorf("%s, after its end: %q, %v, %v", wrong, colour, err, failed)
		}
	}
}

// sessionsOf returns how many sessions a database has for each kind of connection.
func sessionsOf(t *testing.T, s *Store) map[string]int {
	t.Helper()
	found := map[string]int{}
	err := scan(s.reader, "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1", nil, func(rows *sql.Rows) error {
		var name string
		var count int
		err := rows.Scan(&name, &count)
		found[name] = count
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAServerConnectsForChangesAndLooksFirstAndGivesBackWhatABurstTook(t *testing.T) {
	pgtest.OnPostgres(t)
	defer func(was time.Duration) { readerIdle = was }(readerIdle)
	readerIdle = time.Millisecond
	s, _ := opened(t)
	for _, name := range []string{"tokentab changes", "tokentab uses", "tokentab looks"} {
		if found := sessionsOf(t, s); found[name] != 1 {
			t.Errorf("a server that has started has %v", found)
		}
	}
	for _, db := range []*gorm.DB{s.reader, s.finder} {
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		var all []*sql.Conn
		for range pool.Stats().MaxOpenConnections {
			conn, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn)
		}
		for _, conn := range all {
			_ = conn.Close()
		}
	}
	for began := time.Now(); ; {
		found := sessionsOf(t, s)
		if found["tokentab readers"] <= 1 && found["tokentab finders"] == 0 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("after a burst there are %v", found)
		}
	}
}

func TestACopyThatDoesNotLeadAsksOnOneSession(t *testing.T) {
	pgtest.OnPostgres(t)
	first, at := opened(t)
	second := openedAt(t, at)
	if leads, err := first.Copies().Leads(t.Context()); err != nil || !leads {
		t.Fatal(leads, err)
	}
	newestBut := func(other int) (pid int) {
		t.Helper()
		pid, err := value[int](first.reader, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tokentab leads' AND pid <> ? ORDER BY backend_start DESC LIMIT 1", other)
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	once := 0
	for range 3 {
		if leads, err := second.Copies().Leads(t.Context()); err != nil || leads {
			t.Fatal(leads, err)
		}
		if last := newestBut(0); once != 0 && last != once {
			t.Error("it connected again")
		} else {
			once = last
		}
	}
	end := func(pid int) { onPostgres(t, at, "SELECT pg_terminate_backend("+strconv.Itoa(pid)+", 60000)") } // waits for it
	end(newestBut(once))
	for range 2 {
		if leads, err := second.Copies().Leads(t.Context()); err != nil || !leads {
			t.Error("it does not take over: ", err)
		}
	}
	end(once)
	if leads, err := second.Copies().Leads(t.Context()); err != nil || !leads {
		t.Error("it does not lead again: ", err)
	}
}

func TestDurabilityOfAPostgresIsRaisedButNotLowered(t *testing.T) {
	pgtest.OnPostgres(t)
	for _, c := range []struct{ server, want string }{{"off", "on"}, {"local", "on"}, {"on", "on"}, {"remote_apply", "remote_apply"}} {
		at := migrated.Database(t)
		onPostgres(t, at, "ALTER DATABASE "+databaseOf(t, at)+" SET synchronous_commit = '"+c.server+"'")
		s, err := openURL(t, at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := value[string](s.writer, "SELECT current_setting('synchronous_commit')")
		soon, err2 := value[string](s.noter, "SELECT current_setting('synchronous_commit')")
		if err := errors.Join(err, err2); err != nil || got != c.want || soon != "off" {
			t.Errorf("%s becomes %s, and %s for uses; %v", c.server, got, soon, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheTimeOfCopiesIsThatOfPostgres(t *testing.T) {
	pgtest.OnPostgres(t)
	s, _ := opened(t)
	of := func() time.Time {
		text, err := value[string](s.reader, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
		at, failed := time.Parse(time.RFC3339, text)
		if err := errors.Join(err, failed); err != nil {
			t.Fatal(err)
		}
		return at
	}
	before := of()
	at, err := s.Copies().Time(t.Context())
	if after := of().Add(time.Millisecond); err != nil || at.Before(before) || at.After(after) {
		t.Errorf("%v %v, want %v to %v", at, err, before, after)
	}
}

func TestAServerWritesNothingToTheDatabaseOfAnotherInstallation(t *testing.T) {
	pgtest.OnPostgres(t)
	s, url := opened(t)
	own, err := s.Setting(t.Context(), installationSetting)
	if err != nil || own == "" {
		t.Fatalf("%q %v", own, err)
	}
	name := func(name string) {
		onPostgres(t, url, "UPDATE settings SET value = '"+name+"' WHERE name = '"+installationSetting+"'")
	}
	name("other")
	if err := s.SetSetting(t.Context(), "colour", "green"); !errors.Is(err, errForeign) {
		t.Errorf("a change: %v", err)
	}
	if colour, err := s.Setting(t.Context(), "colour"); err != nil || colour != "" {
		t.Errorf("%q %v", colour, err)
	}
	name(own)
	if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Errorf("a change of its own again: %v", err)
	}
}

func TestATextThatPostgresCantHoldIsRefusedBeforeItGetsThere(t *testing.T) {
	pgtest.OnPostgres(t)
	s, _ := opened(t)
	for _, text := range []string{"zero \x00 byte", "not \xff UTF-8"} {
		err := s.change(t.Context(), func(tx *gorm.DB) error {
			if err := setSetting(tx, "colour", text); fault.KindOf(err) != fault.Validation {
				t.Errorf("%q: %v", text, err)
			}
			return setSetting(tx, "colour", "green") // the transaction goes on
		})
		if err != nil {
			t.Error(err)
		}
		if _, err := s.Setting(t.Context(), text); fault.KindOf(err) != fault.Validation {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReadersOfAPostgresWriteNothing(t *testing.T) {
	pgtest.OnPostgres(t)
	s, _ := opened(t)
	for name, db := range map[string]*gorm.DB{"reader": s.reader, "finder": s.finder} {
		if err := setSetting(db, "colour", "green"); troubleOf(err) != serverReadOnly {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChangesOfTokensSecretsAndKeysAreLogged checks the rows that the memory of other copies follows.
func TestChangesOfTokensSecretsAndKeysAreLogged(t *testing.T) {
	pgtest.OnPostgres(t)
	s, _ := opened(t)
	run := func(statement string, args ...any) {
		t.Helper()
		if err := s.writer.Exec(statement, args...).Error; err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run("INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES ('a', 1, 'a', 'business', 1, 1)")
	const insert = "INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at) VALUES "
	for _, c := range []struct{ statement, want string }{
		{insert + "('t', 'a', '', 't', '', 'account', 'active', 1, 1, 1), ('u', 'a', '', 'u', '', 'account', 'active', 1, 1, 1)", "t u"},
		{"UPDATE api_tokens SET status = 'suspended' WHERE id = 't'", "t"},
		{"UPDATE api_tokens SET status = 'revoked', after_move = 1", ""},
		{"INSERT INTO old_secrets (secret_hash, token_id, hint, expires_at, replaced_at, ends_at) VALUES ('o', 'u', '', 1, 1, 1)", "u"},
		{"UPDATE old_secrets SET ends_at = 0", "u"},
		{"DELETE FROM old_secrets", "u"},
		{"INSERT INTO token_moves (account_id, target, target_id, to_status, detail, actor_address, tokens, moved, inserted_at) VALUES ('a', 'account_id', 'a', 'revoked', '', '', 1, 0, 7)", "move"},
		{"INSERT INTO signing_keys (kid, sealed_private_key, public_key, inserted_at) VALUES ('k', '', '', 1)", "all"},
		{"UPDATE signing_keys SET withdrawn_at = 1", "all"},
		{"DELETE FROM signing_keys", "all"},
		{"DELETE FROM api_tokens", "t u"},
	} {
		last, err := value[int64](s.reader, "SELECT COALESCE(MAX(number), 0) FROM token_changes")
		if err != nil {
			t.Fatal(err)
		}
		run(c.statement)
		got, err := values[string](s.reader, "SELECT CASE WHEN target = 'account_id' AND to_status = 'revoked' AND moved_at = 7 THEN 'move' ELSE COALESCE(token_id, 'all') END FROM token_changes WHERE number > ? ORDER BY 1", last)
		if all := strings.Join(got, " "); err != nil || all != c.want {
			t.Errorf("%s: %q, %v; want %q", c.statement, all, err, c.want)
		}
	}
	run("ALTER TABLE token_changes ALTER COLUMN number RESTART WITH 200000")
	run(insert + "('v', 'a', '', 'v', '', 'account', 'active', 1, 1, 1)")
	if left, err := value[int](s.reader, "SELECT count(*) FROM token_changes"); err != nil || left != 1 {
		t.Errorf("%d rows are left, %v; want the newest alone", left, err)
	}
}

func TestPromise1NothingChangesWithoutTheTriggersThatTellOtherCopies(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	triggers, err := mapOf[string, string](s.reader, "SELECT format('TRIGGER %I ON %s', tgname, CAST(tgrelid AS regclass)), pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")
	if err != nil || len(triggers) == 0 {
		t.Fatalf("%d triggers, %v", len(triggers), err)
	}
	for name, again := range triggers {
		onPostgres(t, at, "DROP "+name)
		if err := s.SetSetting(t.Context(), "colour", "green"); !errors.Is(err, errSilent) {
			t.Errorf("without %s: %v", name, err)
		}
		onPostgres(t, at, again)
		if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
			t.Errorf("with %s again: %v", name, err)
		}
	}
	onPostgres(t, at, "CREATE FUNCTION of_another_program() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
		"CREATE TRIGGER another AFTER INSERT ON api_tokens FOR EACH STATEMENT EXECUTE FUNCTION of_another_program()", "ALTER TABLE api_tokens DISABLE TRIGGER another")
	if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Errorf("with a disabled trigger of another program: %v", err)
	}
	for _, table := range []string{"api_tokens", "old_secrets", "token_moves", "signing_keys", "token_uses", "audit_events"} {
		onPostgres(t, at, "ALTER TABLE "+table+" DISABLE TRIGGER ALL") // as pg_restore --data-only --disable-triggers leaves it if it is interrupted
		if err := s.SetSetting(t.Context(), "colour", "green"); !errors.Is(err, errSilent) {
			t.Errorf("without the triggers of %s: %v", table, err)
		}
		if err := s.Ready(t.Context()); err == nil {
			t.Errorf("ready without the triggers of %s", table)
		}
		onPostgres(t, at, "ALTER TABLE "+table+" ENABLE TRIGGER ALL")
		if err := s.SetSetting(t.Context(), "colour", "green"); err != nil {
			t.Errorf("with the triggers of %s again: %v", table, err)
		}
	}
	onPostgres(t, at, "ALTER TABLE signing_keys ENABLE REPLICA TRIGGER signing_keys_changed")
	if err := s.SetSetting(t.Context(), "colour", "green"); !errors.Is(err, errSilent) {
		t.Errorf("with a trigger for replicas alone: %v", err)
	}
	onPostgres(t, at, "ALTER TABLE signing_keys ENABLE TRIGGER ALL", "ALTER DATABASE "+databaseOf(t, at)+" SET session_replication_role = replica")
	other := openedAt(t, at)
	if err := other.SetSetting(t.Context(), "colour", "green"); !errors.Is(err, errSilent) {
		t.Errorf("as a replica: %v", err)
	}
	onPostgres(t, at, "ALTER DATABASE "+databaseOf(t, at)+" RESET session_replication_role")
	if err := other.SetSetting(t.Context(), "colour", "green"); err != nil {
		t.Errorf("as a replica no more: %v", err)
	}
}

func TestReadyAfterAFailureNeedsRoomThatNoCompressionSpares(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	onPostgres(t, at, "ALTER TABLE api_tokens DISABLE TRIGGER ALL")
	if err := s.Ready(t.Context()); err == nil {
		t.Fatal("ready without triggers")
	}
	onPostgres(t, at, "ALTER TABLE api_tokens ENABLE TRIGGER ALL")
	s.health.isStale.Store(true) // Ready repeats an answer for a second
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if size, err := value[int](s.reader, "SELECT pg_column_size(value) FROM settings WHERE name = 'probe'"); err != nil || size < probeBytes {
		t.Errorf("it has written %d bytes, %v; want %d", size, err, probeBytes)
	}
}

func TestAReadTogetherShowsOneState(t *testing.T) {
	pgtest.OnPostgres(t)
	s, _ := opened(t)
	err := s.readTogether(t.Context(), func(tx *gorm.DB) error {
		for range 2 {
			if n, err := value[int](tx, "SELECT count(*) FROM settings WHERE name = 'colour'"); err != nil || n != 0 {
				t.Errorf("%d, %v", n, err)
			}
			if err := s.SetSetting(context.Background(), "colour", "green"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestALookAsksForTheOldestChangeOnlyIfTheLogLacksItsMark(t *testing.T) {
	pgtest.OnPostgres(t)
	s, _ := opened(t)
	change := func(statement string) {
		t.Helper()
		if err := s.writer.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	look := func(from token.Mark) token.LogPart {
		t.Helper()
		part, err := s.Copies().ChangesFrom(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		return part
	}
	for range 3 {
		change("INSERT INTO token_changes DEFAULT VALUES")
	}
	seen := look(token.Mark{}).Marks[0]
	change("INSERT INTO token_changes DEFAULT VALUES")
	if part := look(seen); len(part.Marks) != 2 || part.Marks[0] != seen || part.Oldest != 0 {
		t.Errorf("a look from a mark that is there: %+v", part)
	}
	change("DELETE FROM token_changes WHERE number <= " + strconv.FormatInt(seen.Number, 10))
	if part := look(seen); len(part.Marks) != 1 || part.Oldest != part.Marks[0].Number {
		t.Errorf("a look behind the end of the log: %+v", part)
	}
	lost := token.Mark{Number: seen.Number + 1, Tag: "another"}
	if part := look(lost); len(part.Marks) != 1 || part.Oldest > lost.Number {
		t.Errorf("a look from a change that was lost: %+v", part)
	}
}

func TestALookConnectsAgainAlsoIfItIsTheFirst(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	if _, err := s.Copies().connected(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, from := range []token.Mark{{}, {Number: 1}} {
		onPostgres(t, at, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		if _, err := s.Copies().ChangesFrom(t.Context(), from); err != nil {
			t.Errorf("from %d: %v", from.Number, err)
		}
	}
}

func TestInstallationsInTwoSchemasOfADatabaseLeadEachForItself(t *testing.T) {
	pgtest.OnPostgres(t)
	first, at := opened(t)
	onPostgres(t, at, "CREATE SCHEMA beside")
	second := openedAt(t, at+"&search_path=beside")
	for _, s := range []*Store{first, second} {
		if led, err := s.isLed(t.Context()); err != nil || led {
			t.Errorf("led before a copy leads: %v, %v", led, err)
		}
		if leads, err := s.Copies().Leads(t.Context()); err != nil || !leads {
			t.Errorf("leads: %v, %v", leads, err)
		}
		if led, err := s.isLed(t.Context()); err != nil || !led {
			t.Errorf("led: %v, %v", led, err)
		}
	}
}

func TestUsesOfOtherCopiesAreFollowedAlsoAfterAHistoryThatLostSome(t *testing.T) {
	pgtest.OnPostgres(t)
	s := newShelf(t)
	made, err := s.insert(token.StatusEntry{}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	s.lists.WatchUses(func(id pfid.ID, _ bool) {
		if seen++; id != made.ID {
			t.Errorf("a use of %s", id)
		}
	})
	follow := func(want int) {
		t.Helper()
		seen = 0
		if err := s.lists.FollowUses(t.Context(), s.Copies()); err != nil || seen != want {
			t.Errorf("saw %d uses, %v; want %d", seen, err, want)
		}
	}
	use := func() {
		t.Helper()
		s.batch++
		at := now().UnixMilli()
		err := s.Tokens.RecordUses(t.Context(), token.UseBatch{Writer: 1, Number: s.batch, At: at, Uses: []token.Use{{TokenID: made.ID, Accepted: 1, At: at}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		use()
	}
	follow(0) // from here on
	use()
	follow(1)
	run := func(statement string) {
		t.Helper()
		if err := s.writer.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	run("ALTER TABLE token_uses DISABLE TRIGGER USER")
	run("UPDATE token_uses SET written = 2")
	run("ALTER TABLE token_uses ENABLE TRIGGER USER")
	run("ALTER SEQUENCE token_uses_written RESTART WITH 3")
	follow(0)
	use()
	follow(1)
}

func TestPromise1NumbersGoOnInADatabaseThatGotItsRowsWithoutItsSequences(t *testing.T) {
	pgtest.OnPostgres(t)
	s := newShelf(t)
	use := func(id pfid.ID) error {
		s.batch++
		at := now().UnixMilli()
		return s.Tokens.RecordUses(t.Context(), token.UseBatch{Writer: 1, Number: s.batch, At: at, Uses: []token.Use{{TokenID: id, Accepted: 1, At: at}}})
	}
	numbered := map[string]string{"audit_events": "rowid", "token_moves": "number", "agent_instances": "number", "agent_spans": "number", "token_changes": "number"}
	restart := func(at int) {
		t.Helper()
		for table, column := range numbered {
			if err := s.writer.Exec(fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s RESTART WITH %d", table, column, at)).Error; err != nil {
				t.Fatal(err)
			}
		}
		if err := s.writer.Exec(fmt.Sprintf("ALTER SEQUENCE token_uses_written RESTART WITH %d", at)).Error; err != nil {
			t.Fatal(err)
		}
	}
	change := func() token.Token {
		t.Helper()
		made, err := s.insert(token.StatusEntry{}, time.Hour)
		if err = errors.Join(err, use(made.ID)); err != nil {
			t.Fatal(err)
		}
		return made
	}
	restart(200_000)
	change()
	before, err := s.Copies().newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	restart(1) // as logical replication leaves the sequences of a subscriber
	made := change()
	after, err := s.Copies().ChangesFrom(t.Context(), before.Marks[0])
	if err != nil || len(after.Changes) != 2 || after.Changes[1].Token != made.ID {
		t.Errorf("copies learn of %+v, %v; want the new token", after.Changes, err)
	}
	for _, query := range []string{"SELECT MAX(rowid) FROM audit_events", "SELECT MAX(written) FROM token_uses"} {
		if last, err := value[int64](s.reader, query); err != nil || last <= 200_000 {
			t.Errorf("%s: %d, %v", query, last, err)
		}
	}
}

func TestSettingsOfTheRoleChangeNoTextAndEndNoMigrationAndNoIdleSession(t *testing.T) {
	pgtest.OnPostgres(t)
	for _, setting := range []string{"client_encoding = 'LATIN1'", "statement_timeout = '50ms'", "lock_timeout = '1ms'", "idle_session_timeout = '500ms'", "transaction_timeout = '50ms'"} {
		at := pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")
		onPostgres(t, at, "DO 'BEGIN IF EXISTS (SELECT 1 FROM pg_settings WHERE name = ''"+strings.Fields(setting)[0]+"'') THEN "+ // transaction_timeout since 17
			"ALTER DATABASE "+databaseOf(t, at)+" SET "+strings.ReplaceAll(setting, "'", "''")+"; END IF; END'")
		all := nextPostgres(t, map[string]string{"99998_slow.sql": "SELECT pg_sleep(0.7);\nINSERT INTO settings (name, value) VALUES ('colour', 'grün €');"})
		var errs [2]error // of two programs at once, one waits
		var both sync.WaitGroup
		for i := range errs {
			next, err := parsePostgres(Postgres{URL: at})
			if err != nil {
				t.Fatal(err)
			}
			next.schema = 99998
			both.Go(func() { errs[i] = next.prepare(t.Context(), all, true, true) })
		}
		both.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Errorf("%s: %v", setting, err)
			continue
		}
		s, err := openURL(t, at)
		if err != nil {
			t.Fatal(err)
		}
		if colour, err := s.Setting(t.Context(), "colour"); err != nil || colour != "grün €" {
			t.Errorf("%s: a migration wrote %q, %v", setting, colour, err)
		}
		err = s.SetSetting(t.Context(), "colour", "grün €")
		stored, err2 := value[int](s.reader, "SELECT octet_length(value) FROM settings WHERE name = 'colour'")
		idle, err3 := value[string](s.reader, "SELECT current_setting('idle_session_timeout')")
		if err := errors.Join(err, err2, err3, s.Close()); err != nil || stored != len("grün €") || idle != "0" {
			t.Errorf("%s: a text is stored with %d bytes, idle sessions end after %s, %v", setting, stored, idle, err)
		}
	}
}
