package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tokentab/backend/answer"
	"tokentab/backend/api"
	"tokentab/backend/config"
)

// Time limits of connections, stated in docs/settings.md.
const (
	readTimeout  = 30 * time.Second // to receive a whole request
	writeTimeout = 30 * time.Second // to send a whole response
	idleTimeout  = 2 * time.Minute  // between a response and the next request
)

// sweepEvery is the interval between sweeps, and so the accuracy of the limits above.
const sweepEvery = time.Second

// connections are all open connections. A connection records what it does and since which sweep; each sweep ends
// connections that exceed their time. fasthttp's own timeouts would set a timer and read the clock for each request.
type connections struct {
	sweeps  atomic.Int64 // number of sweeps so far; serves as the clock
	oneCore bool         // all connections share one processor

	limits  connectionLimits
	trusted config.Networks // proxies
	log     *answer.FoldedLog

	held sync.WaitGroup // see answer.Holder

	mu        sync.Mutex
	open      crowd
	addresses map[netip.Addr]*crowd // limited addresses; IPv6 by /64
	closed    bool
	accepted  int64
	hasTold   bool
	told      int64 // sweep of the last log line about too many connections
}

// States of a connection.
const (
	fresh   = iota // nothing received yet
	idle           // waits for the next request
	reading        // receives a request, or prepares its response
	halted         // waits for the rest of a request
	writing        // sends a response
)

// allowed is the longest time in each state, in sweeps.
var allowed = [...]int64{
	fresh: int64(readTimeout / sweepEvery), idle: int64(idleTimeout / sweepEvery),
	reading: int64(readTimeout / sweepEvery), halted: int64(readTimeout / sweepEvery), writing: int64(writeTimeout / sweepEvery),
}

// listener registers the connections it accepts.
type listener struct {
	net.Listener
	all *connections
}

// Accept implements net.Listener. If the system can't open another connection, it closes an idle one or waits: fasthttp
// would stop on an error.
func (l *listener) Accept() (net.Conn, error) {
	for told := false; ; {
		inner, err := l.Listener.Accept()
		switch {
		case lacksRoom(err):
			if !told {
				told = true
				l.all.log.Error("the system has no room for another connection, so idle ones are closed: raise the limit on open files (ulimit -n)", "cause", err)
			}
			if !l.all.makeRoom() {
				time.Sleep(acceptAgain)
			}
		case err != nil:
			return nil, err
		default:
			c := &conn{Conn: inner, all: l.all}
			c.begin(fresh)
			if l.all.add(c) {
				return c, nil
			}
			c.shut()
		}
	}
}

// acceptAgain is the wait if the system can't open another connection and none can be closed.
const acceptAgain = 100 * time.Millisecond

func lacksRoom(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// watch sweeps until stop is closed.
func (cs *connections) watch(stop <-chan struct{}) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			cs.sweep()
		case <-stop:
			return
		}
	}
}

// sweep closes connections that sent nothing in time, and interrupts the reads and writes of others that exceed their
// time. Every sweep repeats this, because a connection that changes its state meanwhile clears the deadline.
func (cs *connections) sweep() {
	cs.sweeps.Add(1)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open.members {
		if !c.overdue() {
			continue
		}
		// Errors mean that the connection is closed already.
		switch does, _ := c.now(); does {
		case fresh: // no request to answer
			c.shut()
		case writing:
			_ = c.Conn.SetWriteDeadline(past)
		default:
			_ = c.Conn.SetReadDeadline(past)
		}
	}
}

// past is a deadline that has expired.
var past = time.Unix(1, 0)

// conn is one connection. One goroutine reads and writes.
type conn struct {
	net.Conn
	all *connections
	// state is the sweep in which the present state began, times eight, plus the state.
	state  atomic.Int64
	number int64      // order of arrival
	from   netip.Addr // address whose limit applies; zero if none does
	waited bool       // yielded after the last response
	asked  bool       // the last write requested the body, see expected
	rest   []byte     // received and not read yet, see receive
	// streams is set during a response without an end: the time limit applies to each write of it.
	streams bool
}

// Stream implements api.Streamer.
func (c *conn) Stream() { c.streams = true }

// Part implements api.Streamer.
func (c *conn) Part() { c.begin(writing) }

// Hold implements answer.Holder.
func (c *conn) Hold() (release func()) {
	c.all.held.Add(1)
	return c.all.held.Done
}

