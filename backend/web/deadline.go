package web

import (
	"errors"
	"net"
	"os"
	"time"
)

// lazyConn spares most of the work of deadlines. The server sets three for each request, nearly always later ones than
// before, and next to none of them comes. Here only an earlier one is set at once; when it comes and a later one was
// wanted meanwhile, that is set then. The reader and the writer of the connection have to be one goroutine each.
type lazyConn struct {
	net.Conn
	read, write deadline
}

// deadline is one that is wanted and the one that is set, each zero for none.
type deadline struct{ wanted, set time.Time }

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	return c.read.want(t, c.Conn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	return c.write.want(t, c.Conn.SetWriteDeadline)
}

// Read implements net.Conn.
func (c *lazyConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || err == nil || !c.read.later(err) {
			return n, err
		}
		if err := c.read.catchUp(c.Conn.SetReadDeadline); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (c *lazyConn) Write(p []byte) (written int, err error) {
	for {
		n, err := c.Conn.Write(p[written:])
		written += n
		if err == nil || !c.write.later(err) {
			return written, err
		}
		if err := c.write.catchUp(c.Conn.SetWriteDeadline); err != nil {
			return written, err
		}
	}
}

func (d *deadline) want(t time.Time, set func(time.Time) error) error {
	d.wanted = t
	if t.IsZero() || !d.set.IsZero() && !t.Before(d.set) {
		return nil
	}
	return d.catchUp(set)
}

func (d *deadline) catchUp(set func(time.Time) error) error {
	d.set = d.wanted
	return set(d.wanted)
}

// later reports whether a failure is a deadline that came, though a later one, or none, is wanted now.
func (d *deadline) later(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && (d.wanted.IsZero() || d.wanted.After(d.set))
}
