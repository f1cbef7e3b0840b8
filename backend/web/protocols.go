package web

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
)

// Answers to connections that speak another protocol than this server. Their text reaches the admin through the client.
const (
	needsTLS        = wrongProtocol + "This port speaks TLS: use https.\n"
	noProxyProtocol = wrongProtocol + "This server does not speak the PROXY protocol: turn it off in the proxy, and send X-Forwarded-For instead.\n"

	wrongProtocol = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
)

// Beginnings of the PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy, sections 2.1 and 2.2). HTTP has neither: the
// first is no method, and the second has a zero byte.
var (
	proxyText   = []byte("PROXY ")
	proxyBinary = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

// refuseProxyProtocol answers a connection whose first bytes are of the PROXY protocol. It reports whether they are.
func (c *conn) refuseProxyProtocol(first []byte) bool {
	if !bytes.HasPrefix(first, proxyText) && !bytes.HasPrefix(first, proxyBinary) {
		return false
	}
	c.sayNoProxyProtocol(c.Conn)
	return true
}

// sayNoProxyProtocol tells both sides of a proxy: the log and, through the proxy, its client.
func (c *conn) sayNoProxyProtocol(to net.Conn) {
	address, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	c.all.log.Add(slog.LevelWarn, "a proxy speaks the PROXY protocol, which this server does not: turn it off there, and send X-Forwarded-For instead",
		[]byte(address), func() []slog.Attr { return []slog.Attr{slog.String("proxy", address)} })
	_, _ = io.WriteString(to, noProxyProtocol)
}

// refuseRecord answers a connection that must be TLS and is not. Records of TLS begin with smaller bytes than letters.
func (c *conn) refuseRecord(wrong tls.RecordHeaderError) {
	begins := wrong.RecordHeader[:]
	switch {
	case wrong.Conn == nil:
	case bytes.HasPrefix(proxyText, begins), bytes.HasPrefix(proxyBinary, begins):
		c.sayNoProxyProtocol(wrong.Conn)
	case begins[0] >= 'A':
		_, _ = io.WriteString(wrong.Conn, needsTLS)
	}
}
