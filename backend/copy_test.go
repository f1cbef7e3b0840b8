package backend_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/signer"
	"tokentab/backend/store"
	"tokentab/backend/token"
)

// mover copies databases with the clock of a test.
type mover struct {
	t     *testing.T
	clock *backendtest.Clock
}

func (m mover) copyWith(ctx context.Context, progress func(string), from config.Storage, to string) (store.Copied, error) {
	return backend.CopyDatabase(ctx, m.settings(from), config.Secret(to), m.world(), progress)
}

func (m mover) settings(from config.Storage) config.Config {
	return config.Config{Storage: from, Issuing: config.Issuing{MaxTokenLifetime: config.Lifetime(400 * day)}, Serving: config.Serving{CacheTokens: 1}}
}

func (m mover) world() backend.World {
	return backend.World{Now: m.clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}
}

func (m mover) copy(from config.Storage, to string) store.Copied {
	m.t.Helper()
	done, err := m.copyWith(m.t.Context(), func(string) {}, from, to)
	if err != nil || done.Audit != nil {
		m.t.Fatal(err, done.Audit)
	}
	return done
}

// refuses checks that a copy fails and why.
func (m mover) refuses(from config.Storage, to, why string) {
	m.t.Helper()
	if _, err := m.copyWith(m.t.Context(), func(string) {}, from, to); err == nil || !strings.Contains(err.Error(), why) {
		m.t.Errorf("the copy says %v, want %q", err, why)
	}
}

// interrupted checks that a copy that is canceled when a step begins fails.
func (m mover) interrupted(from config.Storage, to, step string) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	began := false
	_, err := m.copyWith(ctx, func(s string) {
		if s == step {
			began = true
			cancel()
		}
	}, from, to)
	if err == nil || !began {
		m.t.Errorf("a copy that was interrupted at %q ended with %v", step, err)
	}
}

func onPostgres(url string) backendtest.Option {
	return func(c *config.Config, _ *backend.World) {
		c.DatabaseURL, c.DatabaseLookLimit = config.Secret(url), 10*time.Second
	}
}

// contentIn returns all rows of a stopped installation on SQLite, its schema, and the numbers that its rows go on from.
func contentIn(t *testing.T, folder string) map[string][]string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	read := func(statement string) (lines []string) {
		rows, err := db.Query(statement)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, to := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%#v", values))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(lines)
		return lines
	}
	all := map[string][]string{"the schema": read("SELECT type, name, sql FROM sqlite_schema"), "the order of events": read("SELECT rowid, id FROM audit_events")}
	rows, err := db.Query("SELECT name FROM sqlite_schema WHERE type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		all[name] = read(`SELECT * FROM "` + name + `"`)
	}
	delete(all, "goose_db_version") // has the times of the migrations
	return all
}

