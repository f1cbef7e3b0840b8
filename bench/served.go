package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// served is a program that serves an account in a folder of its own.
type served struct {
	program, folder, data, address string
	process                        *exec.Cmd // nil before the first start
}

// newServed creates the folder and the account, without starting the program.
func newServed(program string) (*served, error) {
	folder, err := os.MkdirTemp("", "tokentab-bench-")
	if err != nil {
		return nil, err
	}
	s := &served{program: program, folder: folder, data: filepath.Join(folder, "data")}
	setup := exec.Command(program, "setup", "--account", "Bench", "--email", "bench@example.com", "--password-stdin", "--data", s.data)
	setup.Stdin = strings.NewReader("a password for the bench\n")
	if text, err := setup.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", err, text), os.RemoveAll(folder))
	}
	s.address, err = freeAddress()
	return s, err
}

// database returns the path of the database.
func (s *served) database() string { return filepath.Join(s.data, "tokentab.db") }

// start starts the program and returns when it can answer.
func (s *served) start(options ...string) error {
	s.process = exec.Command(s.program, append([]string{"serve", "--data", s.data, "--listen", s.address}, options...)...)
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return err
	}
	return wait(s.address, "GET /readyz HTTP/1.1\r\nHost: bench\r\n\r\n")
}

// end stops the program, unless it has ended.
func (s *served) end() error {
	if s.process == nil || s.process.Process == nil || s.process.ProcessState != nil {
		return nil
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.process.Wait()
}

// remove stops the program and removes the folder.
func (s *served) remove() error { return errors.Join(s.end(), os.RemoveAll(s.folder)) }

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
