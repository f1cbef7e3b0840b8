package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// errInterrupted is the error of a command that is ended while it waits for input. It has changed nothing by then.
var errInterrupted = errors.New("interrupted; nothing was changed")

// typed returns what read returns, or errInterrupted if the context ends first: nothing else ends a read from a terminal.
func typed(ctx context.Context, read func() (string, error)) (string, error) {
	type line struct {
		text string
		err  error
	}
	got := make(chan line, 1)
	go func() {
		text, err := read()
		got <- line{text, err}
	}()
	select {
	case l := <-got:
		return l.text, l.err
	case <-ctx.Done():
		return "", errInterrupted
	}
}

func readLine(ctx context.Context, r io.Reader) (string, error) {
	return typed(ctx, func() (string, error) {
		line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		line = strings.TrimPrefix(line, "\ufeff") // PowerShell may begin a pipe with a byte order mark, which no one types
		return strings.TrimRight(line, "\r\n"), nil
	})
}

func readPassword(ctx context.Context, r io.Reader) (string, error) {
	password, err := readLine(ctx, r)
	if err != nil {
		return "", fmt.Errorf("--password-stdin: %w", err)
	}
	if password == "" {
		return "", errors.New("--password-stdin: the first line of standard input is empty; it must be the password, as in: printf 'a long password' | tokentab …")
	}
	return password, nil
}

// readHidden reads a line from a terminal, which does not show it.
func readHidden(ctx context.Context, terminal int) (string, error) {
	shown, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	text, err := typed(ctx, func() (string, error) {
		text, err := term.ReadPassword(terminal)
		return string(text), err
	})
	if errors.Is(err, errInterrupted) { // the read is still under way, and would show again what is typed only at its end
		err = errors.Join(err, term.Restore(terminal, shown))
	}
	return text, err
}

// confirm asks whether to do something, and returns an error unless the answer is yes.
func confirm(ctx context.Context, std IO, do, what string) error {
	fmt.Fprintf(std.Err, "Type yes to %s: ", do)
	answer, err := readLine(ctx, std.In)
	if err == nil && answer != "yes" {
		err = fmt.Errorf("nothing was changed: type yes to %s %s, or use --yes", do, what)
	}
	return err
}
