package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheServerListensOnIPv4AloneAtAnIPv4Address(t *testing.T) {
	for address, isReached := range map[string]bool{"0.0.0.0:0": false, "[::]:0": true} {
		l, err := listenOn("--listen", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", net.JoinHostPort("::1", port))
		if (err == nil) != isReached {
			t.Errorf("%s is reached at ::1: %v", address, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}

func TestTheExitCodeOfAServerTellsWrongSettingsFromOtherFailures(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "settings")
	if err := os.WriteFile(file, []byte("TOKENTAB_LISTN=127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	std := IO{In: strings.NewReader("secret-pass-1\n"), Out: io.Discard, Err: io.Discard}
	if code := Run(t.Context(), []string{"setup", "--data", folder, "--account", "Acme", "--email", "a@b.co", "--password-stdin"}, std); code != 0 {
		t.Fatal(code)
	}
	for name, c := range map[string]struct {
		environment, value string
		args               []string
		want               int
	}{
		"no flag":                   {args: []string{"serve", "--bogus"}, want: 78},
		"no flag, without its name": {args: []string{"--data", folder, "--bogus"}, want: 78},
		"no flag, before serve":     {args: []string{"--bogus", "serve"}, want: 78},
		"no flag, before a command": {args: []string{"--bogus", "keys", "list"}, want: 2},
		"a value":                   {args: []string{"serve", "--listen", "nonsense"}, want: 78},
		"a number":                  {"TOKENTAB_CACHE_TOKENS", "many", []string{"serve"}, 78},
		"without its name":          {"TOKENTAB_LISTEN", "nonsense", nil, 78},
		"a file":                    {args: []string{"serve", "--config", file}, want: 78},
		"a missing file":            {args: []string{"serve", "--config", file + "2"}, want: 78},
		"a variable":                {"TOKENTAB_LISTN", "127.0.0.1:0", []string{"serve"}, 78},
		"a secret in a file":        {"TOKENTAB_SMTP_URL_FILE", file + "2", []string{"serve"}, 78},
		"a master key":              {"TOKENTAB_MASTER_KEY", "short", []string{"serve", "--data", folder}, 78},
		"another master key":        {"TOKENTAB_MASTER_KEY", strings.Repeat("A", 43) + "=", []string{"serve", "--data", folder, "--listen", "127.0.0.1:0"}, 78},
		"a lost folder":             {args: []string{"serve", "--data", file, "--listen", "127.0.0.1:0"}, want: 1},
		"a stray argument":          {args: []string{"serve", "stray"}, want: 78},
		"lost TLS files":            {args: []string{"serve", "--data", folder, "--listen", "127.0.0.1:0", "--tls-cert", file + "2", "--tls-key", file + "2"}, want: 1},
		"an argument of a command":  {args: []string{"keys", "list", "--bogus"}, want: 2},
		"no command":                {args: []string{"sevre"}, want: 2},
		"no command, with a flag":   {args: []string{"--data", folder, "sevre"}, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			if c.environment != "" {
				t.Setenv(c.environment, c.value)
			}
			var said bytes.Buffer
			if code := Run(t.Context(), c.args, IO{In: strings.NewReader(""), Out: io.Discard, Err: &said}); code != c.want {
				t.Errorf("exit code %d: %s", code, said.String())
			}
		})
	}
}

// stopper cancels when the log says that the server serves.
type stopper struct {
	bytes.Buffer
	cancel func()
}

func (s *stopper) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("msg=serving")) {
		s.cancel()
	}
	return s.Buffer.Write(line)
}

func TestAStopDuringTheStartIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var said bytes.Buffer
	if code := Run(ctx, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}, IO{In: strings.NewReader(""), Out: io.Discard, Err: &said}); code != 0 {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}

func TestAnInterruptedCommandBlamesNoOne(t *testing.T) {
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "a.backup")
	std := IO{In: strings.NewReader("secret-pass-1\n"), Out: io.Discard, Err: io.Discard}
	if code := Run(t.Context(), []string{"setup", "--data", folder, "--account", "Acme", "--email", "a@b.co", "--password-stdin"}, std); code != 0 {
		t.Fatal(code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"keys", "list"}, {"backup", file}, {"account", "list"}, {"token", "export"}, {"audit", "verify"}, {"doctor"}} {
		var said bytes.Buffer
		if code := Run(ctx, append(args, "--data", folder), IO{In: strings.NewReader(""), Out: &said, Err: &said}); code != 1 ||
			!strings.Contains(said.String(), "interrupted") || strings.Contains(said.String(), "Try again") || strings.Contains(said.String(), "context") {
			t.Errorf("%q exits with %d: %s", args, code, said.String())
		}
	}
}

func TestAServerReadsItsMasterKeyFromAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.WriteString(w, strings.Repeat("A", 43)+"=\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKENTAB_MASTER_KEY_FILE", fmt.Sprintf("/dev/fd/%d", r.Fd()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := stopper{cancel: cancel}
	if code := Run(ctx, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}, IO{In: strings.NewReader(""), Out: io.Discard, Err: &said, UI: fstest.MapFS{}}); code != 0 {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}

func TestTheSocketOfAProgramThatIsAliveIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	other, err := net.ListenPacket("unixgram", path) // refuses connections, like that of a busy server
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if l, err := listenSocket(path); err == nil {
		t.Error("took its place")
		l.Close()
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestAStopLeavesTheSocketOfAServerThatHasTakenThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil { // as people do with a socket that they believe stale
		t.Fatal(err)
	}
	second, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the second server can't be reached: %v", err)
	}
	conn.Close()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket of a stopped server is left: %v", err)
	}
}
