package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentab/backend/backendtest"
)

// smallDisk mounts a file system of 4 MiB and copies a data folder to it. full fills the disk or makes space again;
// readOnly remounts it.
func smallDisk(t *testing.T, data string) (folder string, full, readOnly func(bool)) {
	t.Helper()
	disk := t.TempDir()
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("this test mounts a small file system, as root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	folder = filepath.Join(disk, "data")
	if out, err := exec.Command("cp", "-a", data, folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	full = func(on bool) {
		path := filepath.Join(disk, "filler")
		if !on {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			return
		}
		if err := os.WriteFile(path, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk is not full: %v", err)
		}
	}
	readOnly = func(on bool) {
		flags := uintptr(syscall.MS_REMOUNT)
		if on {
			flags |= syscall.MS_RDONLY
		}
		if err := syscall.Mount("none", disk, "tmpfs", flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	return folder, full, readOnly
}

// startUnready starts a server that is not expected to be ready.
func startUnready(t *testing.T, folder string) *server {
	t.Helper()
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command(built(t), "serve", "--data", folder, "--listen", s.address)
	s.process.Stderr = &bytes.Buffer{}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Process.Kill() })
	for range 1000 {
		if response, err := http.Get("http://" + s.address + "/healthz"); err == nil {
			response.Body.Close()
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the server does not answer: %s", s.process.Stderr)
	return nil
}

func TestAServerStartsAndValidatesOnADiskThatTakesNoWrite(t *testing.T) {
	t.Parallel()
	data, manager := setUp(t)
	folder, full, readOnly := smallDisk(t, data)
	create := func(s *server) (int, map[string]any) {
		status, answer, err := s.call(http.MethodPost, "/api/v1/api_token", manager, `{"details":{"token_scope":"account"}}`)
		if err != nil {
			t.Fatal(err)
		}
		return status, answer
	}
	for name, disk := range map[string]func(bool){"full": full, "read-only": readOnly} {
		for _, crashed := range []bool{false, true} {
			// The last change before the crash revokes a token, so only the WAL has it.
			s := serveIn(t, folder)
			_, made := create(s)
			revoked := made["token"].(string)
			id := made["details"].(map[string]any)["id"].(string)
			if status, answer, err := s.call(http.MethodPost, "/api/v1/api_token/"+id+"/revoke", manager, ""); err != nil || status != 200 {
				t.Fatal(status, answer, err)
			}
			signal := os.Interrupt
			if crashed {
				signal = os.Kill
			}
			if err := s.process.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = s.process.Wait()

			disk(true)
			s = startUnready(t, folder)
			for secret, want := range map[string]int{manager: 200, revoked: 401} {
				if status, answer, err := s.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != want {
					t.Errorf("%s, crashed %v: ping answers %d %v %v, want %d", name, crashed, status, answer, err, want)
				}
			}
			for range 2 {
				if status, answer := create(s); status != 503 || answer["status"] != "error" {
					t.Errorf("%s, crashed %v: a change answers %d %v", name, crashed, status, answer)
				}
			}
			if status, answer, err := s.call(http.MethodPost, "/api/v1/session", manager, `{"details":{"email":"a@b.co","password":"secret-pass-1"}}`); err != nil || status != 503 {
				t.Errorf("%s, crashed %v: a sign-in answers %d %v %v", name, crashed, status, answer, err)
			}
			if status, answer, err := s.call(http.MethodGet, "/readyz", "", ""); err != nil || status != 503 {
				t.Errorf("%s, crashed %v: readyz answers %d %v %v", name, crashed, status, answer, err)
			}
			if name == "read-only" && !crashed { // after a crash commands can read the database by its log
				output, err := tokentab("", "keys", "list", "--data", folder)
				if err == nil || !strings.Contains(output, "can't be written now: make the disk") {
					t.Errorf("a command beside a server that started read-only: %v %s", err, output)
				}
			}
			disk(false)
			if err := waitFor(s.address); err != nil {
				t.Fatal(err)
			}
			if status, answer := create(s); status != 200 {
				t.Errorf("%s, crashed %v: with the disk writable again a change answers %d %v", name, crashed, status, answer)
			}
			if _, err := os.Stat(filepath.Join(folder, "tokentab.db.closed")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s, crashed %v: while the server runs, the database counts as closed: %v", name, crashed, err)
			}
			if err := s.process.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_ = s.process.Wait()
			if log := fmt.Sprint(s.process.Stderr); !strings.Contains(log, "changes fail") || !strings.Contains(log, "changes work again") {
				t.Errorf("%s, crashed %v: the log does not say that changes failed until the disk could be written: %s", name, crashed, log)
			} else if strings.Contains(log, "too many") {
				t.Errorf("%s, crashed %v: the log blames too many sign-ins for the disk: %s", name, crashed, log)
			}
		}
	}
}

func TestAStopOnAFullDiskEndsWhenTheLogIsNotRead(t *testing.T) {
	data, manager := setUp(t)
	folder, full, _ := smallDisk(t, data)
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command("tokentab", "serve", "--data", folder, "--listen", s.address)
	s.process.Stderr = unread(t)
	s.start(t)
	if status, _, err := s.call(http.MethodGet, "/api/v1/ping", manager, ""); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	full(true)
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := s.ends(t); !status.Exited() {
		t.Errorf("it ended with %v", status)
	}
}

func TestABackupIsMadeFromADiskThatTakesNoWrite(t *testing.T) {
	data, manager := setUp(t)
	folder, _, readOnly := smallDisk(t, data)
	readOnly(true)
	if out, err := tokentab("", "user", "list", "--data", folder); err == nil || !strings.Contains(out, "on a disk that has space and can be written") {
		t.Errorf("a command on that disk: %v %s", err, out)
	}
	elsewhere := filepath.Join(t.TempDir(), "restored")
	file := filepath.Join(t.TempDir(), "a.backup")
	for _, args := range [][]string{{"backup", file, "--data", folder}, {"restore", file, "--data", elsewhere}} {
		if out, err := tokentab("", args...); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	if out, err := exec.Command("cp", filepath.Join(folder, "master.key"), elsewhere).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := serveIn(t, elsewhere)
	if status, answer, err := s.call(http.MethodGet, "/api/v1/ping", manager, ""); err != nil || status != http.StatusOK {
		t.Errorf("after the restore: %d %v %v", status, answer, err)
	}
}

func TestABackupOntoAFullDiskLeavesNothingBehind(t *testing.T) {
	data, _ := setUp(t)
	folder, full, _ := smallDisk(t, data)
	full(true)
	out, err := tokentab("", "backup", filepath.Join(filepath.Dir(folder), "a.backup"), "--data", data)
	if err == nil || !strings.Contains(out, "no backup was made: write ") || !strings.Contains(out, "a.backup: no space left on device") || strings.Contains(out, "not an error") {
		t.Errorf("%v: %s", err, out)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(folder), "a.backup*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}
