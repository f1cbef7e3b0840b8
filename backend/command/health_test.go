package command_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/command"
	"tokentab/backend/pgtest"
)

func TestTheHealthCheckSaysWhyAServerIsNotReady(t *testing.T) {
	pgtest.OnSQLite(t, "the file of the database")
	p := backendtest.Start(t)
	check := func(code int, says string) {
		t.Helper()
		var out, err strings.Builder
		p.Clock.Move(10 * time.Second)
		if got := command.Run(t.Context(), []string{"health", "--url", p.URL}, command.IO{Out: &out, Err: &err}); got != code || !strings.Contains(err.String(), says) || out.Len() > 0 {
			t.Errorf("%d %s%s", got, &out, &err)
		}
	}
	path := filepath.Join(p.Folder, "tokentab.db")
	check(0, "")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	check(1, "is not ready: A file of the server's database was removed or replaced")
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	check(0, "")
}

func TestTheHealthCheckSaysHowToReachAServer(t *testing.T) {
	other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("Speak \x1b[2JTLS.\nMore"))
	})
	plain, secure := httptest.NewServer(other), httptest.NewUnstartedServer(other)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	closed := "127.0.0.1:1"
	for _, c := range []struct{ flag, value, says string }{
		{"--url", plain.URL, `is not ready: the status is 400 Bad Request: "Speak \x1b[2JTLS."` + "\n"},
		{"--url", secure.URL, "On its machine, leave out --url and name the certificate with --tls-cert\n"},
		{"--listen", closed, "say where with --listen, --socket or --url\n"},
		{"--url", "http://" + closed, "connection refused\n"},
		{"--url", plain.URL + "/", `is not ready: the status is 400 Bad Request: "Speak \x1b[2JTLS."` + "\n"},
		{"--url", "nonsense", `--url must be like http://127.0.0.1:8080, not "nonsense"` + "\n"},
		{"--url", "localhost:8080", `--url must be like http://127.0.0.1:8080, not "localhost:8080"` + "\n"},
		{"--url", "ftp://127.0.0.1", `--url must be like http://127.0.0.1:8080, not "ftp://127.0.0.1"` + "\n"},
		{"--url", "http://", `--url must be like http://127.0.0.1:8080, not "http://"` + "\n"},
		{"--url", "http://:8080", `--url must be like http://127.0.0.1:8080, not "http://:8080"` + "\n"},
	} {
		var out, err strings.Builder
		if code := command.Run(t.Context(), []string{"health", c.flag, c.value}, command.IO{Out: &out, Err: &err}); code != 1 || !strings.HasSuffix(err.String(), c.says) {
			t.Errorf("%s %s: %d %s", c.flag, c.value, code, &err)
		}
	}
}