// fillEveryTable makes rows of each kind, and returns secrets with whether they are accepted.
func fillEveryTable(t *testing.T, p *backendtest.Program, actor audit.Actor) (h holdings, secrets map[string]bool) {
	t.Helper()
	h = fill(t, p, actor)
	fill(t, p, p.Rival())
	secrets = map[string]bool{h.secret: true}
	issue := func(by audit.Actor, order token.Order, lives bool) pfid.ID {
		made, secret := p.Issue(by, order)
		secrets[secret] = lives
		return made.ID
	}
	account := token.Order{Scope: token.ScopeAccount}
	maker := issue(actor, account, true)
	for range 5 {
		issue(actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: h.environment, Name: "ü 🔑"}, true)
		issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: h.agent, EnvironmentID: h.environment, Lifetime: 3 * day}, true)
	}
	rotated := issue(actor, account, false)
	_, secret, err1 := p.Tokens.Rotate(t.Context(), actor, rotated, token.Rotation{})
	secrets[secret] = true
	_, err2 := p.Tokens.Suspend(t.Context(), actor, issue(actor, account, false))
	_, err3 := p.Tokens.Revoke(t.Context(), actor, issue(actor, account, false))
	deleted := issue(audit.Actor{AccountID: actor.AccountID, APITokenID: maker}, account, false)
	issue(audit.Actor{AccountID: actor.AccountID, APITokenID: deleted}, account, true)
	_, err4 := p.Tokens.Revoke(t.Context(), actor, deleted)
	_, err5 := p.Tokens.Delete(t.Context(), actor, deleted)
	err6 := p.SendNotices(t.Context())
	for _, err := range []error{err1, err2, err3, err4, err5, err6} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for secret, lives := range secrets {
		if accepted(p, secret) != lives {
			t.Fatalf("a secret is accepted: %v", !lives)
		}
	}
	flush(t, p)
	rotate(t, p)
	p.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"once"},"idempotency_key":"make-once"}`, backendtest.Bearer(h.secret)).Must(t, http.StatusOK)
	p.SignIn(backendtest.Email, "a wrong password")
	p.Join(actor, "kim@example.com")
	p.SignIn("kim@example.com", backendtest.Password)
	return h, secrets
}

func TestACopyToPostgresAndBackHasEveryRowAsItWasAndItsSecretsSessionsAndListsWork(t *testing.T) {
	pgtest.OnSQLite(t, "it begins on SQLite")
	p := backendtest.Start(t)
	m := mover{t, p.Clock}
	h, secrets := fillEveryTable(t, p, p.Found())
	keys := p.Call(http.MethodGet, "/.well-known/jwks.json", nil).Body
	lists := map[string]byte{}
	for secret := range secrets {
		lists[secret] = listed(t, p, secret)
	}
	url := pgtest.Create(t, "ENCODING 'UTF8' TEMPLATE template0")
	files, remote := config.Storage{Data: p.Folder}, config.Storage{Data: "unused", DatabaseURL: config.Secret(url)}
	m.refuses(files, url, "stop it first")
	p.Stop()

	// A large move under way, and a number that must not come again.
	db := p.Database()
	for _, statement := range []string{
		`INSERT INTO token_moves (number, account_id, target, target_id, to_status, detail, actor_address, tokens, moved, inserted_at) VALUES
			(41, 'gone', 'agent_id', 'gone', 'revoked', '', '', 1, 0, 1), (42, 'gone', 'agent_id', 'gone', 'revoked', '', '', 1, 0, 1)`,
		"DELETE FROM token_moves WHERE number = 42",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	// The file was changed by hand, so what opens it next begins a new status list, once.
	b, err := backend.Open(t.Context(), m.settings(files), m.world())
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := b.Tokens.Issue(t.Context(), h.actor, token.Order{Scope: token.ScopeAccount})
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	newest := listOf(t, secret)
	secrets[secret] = true

	m.interrupted(files, url, "comparing both databases")
	other := m.world()
	other.MasterKey = config.Secret(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	used, err := backend.Open(t.Context(), m.settings(remote), other) // which makes a signing key there
	if err := errors.Join(err, used.Close()); err != nil {
		t.Fatal(err)
	}
	done := m.copy(files, url)
	for table, rows := range done.Rows {
		if rows == 0 {
			t.Errorf("no row of %s was copied, so nothing shows that they can be", table)
		}
	}
	m.refuses(files, url, "the database is not empty, it has rows in accounts (2)")
	want := contentIn(t, p.Folder)

	back := t.TempDir()
	m.refuses(remote, back, "TOKENTAB_MASTER_KEY must be set")
	key, err := os.ReadFile(filepath.Join(p.Folder, signer.MasterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKENTAB_MASTER_KEY", strings.TrimSpace(string(key)))
	m.interrupted(remote, back, "comparing both databases")
	if left, err := os.ReadDir(back); err != nil || len(left) > 0 {
		t.Errorf("an interrupted copy leaves %v, %v", left, err)
	}
	if again := m.copy(remote, back); again.Sample != done.Sample || again.Lists != done.Lists {
		t.Error("the way back finds other tokens or status lists")
	}
	m.refuses(remote, back, "the folder has a database, or had one")
	m.refuses(remote, url, "both name a Postgres database")
	m.refuses(files, back, "name a Postgres database")
	m.refuses(files, "", "--to must name the target")
	has := contentIn(t, back)
	for _, table := range []string{"token_changes", "outside_changes"} { // of the server on SQLite alone
		delete(want, table)
		delete(has, table)
	}
	for name := range want {
		if !slices.Equal(has[name], want[name]) {
			t.Errorf("%s was\n%s\nand is\n%s", name, strings.Join(want[name], "\n"), strings.Join(has[name], "\n"))
		}
	}

	works := func(p *backendtest.Program) {
		t.Helper()
		for secret, lives := range secrets {
			if accepted(p, secret) != lives || listed(t, p, secret) != lists[secret] {
				t.Errorf("a secret is accepted: %v, want %v; its list says %d, want %d", !lives, lives, listed(t, p, secret), lists[secret])
			}
		}
		if got := p.Call(http.MethodGet, "/.well-known/jwks.json", nil).Body; got != keys {
			t.Errorf("the keys are %s, were %s", got, keys)
		}
		p.Call(http.MethodGet, "/api/v1/session", nil, h.cookie).Want(t, "the session is refused", http.StatusOK)
		if err := p.Audit.VerifyAll(t.Context()); err != nil {
			t.Error(err)
		}
	}
	q := backendtest.StartIn(t, back, p.Clock)
	works(q)
	if _, secret := q.Issue(h.actor, token.Order{Scope: token.ScopeAccount}); listOf(t, secret) != newest {
		t.Error("a copy that was made cleanly begins a new status list, as a restored backup does")
	}
	q.Stop()

	q = backendtest.StartIn(t, t.TempDir(), p.Clock, onPostgres(url))
	works(q)
	m.refuses(remote, t.TempDir(), "stop them first")
	_, secret = q.Issue(h.actor, token.Order{Scope: token.ScopeAccount})
	secrets[secret], lists[secret] = true, listed(t, q, secret)
	q.Stop()
	again := t.TempDir()
	m.copy(remote, again)
	q = backendtest.StartIn(t, again, p.Clock)
	works(q)
}

// listOf returns the path of a secret's status list.
func listOf(t *testing.T, secret string) string {
	uri := backendtest.EntryOf(t, secret).URI
	return uri[strings.Index(uri, "/status-lists/"):]
}
