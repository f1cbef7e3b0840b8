package copies

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
)

func TestADatabaseThatLostChangesIsRefusedOnAllCopiesUntilSomeoneConfirmsIt(t *testing.T) {
	f := newFleet(t, 2, "", "--database-look-limit", "1m")
	_, secret := f.copies[0].issue()
	both := func(want int) {
		t.Helper()
		for _, at := range f.copies {
			for _, path := range []string{"/api/v1/validate", "/readyz"} {
				if a, err := at.call(http.MethodGet, path, secret, ""); err != nil || a.status != want {
					t.Errorf("%s: %d %s %v, want %d", path, a.status, a.body, err, want)
				}
			}
		}
	}
	both(http.StatusOK)
	for _, goesOn := range []bool{false, true} {
		f.sql("DELETE FROM token_changes WHERE number = (SELECT MAX(number) FROM token_changes)")
		both(http.StatusServiceUnavailable)
		if goesOn { // then it is another one
			f.command("", "token", "create", "--scope", "account")
			both(http.StatusServiceUnavailable)
		}
		if said := f.refused("no\n", "database", "confirm"); !strings.Contains(said, "All sessions end") {
			t.Errorf("it does not say what it does: %s", said)
		}
		both(http.StatusServiceUnavailable)
		f.command("yes\n", "database", "confirm")
		for range 3 {
			both(http.StatusOK)
		}
	}
}

// takePlace gives the name of a fleet's database to another database, and the name former to its own.
func (f *fleet) takePlace(other *url.URL, former string) {
	f.t.Helper()
	admin, own := *f.url, strings.TrimPrefix(f.url.Path, "/")
	admin.Path = "/postgres"
	for _, statement := range []string{
		"ALTER DATABASE " + own + " ALLOW_CONNECTIONS false", // the copies connect again at once
		"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '" + own + "'",
		"ALTER DATABASE " + own + " RENAME TO " + former,
		"ALTER DATABASE " + strings.TrimPrefix(other.Path, "/") + " RENAME TO " + own,
		"ALTER DATABASE " + former + " ALLOW_CONNECTIONS true",
	} {
		if err := run(admin.String(), statement); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestACopyRefusesTheDatabaseOfAnotherInstallationUntilItsOwnIsBack(t *testing.T) {
	const signIn = `{"details":{"email":"a@b.co","password":"secret-pass-1"}}`
	for name, newKey := range map[string]bool{"with the same master key": false, "with another master key": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 1, "", "--database-look-limit", "1m")
			other := &fleet{t: t, binary: f.binary, env: f.env}
			if newKey {
				other.env = withMasterKey()
			}
			other.at(newDatabase(t, "template0"))
			other.setUp()
			other.add().kill() // a server has had it
			at := f.copies[0]
			_, secret := at.issue()
			state := func(when string, want int) {
				t.Helper()
				for _, c := range []struct{ method, path, secret, body string }{
					{http.MethodPost, "/api/v1/session", "", signIn}, // before a look
					{http.MethodGet, "/api/v1/validate", secret, ""}, {http.MethodGet, "/api/v1/validate", other.manager, ""}, {http.MethodGet, "/readyz", "", ""},
					{http.MethodGet, "/api/v1/api_token", f.manager, ""}, {http.MethodPost, "/api/v1/environment", f.manager, `{"details":{"name":"E ` + rand.Text() + `"}}`},
				} {
					if c.secret == other.manager && want == http.StatusOK {
						continue
					}
					a, err := at.call(c.method, c.path, c.secret, c.body, "Sec-Fetch-Site", "same-origin")
					if err != nil || a.status != want {
						t.Errorf("%s: %s %s: %d %s %v, want %d", when, c.method, c.path, a.status, a.body, err, want)
					}
				}
			}
			state("at first", http.StatusOK)
			former, others := strings.TrimPrefix(f.url.Path, "/")+"_former", strings.TrimPrefix(other.url.Path, "/")
			f.takePlace(other.url, former)
			state("with another database", http.StatusServiceUnavailable)
			other.at(f.url)
			other.command("", "database", "confirm", "--yes")
			state("after a confirmation", http.StatusServiceUnavailable)
			if !at.logs("restart the server with the master key of that installation") {
				t.Error("the log does not say what to do")
			}
			back := *f.url
			back.Path = "/" + former
			f.takePlace(&back, others)
			state("with its own again", http.StatusOK)
			if !at.logs("changes work again") {
				t.Error("the log does not say that it goes on")
			}
		})
	}
}

