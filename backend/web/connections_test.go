package web

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
)

// inBubble runs f with a watched connection and its peer. In the bubble, time passes only while all goroutines wait.
func inBubble(t *testing.T, f func(t *testing.T, c *conn, peer net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, peer := net.Pipe()
		all, stop := roomy(), make(chan struct{})
		go all.watch(stop)
		// The clock is fake, so a goroutine that never ends would hang the test.
		defer time.AfterFunc(time.Hour, func() { panic("a connection went on for an hour") }).Stop()
		c := &conn{Conn: ours, all: all}
		c.begin(fresh)
		all.add(c)
		f(t, c, peer)
		close(stop)
		if err := errors.Join(c.Close(), peer.Close()); err != nil {
			t.Error(err)
		}
		if len(all.open.members) != 0 {
			t.Error("a closed connection is still watched")
		}
	})
}

// roomy returns connections with limits that no test reaches.
func roomy() *connections {
	return &connections{limits: connectionLimits{total: 1000, perAddress: 1000}, log: answer.NewFoldedLog(slog.New(slog.DiscardHandler), time.Now)}
}

// endsAfter waits until f fails with a deadline error, and expects that to take about the given time.
func endsAfter(t *testing.T, want time.Duration, f func() error) {
	t.Helper()
	began := time.Now()
	err := f()
	if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < want || took > want+2*sweepEvery {
		t.Errorf("ended after %s with %v, want a deadline after %s", took, err, want)
	}
}

func readOnce(c net.Conn, atMost int) error {
	_, err := c.Read(make([]byte, atMost))
	return err
}

// every3Seconds calls do every three seconds until it fails, and then closes the returned channel.
func every3Seconds(do func() error) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for do() == nil {
			time.Sleep(3 * time.Second)
		}
	}()
	return done
}

func TestAConnectionOnWhichNothingComesIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		began := time.Now()
		err := readOnce(peer, 16)
		if took := time.Since(began); !errors.Is(err, io.EOF) || took < readTimeout || took > readTimeout+2*sweepEvery {
			t.Errorf("closed after %s (%v), want %s", took, err, readTimeout)
		}
	})
}

func TestARequestThatTricklesEndsInTimeHoweverOftenAByteComes(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		done := every3Seconds(func() error {
			_, err := peer.Write([]byte("x"))
			return err
		})
		if err := readOnce(c, 16); err != nil {
			t.Fatal(err)
		}
		endsAfter(t, readTimeout, func() error {
			for {
				if err := readOnce(c, 16); err != nil {
					return err
				}
			}
		})
		_ = c.Close()
		<-done
	})
}

func TestAConnectionWaitsLongerForTheNextRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		exchange(t, c, peer, 0)
		endsAfter(t, idleTimeout, func() error { return readOnce(c, 16) })
	})
}

func TestWorkThatTakesLongerThanARequestMayDoesNotEndTheConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		exchange(t, c, peer, 3*readTimeout)
		time.Sleep(idleTimeout - 10*time.Second)
		exchange(t, c, peer, 0)
	})
}

func TestAnAnswerThatNobodyTakesEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ net.Conn) {
		endsAfter(t, writeTimeout, func() error {
			_, err := c.Write([]byte("answer"))
			return err
		})
	})
}

func TestAnAnswerThatIsTakenSlowlyEndsHoweverOftenAByteIsTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		done := every3Seconds(func() error { return readOnce(peer, 1) })
		endsAfter(t, writeTimeout, func() error {
			for {
				if _, err := c.Write([]byte("part")); err != nil {
					return err
				}
			}
		})
		_ = c.Close()
		<-done
	})
}

// halves is a pipe that can close one direction only.
type halves struct{ net.Conn }

func (halves) CloseWrite() error { return nil }

func TestAConnectionThatEndsAfterAnAnswerIsReadForAWhileAndNoLonger(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		c.Conn = halves{c.Conn}
		exchange(t, c, peer, 0)
		done := every3Seconds(func() error {
			_, err := peer.Write([]byte("more"))
			return err
		})
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != lingerTime {
			t.Errorf("closed after %s, want %s", took, lingerTime)
		}
		<-done
	})
}

// The sweep may set a deadline just when the connection starts another phase.
func TestADeadlineThatComesTooLateIsTakenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		if err := c.Conn.SetDeadline(past); err != nil {
			t.Fatal(err)
		}
		exchange(t, c, peer, 0)
	})
}

func TestABodyThatWasAskedForHasToComeInTimeToo(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		go func() { _, _ = peer.Write([]byte("headers")) }()
		err1 := readOnce(c, 16)
		var request fasthttp.RequestCtx
		request.Init2(c, nil, false)
		(&Server{}).expected(&request)
		go func() { _ = readOnce(peer, 16) }()
		_, err2 := c.Write([]byte("100"))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		endsAfter(t, readTimeout, func() error { return readOnce(c, 16) })
	})
}

func TestATLSConnectionOnWhichNothingComesIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ net.Conn) {
		ours, peer := net.Pipe()
		silent := &conn{Conn: tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{{}}}), all: c.all}
		silent.begin(fresh)
		c.all.add(silent)
		began := time.Now()
		err := readOnce(silent, 16)
		if took := time.Since(began); err == nil || took < readTimeout || took > readTimeout+2*sweepEvery {
			t.Errorf("ended after %s (%v), want %s", took, err, readTimeout)
		}
		_ = silent.Close() // again, as the server below does
		if err := peer.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPlainHTTPOnATLSConnectionIsToldSo(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ net.Conn) {
		for sent, want := range map[string]string{"GET / HTTP/1.1\r\n\r\n": "HTTP/1.1 400 ", "\x01\x02\x03\x04\x05": ""} {
			ours, peer := net.Pipe()
			secure := &conn{Conn: tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{{}}}), all: c.all}
			secure.begin(fresh)
			c.all.add(secure)
			go func() {
				_, _ = io.WriteString(peer, sent)
			}()
			go func() {
				if err := readOnce(secure, 16); err == nil {
					t.Error("a request is read")
				}
				_ = secure.Close()
			}()
			answer, err := io.ReadAll(peer)
			if err != nil || !strings.HasPrefix(string(answer), want) || want == "" && strings.Contains(string(answer), "HTTP") {
				t.Errorf("%q: %q, %v", sent, answer, err)
			}
		}
	})
}

// late is a connection that, like TLS, keeps reporting a missed deadline after the first one.
type late struct {
	net.Conn
	uses int
}

func (l *late) Read([]byte) (int, error)         { return l.Write(nil) }
func (l *late) SetReadDeadline(time.Time) error  { return nil }
func (l *late) SetWriteDeadline(time.Time) error { return nil }

func (l *late) Write([]byte) (int, error) {
	l.uses++
	return 0, os.ErrDeadlineExceeded
}

func TestADeadlineThatIsReportedForeverIsBelieved(t *testing.T) {
	inner := &late{}
	c := &conn{Conn: inner, all: &connections{}}
	c.begin(reading)
	if err := readOnce(c, 16); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	if want := 2 * (1 + maxLate); inner.uses != want {
		t.Errorf("tried %d times, want %d", inner.uses, want)
	}
}

// crowded is a listener on a system that at first has no free file descriptor.
type crowded struct {
	net.Listener
	fails int
}

func (l *crowded) Accept() (net.Conn, error) {
	if l.fails--; l.fails >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	ours, _ := net.Pipe()
	return ours, nil
}

func TestTooManyConnectionsDoNotEndTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		all := roomy()
		all.log = answer.NewFoldedLog(slog.New(slog.NewTextHandler(&log, nil)), time.Now)
		l := &listener{Listener: &crowded{fails: 30}, all: all}
		began := time.Now()
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) < time.Second {
			t.Error("it was tried again without a rest")
		}
		if lines := strings.Count(log.String(), "\n"); lines > 2 {
			t.Errorf("%d lines were logged:\n%s", lines, &log)
		}
	})
}

// exchange sends a request from the peer, handles it, and reads the response in two parts.
func exchange(t *testing.T, c *conn, peer net.Conn, work time.Duration) {
	t.Helper()
	go func() { _, _ = peer.Write([]byte("request")) }()
	if err := readOnce(c, 16); err != nil {
		t.Fatalf("read a request: %v", err)
	}
	time.Sleep(work)
	sent := bytes.Repeat([]byte("answer"), 10)
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		written <- err
	}()
	taken := make([]byte, len(sent))
	_, err1 := io.ReadFull(peer, taken[:7])
	time.Sleep(5 * time.Second)
	_, err2 := io.ReadFull(peer, taken[7:])
	if err := errors.Join(err1, err2, <-written); err != nil || !bytes.Equal(taken, sent) {
		t.Fatalf("%q was taken (%v), want %q", taken, err, sent)
	}
}

func TestAStopClosesWhatHasAskedForNothingAndNothingElse(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		exchange(t, c, peer, 0)
		ours, browser := net.Pipe()
		unused := &conn{Conn: ours, all: c.all}
		unused.begin(fresh)
		c.all.add(unused)
		c.all.end(fresh)
		if _, err := browser.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("an unused connection: %v, want it closed", err)
		}
		c.all.remove(unused)
		exchange(t, c, peer, 0)
		late, _ := net.Pipe()
		if c.all.add(&conn{Conn: late, all: c.all}) {
			t.Error("a connection that comes too late is taken in")
		}
	})
}

func TestWhoComesOverAUnixSocketIsOnThisMachine(t *testing.T) {
	inner, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{Listener: inner, all: roomy()}
	defer l.Close()
	peer, err := net.Dial("unix", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var request fasthttp.RequestCtx
	request.Init2(c, nil, false)
	if ip := request.RemoteIP(); !ip.Equal(net.IPv4(127, 0, 0, 1)) {
		t.Errorf("it is at %s", ip)
	}
}

func TestAnAnswerInPartsTakesAsLongAsNoneOfThemTakesTooLong(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		exchange(t, c, peer, 0)
		done := every3Seconds(func() error { return readOnce(peer, 1) })
		for range 10 { // 24 seconds each
			c.Part()
			if _, err := c.Write([]byte("12345678")); err != nil {
				t.Error(err)
			}
		}
		c.Part()
		endsAfter(t, writeTimeout, func() error {
			for {
				if _, err := c.Write([]byte("12")); err != nil {
					return err
				}
			}
		})
		_ = c.Close()
		<-done
	})
}

func TestAStreamGoesOnWhileItsPartsAreTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, peer net.Conn) {
		exchange(t, c, peer, 0)
		c.Stream()
		taken := make(chan error, 1)
		for range 60 {
			go func() { taken <- readOnce(peer, 16) }()
			if _, err := c.Write([]byte("part")); err != nil {
				t.Fatal(err)
			}
			if err := <-taken; err != nil {
				t.Fatal(err)
			}
			time.Sleep(writeTimeout - 2*sweepEvery)
		}
		endsAfter(t, writeTimeout, func() error {
			_, err := c.Write([]byte("not taken"))
			return err
		})
	})
}
