package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that was started here.
type process struct {
	address    string
	credential string // what a peer takes, where its requests do not number their secrets
	cmd        *exec.Cmd
	log        *os.File
	ended      chan struct{} // closed when it has
	err        error         // how it ended; read after ended only
	behind     []*process    // other servers that answer with it
}

// start runs a server on one processor until stop or the end of the context.
func start(ctx context.Context, address, log string, args []string) (*process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(cleanEnvironment(), "GOMAXPROCS=1")
	cmd.Stdout, cmd.Stderr = file, file
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p := &process{address: address, cmd: cmd, log: file, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// cleanEnvironment is ours without the settings of a tokentab that may run elsewhere.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "TOKENTAB_") })
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal sends a signal to the server; none where it does not run.
func (p *process) signal(s os.Signal) error {
	if p == nil {
		return nil
	}
	return p.cmd.Process.Signal(s)
}

// ready waits until the request is answered with 200.
func (p *process) ready(ctx context.Context, request string) error {
	return p.until(ctx, func() bool {
		a, err := ask(p.address, request)
		return err == nil && a.status == http.StatusOK
	})
}

// until waits until something is so.
func (p *process) until(ctx context.Context, so func() bool) error {
	deadline := time.After(30 * time.Second)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-p.ended:
			return fmt.Errorf("%s ended: %w: %s", p.cmd, p.err, p.logged())
		case <-deadline:
			return fmt.Errorf("%s gave no right answer: %s", p.cmd, p.logged())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// processorTime is how long the process, its children and the servers behind it have run on a processor up to now; 0
// where the system does not say.
func (p *process) processorTime() (all time.Duration) {
	for _, other := range p.behind {
		all += other.processorTime()
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", p.pid()))
	if err != nil {
		children = nil
	}
	for _, pid := range append(strings.Fields(string(children)), strconv.Itoa(p.pid())) {
		all += processorTime(pid)
	}
	return all
}

func processorTime(pid string) time.Duration {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	// The name before the last parenthesis may hold spaces. Of the fields after it, the 12th and 13th are the ticks in
	// the program and in the system, a hundred a second.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// firstLine waits for what the server prints first.
func (p *process) firstLine(ctx context.Context) (line string, err error) {
	err = p.until(ctx, func() bool {
		var whole bool
		line, _, whole = strings.Cut(p.logged(), "\n")
		return whole
	})
	return line, err
}

func (p *process) logged() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// stop ends the server, and fails where it does not end cleanly or has logged an error.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	// It may have ended already, which Wait tells.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	err := errors.Join(p.err, p.log.Close())
	if text := p.logged(); err != nil || strings.Contains(text, "level=ERROR") {
		err = errors.Join(err, fmt.Errorf("%s did not end cleanly, or logged errors: %s", p.cmd, text))
	}
	return err
}

// command runs a program to its end. What it prints is shown only if it fails.
func command(ctx context.Context, input []byte, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = cleanEnvironment()
	cmd.Stdin = bytes.NewReader(input)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, output)
	}
	return nil
}

func words(text string) []string { return strings.Fields(text) }
