package copies

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestADatabaseCopyThatIsKilledHarmsNothingAndCanBeRepeated kills the program at moments from its first question to Postgres
// until after the commit. Each further copy meets what the killed ones left.
func TestADatabaseCopyThatIsKilledHarmsNothingAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	files := startSQLite(t, build(t, ""))
	var secret string
	for range 40 {
		_, secret = files.issue()
	}
	files.kill()
	folder := files.fleet.storage[1]
	m := mover{&fleet{t: t, binary: files.fleet.binary, env: files.fleet.env}, startProxy(t, "")}

	all, total := m.copy("--data", folder, "--to", m.through(newDatabase(t, "template0"))) // also makes the schema
	target := newDatabase(t, "template0")
	for _, n := range []int{1, total / 8, total * 3 / 4} {
		if err := m.killAt(n, "--data", folder, "--to", m.through(target)); err != errKilled {
			t.Fatalf("a copy ended with %v before it was killed", err)
		}
	}
	_, total = m.copy("--data", folder, "--to", m.through(newDatabase(t, path.Base(target.Path)))) // the schema is there
	m.killed(total, "the database is not empty", "--data", folder, "--to", m.through(target))
	m.accepts(secret, "--data", folder)

	said, total := m.copy("--database-url", m.through(target), "--to", t.TempDir())
	if said != all {
		t.Errorf("the copies said %q and %q", all, said)
	}
	back := filepath.Join(t.TempDir(), "data")
	m.killed(total, "the folder has a database, or had one", "--database-url", m.through(target), "--to", back)
	m.accepts(secret, "--database-url", target.String())
	if said, _ := m.copy("--data", back, "--to", m.through(newDatabase(t, "template0"))); said != all {
		t.Errorf("the copies said %q and %q", all, said)
	}
	m.accepts(secret, "--data", back)
}

// mover copies databases through a proxy.
type mover struct {
	*fleet
	proxy *proxy
}

// through returns the URL of a database behind the proxy.
func (m mover) through(where *url.URL) string {
	m.proxy.mu.Lock()
	defer m.proxy.mu.Unlock()
	m.proxy.target = where.Host
	behind := *where
	behind.Host = m.proxy.address
	return behind.String()
}

// copy copies everything, and returns what the program says about it, without the time, and how many pieces it sent to Postgres.
func (m mover) copy(args ...string) (said string, pieces int) {
	m.t.Helper()
	m.proxy.stallBefore(0)
	said, _, _ = strings.Cut(m.command("", append([]string{"database", "copy"}, args...)...), " API tokens")
	m.proxy.mu.Lock()
	defer m.proxy.mu.Unlock()
	return said, m.proxy.asked
}

var errKilled = errors.New("killed")

// killAt kills a copy before it sends its nth piece to Postgres. Otherwise the error is what the program says if it fails.
func (m mover) killAt(n int, args ...string) error {
	m.t.Helper()
	stalled := m.proxy.stallBefore(n)
	var says bytes.Buffer
	c := exec.Command(m.binary, append([]string{"database", "copy"}, args...)...)
	c.Env, c.Stderr = m.env, &says
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			err = errors.New(says.String())
		}
		return err
	case <-stalled:
		killed := c.Process.Kill()
		err := <-ended
		m.proxy.setCut(true)
		m.proxy.resume()
		m.proxy.setCut(false)
		switch {
		case killed == nil:
			return errKilled
		case !errors.Is(killed, os.ErrProcessDone): // it waited for no answer to its last piece
			m.t.Fatal(killed)
		case err != nil:
			err = errors.New(says.String())
		}
		return err
	}
}

// killed kills copies that send about so many pieces, each later than the one before, until one is complete. Then it checks
// that another one is refused.
func (m mover) killed(pieces int, refusal string, args ...string) {
	m.t.Helper()
	last, complete := 0, false
	for _, n := range []int{pieces / 4, pieces / 2, pieces * 3 / 4, pieces - 4, pieces - 2, pieces - 1, pieces, 10 * pieces, 10 * pieces} {
		err := m.killAt(n, args...)
		switch {
		case err == errKilled:
			last = n
			continue
		case err == nil && complete, err != nil && !strings.Contains(err.Error(), refusal):
			m.t.Fatalf("a copy to a target that is full: %v, after a copy that was killed at %d of %d: %v", complete, last, pieces, err)
		case err != nil && !complete && last < pieces-4:
			m.t.Fatalf("a copy that was killed at %d of %d has filled the target", last, pieces)
		}
		complete = true
	}
	if !complete || last < pieces/2 {
		m.t.Errorf("the copies ended: %v; the last one that was killed was so at %d of %d", complete, last, pieces)
	}
}

// accepts checks that a server on a database accepts a secret.
func (m mover) accepts(secret string, storage ...string) {
	m.t.Helper()
	f := &fleet{t: m.t, binary: m.binary, env: m.env, storage: storage}
	at := f.add()
	if !at.accepts(secret) {
		m.t.Errorf("a server with %v refuses a good token", storage)
	}
	at.kill()
}
