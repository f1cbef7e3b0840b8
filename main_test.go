package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tokentab/backend/backendtest"
	"tokentab/backend/command"
)

func TestMain(m *testing.M) {
	// Under the race detector, which has reported a race by then, each process would wait a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	testscript.Main(tests{m}, map[string]func(){"tokentab": main})
}

// tests are the tests of this package, whose processes run "tokentab": the program with the race detector.
type tests struct{ *testing.M }

func (m tests) Run() int {
	defer func() { _ = os.RemoveAll(filepath.Dir(builtFile)) }()
	return m.M.Run()
}

// builtFile is where built puts the program, below a folder of its own.
var builtFile string

var buildOnce = sync.OnceValue(func() error {
	folder, err := os.MkdirTemp("", "tokentab-built-")
	if err != nil {
		return err
	}
	builtFile, err = backendtest.Build(folder)
	return err
})

// built returns the program as users build it, for tests of what it does under load or in many processes: the race detector
// would be too slow.
func built(t testing.TB) string {
	t.Helper()
	if err := buildOnce(); err != nil {
		t.Fatal(err)
	}
	return builtFile
}

func TestCommands(t *testing.T) {
	folder := filepath.Dir(built(t))
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ADDRESS", backendtest.FreeAddress(t))
			e.Setenv("PATH", folder+string(os.PathListSeparator)+e.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"ready": ready, "ask": ask, "saved": saved, "dial": dial, "claims": claims},
	})
}

// ready waits until the server at $ADDRESS responds.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(waitFor(ts.Getenv("ADDRESS")))
}

func waitFor(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the server at %s does not answer: %w", address, ctx.Err())
		}
	}
}

// ask PATH STATUS [VARIABLE] sends a GET with the bearer token in a variable, over $SOCKET if it is set, and compares the
// status.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	request, err := http.NewRequest(http.MethodGet, "http://"+ts.Getenv("ADDRESS")+args[0], nil)
	ts.Check(err)
	if len(args) > 2 {
		request.Header.Set("Authorization", "Bearer "+ts.Getenv(args[2]))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if socket := ts.Getenv("SOCKET"); socket != "" {
			network, address = "unix", socket
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}}
	response, err := client.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	if got := strconv.Itoa(response.StatusCode); (got == args[1]) == neg {
		ts.Fatalf("%s answers %s, want %s: %s", args[0], got, args[1], body)
	}
}

// saved VARIABLE keeps the standard output of the last command, without the line break. It must be a single line.
func saved(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile("stdout")
	line, rest, _ := strings.Cut(text, "\n")
	if rest != "" || line == "" {
		ts.Fatalf("standard output is not one line: %q", text)
	}
	ts.Setenv(args[0], line)
}

// dial opens a connection to the server at $ADDRESS that stays idle until the script ends.
func dial(ts *testscript.TestScript, _ bool, _ []string) {
	c, err := net.Dial("tcp", ts.Getenv("ADDRESS"))
	ts.Check(err)
	ts.Defer(func() { _ = c.Close() })
}

// claims VARIABLE prints the claims of the token in a variable.
func claims(ts *testscript.TestScript, _ bool, args []string) {
	parts := strings.Split(ts.Getenv(args[0]), ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	ts.Check(err)
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
}

// server is the real program in its own process.
type server struct {
	address string
	process *exec.Cmd
	output  *bufio.Reader
}

func serveIn(t testing.TB, folder string) *server {
	t.Helper()
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command(built(t), "serve", "--data", folder, "--listen", s.address)
	s.start(t)
	return s
}

// start starts the process and waits until it responds. Its output goes to s.output, unless the process has one.
func (s *server) start(t testing.TB) {
	t.Helper()
	if s.process.Stdout == nil {
		out, err := s.process.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		s.output = bufio.NewReader(out)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Process.Kill() })
	if err := waitFor(s.address); err != nil {
		t.Fatal(err)
	}
}

func (s *server) call(method, path, secret, body string) (int, map[string]any, error) {
	request, err := http.NewRequest(method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, nil, err
	}
	return response.StatusCode, answer, nil
}

// tokentab runs a command in this process, which is faster than in one of its own, and returns all that it printed, without
// white space around it.
func tokentab(stdin string, args ...string) (string, error) {
	var printed backendtest.Buffer
	code := command.Run(context.Background(), args, command.IO{In: strings.NewReader(stdin), Out: &printed, Err: &printed})
	out := strings.TrimSpace(printed.String())
	if code != 0 {
		return out, fmt.Errorf("exit status %d: %s", code, out)
	}
	return out, nil
}

// setUp creates a data folder with an account and an account token.
func setUp(t testing.TB) (folder, manager string) {
	t.Helper()
	f, err := founded()
	if err != nil {
		t.Fatal(err)
	}
	return f.files.Folder(t), f.manager
}

type foundedData struct {
	files   backendtest.Files
	manager string
}

// founded sets a data folder up by the command line, once for all tests.
var founded = sync.OnceValues(func() (f foundedData, err error) {
	folder, err := os.MkdirTemp("", "tokentab-founded-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(folder)
	if _, err := tokentab("secret-pass-1\n", "setup", "--data", folder, "--account", "Acme", "--email", "a@b.co", "--password-stdin"); err != nil {
		return f, err
	}
	if f.manager, err = tokentab("", "token", "create", "--data", folder, "--scope", "account"); err != nil {
		return f, err
	}
	f.files, err = backendtest.FilesIn(folder)
	return f, err
})
