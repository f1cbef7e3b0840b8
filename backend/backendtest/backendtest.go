// Package backendtest runs the real program for tests: on a temporary database, listening on loopback, with a clock
// that the test moves.
package backendtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/config"
	"tokentab/backend/password"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// Password is the password of the admin user that Found creates.
const Password = "correct horse battery"

// Email is the email of the admin user that Found creates.
const Email = "ada@example.com"

// Program is a running program.
type Program struct {
	*backend.Backend
	Clock  *Clock
	Log    *Buffer
	URL    string // such as http://127.0.0.1:41233
	Folder string // the data folder
	Config config.Config

	t        testing.TB
	stop     func()
	contract *contract

	opening  sync.Mutex
	database *sql.DB // beside the program; nil until it is asked for
}

var (
	torture = flag.Bool("torture", false, "run the tests that change tokens under load at their full length")
	kills   = flag.Int("kills", 250, "how often the test of random kills kills the program, with -torture")
)

// Rounds returns how often a test repeats its load: full with the flag -torture, a tenth of it without.
func Rounds(full int) int {
	if *torture {
		return full
	}
	return full / 10
}

// Torturing reports whether tests must run at their full length.
func Torturing() bool { return *torture }

// Kills returns how many times the random-kill test kills the program in a full run.
func Kills() int { return *kills }

// Option changes how a program starts.
type Option func(*config.Config, *backend.World)

// Start runs a program until the test ends, on data without an account.
func Start(t testing.TB, options ...Option) *Program {
	t.Helper()
	if pgtest.Wanted() {
		return StartIn(t, t.TempDir(), NewClock(), options...)
	}
	files, err := template()
	if err != nil {
		t.Fatal(err)
	}
	return StartIn(t, files.Folder(t), NewClock(), options...)
}

// Files are the files of a data folder, by name.
type Files map[string][]byte

