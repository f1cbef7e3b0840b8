package backend_test

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// gate tells checkers whether a token is certainly closed. It is odd from the return of a suspend or revoke until
// just before the next activate.
type gate struct{ atomic.Int64 }

func (g *gate) close() { g.Add(1) }
func (g *gate) open()  { g.Add(1) }

// hammer runs checkers against a token until stop is called. stop returns how many accepts began after a close.
func hammer(t *testing.T, checkers int, g *gate, accepted func() bool) (stop func() (checks, wrong int64)) {
	t.Helper()
	var checks, wrong atomic.Int64
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range checkers {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := g.Load()
				good := accepted()
				checks.Add(1)
				runtime.Gosched() // so that the goroutine that changes the token gets its turn
				if good && before%2 == 1 && g.Load() == before {
					wrong.Add(1)
				}
			}
		})
	}
	return func() (int64, int64) {
		close(done)
		wait.Wait()
		return checks.Load(), wrong.Load()
	}
}

func TestPromise1RevokedIsRevoked(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	must := func(_ token.Listed, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var g gate
	stop := hammer(t, 64, &g, func() bool {
		v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{})
		if err != nil {
			t.Error(err)
		}
		return v.Reason == token.Good
	})
	for range backendtest.Rounds(1000) {
		must(p.Tokens.Suspend(t.Context(), actor, made.ID))
		g.close()
		if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.IsSuspended {
			t.Fatalf("after a suspend: %v %v", v.Reason, err)
		}
		g.open()
		must(p.Tokens.Activate(t.Context(), actor, made.ID))
		if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.Good {
			t.Fatalf("after an activate: %v %v", v.Reason, err)
		}
	}
	must(p.Tokens.Revoke(t.Context(), actor, made.ID))
	g.close()
	must(p.Tokens.Delete(t.Context(), actor, made.ID))
	checks, wrong := stop()
	if wrong > 0 {
		t.Errorf("%d of %d accepts began after the change had returned", wrong, checks)
	}
}

func TestPromise1HoldsAtEveryEndpoint(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	for _, endpoint := range []string{"/api/v1/ping", "/api/v1/validate", "/api/v1/validate/some/path", "/api/v1/api_token"} {
		t.Run(endpoint, func(t *testing.T) {
			made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			var g gate
			stop := hammer(t, 8, &g, func() bool {
				return p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Status == http.StatusOK
			})
			_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			move := func(action string) {
				t.Helper()
				p.Call(http.MethodPost, "/api/v1/api_token/"+made.ID.String()+"/"+action, nil, backendtest.Bearer(manager)).Must(t, http.StatusOK)
			}
			for range 25 {
				move("suspend")
				g.close()
				if s := p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Status; s != http.StatusUnauthorized {
					t.Fatalf("suspended: %d", s)
				}
				g.open()
				move("activate")
				if s := p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Status; s != http.StatusOK {
					t.Fatalf("activated: %d", s)
				}
			}
			move("revoke")
			g.close()
			if checks, wrong := stop(); wrong > 0 {
				t.Errorf("%d of %d accepts began after the change had returned", wrong, checks)
			}
		})
	}
}

func TestATokenEndsAtTheInstantThatItNames(t *testing.T) {
	p := backendtest.Start(t)
	made, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Hour)})
	for _, step := range []struct {
		move time.Duration
		want token.Reason
	}{{time.Hour - time.Millisecond, token.Good}, {time.Millisecond, token.IsExpired}, {-time.Second, token.Good}} {
		p.Clock.Move(step.move)
		v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{})
		if err != nil || v.Reason != step.want {
			t.Errorf("at %s, expiring at %s: %v %v, want %v", p.Clock.Now(), made.ExpiresAt, v.Reason, err, step.want)
		}
	}
}

