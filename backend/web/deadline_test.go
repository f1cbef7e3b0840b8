package web

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// countedConn counts how often deadlines are really set.
type countedConn struct {
	net.Conn
	set int
}

func (c *countedConn) SetReadDeadline(t time.Time) error {
	c.set++
	return c.Conn.SetReadDeadline(t)
}

func lazyPair(t *testing.T) (lazy *lazyConn, counted *countedConn, peer net.Conn) {
	t.Helper()
	ours, peer := net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = peer.Close() })
	counted = &countedConn{Conn: ours}
	return &lazyConn{Conn: counted}, counted, peer
}

func TestADeadlineThatIsPutOffIsNotSetAnew(t *testing.T) {
	lazy, counted, _ := lazyPair(t)
	far := time.Now().Add(time.Hour)
	for i := range 1000 {
		if err := lazy.SetReadDeadline(far.Add(time.Duration(i) * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if counted.set != 1 {
		t.Errorf("set %d times, want once", counted.set)
	}
}

// In the bubble time goes on only when everybody waits.

func TestAReadOutlivesADeadlineThatWasPutOffAndEndsAtTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lazy, _, peer := lazyPair(t)
		began := time.Now()
		want(t, lazy.SetReadDeadline, began.Add(time.Second), began.Add(time.Minute))
		go func() {
			time.Sleep(30 * time.Second)
			_, _ = peer.Write([]byte("x"))
		}()
		if _, err := lazy.Read(make([]byte, 1)); err != nil {
			t.Fatalf("a read before its deadline: %v", err)
		}
		if _, err := lazy.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("the read ended after %s with %v, want a minute", time.Since(began), err)
		}
		want(t, lazy.SetReadDeadline, time.Now().Add(time.Hour), time.Now().Add(time.Second))
		if _, err := lazy.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 61*time.Second {
			t.Errorf("the read ended after %s with %v, want the earlier deadline", time.Since(began), err)
		}
	})
}

func TestAWriteThatIsCutByADeadlineThatWasPutOffGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lazy, _, peer := lazyPair(t)
		began := time.Now()
		want(t, lazy.SetWriteDeadline, began.Add(time.Second), began.Add(time.Minute))
		sent := bytes.Repeat([]byte("0123456789"), 100)
		written := make(chan error, 1)
		go func() {
			_, err := lazy.Write(sent)
			written <- errors.Join(err, lazy.Close())
		}()
		half := make([]byte, len(sent)/2)
		if _, err := io.ReadFull(peer, half); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		rest, err := io.ReadAll(peer)
		if err != nil || !bytes.Equal(append(half, rest...), sent) {
			t.Errorf("%d bytes came (%v), want the %d that were sent", len(half)+len(rest), err, len(sent))
		}
		if err := <-written; err != nil {
			t.Error(err)
		}
	})
}

func TestADeadlineThatIsTakenBackNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lazy, _, peer := lazyPair(t)
		want(t, lazy.SetDeadline, time.Now().Add(time.Second), time.Time{})
		go func() {
			time.Sleep(time.Hour)
			_, _ = peer.Write([]byte("x"))
		}()
		if _, err := lazy.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

func want(t *testing.T, set func(time.Time) error, deadlines ...time.Time) {
	t.Helper()
	for _, deadline := range deadlines {
		if err := set(deadline); err != nil {
			t.Fatal(err)
		}
	}
}