// awaitHeld waits for connections that are held, until the context ends.
func (cs *connections) awaitHeld(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		cs.held.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

func (c *conn) begin(what int64) { c.state.Store(c.all.sweeps.Load()<<3 | what) }

// goOn changes the state and keeps its start.
func (c *conn) goOn(what int64) { c.state.Store(c.state.Load()&^7 | what) }

func (c *conn) now() (does, since int64) {
	state := c.state.Load()
	return state & 7, state >> 3
}

func (c *conn) overdue() bool {
	does, since := c.now()
	return c.all.sweeps.Load()-since > allowed[does]
}

// shut closes the connection without a TLS alert, so it never blocks. Its reader and writer then fail and call Close.
func (c *conn) shut() {
	inner := c.Conn
	if secure, ok := inner.(interface{ NetConn() net.Conn }); ok {
		inner = secure.NetConn()
	}
	_ = inner.Close()
}

// NetConn returns the connection under this one, as tls.Conn does.
func (c *conn) NetConn() net.Conn { return c.Conn }

// RemoteAddr implements net.Conn. Unix socket peers are local; report them as 127.0.0.1.
func (c *conn) RemoteAddr() net.Addr {
	address := c.Conn.RemoteAddr()
	if _, local := address.(*net.UnixAddr); local {
		return loopback
	}
	return address
}

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	switch does, _ := c.now(); {
	case does == reading: // the request is incomplete
		c.goOn(halted)
	case does == writing && c.asked:
		c.asked = false
		c.begin(halted)
	case does == writing:
		c.begin(idle)
		c.letOthersGoFirst()
	}
	for tries := 0; ; tries++ {
		n, err := c.receive(p)
		if n > 0 {
			does, _ := c.now()
			if does == fresh && c.refuseProtocol(p[:n]) {
				return 0, io.EOF
			}
			if does == halted {
				c.goOn(reading)
			} else {
				c.begin(reading)
			}
			return n, err
		}
		if !c.endedTooLate(err, tries) {
			return n, err
		}
		if err := c.Conn.SetReadDeadline(time.Time{}); err != nil {
			return 0, err
		}
	}
}

// receive reads at most maxHeaderLines lines, and keeps the rest. fasthttp parses the beginning of a request at once, and would
// need 400 KB for a buffer full of short header lines.
func (c *conn) receive(p []byte) (n int, err error) {
	if len(c.rest) > 0 {
		n = fewLines(p[:copy(p, c.rest)])
		if c.rest = c.rest[n:]; len(c.rest) == 0 {
			c.rest = nil // an idle connection must not hold it
		}
		return n, nil
	}
	n, err = c.Conn.Read(p)
	if err != nil {
		if wrong, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			c.refuseRecord(wrong)
		}
		return n, err
	}
	if !areMany(p[:n]) {
		return n, nil
	}
	few := fewLines(p[:n])
	c.rest = slices.Clone(p[few:n])
	return few, nil
}

// fewLines returns the length of the first maxHeaderLines lines.
func fewLines(text []byte) (end int) {
	for range maxHeaderLines {
		line := bytes.IndexByte(text[end:], '\n')
		if line < 0 {
			return len(text)
		}
		end += line + 1
	}
	return end
}

// maxLate is how many deadlines can arrive too late: one of an earlier sweep and one of the current sweep.
const maxLate = 2

// endedTooLate reports whether a deadline was meant for an earlier state and must be cleared. After maxLate tries it
// counts as real: a TLS connection reports a missed deadline forever.
func (c *conn) endedTooLate(err error, tries int) bool {
	return err != nil && tries < maxLate && errors.Is(err, os.ErrDeadlineExceeded) && !c.overdue()
}

// letOthersGoFirst yields a busy processor to other connections after every second response. The next request has often
// arrived by then, while an immediate read would cost a system call and find nothing. Yielding twice in a row could
// starve waiting connections, since Go polls the network only if nothing else can run. With several processors each
// yield would wake another one, so it applies to one core only.
func (c *conn) letOthersGoFirst() {
	if c.waited = c.all.oneCore && !c.waited; c.waited {
		runtime.Gosched()
	}
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (written int, err error) {
	if does, _ := c.now(); does != writing || c.streams {
		c.begin(writing)
	}
	for tries := 0; ; tries++ {
		n, err := c.Conn.Write(p[written:])
		written += n
		if !c.endedTooLate(err, tries) {
			return written, err
		}
		if err := c.Conn.SetWriteDeadline(time.Time{}); err != nil {
			return written, err
		}
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	if does, _ := c.now(); does != fresh && does != idle && !c.streams {
		c.linger()
	}
	c.all.remove(c)
	return c.Conn.Close()
}

// linger lets the peer receive the last response before the connection closes. It drops what the peer still sends, such as a body
// that no one reads: unread data would reset the connection and could lose the response (RFC 9112, section 9.6).
func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes) // the connection closes next in any case
}

// Limits of linger: time and bytes.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = api.MaxDropped // proxies pass on bodies up to this size, as docs/gateways.md says
)