// FilesIn reads a data folder.
func FilesIn(folder string) (Files, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	files := Files{}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(folder, entry.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Folder returns a new folder with the files, which only their owner may read.
func (f Files) Folder(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil { // as the program makes it
		t.Fatal(err)
	}
	for name, content := range f {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// template returns the files of a data folder without an account. Creating them takes most of a short test, so a process
// does it once.
var template = sync.OnceValues(func() (Files, error) {
	folder, err := os.MkdirTemp("", "tokentab-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	c := configIn(folder, "127.0.0.1:0")
	if err := c.Check(); err != nil {
		return nil, err
	}
	b, err := backend.Open(context.Background(), c, worldAt(NewClock(), io.Discard))
	if err != nil {
		return nil, err
	}
	if err := b.Close(); err != nil {
		return nil, err
	}
	return FilesIn(folder)
})

// Build builds the program in a folder as its users do, without the race detector, and returns the file.
func Build(folder string) (string, error) {
	file := filepath.Join(folder, "tokentab")
	build := exec.Command("go", "build", "-trimpath", "-o", file, "tokentab")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return file, nil
}

// FreeAddress returns an address on loopback that nothing listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// databases makes databases of Postgres without an account.
var databases = pgtest.Template{Fill: func(url string) error {
	c := configIn("unused", "127.0.0.1:0")
	c.DatabaseURL = config.Secret(url)
	if err := c.Check(); err != nil {
		return err
	}
	b, err := backend.Open(context.Background(), c, worldAt(NewClock(), io.Discard))
	if err != nil {
		return err
	}
	return b.Close()
}}

// All programs on Postgres share one master key, as copies do.
func init() {
	if pgtest.Wanted() && os.Getenv(config.Prefix+"_MASTER_KEY") == "" {
		_ = os.Setenv(config.Prefix+"_MASTER_KEY", base64.StdEncoding.EncodeToString(make([]byte, 32))) // else no program starts
	}
}

// StartIn runs a program on the data in a folder, which may come from an earlier program. On Postgres each folder has a
// database of its own.
func StartIn(t testing.TB, folder string, clock *Clock, options ...Option) *Program {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Program{Clock: clock, Log: &Buffer{}, URL: "http://" + listener.Addr().String(), Folder: folder, t: t}
	p.Config = configIn(folder, listener.Addr().String())
	if pgtest.Wanted() {
		p.Config.DatabaseURL = config.Secret(databases.Of(t, folder))
	}
	world := worldAt(clock, p.Log)
	for _, option := range options {
		option(&p.Config, &world)
	}
	if err := p.Config.Check(); err != nil {
		t.Fatal(err)
	}
	if p.Backend, err = backend.Open(t.Context(), p.Config, world); err != nil {
		t.Fatal(err)
	}
	if p.contract, err = contractOf(p.Web.API.OpenAPI); err != nil {
		t.Fatal(err)
	}
	listeners := []net.Listener{listener}
	if p.Config.Socket != "" {
		socket, err := net.Listen("unix", p.Config.Socket)
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, socket)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, p.Config, listeners...) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

func configIn(folder, listen string) config.Config {
	return config.Config{
		Storage:  config.Storage{Data: folder},
		Issuing:  config.Issuing{MaxTokenLifetime: config.Lifetime(400 * 24 * time.Hour)},
		Serving:  config.Serving{Listen: listen, LogFormat: "text", TokensMayCreateTokens: true, CacheTokens: 10_000, DatabaseLookLimit: 10 * time.Second},
		Activity: config.Activity{ActivityRetention: config.Lifetime(30 * 24 * time.Hour), ActivityMax: 1 << 30},
	}
}

func worldAt(clock *Clock, log io.Writer) backend.World {
	return backend.World{Now: clock.Now, Passed: clock.Passed, Shared: clock.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		PasswordCosts: password.Costs{Memory: 64, Passes: 1}} // passwords are seldom the subject
}

// Stop ends the program cleanly before the test ends.
func (p *Program) Stop() { p.stop() }

// SendNotices writes and sends the notices that are due, as a server does every few seconds.
func (p *Program) SendNotices(ctx context.Context) error {
	return errors.Join(p.Notices.Post(ctx), p.Notices.SendMails(ctx))
}

// WithUI makes the program serve the given page.
func WithUI(ui fs.FS) Option {
	return func(_ *config.Config, w *backend.World) { w.UI = ui }
}

// Found creates an account with an admin user and returns that user as an actor.
func (p *Program) Found() audit.Actor {
	p.t.Helper()
	user, err := p.People.Found(p.t.Context(), people.Founder{AccountName: "Acme", Name: "Ada", Email: Email, Password: Password}, "")
	if err != nil {
		p.t.Fatal(err)
	}
	return audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID}
}

// Rival creates another account with an admin user and returns that user as an actor.
func (p *Program) Rival() audit.Actor {
	p.t.Helper()
	user, err := p.People.FoundAnother(p.t.Context(), people.Founder{AccountName: "Rival", Name: "Eve", Email: "eve@example.com", Password: Password})
	if err != nil {
		p.t.Fatal(err)
	}
	return audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID}
}

// Join adds Bob to the actor's team, under the given email, as an admin, and returns him as an actor.
func (p *Program) Join(actor audit.Actor, email string) audit.Actor {
	p.t.Helper()
	return p.JoinAs(actor, email, people.RoleAdmin)
}

// JoinAs is Join with a role.
func (p *Program) JoinAs(actor audit.Actor, email string, role people.Role) audit.Actor {
	p.t.Helper()
	invite := p.Invite(actor, email, role)
	user, err := p.People.AcceptInvite(p.t.Context(), people.Acceptance{Code: invite.Code, Name: "Bob", Password: Password}, "")
	if err != nil {
		p.t.Fatal(err)
	}
	return audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID}
}

// Issue issues a token and returns it with its secret.
func (p *Program) Issue(actor audit.Actor, order token.Order) (token.Listed, string) {
	p.t.Helper()
	made, secret, err := p.Tokens.Issue(p.t.Context(), actor, order)
	if err != nil {
		p.t.Fatal(err)
	}
	return made, secret
}

// Suspend suspends a token.
func (p *Program) Suspend(actor audit.Actor, id pfid.ID) {
	p.t.Helper()
	if _, err := p.Tokens.Suspend(p.t.Context(), actor, id); err != nil {
		p.t.Fatal(err)
	}
}

// Revoke revokes a token.
func (p *Program) Revoke(actor audit.Actor, id pfid.ID) {
	p.t.Helper()
	if _, err := p.Tokens.Revoke(p.t.Context(), actor, id); err != nil {
		p.t.Fatal(err)
	}
}

// Invite invites someone to the actor's team.
func (p *Program) Invite(actor audit.Actor, email string, role people.Role) people.IssuedInvite {
	p.t.Helper()
	invite, err := p.People.Invite(p.t.Context(), actor, email, role)
	if err != nil {
		p.t.Fatal(err)
	}
	return invite
}

// Header is one header of a request.
type Header struct{ Name, Value string }

// Bearer returns the Authorization header for a secret.
func Bearer(secret string) Header { return Header{"Authorization", "Bearer " + secret} }

// Call sends a request to a path. It sends a string body unchanged, and any other body that is not nil as JSON. The
// test fails if the response does not match the OpenAPI document.
func (p *Program) Call(method, path string, body any, headers ...Header) Answer {
	p.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			p.t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	contentType := ""
	if body != nil {
		contentType = "application/json"
	}
	answer := p.send(method, path, reader, contentType, headers)
	if err := p.contract.check(method, path, answer); err != nil {
		p.t.Errorf("%s %s is not as the OpenAPI document says: %v", method, path, err)
	}
	return answer
}

// Route returns the route of the OpenAPI document that a request matches, such as "GET /agent/{id}".
func (p *Program) Route(method, url string) string {
	place, _, _ := strings.Cut(strings.TrimPrefix(url, "/api/v1"), "?")
	path, _ := p.contract.find(strings.ToLower(method), place)
	return method + " " + path
}

// Details returns a request body that wraps its fields as the contract does.
func Details(fields map[string]any) map[string]any { return map[string]any{"details": fields} }
