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

// OnPostgres leaves out the rest of a test on SQLite, because it tests what only Postgres has. The second run of make test-go runs it.
func OnPostgres(t testing.TB) {
	t.Helper()
	if !Wanted() {
		t.Skip("on Postgres only")
	}
}

// Standby returns the URL of a server that takes no changes. It ends with the test.
func Standby(t testing.TB) string {
	t.Helper()
	s := standby(t, "")
	return s.base.String()
}

// Successor returns the URL of a database on a server that was a standby of the one at url, and was promoted. Both answer as primary.
// It ends with the test.
func Successor(t testing.TB, at string) string {
	t.Helper()
	s := standby(t, at)
	if err := s.exec("SELECT pg_promote()"); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return s.url(strings.TrimPrefix(u.Path, "/"))
}

func standby(t testing.TB, of string) *running {
	t.Helper()
	where, guard, err := start(of, "standby.signal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = guard.Close() })
	s, err := connectTo(where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.admin.Close() })
	return s
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
	return s.create(t, "TEMPLATE "+m.name+" STRATEGY file_copy") // which does not write the copy to the log
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
	url := Assigned(folder)
	if url == "" {
		url = m.Database(t)
		Assign(folder, url)
	}
	return url
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
		s.awaitUnused(name)
		if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

// awaitUnused gives the connections to a database, which the test has closed, a moment to end. DROP DATABASE looks for them
// every 100 ms only.
func (s *running) awaitUnused(name string) {
	for left, tries := 1, 0; left > 0 && tries < 100; tries++ {
		if s.admin.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", name).Scan(&left) != nil {
			return
		}
	}
}

// server returns the server of this test binary, and starts it when it is first asked.
var server = sync.OnceValues(func() (*running, error) {
	where := os.Getenv("TOKENTAB_TEST_DATABASE_URL")
	if where == "" {
		var err error
		var guard io.Closer
		if where, guard, err = start(""); err != nil {
			return nil, fmt.Errorf("start Postgres for the tests: %w", err)
		}
		guards = append(guards, guard)
	}
	return connectTo(where)
})

// guards keep the server of this test binary running. The end of the process closes them.
var guards []io.Closer

// connectTo waits for a server.
func connectTo(where string) (*running, error) {
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
}

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

// start starts a server on a free port, with the data of the server at a URL unless that is empty, and with empty files in its data
// folder. It returns the URL of its first database. It ends once guard is closed. Postgres refuses to run as root, so root starts it as the package's user.
func start(from string, files ...string) (where string, guard io.Closer, err error) {
	programs, err := findPrograms()
	if err != nil {
		return "", nil, err
	}
	folder, err := os.MkdirTemp(roomiest(), "tokentab-postgres-")
	if err != nil {
		return "", nil, err
	}
	var as []string
	var uid, gid int
	if os.Geteuid() == 0 {
		owner, err := unprivileged()
		if err != nil {
			return "", nil, err
		}
		uid, _ = strconv.Atoi(owner.Uid) // numbers, on the systems that have a root
		gid, _ = strconv.Atoi(owner.Gid)
		if err := os.Chown(folder, uid, gid); err != nil {
			return "", nil, err
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
	fill := run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if from != "" {
		fill = run("pg_basebackup", "-D", data, "-d", from, "--checkpoint=fast", "--no-sync")
	}
	if out, err := fill.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("%s: %w\n%s", filepath.Base(fill.Path), err, out)
	}
	// Members of a role named asked need their password; a test may make it.
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("host all +asked 127.0.0.1/32 scram-sha-256\nhost all,replication all 127.0.0.1/32 trust\n"), 0o600); err != nil {
		return "", nil, err
	}
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(data, name), nil, 0o600); err != nil {
			return "", nil, err
		}
		if len(as) > 0 {
			if err := os.Chown(filepath.Join(data, name), uid, gid); err != nil {
				return "", nil, err
			}
		}
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	// Nothing has to survive the machine, and the tests count on no default.
	server := run("postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "autovacuum=off", "-c", "max_connections=1000", "-c", "shared_buffers=64MB", "-c", "max_wal_size=4GB", "-c", "log_min_messages=warning")
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return "", nil, err
	}
	defer log.Close()
	keeper := exec.Command("sh", append([]string{"-c", keep, "sh", folder}, server.Args...)...)
	keeper.Dir, keeper.Stdout, keeper.Stderr = "/", log, log
	lives, err := keeper.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	if err := keeper.Start(); err != nil {
		return "", nil, err
	}
	go func() { _ = keeper.Wait() }() // so that it leaves no zombie
	return "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable", lives, nil
}

// roomiest returns the folder for the files of a server: in memory where there is a lot of it, because making and removing a
// database, of hundreds of files, takes a third of the time there.
func roomiest() string {
	const shared = "/dev/shm"
	if out, err := exec.Command("df", "-Pk", shared).Output(); err == nil {
		if fields := strings.Fields(string(out)); len(fields) > 10 {
			if free, _ := strconv.Atoi(fields[len(fields)-3]); free > 4<<20 {
				return shared
			}
		}
	}
	return ""
}

// source is the folder of go.mod, found before a test goes to another folder. A test built with -trimpath knows no other way to it.
var source = func() string {
	folder, _ := os.Getwd() // go test starts a test in the folder of its package
	for above := filepath.Dir(folder); above != folder; folder, above = above, filepath.Dir(above) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
	}
	return folder
}()

// findPrograms returns the folder of Postgres' programs.
func findPrograms() (string, error) {
	find := exec.Command(filepath.Join(source, "e2e", "postgres.sh"))
	find.Stderr = os.Stderr
	out, err := find.Output()
	return strings.TrimSpace(string(out)), err
}

// unprivileged returns the system user postgres, which Postgres' package makes, or else the one that is called nobody.
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
