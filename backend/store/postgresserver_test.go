package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"tokentab/backend/pgtest"
)

// turnout passes connections to a server that can be changed, as a name or an address does that follows the primary.
type turnout struct {
	url string
	to  atomic.Pointer[string]
}

func startTurnout(t *testing.T, at string) *turnout {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &turnout{url: changedURL(t, at, func(u *url.URL) { u.Host = l.Addr().String() })}
	s.lead(t, at)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", *s.to.Load())
			if err != nil {
				_ = client.Close()
				continue
			}
			pass := func(to, from net.Conn) { _, _ = io.Copy(to, from); _ = to.Close(); _ = from.Close() }
			go pass(server, client)
			go pass(client, server)
		}
	}()
	return s
}

// lead makes further connections lead to the server of a URL.
func (s *turnout) lead(t *testing.T, at string) {
	t.Helper()
	changedURL(t, at, func(u *url.URL) { host := u.Host; s.to.Store(&host) })
}

// end ends the connections of a server to its database that have a name.
func end(t *testing.T, at, name string) {
	t.Helper()
	onPostgres(t, at, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE '"+name+"'")
}

// twoPrimaries returns the URLs of a database on a server and on the one that has taken over from it. Both take changes; each has a
// colour of its own.
func twoPrimaries(t *testing.T) (former, present string) {
	t.Helper()
	former = migrated.Database(t)
	present = pgtest.Successor(t, former)
	onPostgres(t, former, "INSERT INTO settings (name, value) VALUES ('colour', 'grey')")
	onPostgres(t, present, "INSERT INTO settings (name, value) VALUES ('colour', 'green')")
	return former, present
}

func TestPromise1NoConnectionGoesBackToAServerThatAnotherHasSucceeded(t *testing.T) {
	pgtest.OnPostgres(t)
	former, present := twoPrimaries(t)
	var log strings.Builder
	way := startTurnout(t, present)
	claim, err := ServePostgres(Postgres{URL: way.url}, "", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := claim.Open(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	way.lead(t, former)
	end(t, present, "tokentab readers")
	if colour, err := s.Setting(t.Context(), "colour"); err == nil {
		t.Errorf("a new connection reads %s from the former primary", colour)
	}
	if err := s.SetSetting(t.Context(), "shape", "round"); err != nil {
		t.Errorf("the connection to the present primary: %v", err)
	}
	if n := strings.Count(log.String(), "two servers of Postgres answer as primary"); n != 1 {
		t.Errorf("the log says it %d times: %s", n, log.String())
	}
	way.lead(t, present)
	if colour, err := s.Setting(t.Context(), "colour"); err != nil || colour != "green" {
		t.Errorf("when the present primary is reached again: %q, %v", colour, err)
	}
}

func TestPromise1AllConnectionsFollowTheFirstToTheServerThatTakesOver(t *testing.T) {
	pgtest.OnPostgres(t)
	former, present := twoPrimaries(t)
	way := startTurnout(t, former)
	s := openedAt(t, way.url)
	if colour, err := s.Setting(t.Context(), "colour"); err != nil || colour != "grey" {
		t.Fatalf("%q, %v", colour, err)
	}
	if err := s.SetSetting(t.Context(), "shape", "round"); err != nil {
		t.Fatal(err)
	}
	if leads, err := s.Copies().Leads(t.Context()); err != nil || !leads {
		t.Fatal(leads, err)
	}
	begun := s.writer.Begin() // a change that was under way
	way.lead(t, present)
	end(t, former, "tokentab looks")
	if _, err := s.Copies().newest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := begun.Exec("UPDATE settings SET value = 'lost' WHERE name = 'shape'").Error; !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("a change goes on at the former primary: %v", err)
	}
	_ = begun.Rollback()
	colour, err := s.Setting(t.Context(), "colour")
	if err != nil || colour != "green" {
		t.Errorf("a reader reads %q, %v", colour, err)
	}
	if err := s.SetSetting(t.Context(), "shape", "square"); err != nil {
		t.Error(err)
	}
	if leads, err := s.Copies().Leads(t.Context()); err != nil || !leads {
		t.Errorf("leads: %v, %v", leads, err)
	}
	for at, want := range map[string]string{former: "round 0", present: "square 1"} {
		db, err := OpenPostgres(at)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		err = db.QueryRow("SELECT value || ' ' || (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tokentab leads' AND datname = current_database()) FROM settings WHERE name = 'shape'").Scan(&got)
		if err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		_ = db.Close()
	}
}

func TestAProgramUsesTheLatestOfSeveralPrimaries(t *testing.T) {
	pgtest.OnPostgres(t)
	former, present := twoPrimaries(t)
	hosts := ""
	changedURL(t, present, func(u *url.URL) { hosts = u.Host })
	for _, attributes := range []string{"any", "read-write", "primary"} {
		both := strings.Replace(former, "/test", ","+hosts+"/test", 1) + "&target_session_attrs=" + attributes
		s := openedAt(t, both)
		command, err := JoinPostgres(context.WithoutCancel(t.Context()), Postgres{URL: both}, Joining{}, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Store{s, command} {
			if colour, err := s.Setting(t.Context(), "colour"); err != nil || colour != "green" {
				t.Errorf("%s: %q, %v", attributes, colour, err)
			}
		}
		if err := command.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAServerThatTheURLDoesNotAdmitSucceedsNone(t *testing.T) {
	pgtest.OnPostgres(t)
	former, present := twoPrimaries(t)
	onPostgres(t, present, "ALTER DATABASE "+databaseOf(t, present)+" SET default_transaction_read_only = on")
	hosts := ""
	changedURL(t, present, func(u *url.URL) { hosts = u.Host })
	s, err := openURL(t, strings.Replace(former, "/test", ","+hosts+"/test", 1)+"&target_session_attrs=read-write")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if colour, err := s.Setting(t.Context(), "colour"); err != nil || colour != "grey" {
		t.Errorf("%q, %v", colour, err)
	}
}

func TestAServerStaysTheSameWhateverTheSessionsTellOfTimes(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	before := sessionOfLooks(t, s)
	onPostgres(t, at, "ALTER DATABASE "+databaseOf(t, at)+" SET TimeZone = 'Asia/Kolkata'", "ALTER DATABASE "+databaseOf(t, at)+" SET DateStyle = 'German'")
	end(t, at, "tokentab readers")
	if _, err := s.Setting(t.Context(), "colour"); err != nil { // on a new connection
		t.Fatal(err)
	}
	if after := sessionOfLooks(t, s); after != before {
		t.Error("looks had to connect again")
	}
}

func TestAServerIsRefusedOnlyIfTheOneInUseHasSucceededIt(t *testing.T) {
	t.Parallel()
	inUse := postgresServer{started: "100", system: "a", timeline: 2}
	for name, c := range map[string]struct {
		found   postgresServer
		refused bool
	}{
		"the same server again":                  {inUse, false},
		"the same server after a restart":        {postgresServer{"200", "a", 2}, false},
		"its successor":                          {postgresServer{"200", "a", 3}, false},
		"the one before it":                      {postgresServer{"50", "a", 1}, true},
		"the one before it after a restart":      {postgresServer{"200", "a", 1}, true},
		"another system":                         {postgresServer{"200", "b", 1}, false},
		"a server that does not say which it is": {postgresServer{"200", "", 0}, false},
	} {
		var log strings.Builder
		all := servers{log: slog.New(slog.NewTextHandler(&log, nil))}
		if _, err := all.use(inUse); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := all.use(c.found); (err != nil) != c.refused {
				t.Errorf("%s: %v", name, err)
			}
		}
		if current := *all.current.Load(); (current != c.found) != c.refused {
			t.Errorf("%s: %v is used", name, current)
		}
		if told := strings.Count(log.String(), "\n"); told > 1 || told == 1 != c.refused {
			t.Errorf("%s: the log says %q", name, log.String())
		}
	}
}

// sessionOfLooks returns the process of the connection of looks.
func sessionOfLooks(t *testing.T, s *Store) int64 {
	t.Helper()
	pid, err := s.Copies().number(t.Context(), "SELECT pg_backend_pid()")
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
