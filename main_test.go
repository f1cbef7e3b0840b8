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
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tokentab": main})
}

func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ADDRESS", freeAddress(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"ready": ready, "ask": ask, "saved": saved, "dial": dial, "claims": claims},
	})
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
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

func serveIn(t *testing.T, folder string) *server {
	t.Helper()
	return serveBinary(t, "tokentab", folder)
}

func serveBinary(t testing.TB, binary, folder string) *server {
	t.Helper()
	s := &server{address: freeAddress(t)}
	s.process = exec.Command(binary, "serve", "--data", folder, "--listen", s.address)
	s.start(t)
	return s
}

// start starts the process and waits until it responds.
func (s *server) start(t testing.TB) {
	t.Helper()
	out, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.output = bufio.NewReader(out)
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

// setUp creates a data folder with an account and an account token.
func setUp(t testing.TB) (folder, manager string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "data")
	run := func(stdin string, args ...string) string {
		t.Helper()
		c := exec.Command("tokentab", append(args, "--data", folder)...)
		c.Stdin, c.Stderr = strings.NewReader(stdin), os.Stderr
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	run("secret-pass-1\n", "setup", "--account", "Acme", "--email", "a@b.co", "--password-stdin")
	return folder, run("", "token", "create", "--scope", "account")
}

func TestPromise2AcknowledgedIsKept(t *testing.T) {
	folder, manager := setUp(t)
	var mu sync.Mutex
	acknowledged := map[string]string{} // status by id
	secrets := map[string]string{}
	for round := range 8 {
		s := serveIn(t, folder)
		killAfter := 10 + 7*round
		var wait sync.WaitGroup
		kill := sync.OnceFunc(func() { _ = s.process.Process.Kill() })
		for range 4 {
			wait.Go(func() {
				for {
					status, made, err := s.call(http.MethodPost, "/api/v1/api_token", manager, `{"details":{"token_scope":"account"}}`)
					if err != nil || status != http.StatusOK {
						return
					}
					id := made["details"].(map[string]any)["id"].(string)
					mu.Lock()
					acknowledged[id], secrets[id] = "active", made["token"].(string)
					enough := len(acknowledged) >= killAfter*(round+1)
					mu.Unlock()
					if enough {
						kill()
					}
					// The kill may come between the change and its response: then either state is correct.
					mu.Lock()
					acknowledged[id] = "active or suspended"
					mu.Unlock()
					if status, _, err := s.call(http.MethodPost, "/api/v1/api_token/"+id+"/suspend", manager, ""); err == nil && status == http.StatusOK {
						mu.Lock()
						acknowledged[id] = "suspended"
						mu.Unlock()
					}
				}
			})
		}
		wait.Wait()
		_ = s.process.Wait()

		s = serveIn(t, folder)
		for id, want := range acknowledged {
			status, found, err := s.call(http.MethodGet, "/api/v1/api_token/"+id, manager, "")
			if err != nil || status != http.StatusOK {
				t.Fatalf("round %d: an acknowledged token is gone: %d %v", round, status, err)
			}
			is := found["details"].(map[string]any)["status"].(string)
			if !strings.Contains(want, is) {
				t.Errorf("round %d: token %s is %s, acknowledged was %s", round, id, is, want)
			}
			good, _, err := s.call(http.MethodGet, "/api/v1/ping", secrets[id], "")
			if err != nil || (good == http.StatusOK) != (is == "active") {
				t.Errorf("round %d: a token that is %s answers %d, %v", round, is, good, err)
			}
		}
		if err := s.process.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := s.process.Wait(); err != nil {
			t.Errorf("after an interrupt: %v", err)
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d tokens were made", len(acknowledged))
	}
}
