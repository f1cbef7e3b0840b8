package web

import (
	"net"
	"sync"
)

// waitingConns are the connections that have not sent a byte yet. Browsers open some in advance, and a stop must not
// wait for them; fasthttp counts them as requests under way.
type waitingConns struct {
	mu     sync.Mutex
	conns  map[*waitingConn]struct{}
	closed bool
}

func (w *waitingConns) add(c *waitingConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = c.Close()
		return
	}
	if w.conns == nil {
		w.conns = map[*waitingConn]struct{}{}
	}
	w.conns[c] = struct{}{}
}

func (w *waitingConns) remove(c *waitingConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// close closes the connections that wait now, and those that come.
func (w *waitingConns) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for c := range w.conns {
		_ = c.Close()
	}
}

// waitingListener hands out connections that are known to wait until their first byte.
type waitingListener struct {
	net.Listener
	waiting *waitingConns
}

// Accept implements net.Listener.
func (l *waitingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &waitingConn{lazyConn: lazyConn{Conn: c}, waiting: l.waiting}
	l.waiting.add(w)
	return w, nil
}

type waitingConn struct {
	lazyConn
	waiting *waitingConns // nil once something was read; only the reader touches it
}

// Read implements net.Conn.
func (c *waitingConn) Read(p []byte) (int, error) {
	n, err := c.lazyConn.Read(p)
	if c.waiting != nil {
		c.waiting.remove(c)
		c.waiting = nil
	}
	return n, err
}
