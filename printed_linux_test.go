package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestATokenWhoseSecretCantBePrintedIsRevoked(t *testing.T) {
	folder, _ := setUp(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	r, unread, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]*os.File{"on a full disk": full, "without a reader": unread, "closed": nil} {
		args := []string{"tokentab", "token", "create", "--data", folder, "--scope", "account", "--name", name}
		if out == nil {
			args = append([]string{"sh", "-c", `exec "$@" >&-`, "sh"}, args...)
		}
		create := exec.Command(args[0], args[1:]...)
		var said bytes.Buffer
		if create.Stderr = &said; out != nil {
			create.Stdout = out
		}
		err := create.Run()
		if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != 1 || !strings.Contains(said.String(), "was revoked") {
			t.Errorf("%s: %v %s", name, err, said.String())
		}
		tokens, err := tokentab("", "token", "export", "--data", folder)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(tokens) {
			if strings.Contains(line, name) && !strings.Contains(line, `"revoked"`) {
				t.Errorf("%s: %s", name, line)
			}
		}
		if !strings.Contains(tokens, name) {
			t.Errorf("%s: the token left no trace:\n%s", name, tokens)
		}
	}
}

func TestWhatPrintsAResultFailsIfItsOutputIsClosedAndNotIfNoOneWantsIt(t *testing.T) {
	folder, _ := setUp(t)
	for _, c := range [][]string{{"version"}, {"token", "export", "--data", folder}, {"keys", "list", "--data", folder}, {"audit", "verify", "--data", folder}, {"user", "list", "--data", folder}} {
		for redirection, want := range map[string]bool{">&-": false, ">/dev/null": true, ">/dev/full": false} {
			run := exec.Command("sh", append([]string{"-c", `exec tokentab "$@" ` + redirection, "sh"}, c...)...)
			said, err := run.CombinedOutput()
			if (err == nil) != want {
				t.Errorf("%v %s: %v %s", c, redirection, err, said)
			}
		}
	}
}

func TestASetupLinkThatCantBePrintedIsLogged(t *testing.T) {
	for _, redirection := range []string{">&-", ">/dev/full"} {
		serve := exec.Command("sh", "-c", `exec tokentab serve --data "$1" --listen 127.0.0.1:0 `+redirection, "sh", t.TempDir())
		stderr, err := serve.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := serve.Start(); err != nil {
			t.Fatal(err)
		}
		found := false
		for lines := bufio.NewScanner(stderr); !found && lines.Scan(); {
			found = strings.Contains(lines.Text(), "could not print the setup link")
		}
		_ = serve.Process.Kill()
		_ = serve.Wait()
		if !found {
			t.Errorf("%s: the log does not say so", redirection)
		}
	}
}
