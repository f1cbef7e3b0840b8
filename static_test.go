package main

import (
	"debug/buildinfo"
	"debug/elf"
	"io"
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

	"tokentab/backend/backendtest"
)

// The released program runs in an empty container: without C library, time zones, users or certificates.
func TestTheReleasedProgramServesThePageInAnEmptyRoot(t *testing.T) {
	dist := t.TempDir()
	build := exec.Command("go", "run", "./release", "-version", "1.2.3", "-epoch", "1700000000", "-dist", dist, "-only", runtime.GOOS+"/"+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	name := "tokentab_1.2.3_" + runtime.GOOS + "_" + runtime.GOARCH
	root := unpacked(t, filepath.Join(dist, name+".tar.gz"), name)
	program := filepath.Join(root, "tokentab")
	for _, document := range []string{"LICENSE", "README.md", "CHANGELOG.md", "docs/settings.md", "deploy/nginx.conf", "deploy/tokentab.service", "deploy/Dockerfile", "completions/tokentab.bash", "completions/_tokentab", "completions/tokentab.fish", "man/tokentab.1"} {
		if info, err := os.Stat(filepath.Join(root, document)); err != nil || info.Size() == 0 {
			t.Errorf("the archive lacks %s: %v", document, err)
		}
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
	t.Run("as a container", func(t *testing.T) { servesAsAContainer(t, root) })
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
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = inside("serve", "--data", "/data", "--listen", s.address)
	s.start(t)
	if status, _, err := s.call(http.MethodGet, "/api/v1/ping", strings.TrimSpace(string(secret)), ""); err != nil || status != http.StatusOK {
		t.Errorf("a validation: %d %v", status, err)
	}
	response, err := http.Get("http://" + s.address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	shown, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if built, err := os.ReadFile("frontend/dist/index.html"); err != nil { // Go alone tests a fresh clone
		if !strings.Contains(string(shown), "make") {
			t.Errorf("without a page it does not say how to build one: %s", shown)
		}
	} else if response.StatusCode != http.StatusOK || string(shown) != string(built) {
		t.Errorf("the page: %d %s", response.StatusCode, shown)
	}
	s.stops(t)
}

// unpacked returns the folder of an archive's only top folder, which has the given name.
func unpacked(t *testing.T, archive, name string) string {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.Command("tar", "-xzf", archive, "-C", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(folder, name)
}
