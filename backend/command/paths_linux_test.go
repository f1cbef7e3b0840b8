package command

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPathThatIsNotUTF8IsTakenAsItIs(t *testing.T) {
	folder, file := filepath.Join(t.TempDir(), "caf\xe9"), filepath.Join(t.TempDir(), "caf\xe9.backup")
	run := func(args ...string) {
		t.Helper()
		var said bytes.Buffer
		if code := Run(t.Context(), args, IO{In: strings.NewReader("secret-pass-1\n"), Out: io.Discard, Err: &said}); code != 0 {
			t.Fatalf("%q exits with %d: %s", args, code, said.String())
		}
	}
	run("setup", "--data", folder, "--account", "Acme", "--email", "a@b.co", "--password-stdin")
	t.Setenv("TOKENTAB_DATA", folder)
	run("keys", "list")
	run("backup", file)
	run("restore", "--force", file)
	for _, path := range []string{filepath.Join(folder, "tokentab.db"), file} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}
