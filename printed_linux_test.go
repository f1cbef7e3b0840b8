package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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
	for name, out := range map[string]*os.File{"on a full disk": full, "without a reader": unread} {
		create := exec.Command("tokentab", "token", "create", "--data", folder, "--scope", "account", "--name", name)
		var said bytes.Buffer
		create.Stdout, create.Stderr = out, &said
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

func TestNoTokenIsCreatedIfItsSecretWouldBeLost(t *testing.T) {
	folder, _ := setUp(t)
	before, err := tokentab("", "token", "export", "--data", folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, redirection := range []string{">&-", "1<>/dev/null"} {
		said, err := redirected(redirection, "token", "create", "--data", folder, "--scope", "account")
		if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != 1 || !strings.Contains(said, "standard output is closed") {
			t.Errorf("%s: %v %s", redirection, err, said)
		}
	}
	if after, err := tokentab("", "token", "export", "--data", folder); err != nil || after != before {
		t.Errorf("%v\n%s", err, after)
	}
}

func TestWhatPrintsAResultFailsIfItCantBePrintedAndNotIfNoOneWantsIt(t *testing.T) {
	folder, _ := setUp(t)
	for _, c := range [][]string{
		{"version"}, {"token", "export", "--data", folder}, {"keys", "list", "--data", folder}, {"audit", "verify", "--data", folder}, {"user", "list", "--data", folder},
		{"backup", "--data", folder, "--force", filepath.Join(t.TempDir(), "backup")},
	} {
		for redirection, want := range map[string]bool{">/dev/null": true, "1<>/dev/null": true, ">/dev/full": false} {
			if said, err := redirected(redirection, c...); (err == nil) != want {
				t.Errorf("%v %s: %v %s", c, redirection, err, said)
			}
		}
	}
}

// redirected runs a command with a redirection of its standard output, and returns its standard error.
func redirected(redirection string, args ...string) (string, error) {
	run := exec.Command("sh", append([]string{"-c", `exec tokentab "$@" ` + redirection, "sh"}, args...)...)
	said, err := run.CombinedOutput()
	return string(said), err
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
