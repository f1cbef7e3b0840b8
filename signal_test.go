package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentab/backend/backendtest"
)

// serving starts the program with the given output, and returns it with an account token.
func serving(t *testing.T, stdout, stderr *os.File) (s *server, secret string) {
	t.Helper()
	folder, secret := setUp(t)
	s = &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command("tokentab", "serve", "--data", folder, "--listen", s.address)
	s.process.Stdout, s.process.Stderr = stdout, stderr
	s.start(t)
	return s, secret
}

// says makes the server write a log line, and checks that it still validates.
func (s *server) says(t *testing.T, secret string) {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if status, _, err := s.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != http.StatusOK {
		t.Fatalf("a validation: %d %v", status, err)
	}
}

// stops sends the server a signal and expects it to exit without an error.
func (s *server) stops(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.process.Wait(); err != nil {
		t.Errorf("after an interrupt: %v", err)
	}
}

func TestTheServerOutlivesTheReaderOfItsLog(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s, secret := serving(t, w, w)
	for lines := bufio.NewScanner(r); lines.Scan() && !strings.Contains(lines.Text(), "msg=serving"); {
	}
	if err := errors.Join(r.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		s.says(t, secret)
	}
	s.stops(t)
}

func TestAFullDiskUnderTheLogHoldsUpNothing(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	s, secret := serving(t, full, full)
	for range 20 {
		s.says(t, secret)
	}
	s.stops(t)
}

// unread returns a full pipe whose reader reads nothing.
func unread(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(r.Close(), w.Close()) })
	if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write(make([]byte, 4<<20)); err == nil {
		t.Fatalf("the pipe took %d bytes", n)
	}
	return w
}

func TestAReaderOfTheLogThatReadsNothingHoldsUpNothing(t *testing.T) {
	s, secret := serving(t, nil, unread(t))
	for range 20 {
		s.says(t, secret)
	}
	s.stops(t)
}

func TestAReaderOfTheSetupLinkThatReadsNothingHoldsUpNothing(t *testing.T) {
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command("tokentab", "serve", "--data", t.TempDir(), "--listen", s.address)
	s.process.Stdout = unread(t)
	s.start(t)
	s.stops(t)
}

func TestAServerWithoutStandardErrorKeepsItsDataWhole(t *testing.T) {
	folder, secret := setUp(t)
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command("sh", "-c", `exec tokentab serve --data "$0" --listen "$1" 2>&- >&-`, folder, s.address)
	s.start(t)
	s.says(t, secret)
	s.stops(t)
}

// TestSIGHUPReloadsTheCertificate also shows that the doctor sends its token only to the certificate in the file.
func TestSIGHUPReloadsTheCertificate(t *testing.T) {
	folder, _ := setUp(t)
	files := t.TempDir()
	put := func(host string, from ...time.Time) {
		t.Helper()
		chain, key := backendtest.Certificate(t, host)
		for _, at := range from {
			chain, key = backendtest.CertificateBetween(t, host, at, at.AddDate(1, 0, 0))
		}
		for name, pem := range map[string][]byte{"chain": chain, "key": key} {
			if err := os.WriteFile(filepath.Join(files, name), pem, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("first.example")
	address := backendtest.FreeAddress(t)
	process := exec.Command("tokentab", "serve", "--data", folder, "--listen", address,
		"--tls-cert", filepath.Join(files, "chain"), "--tls-key", filepath.Join(files, "key"))
	log, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Process.Kill() })
	lines := bufio.NewScanner(log)
	logs := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the log ends without %q", text)
	}
	shows := func(host string) {
		t.Helper()
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := c.ConnectionState().PeerCertificates[0].DNSNames[0]; got != host {
			t.Errorf("the server shows the certificate of %s, want %s", got, host)
		}
	}
	doctor := func(want string) {
		t.Helper()
		out, _ := exec.Command("tokentab", "doctor", "--data", folder, "--listen", address, "--tls-cert", filepath.Join(files, "chain"), "--tls-key", filepath.Join(files, "key")).Output()
		if !regexp.MustCompile("(?m)^" + want).Match(out) {
			t.Errorf("the doctor does not say %q:\n%s", want, out)
		}
	}
	logs("msg=serving")
	shows("first.example")
	doctor("ok    revocation: the token was refused")
	doctor("ok    clock of the server: like that of this command$")
	put("second.example")
	doctor("fail  revocation: the server does not answer: .* presents another certificate than the one in ")
	if err := process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	logs("renewed TLS certificate")
	shows("second.example")
	doctor("ok    revocation: the token was refused")
	put("early.example", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
	doctor("skip  revocation: not measured with this TLS certificate")
	if err := process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	logs("the current one stays in use")
	shows("second.example")
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(folder, "master.key"), 1, -1); err != nil {
			t.Fatal(err)
		}
		doctor("warn  file permissions: .*master.key belongs to user 1, the folder to user 0")
	}
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	logs("stopping")
	if err := process.Wait(); err != nil {
		t.Error(err)
	}
}
