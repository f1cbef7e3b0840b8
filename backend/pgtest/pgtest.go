// Package pgtest runs tests on Postgres. TOKENTAB_TEST_STORE=postgres asks for it; without it, tests run on SQLite.
//
// Each test binary starts a server of its own, which ends with it, even if it is killed. TOKENTAB_TEST_DATABASE_URL names a
// server to use instead, whose role may create databases.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Variable asks for Postgres with the value postgres.
const Variable = "TOKENTAB_TEST_STORE"

// Wanted reports whether tests run on Postgres.
func Wanted() bool { return os.Getenv(Variable) == "postgres" }

// OnSQLite leaves out the rest of a test on Postgres. why says what it tests that only SQLite has, such as its files.
func OnSQLite(t testing.TB, why string) {
	t.Helper()
	if Wanted() {
		t.Skip("on SQLite only: " + why)
	}
}

// OnPostgres starts the server for a test that needs it, whatever store the others run on.
func OnPostgres(t testing.TB) {
	t.Helper()
	if _, err := server(); err != nil {
		t.Fatal(err)
	}
}

// Template makes databases that begin as copies of one.
type Template struct {
	// Fill fills the first database. The others are made after it has closed its connections.
	Fill func(url string) error

	once sync.Once
	name string
	err  error
}

// Database returns the URL of a new database, which goes with the test.
func (m *Template) Database(t testing.TB) string {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	m.once.Do(func() {
		m.name = s.nextName()
		if m.err = s.exec("CREATE DATABASE " + m.name + " ENCODING 'UTF8' TEMPLATE template0"); m.err == nil {
			m.err = m.Fill(s.url(m.name))
		}
	})
	if m.err != nil {
		t.Fatal(m.err)
	}
	return s.create(t, "TEMPLATE "+m.name)
}

// Create returns the URL of a new database with options of CREATE DATABASE, which goes with the test.
func Create(t testing.TB, options string) string {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	return s.create(t, options)
}

// Of returns the URL of the database that belongs to a data folder. It makes the database when it is first asked.
func (m *Template) Of(t testing.TB, folder string) string {
	t.Helper()
	folders.Lock()
	defer folders.Unlock()
	if folders.urls[folder] == "" {
		folders.urls[folder] = m.Database(t)
	}
	return folders.urls[folder]
}

// Assign says which database belongs to a data folder.
func Assign(folder, url string) {
	folders.Lock()
	defer folders.Unlock()
	folders.urls[folder] = url
}

// Assigned returns the URL of the database that belongs to a data folder; empty if none does.
func Assigned(folder string) string {
	folders.Lock()
	defer folders.Unlock()
	return folders.urls[folder]
}

var folders = struct {
	sync.Mutex
	urls map[string]string
}{urls: map[string]string{}}

// running is a server of Postgres.
type running struct {
	base  *url.URL
	admin *sql.DB
	made  atomic.Int64
}

func (s *running) url(database string) string {
	u := *s.base
	u.Path = "/" + database
	return u.String()
}

func (s *running) nextName() string {
	return fmt.Sprintf("test_%d_%d", os.Getpid(), s.made.Add(1))
}

func (s *running) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := s.admin.ExecContext(ctx, statement)
	if err != nil {
		err = fmt.Errorf("%s: %w", statement, err)
	}
	return err
}

func (s *running) create(t testing.TB, options string) string {
	t.Helper()
	name := s.nextName()
	if err := s.exec("CREATE DATABASE " + name + " " + options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

// server returns the server of this test binary, and starts it when it is first asked.
var server = sync.OnceValues(func() (*running, error) {
	where := os.Getenv("TOKENTAB_TEST_DATABASE_URL")
	if where == "" {
		var err error
		if where, err = start(); err != nil {
			return nil, fmt.Errorf("start Postgres for the tests: %w", err)
		}
	}
	base, err := url.Parse(where)
	if err != nil {
		return nil, errors.New("TOKENTAB_TEST_DATABASE_URL must be like postgres://user:password@host:5432/database")
	}
	admin, err := sql.Open("pgx", where) // which the store registers
	if err != nil {
		return nil, err
	}
	s := &running{base: base, admin: admin}
	s.admin.SetMaxOpenConns(4)
	return s, s.await()
})

// await waits until the server accepts connections.
func (s *running) await() error {
	var err error
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if err = s.admin.Ping(); err == nil {
			return nil
		}
	}
	return err
}

// keep runs a command until its standard input ends, which happens when this process does, and then removes a folder.
const keep = `exec 3<&0; folder=$1; shift; "$@" </dev/null & server=$!
cat <&3 >/dev/null; kill -QUIT $server; wait $server; rm -rf "$folder"`

// start starts a server on a free port and returns the URL of its first database. Postgres refuses to run as root, so root
// starts it as the package's user.
func start() (string, error) {
	programs, err := findPrograms()
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "tokentab-postgres-")
	if err != nil {
		return "", err
	}
	var as []string
	if os.Geteuid() == 0 {
		owner, err := unprivileged()
		if err != nil {
			return "", err
		}
		uid, _ := strconv.Atoi(owner.Uid) // numbers, on the systems that have a root
		gid, _ := strconv.Atoi(owner.Gid)
		if err := os.Chown(folder, uid, gid); err != nil {
			return "", err
		}
		as = []string{"setpriv", "--reuid=" + owner.Uid, "--regid=" + owner.Gid, "--clear-groups"}
	}
	data := filepath.Join(folder, "data")
	run := func(program string, args ...string) *exec.Cmd {
		all := append(append([]string{}, as...), append([]string{filepath.Join(programs, program)}, args...)...)
		command := exec.Command(all[0], all[1:]...)
		command.Dir = folder
		return command
	}
	if out, err := run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	// Nothing has to survive the machine, and the tests count on no default.
	server := run("postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "autovacuum=off", "-c", "max_connections=400", "-c", "shared_buffers=64MB", "-c", "max_wal_size=4GB", "-c", "log_min_messages=warning")
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return "", err
	}
	defer log.Close()
	guard := exec.Command("sh", append([]string{"-c", keep, "sh", folder}, server.Args...)...)
	guard.Dir, guard.Stdout, guard.Stderr = "/", log, log
	lives, err := guard.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := guard.Start(); err != nil {
		return "", err
	}
	guards = append(guards, lives) // closed by the end of this process
	return "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable", nil
}

var guards []io.Closer

// findPrograms returns the folder of Postgres' programs.
func findPrograms() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	find := exec.Command(filepath.Join(filepath.Dir(here), "..", "..", "e2e", "postgres.sh"))
	find.Stderr = os.Stderr
	out, err := find.Output()
	return strings.TrimSpace(string(out)), err
}

// unprivileged returns the user of Postgres' package, or nobody.
func unprivileged() (*user.User, error) {
	if u, err := user.Lookup("postgres"); err == nil {
		return u, nil
	}
	return user.Lookup("nobody")
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
