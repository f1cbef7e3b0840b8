// Package copies tests several copies of the program on one Postgres, as users build it.
package copies

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
)

// fleet are copies of the program on one database, each behind a proxy of its own.
type fleet struct {
	t       testing.TB
	binary  string
	url     *url.URL // of the database, without a proxy; nil on SQLite
	storage []string // flags that name the database
	flags   []string // of serve
	env     []string
	copies  []*replica
	manager string // secret of an account token
}

// replica is one copy.
type replica struct {
	fleet   *fleet
	proxy   *proxy
	address string
	log     *lockedBuffer

	mu      sync.Mutex
	process *exec.Cmd
	direct  bool // does not use the proxy
}

// lockedBuffer is a buffer without ReadFrom, which would write to it without the lock.
type lockedBuffer struct {
	mu   sync.Mutex
	held bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held.String()
}

var builds sync.Map // of a func() (string, error), by build tag

// build returns the program with a build tag, made once for all tests. The race detector would be too slow.
func build(t testing.TB, tag string) string {
	t.Helper()
	made, _ := builds.LoadOrStore(tag, sync.OnceValues(func() (string, error) {
		folder, err := os.MkdirTemp("", "tokentab-copies-")
		if err != nil {
			return "", err
		}
		built = append(built, folder)
		path := filepath.Join(folder, "tokentab")
		c := exec.Command("go", "build", "-trimpath", "-tags", tag, "-o", path, "tokentab")
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build: %w\n%s", err, out)
		}
		return path, nil
	}))
	path, err := made.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var built []string // folders

func TestMain(m *testing.M) {
	if address, database, ok := strings.Cut(os.Getenv(plainVariable), " "); ok {
		fmt.Fprintln(os.Stderr, servePlain(address, database))
		os.Exit(1)
	}
	code := m.Run()
	for _, folder := range built {
		os.RemoveAll(folder)
	}
	os.Exit(code)
}

// withMasterKey returns an environment with a new master key.
func withMasterKey() []string {
	var key [32]byte
	_, _ = rand.Read(key[:])
	return append(os.Environ(), "TOKENTAB_MASTER_KEY="+base64.StdEncoding.EncodeToString(key[:]))
}

// at makes the fleet use a database.
func (f *fleet) at(where *url.URL) {
	f.url, f.storage = where, []string{"--database-url", where.String()}
}

// newDatabase makes a database like another one; template0 is empty.
func newDatabase(t testing.TB, template string) *url.URL {
	t.Helper()
	where, err := url.Parse(pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE "+template))
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// setUp makes an account and the manager's token.
func (f *fleet) setUp() {
	f.t.Helper()
	f.command("secret-pass-1\n", "setup", "--account", "Acme", "--email", "a@b.co", "--password-stdin")
	f.manager = f.command("", "token", "create", "--scope", "account")
}

// newFleet sets up an account in a new database and starts n copies of the program, made with a build tag, with flags.
func newFleet(t testing.TB, n int, tag string, flags ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, binary: build(t, tag), env: withMasterKey(), flags: flags}
	f.at(newDatabase(t, "template0"))
	f.setUp()
	for range n {
		f.add()
	}
	return f
}

// startSQLite sets up an account in a new folder and starts the same program on SQLite.
func startSQLite(t testing.TB, binary string) *replica {
	t.Helper()
	f := &fleet{t: t, binary: binary, env: withMasterKey(), storage: []string{"--data", t.TempDir()}}
	f.setUp()
	return f.add()
}

// command runs the program against the database and returns what it prints.
func (f *fleet) command(stdin string, args ...string) string {
	f.t.Helper()
	out, said, err := f.run(stdin, args)
	if err != nil {
		f.t.Fatalf("%v: %v\n%s", args, err, said)
	}
	return out
}

// refused is command for one that fails. It returns what the program says.
func (f *fleet) refused(stdin string, args ...string) string {
	f.t.Helper()
	_, said, err := f.run(stdin, args)
	if err == nil {
		f.t.Fatalf("%v succeeded", args)
	}
	return said
}

func (f *fleet) run(stdin string, args []string) (out, said string, err error) {
	c, stderr := exec.Command(f.binary, append(args, f.storage...)...), bytes.Buffer{}
	c.Env, c.Stdin, c.Stderr = f.env, strings.NewReader(stdin), &stderr
	printed, err := c.Output()
	return strings.TrimSpace(string(printed)), stderr.String(), err
}

// add starts another copy.
func (f *fleet) add() *replica {
	f.t.Helper()
	r := &replica{fleet: f, log: &lockedBuffer{}}
	if f.url != nil {
		r.proxy = startProxy(f.t, f.url.Host)
	}
	r.address = backendtest.FreeAddress(f.t)
	f.copies = append(f.copies, r)
	if err := r.start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		r.kill()
		if f.t.Failed() {
			f.t.Logf("log of the copy at %s:\n%s", r.address, r.log.text())
		}
	})
	return r
}

