package command

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

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