func TestPromise3NeverOpenByAccident(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	p.Exec("ALTER TABLE api_tokens RENAME TO gone")
	for _, presented := range []string{secret, "anything"} {
		for _, endpoint := range []string{"/api/v1/ping", "/api/v1/validate", "/api/v1/api_token"} {
			a := p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(presented))
			if a.Status != http.StatusServiceUnavailable || a.Text(t, "code") != "unexpected" || a.Header.Get("Retry-After") == "" {
				t.Errorf("%s with a store that fails: %d %s", endpoint, a.Status, a.Body)
			}
		}
	}
	p.Exec("ALTER TABLE gone RENAME TO api_tokens")
	p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Want(t, "the failure was remembered", http.StatusOK)
}

func TestPromise4ShownOnce(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	created := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), backendtest.Bearer(manager))
	secret, id := created.Text(t, "token"), created.Text(t, "details", "id")
	if secret == "" {
		t.Fatalf("no secret: %s", created.Body)
	}
	signature := secret[strings.LastIndex(secret, ".")+1:]
	secretIn := func(text string) bool { return strings.Contains(text, signature[:20]) }
	for _, call := range []struct{ method, path string }{
		{"GET", "/api/v1/ping"}, {"GET", "/api/v1/validate"}, {"GET", "/api/v1/api_token"}, {"GET", "/api/v1/api_token/" + id},
		{"POST", "/api/v1/api_token/" + id + "/suspend"}, {"GET", "/api/v1/ping"}, {"POST", "/api/v1/api_token/" + id + "/revoke"},
		{"GET", "/api/v1/validate?token=" + secret}, {"GET", "/api/v1/api_token/" + secret}, {"GET", "/" + secret},
		{"POST", "/api/v1/api_token/" + secret + "/revoke"}, {"DELETE", "/api/v1/api_token/" + id},
	} {
		for _, bearer := range []string{manager, secret} {
			a := p.Call(call.method, call.path, nil, backendtest.Bearer(bearer))
			if secretIn(a.Body) || secretIn(fmt.Sprint(a.Header)) {
				t.Errorf("%s %s answers with the secret", call.method, call.path)
			}
		}
	}
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if secretIn(p.Log.String()) {
		t.Error("the log holds the secret")
	}
	searchFiles := func() {
		t.Helper()
		for name, content := range p.Stored() {
			if bytes.Contains(content, []byte(signature[:20])) {
				t.Errorf("%s holds the secret", name)
			}
		}
	}
	searchFiles()
	p.Stop()
	searchFiles()
}

func TestPromise5NoChangeWithoutItsRecord(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	doomed, bob := p.Rival(), p.Join(actor, "bob@example.com")
	environments, _, err := p.Accounts.Environments(t.Context(), actor.AccountID, oldest)
	if err != nil {
		t.Fatal(err)
	}
	p.Exec("ALTER TABLE audit_events RENAME TO gone")
	changes := map[string]func() error{
		"issue": func() error {
			_, _, err := p.Tokens.Issue(t.Context(), actor, token.Order{Scope: token.ScopeAccount})
			return err
		},
		"suspend": func() error { _, err := p.Tokens.Suspend(t.Context(), actor, made.ID); return err },
		"revoke":  func() error { _, err := p.Tokens.Revoke(t.Context(), actor, made.ID); return err },
		"environment": func() error {
			_, err := p.Accounts.CreateEnvironment(t.Context(), actor, account.EnvironmentOrder{Name: "QA"})
			return err
		},
		"change of the account": func() error {
			_, err := p.Accounts.Update(t.Context(), actor, account.Change{})
			return err
		},
		"delete of the account": func() error {
			_, err := p.Accounts.Delete(t.Context(), audit.Actor{AccountID: doomed.AccountID}, "Rival")
			return err
		},
		"change of an environment": func() error {
			_, err := p.Accounts.UpdateEnvironment(t.Context(), actor, environments[0].ID, account.EnvironmentChange{})
			return err
		},
		"delete of an environment": func() error {
			_, _, err := p.Accounts.DeleteEnvironment(t.Context(), actor, environments[1].ID, true)
			return err
		},
		"change of a profile": func() error {
			_, err := p.People.UpdateProfile(t.Context(), actor, actor.AdminUserID, people.ProfileChange{})
			return err
		},
		"removal": func() error {
			_, _, err := p.People.RemoveMember(t.Context(), actor, bob.AdminUserID, true)
			return err
		},
		"invite": func() error {
			_, err := p.People.Invite(t.Context(), actor, "carol@example.com", people.RoleAdmin)
			return err
		},
		"sign-in": func() error {
			_, err := p.People.SignIn(t.Context(), backendtest.Email, backendtest.Password, people.Browser{Address: "192.0.2.1"})
			return err
		},
		"account": func() error {
			_, err := p.People.FoundAnother(t.Context(), people.Founder{AccountName: "B", Email: "b@example.com", Password: backendtest.Password})
			return err
		},
	}
	for name, change := range changes {
		if change() == nil {
			t.Errorf("%s succeeded without a record", name)
		}
	}
	p.Exec("ALTER TABLE gone RENAME TO audit_events")
	if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.Good {
		t.Errorf("a change without a record took effect: %v %v", v.Reason, err)
	}
	if found, err := p.Tokens.List(t.Context(), actor.AccountID, token.Filter{}, page); err != nil || found.Total != 1 {
		t.Errorf("%d tokens, %v; want 1", found.Total, err)
	}
	for name, change := range changes {
		if err := change(); err != nil && name != "revoke" && name != "suspend" {
			t.Errorf("%s: %v", name, err)
		}
	}
	db := p.Database()
	for _, action := range []audit.Action{audit.APITokenCreated, audit.EnvironmentCreated, audit.SessionCreated, audit.AccountCreated, audit.AdminUserCreated, audit.SigningKeyCreated} {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM audit_events WHERE action = ?", action).Scan(&n); err != nil || n == 0 {
			t.Errorf("%s: %d events, %v", action, n, err)
		}
	}
}