// start starts the process and waits until it is ready.
func (r *replica) start() error {
	storage := r.fleet.storage
	if r.proxy != nil && !r.direct {
		through := *r.fleet.url
		through.Host = r.proxy.address
		storage = []string{"--database-url", through.String()}
	}
	c := exec.Command(r.fleet.binary, append([]string{"serve", "--listen", r.address}, append(storage, r.fleet.flags...)...)...)
	c.Env, c.Stderr, c.Stdout = r.fleet.env, r.log, r.log
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := c.Start(); err != nil {
		return err
	}
	r.process = c
	return r.awaitReady()
}

// awaitReady waits until the copy takes traffic.
func (r *replica) awaitReady() error {
	var last answer
	var err error
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if last, err = r.call(http.MethodGet, "/readyz", "", ""); err == nil && last.status == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("the copy at %s is not ready: %d %s %v\n%s", r.address, last.status, last.body, err, r.log.text())
}

// logs waits until the log has a text, since it comes behind the responses, and reports whether it came.
func (r *replica) logs(text string) bool {
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(r.log.text(), text) {
			return true
		}
	}
	return false
}

func (r *replica) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.process.Process.Signal(syscall.SIGCONT)
	_ = r.process.Process.Kill()
	_ = r.process.Wait()
}

func (r *replica) signal(s os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.process.Process.Signal(s)
}

// answer is what a copy answers.
type answer struct {
	status int
	body   []byte
}

// text returns a text of the answer by its path; empty if it has none.
func (a answer) text(path ...string) string {
	var value any
	if json.Unmarshal(a.body, &value) != nil {
		return ""
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	return text
}

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 0}}

// call sends a request with a bearer token, unless it is empty, and with headers, each a name and a value. An error means that no response came.
func (r *replica) call(method, path, secret, body string, headers ...string) (answer, error) {
	request, err := http.NewRequest(method, "http://"+r.address+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, text}, err
}

// ok is call for a request that must succeed.
func (r *replica) ok(method, path, body string) answer {
	r.fleet.t.Helper()
	a, err := r.call(method, path, r.fleet.manager, body)
	if err != nil || a.status != http.StatusOK {
		r.fleet.t.Fatalf("%s %s: %d %s %v", method, path, a.status, a.body, err)
	}
	return a
}

// issue creates an account token.
func (r *replica) issue() (id, secret string) {
	r.fleet.t.Helper()
	a := r.ok(http.MethodPost, "/api/v1/api_token", `{"details":{"token_scope":"account"}}`)
	return a.text("details", "id"), a.text("token")
}

// accepts reports whether a copy accepts a secret. It fails the test unless the copy gives a verdict.
func (r *replica) accepts(secret string) bool {
	r.fleet.t.Helper()
	a, err := r.call(http.MethodGet, "/api/v1/validate", secret, "")
	if err != nil || a.status != http.StatusOK && a.status != http.StatusUnauthorized {
		r.fleet.t.Fatalf("validate: %d %s %v", a.status, a.body, err)
	}
	return a.status == http.StatusOK
}

var waitingLine = regexp.MustCompile(`(?m)^tokentab_look_waiting (\d+)`)

// awaitArrivals waits until so many validations wait for a look.
func (r *replica) awaitArrivals(n int) {
	r.fleet.t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Second; {
		a, err := r.call(http.MethodGet, "/metrics", "", "")
		if err != nil {
			r.fleet.t.Fatal(err)
		}
		if found := waitingLine.FindSubmatch(a.body); found != nil {
			if waiting, _ := strconv.Atoi(string(found[1])); waiting >= n {
				return
			}
		}
	}
	r.fleet.t.Fatalf("no %d validations wait", n)
}

// run runs a statement in a database.
func run(where, statement string) error {
	db, err := sql.Open("pgx", where)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err = db.Exec(statement); err != nil {
		err = fmt.Errorf("%s: %w", statement, err)
	}
	return err
}

// sql runs a statement in the fleet's database.
func (f *fleet) sql(statement string) {
	f.t.Helper()
	if err := run(f.url.String(), statement); err != nil {
		f.t.Fatal(err)
	}
}

// row reads the first row of a query.
func (f *fleet) row(query string, into ...any) {
	f.t.Helper()
	db, err := sql.Open("pgx", f.url.String())
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(into...); err != nil {
		f.t.Fatal(err)
	}
}
