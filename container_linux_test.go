package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tokentab/backend/backendtest"
)

// image is what the last stage of a Dockerfile makes.
type image struct {
	copies                   [][]string // of COPY: flags, source, target
	env                      []string
	user                     uint32
	volume                   string
	entrypoint, cmd, healthy []string
}

// servesAsAContainer runs the steps of the Dockerfile without a container engine: it makes the root of the image from the
// context, which is an unpacked archive, mounts it read-only, and starts the program in it as the image's user. Only root
// may mount.
func servesAsAContainer(t *testing.T, context string) {
	text, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	built := lastStage(t, string(text))
	if built.user == 0 || built.volume == "" || len(built.entrypoint) == 0 || len(built.healthy) == 0 {
		t.Fatalf("the image lacks a user, a volume, a program or a health check: %+v", built)
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range built.copies {
		built.copy(t, c, context, root)
	}
	mount(t, root, root, syscall.MS_BIND)
	mount(t, "", root, syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY)
	mount(t, volumeOf(t, built), filepath.Join(root, built.volume), syscall.MS_BIND)

	s := &server{address: backendtest.FreeAddress(t)}
	inside := func(args ...string) *exec.Cmd {
		c := exec.Command(args[0], args[1:]...)
		c.Dir, c.Env = "/", append(built.env, "TOKENTAB_LISTEN="+s.address)
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: built.user, Gid: built.user}}
		return c
	}
	if out, err := inside(built.healthy...).CombinedOutput(); err == nil {
		t.Errorf("before the start the health check passes: %s", out)
	}
	s.process = inside(append(built.entrypoint, built.cmd...)...)
	s.process.Stderr = os.Stderr
	s.start(t)
	if out, err := inside(built.healthy...).CombinedOutput(); err != nil {
		t.Errorf("the health check: %v\n%s", err, out)
	}
	response, err := http.Get("http://" + s.address + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.Header.Get("Content-Type") == "" {
		t.Errorf("the page: %d", response.StatusCode)
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.process.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, built.volume, "tokentab.db")); err != nil {
		t.Errorf("the volume has no database: %v", err)
	}
}

// volumeOf returns a folder as an engine makes a new volume: with the owner of the folder in the image.
func volumeOf(t *testing.T, built image) string {
	t.Helper()
	folder := t.TempDir()
	if err := errors.Join(os.Chown(folder, int(built.user), int(built.user)), os.Chmod(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// lastStage reads the instructions that follow the last FROM.
func lastStage(t *testing.T, text string) (built image) {
	t.Helper()
	words := func(list string) (all []string) {
		if err := json.Unmarshal([]byte(list), &all); err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		return all
	}
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text[strings.LastIndex(text, "\nFROM ")+1:]) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "", "#", "LABEL", "EXPOSE", "STOPSIGNAL":
		case "FROM":
			if rest != "scratch" {
				t.Errorf("the image is based on %s", rest)
			}
		case "COPY":
			built.copies = append(built.copies, strings.Fields(rest))
		case "ENV":
			built.env = strings.Fields(rest)
		case "USER":
			name, _, _ := strings.Cut(rest, ":")
			id, err := strconv.ParseUint(name, 10, 32)
			if err != nil {
				t.Fatalf("USER %s: scratch knows no names", rest)
			}
			built.user = uint32(id)
		case "VOLUME":
			built.volume = rest
		case "HEALTHCHECK":
			built.healthy = words(rest[strings.Index(rest, "["):])
		case "ENTRYPOINT":
			built.entrypoint = words(rest)
		case "CMD":
			built.cmd = words(rest)
		default:
			t.Errorf("the test does not know %s", instruction)
		}
	}
	return built
}

// copy does one COPY. What the first stage installs comes from this machine.
func (built image) copy(t *testing.T, words []string, context, root string) {
	t.Helper()
	from, owner := context, 0
	for len(words) > 2 {
		switch flag, value, _ := strings.Cut(words[0], "="); flag {
		case "--from":
			from = "/"
		case "--chown":
			if value != strconv.Itoa(int(built.user))+":"+strconv.Itoa(int(built.user)) {
				t.Errorf("%v: another owner than the user", words)
			}
			owner = int(built.user)
		}
		words = words[1:]
	}
	to := filepath.Join(root, words[1])
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if words[1] == built.volume {
		if err := errors.Join(os.Mkdir(to, 0o700), os.Chown(to, owner, owner)); err != nil {
			t.Fatal(err)
		}
		return
	}
	content, err := os.ReadFile(filepath.Join(from, words[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

func mount(t *testing.T, source, target string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount(source, target, "", flags, ""); err != nil {
		t.Fatalf("mount %s: %v", target, err)
	}
	if flags&syscall.MS_REMOUNT == 0 {
		t.Cleanup(func() {
			if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
}
