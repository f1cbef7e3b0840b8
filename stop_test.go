package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentab/backend/backendtest"
)

// open connects to the server and sends a text.
func (s *server) open(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// blocks opens a connection whose client reads nothing, and returns when the server is blocked on writing to it.
func (s *server) blocks(t *testing.T) {
	t.Helper()
	if _, err := io.ReadFull(s.open(t, untaken), make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for range untakenRequests {
		if status, _, err := s.call(http.MethodGet, "/api/v1/ping", "", ""); err != nil || status != http.StatusUnauthorized {
			t.Fatalf("%d %v", status, err)
		}
	}
}

// ends waits for the process and returns its exit status. It fails the test if the stop takes too long.
func (s *server) ends(t *testing.T) syscall.WaitStatus {
	t.Helper()
	tooLong := time.AfterFunc(9*time.Second, func() {
		t.Error("the stop takes more than 8 seconds")
		_ = s.process.Process.Kill()
	})
	defer tooLong.Stop()
	_ = s.process.Wait()
	return s.process.ProcessState.Sys().(syscall.WaitStatus)
}

const (
	halfSentHead = "GET /api/v1/ping HTTP/1.1\r\nHost: x\r\nAuthor"
	halfSentBody = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)

// untaken makes the server send more than a connection's buffers hold, to a client that does not read.
var untaken = strings.Repeat("GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", untakenRequests)

const untakenRequests = 300

func TestAStopEndsInTimeWhateverClientsDoAndKeepsLastUses(t *testing.T) {
	folder, manager := setUp(t)
	s := serveIn(t, folder)
	for _, text := range []string{"", halfSentHead, halfSentBody, untaken} {
		s.open(t, text)
	}
	if status, _, err := s.call(http.MethodGet, "/api/v1/ping", manager, ""); err != nil || status != http.StatusOK {
		t.Fatalf("%d %v", status, err)
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := s.ends(t); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("the exit code is %d", status.ExitStatus())
	}
	again := serveIn(t, folder)
	status, list, err := again.call(http.MethodGet, "/api/v1/api_token", manager, "")
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %v", status, err)
	}
	if used := list["summaries"].([]any)[0].(map[string]any)["last_used_at"]; used == nil {
		t.Error("the last use is lost")
	}
}

// isSignalled signals the process until it ends, because signals soon after the first one are ignored.
func (s *server) isSignalled(t *testing.T, signal syscall.Signal) {
	t.Helper()
	again := time.NewTicker(sameSignal / 4)
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	go func() {
		defer again.Stop()
		for s.process.Process.Signal(signal) == nil {
			select {
			case <-again.C:
			case <-ended:
				return
			}
		}
	}()
}

func TestASecondSignalEndsTheProgramAtOnce(t *testing.T) {
	folder, _ := setUp(t)
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command("tokentab", "serve", "--data", folder, "--listen", s.address)
	log, err := s.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.start(t)
	s.blocks(t)
	if err := s.process.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(log); lines.Scan() && !strings.Contains(lines.Text(), "stopping"); {
	}
	s.isSignalled(t, syscall.SIGINT)
	if status := s.ends(t); !status.Exited() || status.ExitStatus() == 0 {
		t.Errorf("it ended with %v", status)
	}
}

func TestASecondSignalEndsTheProgramAtOnceWhenItsLogIsNotRead(t *testing.T) {
	s, _ := serving(t, nil, unread(t))
	s.blocks(t)
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it stops
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			break
		}
		c.Close()
	}
	s.isSignalled(t, syscall.SIGTERM)
	if status := s.ends(t); !status.Exited() || status.ExitStatus() != 1 {
		t.Errorf("it ended with %v", status)
	}
}

func TestAProgramThatFailsEndsWhenItsLogIsNotRead(t *testing.T) {
	s := &server{process: exec.Command("tokentab", "serve", "--data", t.TempDir(), "--listen", "nowhere")}
	s.process.Stderr = unread(t)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	if status := s.ends(t); !status.Exited() || status.ExitStatus() != 78 {
		t.Errorf("it ended with %v", status)
	}
}

func TestANewcomerIsAnsweredWhileIdleConnectionsFillTheDescriptors(t *testing.T) {
	folder, manager := setUp(t)
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command("sh", "-c", `ulimit -n 256 && exec tokentab serve --data "$0" --listen "$1"`, folder, s.address)
	s.start(t)
	for _, text := range []string{"", halfSentHead, halfSentBody} {
		for range 300 {
			s.open(t, text)
		}
		http.DefaultClient.CloseIdleConnections() // the server may do so first, just when a request is sent
		if status, _, err := s.call(http.MethodGet, "/api/v1/ping", manager, ""); err != nil || status != http.StatusOK {
			t.Fatalf("after 300 connections that sent %q: %d %v", text, status, err)
		}
		http.DefaultClient.CloseIdleConnections()
		if status, _, err := s.call(http.MethodPost, "/api/v1/agent", manager, `{"details":{"name":"bot"}}`); err != nil || status != http.StatusOK {
			t.Errorf("a change beside them: %d %v", status, err)
		}
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := s.ends(t); status.ExitStatus() != 0 {
		t.Errorf("the exit code is %d", status.ExitStatus())
	}
}
