package web

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tokentab/backend/config"
)

// How long a connection may take, stated in docs/settings.md.
const (
	readTimeout  = 30 * time.Second // for a request to arrive whole
	writeTimeout = 30 * time.Second // for an answer to be taken
	idleTimeout  = 2 * time.Minute  // from an answer to the next request
)

// sweepEvery is how often connections are looked at, and so how exact the times above are.
const sweepEvery = time.Second

// connections are all that are open. Instead of setting three deadlines for each request, nearly all of which never
// come, a connection notes when it began what it does, on a clock that moves once a sweep; the sweep ends what takes too
// long. Times of the server below would each cost a look at the clock and a timer for every request.
type connections struct {
	sweeps  atomic.Int64 // since the first listener; the clock
	oneCore bool         // all connections share one processor

	limits  connectionLimits
	trusted config.Networks // of proxies
	log     *slog.Logger

	mu        sync.Mutex
	open      crowd
	addresses map[netip.Addr]*crowd // of strangers; those of IPv6 by their /64
	closed    bool
	accepted  int64
	hasTold   bool
	told      int64 // the sweep in which the log last said that there are too many
}

// What a connection does.
const (
	fresh   = iota // nothing has come yet
	idle           // waits for the next request
	reading        // reads a request, or works on it
	halted         // waits for the rest of a request
	writing        // writes an answer
)

// allowed is how many sweeps a connection may do what it does.
var allowed = [...]int64{
	fresh: int64(readTimeout / sweepEvery), idle: int64(idleTimeout / sweepEvery),
	reading: int64(readTimeout / sweepEvery), halted: int64(readTimeout / sweepEvery), writing: int64(writeTimeout / sweepEvery),
}

// listener hands out connections that are kept in all.
type listener struct {
	net.Listener
	all *connections
}

// Accept implements net.Listener. If the system has no room for another connection it closes an idle one, or waits: the
// server below takes every failure for the end.
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

// acceptAgain is how long to wait if the system has no room for another connection and none can be closed.
const acceptAgain = 100 * time.Millisecond

func lacksRoom(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// watch sweeps every now and then until stop is closed.
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

// sweep closes the connections on which nothing came for too long, and wakes the readers and writers of others that take
// too long. It does so again each time, since one that goes on at that moment clears the deadline.
func (cs *connections) sweep() {
	cs.sweeps.Add(1)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open.members {
		if !c.overdue() {
			continue
		}
		// What fails here is done on a connection that is closed already.
		switch does, _ := c.now(); does {
		case fresh: // no one is there to be told
			c.shut()
		case writing:
			_ = c.Conn.SetWriteDeadline(past)
		default:
			_ = c.Conn.SetReadDeadline(past)
		}
	}
}

// past is a deadline that has come.
var past = time.Unix(1, 0)

// conn is one connection. Its reader and writer are one goroutine, that of the server below.
type conn struct {
	net.Conn
	all *connections
	// state is the sweep in which it began what it does, times eight, and what that is.
	state  atomic.Int64
	number int64      // in the order in which they came
	from   netip.Addr // whose limit it counts for; the zero address is no stranger
	waited bool       // let others go first after the last answer
	asked  bool       // what is written asks for the body of the request, see expected
}

func (c *conn) begin(what int64) { c.state.Store(c.all.sweeps.Load()<<3 | what) }

// goOn changes what the connection does within the time that it has for it.
func (c *conn) goOn(what int64) { c.state.Store(c.state.Load()&^7 | what) }

func (c *conn) now() (does, since int64) {
	state := c.state.Load()
	return state & 7, state >> 3
}

func (c *conn) overdue() bool {
	does, since := c.now()
	return c.all.sweeps.Load()-since > allowed[does]
}

// shut closes the connection without a word, which takes no time. Its reader and writer fail, and close it again.
func (c *conn) shut() {
	inner := c.Conn
	if secure, ok := inner.(interface{ NetConn() net.Conn }); ok {
		inner = secure.NetConn()
	}
	_ = inner.Close()
}

// RemoteAddr implements net.Conn. Who comes over a Unix socket is on this machine, and so at 127.0.0.1.
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
	case does == reading: // what came was not all of it
		c.goOn(halted)
	case does == writing && c.asked:
		c.asked = false
		c.begin(halted)
	case does == writing:
		c.begin(idle)
		c.letOthersGoFirst()
	}
	for tries := 0; ; tries++ {
		n, err := c.Conn.Read(p)
		if n > 0 {
			if does, _ := c.now(); does == halted {
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

// maxLate is how many deadlines can come too late: that of earlier sweeps and that of the one under way.
const maxLate = 2

// endedTooLate reports whether a deadline was for what the connection did before, so that it is taken back. After maxLate
// tries it is believed: a TLS connection that once missed one reports it forever.
func (c *conn) endedTooLate(err error, tries int) bool {
	return err != nil && tries < maxLate && errors.Is(err, os.ErrDeadlineExceeded) && !c.overdue()
}

// letOthersGoFirst, after every second answer, hands a busy processor to the other connections. By the time that it is
// back the next request is often there; a read right after an answer finds nothing and costs a call of the system in
// vain. The network is asked for news only when nobody is left to run, so no connection may do this twice in a row: that
// would keep who waits for the network waiting. With more than one processor it would wake another one for each answer.
func (c *conn) letOthersGoFirst() {
	if c.waited = c.all.oneCore && !c.waited; c.waited {
		runtime.Gosched()
	}
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (written int, err error) {
	if does, _ := c.now(); does != writing {
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
	if does, _ := c.now(); does == writing {
		c.linger()
	}
	c.all.remove(c)
	return c.Conn.Close()
}

// linger gives the other end time to take an answer after which the connection ends. What it still sends is dropped: were
// it left unread, the system would reset the connection, and the answer could be lost (RFC 9112, section 9.6).
func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes) // whatever ends it, the connection is closed now
}

// How long a connection that ends is read from, and how much.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 16 << 20
)
