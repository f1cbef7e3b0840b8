package main

import (
	"debug/buildinfo"
	"debug/elf"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The program as make builds it runs in an empty container: without C library, time zones, users or certificates.
func TestTheProgramRunsInAnEmptyRoot(t *testing.T) {
	root := t.TempDir()
	program := filepath.Join(root, "tokentab")
	if out, err := exec.Command("make", "-s", "binary", "program="+program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "CGO_ENABLED" && s.Value == "0" }) {
		t.Error("it is built with cgo")
	}
	if runtime.GOOS != "linux" {
		return
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 || file.Section(".interp") != nil {
		t.Errorf("it needs %q, %v", libraries, err)
	}
	if os.Geteuid() != 0 {
		t.Log("only root may change the root folder, so the program is not run in an empty one")
		return
	}
	inside := func(args ...string) *exec.Cmd {
		c := exec.Command("/tokentab", args...)
		c.Dir, c.Env = "/", []string{}
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		return c
	}
	setup := inside("setup", "--data", "/data", "--account", "Acme", "--email", "a@b.co", "--password-stdin")
	setup.Stdin = strings.NewReader("secret-pass-1\n")
	if out, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	secret, err := inside("token", "create", "--data", "/data", "--scope", "account").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{address: freeAddress(t)}
	s.process = inside("serve", "--data", "/data", "--listen", s.address)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Process.Kill() })
	if err := waitFor(s.address); err != nil {
		t.Fatal(err)
	}
	if status, _, err := s.call(http.MethodGet, "/api/v1/ping", strings.TrimSpace(string(secret)), ""); err != nil || status != http.StatusOK {
		t.Errorf("a validation: %d %v", status, err)
	}
	s.stops(t)
}
