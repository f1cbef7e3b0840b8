package backend_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

func withAuditLog(path string) backendtest.Option {
	return func(c *config.Config, _ *backend.World) { c.AuditLog = path }
}

// exported returns all events of some chains as the audit log must have them.
func exported(t *testing.T, p *backendtest.Program, chains ...string) string {
	t.Helper()
	var all bytes.Buffer
	for _, chain := range chains {
		if err := p.Audit.Export(t.Context(), chain, 0, &all); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// logged writes what the audit log lacks and returns the file.
func logged(t *testing.T, p *backendtest.Program, path string) string {
	t.Helper()
	if err := p.AuditLog.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	return contentOf(t, path)
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sortedByChain returns the lines of a log: first those of the installation, then those of the account, in their order.
func sortedByChain(log, account string) string {
	var installation, others string
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"account_id":"`+account+`"`) {
			others += line
		} else {
			installation += line
		}
	}
	return installation + others
}

func TestTheAuditLogHasEachEventOnceAndInOrderAlsoAfterACrashAndARotation(t *testing.T) {
	folder, path := t.TempDir(), filepath.Join(t.TempDir(), "audit.log")
	clock := backendtest.NewClock()
	p := backendtest.StartIn(t, folder, clock, withAuditLog(path))
	actor := p.Found()
	account := actor.AccountID.String()
	check := func(when, log string) {
		t.Helper()
		if want := exported(t, p, "", account); sortedByChain(log, account) != want {
			t.Fatalf("%s the log has\n%s\ninstead of\n%s", when, log, want)
		}
	}
	issue := func(n int) {
		t.Helper()
		for range n {
			p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		}
	}
	issue(3)
	check("at first", logged(t, p, path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	// A crash after a part of a line was written, and before the store knew of the last lines.
	issue(1)
	p.Stop()
	atStop := contentOf(t, path)
	p = backendtest.StartIn(t, folder, clock)
	check("after a clean stop", atStop)
	issue(2)
	p.Exec("UPDATE audit_chains SET logged = logged - 2 WHERE account_id = '" + account + "'")
	torn := strings.TrimPrefix(exported(t, p, "", account), sortedByChain(atStop, account))
	p.Stop()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(torn[:len(torn)*3/4]); err != nil {
		t.Fatal(err)
	}
	f.Close()
	p = backendtest.StartIn(t, folder, clock, withAuditLog(path))
	check("after a crash", logged(t, p, path))

	// Rotations: the file is renamed, removed, or copied and truncated.
	var old string
	for _, rotate := range []func() error{
		func() error { return os.Rename(path, path+".1") },
		func() error { return os.Remove(path) },
		func() error { return os.Truncate(path, 0) },
		func() error {
			p.ReopenAuditLog()
			return os.Rename(path, path+".2")
		},
	} {
		old += logged(t, p, path)
		if err := rotate(); err != nil {
			t.Fatal(err)
		}
		issue(1)
		check("after a rotation", old+logged(t, p, path))
	}
}

func TestAChangeNeedsNoAuditLogAndAFailingOneCatchesUp(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "audit.log")
	p := backendtest.Start(t, withAuditLog(path))
	actor := p.Found()
	before := logged(t, p, path)
	// A folder in its place fails for every user, also for root.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Revoke(actor, made.ID)
	if err := p.AuditLog.Write(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("%v", err)
	}
	families := scrape(t, p)
	if pending, failed := sample(t, families, "tokentab_audit_log_pending"), sample(t, families, "tokentab_audit_log_failures_total"); pending != 2 || failed < 1 {
		t.Errorf("%v events wait after %v failures", pending, failed)
	}
	doctor := func() (found backend.Finding) {
		for _, f := range p.Examine(t.Context(), p.Config) {
			if f.What == "audit log" {
				found = f
			}
		}
		return found
	}
	if f := doctor(); f.Verdict != backend.Failure {
		t.Errorf("%+v", f)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	p.Clock.Move(2 * time.Minute)
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	if got := before + logged(t, p, path); sortedByChain(got, actor.AccountID.String()) != exported(t, p, "", actor.AccountID.String()) {
		t.Errorf("it caught up with %s", got)
	}
	if f := doctor(); f.Verdict != backend.OK {
		t.Errorf("%+v", f)
	}
}

func TestWhatRetentionRemovesBeforeItIsInTheAuditLogIsSaidInTheLog(t *testing.T) {
	folder, path := t.TempDir(), filepath.Join(t.TempDir(), "audit.log")
	clock := backendtest.NewClock()
	p := backendtest.StartIn(t, folder, clock)
	actor := p.Found()
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Stop()
	clock.Move(72 * time.Hour)
	p = backendtest.StartIn(t, folder, clock, withAuditLog(path), func(c *config.Config, _ *backend.World) { c.AuditRetention = 0 })
	p.Stop() // it has written everything
	whole := contentOf(t, path)
	p = backendtest.StartIn(t, folder, clock)
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	clock.Move(72 * time.Hour)
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	if err := p.RemoveOldEvents(t.Context(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	p = backendtest.StartIn(t, folder, clock, withAuditLog(path))
	if got := logged(t, p, path); strings.Count(got, "\n") != strings.Count(whole, "\n")+1 {
		t.Errorf("%s", got)
	}
	if log := p.Log.String(); !strings.Contains(log, "removed some before they were in the audit log") || !strings.Contains(log, "events=1 chains=1") {
		t.Errorf("%s", log)
	}
	if _, err := p.Audit.Verify(t.Context(), actor.AccountID.String(), nil); err != nil {
		t.Error(err)
	}
}

func TestAFileThatCanNotBeTheAuditLogIsRefusedAndLeftAsItIs(t *testing.T) {
	p := backendtest.Start(t)
	folder := t.TempDir()
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(name, to string) string {
		path := filepath.Join(folder, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		link("link", filepath.Join(p.Folder, "tokentab.db-journal")): "Tokentab's own files", // which is missing
		link("chain", "link"):                             "Tokentab's own files",
		link("folder", p.Folder) + "/tokentab.db-journal": "Tokentab's own files",
		link("circle", "circle"):                          "symbolic links",
		filepath.Join(p.Folder, "tokentab.db"):            "Tokentab's own files",
		filepath.Join(p.Folder, "tokentab.db-wal"):        "Tokentab's own files",
		filepath.Join(p.Folder, "master.key"):             "Tokentab's own files",
		filepath.Join(folder, "missing", "audit.log"):     "create the folder first",
		folder:                                          "not a regular file",
		put("shared", "", 0o666):                        "others on this machine can write",
		put("group", "", 0o660):                         "others on this machine can write",
		put("notes", "buy milk\n", 0o600):               "other lines",
		put("package.json", `{"name":"page"}`, 0o600):   "other lines",
		put("lines", "{\"hash\":\"5f0c\"}\n", 0o600):    "other lines",
		put("large", strings.Repeat("a", 5<<20), 0o600): "other lines",
	} {
		c := config.Config{Storage: p.Config.Storage, Serving: p.Config.Serving, Auditing: config.Auditing{AuditLog: path}}
		if err := backend.CheckAuditLog(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := contentOf(t, filepath.Join(folder, "package.json")); got != `{"name":"page"}` {
		t.Errorf("%q", got)
	}
}
