package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// awaitLine reads until a line that contains the text.
func awaitLine(t *testing.T, from io.Reader, text string) {
	t.Helper()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("the program ended without saying %q", text)
}

// startBeside starts a second server on the data of another, and returns when it waits for the first to stop, with the
// rest of its log.
func startBeside(t *testing.T, folder, address string) (*exec.Cmd, io.Reader) {
	t.Helper()
	second := exec.Command("tokentab", "serve", "--data", folder, "--listen", address)
	stderr, err := second.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Process.Kill() })
	awaitLine(t, stderr, "waiting for another server")
	return second, stderr
}

func TestAServerThatStartsRightAfterAStopWaitsForTheOldOne(t *testing.T) {
	folder, manager := setUp(t)
	first := serveIn(t, folder)
	second, _ := startBeside(t, folder, first.address) // it wants the same port, too
	if err := first.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := first.process.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(first.address); err != nil {
		t.Fatal(err)
	}
	if status, _, err := first.call("GET", "/api/v1/ping", manager, ""); err != nil || status != 200 {
		t.Errorf("the second answers %d, %v", status, err)
	}
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
}

func TestASecondServerNamesTheProcessThatServesTheData(t *testing.T) {
	folder, _ := setUp(t)
	first := serveIn(t, folder)
	second, stderr := startBeside(t, folder, "127.0.0.1:0")
	if err := second.Process.Signal(os.Interrupt); err != nil { // it would wait for 15 seconds
		t.Fatal(err)
	}
	said, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err == nil {
		t.Error("it ended with success")
	}
	if want := "process " + strconv.Itoa(first.process.Process.Pid); !strings.Contains(string(said), want) {
		t.Errorf("it does not name %s: %s", want, said)
	}
}