func TestACopyThatCantWorkWithANewerSchemaStopsAnswering(t *testing.T) {
	f := newFleet(t, 1, "", "--database-look-limit", "1m")
	at := f.copies[0]
	if !at.accepts(f.manager) {
		t.Fatal("a good token is refused")
	}
	const cause, signIn = "A newer version has changed the database", `{"details":{"email":"a@b.co","password":"secret-pass-1"}}`
	f.sql("UPDATE schema_needs SET lowest = 1000000")
	for range 2 {
		for _, c := range []struct{ method, path, body, says string }{
			{http.MethodGet, "/api/v1/validate", "", ""}, {http.MethodGet, "/readyz", "", cause}, {http.MethodGet, "/api/v1/account", "", ""},
			{http.MethodPost, "/api/v1/session", signIn, cause},
		} {
			a, err := at.call(c.method, c.path, f.manager, c.body, "Sec-Fetch-Site", "same-origin")
			if err != nil || a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), c.says) {
				t.Errorf("%s: %d %s %v", c.path, a.status, a.body, err)
			}
		}
	}
	f.sql("UPDATE schema_needs SET lowest = 30")
	if !at.accepts(f.manager) || !at.logs("validations are answered again") {
		t.Error("it does not go on")
	}
	if told := strings.Split(at.log.text(), "could not read the changes of other copies"); len(told) != 2 || !strings.Contains(told[1], cause) {
		t.Errorf("the log has the cause %d times", len(told)-1)
	}
}

// leaders counts the sessions that hold the lock of the copy that works for all, other than one.
const leaders = `SELECT count(*), COALESCE(MAX(l.pid), 0) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
	WHERE l.locktype = 'advisory' AND a.datname = current_database() AND a.application_name = 'tokentab leads'`

func TestOneCopyWorksForAllAndAnotherTakesOverWhenItDies(t *testing.T) {
	f := newFleet(t, 2, "")
	await := func(other int) (pid int) {
		t.Helper()
		for began := time.Now(); time.Since(began) < time.Minute; {
			var count int
			f.row(leaders, &count, &pid)
			if count > 1 {
				t.Fatalf("%d copies lead", count)
			}
			if count == 1 && pid != other {
				return pid
			}
		}
		t.Fatal("no copy leads")
		return 0
	}
	first := await(0)
	// The proxies hide which copy it is: cut each off in turn until the leader has changed.
	f.copies[0].kill()
	f.copies[1].kill()
	if err := f.copies[1].start(); err != nil {
		t.Fatal(err)
	}
	second := await(first)
	if err := f.copies[0].start(); err != nil {
		t.Fatal(err)
	}
	f.copies[1].kill()
	await(second)
}

func TestTheDoctorFindsACopyAndMeasuresARevocation(t *testing.T) {
	f := newFleet(t, 1, "")
	at := f.copies[0]
	said := func() string { // it also finds that the Postgres of the tests is not durable
		doctor := exec.Command(f.binary, append([]string{"doctor", "--listen", at.address}, f.storage...)...)
		doctor.Env = f.env
		text, _ := doctor.CombinedOutput()
		return string(text)
	}
	for began, led := time.Now(), 0; led == 0; {
		var pid int
		if f.row(leaders, &led, &pid); time.Since(began) > time.Minute {
			t.Fatal("no copy leads")
		}
	}
	if text := said(); !strings.Contains(text, "ok    server: ready") || !strings.Contains(text, "ok    revocation: the token was refused") {
		t.Error(text)
	}
	at.kill()
	if text := said(); !strings.Contains(text, "server: none runs on this data") {
		t.Error(text)
	}
}

