//go:build !windows

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

// The server speaks systemd's protocol, sd_notify(3): it is ready when it listens, responds, and stops.
func TestSystemdHearsWhenTheServerIsReadyRespondsAndStops(t *testing.T) {
	folder, _ := setUp(t)
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		path := filepath.Join(t.TempDir(), "notify")
		socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		hear := func() string {
			message := make([]byte, 4096)
			n, err := socket.Read(message)
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(string(message[:n]))
		}
		address := backendtest.FreeAddress(t)
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		s := &server{address: address, process: exec.Command("tokentab", "serve", "--data", folder, "--listen", strings.Replace(listen, ":0", ":"+port, 1))}
		s.process.Env = append(os.Environ(), "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=300000")
		if err := s.process.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.process.Process.Kill() })
		if got := hear(); got != "READY=1" {
			t.Fatalf("the first message is %q", got)
		}
		response, err := http.Get("http://" + s.address + "/readyz") // no waiting: it said that it is ready
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("it said that it is ready, but: %v %v", response, err)
		}
		response.Body.Close()
		for range 2 {
			if got := hear(); got != "WATCHDOG=1" {
				t.Fatalf("the next message is %q", got)
			}
		}
		if err := s.process.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		for got := hear(); got != "STOPPING=1"; got = hear() {
			if got != "WATCHDOG=1" {
				t.Fatalf("before the stop it says %q", got)
			}
		}
		if err := s.process.Wait(); err != nil {
			t.Errorf("it stops with %v", err)
		}
	}
}
