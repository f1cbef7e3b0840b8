package command

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// founded returns a data folder with an account.
func founded(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	var said bytes.Buffer
	if code := Run(t.Context(), []string{"setup", "--data", folder, "--account", "Acme", "--email", "ada@example.com", "--password-stdin"},
		IO{In: strings.NewReader("a long password\n"), Out: &said, Err: &said}); code != 0 {
		t.Fatal(said.String())
	}
	return folder
}

// asked calls do when a prompt is written to it.
type asked struct {
	bytes.Buffer
	do func()
}

func (a *asked) Write(b []byte) (int, error) {
	if bytes.HasSuffix(b, []byte(": ")) {
		a.do()
	}
	return a.Buffer.Write(b)
}

// TestACommandThatWaitsForAnAnswerEndsWithItsContext covers Ctrl-C at a prompt.
func TestACommandThatWaitsForAnAnswerEndsWithItsContext(t *testing.T) {
	folder := founded(t)
	in, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer answers.Close()
	for _, args := range [][]string{
		{"user", "remove", "--data", folder, "ada@example.com"},
		{"user", "reset-password", "--data", folder, "--password-stdin", "ada@example.com"},
		{"setup", "--data", t.TempDir(), "--account", "Acme", "--email", "ada@example.com", "--password-stdin"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		said := &asked{do: interrupt}
		if args[1] != "remove" { // these don't ask
			interrupt()
		}
		if code := Run(ctx, args, IO{In: in, Out: said, Err: said}); code != 1 || !strings.HasSuffix(said.String(), "interrupted; nothing was changed\n") {
			t.Errorf("%v: %d %s", args[:2], code, said)
		}
		interrupt()
	}
}

// terminal returns both ends of a terminal.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// shows reports whether a terminal shows what is typed.
func shows(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestATerminalShowsWhatIsTypedAgainAfterAnInterruptAtAPassphrase(t *testing.T) {
	folder := founded(t)
	file := filepath.Join(t.TempDir(), "with-key.backup")
	person, program := terminal(t)
	ctx, interrupt := context.WithCancel(t.Context())
	said := &asked{do: func() {
		go func() {
			for shows(t, program) {
				time.Sleep(time.Millisecond)
			}
			interrupt()
		}()
	}}
	if code := Run(ctx, []string{"backup", "--data", folder, "--with-key", file}, IO{In: program, Out: said, Err: said}); code != 1 || !strings.Contains(said.String(), "interrupted") {
		t.Errorf("%d %s", code, said)
	}
	if !shows(t, person) {
		t.Error("the terminal hides what is typed")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a backup was made: %v", err)
	}
}
