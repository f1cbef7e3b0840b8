package request

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasLeft reports whether the peer has closed the connection, even if data it sent earlier is unread.
func hasLeft(c net.Conn) (left bool) {
	open, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := open.SyscallConn()
	if err != nil {
		return true // it is closed here
	}
	err = raw.Control(func(fd uintptr) {
		ask := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(ask, 0)
		left = err == nil && n > 0 && ask[0].Revents != 0
	})
	return left || err != nil
}