func TestPromise6LastUsedIsTrue(t *testing.T) {
	folder, clock := t.TempDir(), backendtest.NewClock()
	p := backendtest.StartIn(t, folder, clock)
	actor := p.Found()
	used, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	refused, refusedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Suspend(actor, refused.ID)
	var last time.Time
	for range 100 {
		clock.Move(97 * time.Millisecond)
		last = clock.Now()
		for _, s := range []string{secret, refusedSecret} {
			if _, err := p.Tokens.Check(t.Context(), []byte(s), token.Need{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	shows := func(p *backendtest.Program) {
		t.Helper()
		got, err := p.Tokens.Get(t.Context(), actor.AccountID, used.ID)
		if err != nil {
			t.Fatal(err)
		}
		if off := last.Sub(got.LastUsedAt); off < 0 || off > 5*time.Second {
			t.Errorf("last used %s, want %s", got.LastUsedAt, last)
		}
	}
	shows(p)
	// Also if the use is not written yet and its token has left the cache.
	suspended, err := p.Tokens.Suspend(t.Context(), actor, used.ID)
	if err != nil {
		t.Fatal(err)
	}
	if off := last.Sub(suspended.LastUsedAt); off < 0 || off > 5*time.Second {
		t.Errorf("as it is suspended, last used %s, want %s", suspended.LastUsedAt, last)
	}
	shows(p)
	p.Stop()
	again := backendtest.StartIn(t, folder, clock)
	shows(again)
	if got, err := again.Tokens.Get(t.Context(), actor.AccountID, refused.ID); err != nil || !got.LastUsedAt.IsZero() {
		t.Errorf("a refused token was last used at %s, %v; want never", got.LastUsedAt, err)
	}
}

func TestPromise8ANewerSchemaIsRefusedInPlainWords(t *testing.T) {
	pgtest.OnSQLite(t, "a schema version that its migrations write; Postgres has tests of its own")
	folder, clock := t.TempDir(), backendtest.NewClock()
	p := backendtest.StartIn(t, folder, clock)
	p.Found()
	p.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	p.Stop()
	_, err := backend.Open(t.Context(), config.Config{Storage: config.Storage{Data: folder}, Issuing: p.Config.Issuing, Serving: p.Config.Serving}, backend.World{Now: clock.Now})
	if err == nil || !strings.Contains(err.Error(), "newer version of this program") {
		t.Errorf("a newer schema: %v", err)
	}
}
