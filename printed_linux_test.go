package main

import (
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
