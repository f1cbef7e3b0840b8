package command

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestTheServerListensOnIPv4AloneAtAnIPv4Address(t *testing.T) {
	for address, isReached := range map[string]bool{"0.0.0.0:0": false, "[::]:0": true} {
		l, err := listenOn("--listen", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", net.JoinHostPort("::1", port))
		if (err == nil) != isReached {
			t.Errorf("%s is reached at ::1: %v", address, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}

func TestTheSocketOfAProgramThatIsAliveIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	other, err := net.ListenPacket("unixgram", path) // refuses connections, like that of a busy server
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if l, err := listenSocket(path); err == nil {
		t.Error("took its place")
		l.Close()
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