func TestACopyValidatesWhileTheConnectionOfTheLeaderHangs(t *testing.T) {
	f := newFleet(t, 1, "")
	at := f.copies[0]
	h := at.proxy.holdAnswers("tokentab leads")
	defer at.proxy.release(h)
	<-h.caught // the copy asks whether it still leads, and waits
	if !at.accepts(f.manager) {
		t.Error("a good token is refused")
	}
}

func TestNginxPassesOverACopyThatIsCutOff(t *testing.T) {
	f := newFleet(t, 2, "")
	address := serveNginx(t, f.copies)
	through := &replica{fleet: f, address: address}
	through.accepts(f.manager)
	f.copies[0].proxy.setCut(true)
	for range 100 {
		if !through.accepts(f.manager) {
			t.Fatal("a good token is refused")
		}
	}
}

// serveNginx runs the shipped nginx-copies.conf in front of copies, and returns its address.
func serveNginx(t *testing.T, copies []*replica) string {
	t.Helper()
	command := exec.Command("../e2e/need.sh", "nginx", "The shipped configuration of nginx is tested with the real program.", "nginx-light")
	command.Stderr = os.Stderr
	program, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../deploy/nginx-copies.conf")
	if err != nil {
		t.Fatal(err)
	}
	folder, address := t.TempDir(), backendtest.FreeAddress(t)
	own := "http {\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		own += kind + "_temp_path " + filepath.Join(folder, kind) + ";\n"
	}
	conf := strings.NewReplacer("http {\n", own, "*:8000", address, "tokentab-1:8080", copies[0].address, "tokentab-2:8080", copies[1].address).Replace(string(text))
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	global := "daemon off; pid " + filepath.Join(folder, "pid") + "; error_log stderr notice;"
	if os.Geteuid() == 0 {
		global += " user root;" // can read the test's folder
	}
	nginx := exec.Command(strings.TrimSpace(string(program)), "-e", "stderr", "-p", folder, "-c", file, "-g", global)
	nginx.Stderr = os.Stderr
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(os.Interrupt)
		_ = nginx.Wait()
	})
	through := &replica{fleet: copies[0].fleet, address: address, log: &lockedBuffer{}}
	if err := through.awaitReady(); err != nil {
		t.Fatal(err)
	}
	return address
}

func TestTheSetupLinkOfAnyCopyWorksAtAnyCopyOnce(t *testing.T) {
	f := &fleet{t: t, binary: build(t, ""), env: withMasterKey()}
	f.at(newDatabase(t, "template0"))
	first, second := f.add(), f.add()
	code := func(r *replica) string {
		r.logs("/setup#")
		_, after, _ := strings.Cut(r.log.text(), "/setup#")
		line, _, _ := strings.Cut(after, "\n")
		return line
	}
	if code(first) == "" || code(first) != code(second) {
		t.Fatalf("the links are %q and %q", code(first), code(second))
	}
	body := `{"details":{"code":"` + code(first) + `","account_name":"Acme","email":"ada@example.com","password":"a long password 1"}}`
	setUp := func(r *replica) answer {
		a, err := r.call(http.MethodPost, "/api/v1/setup", "", body, "Sec-Fetch-Site", "same-origin")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := setUp(second); a.status != http.StatusOK {
		t.Fatalf("set up: %d %s", a.status, a.body)
	}
	for _, r := range f.copies {
		if a := setUp(r); a.status < 400 {
			t.Errorf("set up again: %d %s", a.status, a.body)
		}
	}
}
