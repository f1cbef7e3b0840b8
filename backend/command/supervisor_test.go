//go:build !windows

package command

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
)

func TestTheWatchdogHearsNothingOfAServerThatDoesNotRespond(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000")
	asked := make(chan error)
	end := tellSupervisor(t.Context(), slog.New(slog.DiscardHandler), func(ctx context.Context) error {
		select {
		case err := <-asked:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	for range 3 {
		asked <- errors.New("no response")
	}
	end()
	var heard []string
	for range 2 {
		message := make([]byte, 100)
		n, err := socket.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, string(message[:n]))
	}
	if heard[0] != "READY=1" || heard[1] != "STOPPING=1" {
		t.Errorf("systemd heard %q", heard)
	}
}
