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
	noHTTP2         = wrongProtocol + "This server does not speak HTTP/2: use HTTP/1.1.\n"

	wrongProtocol = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
)

// Beginnings of the PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy, sections 2.1 and 2.2). HTTP has neither: the
// first is no method, and the second has a zero byte.
var (
	proxyText   = []byte("PROXY ")
	proxyBinary = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

// preface begins HTTP/2 (RFC 9113, section 3.4).
var preface = []byte("PRI * HTTP/2.0\r\n")

// refuseProtocol answers a connection whose first bytes are of a protocol that only proxies try. It reports whether they are.
func (c *conn) refuseProtocol(first []byte) bool {
	switch {
	case bytes.HasPrefix(first, proxyText), bytes.HasPrefix(first, proxyBinary):
		c.sayNoProxyProtocol(c.Conn)
	case bytes.HasPrefix(first, preface):
		c.tellProxy("a proxy speaks HTTP/2, which this server does not: configure HTTP/1.1 there", c.Conn, noHTTP2)
	default:
		return false
	}
	return true
}

func (c *conn) sayNoProxyProtocol(to net.Conn) {
	c.tellProxy("a proxy speaks the PROXY protocol, which this server does not: turn it off there, and send X-Forwarded-For instead", to, noProxyProtocol)
}

// tellProxy tells both sides of a proxy: the log and, through the proxy, its client.
func (c *conn) tellProxy(message string, to net.Conn, answer string) {
	address, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	c.all.log.Add(slog.LevelWarn, message, []byte(address), func() []slog.Attr { return []slog.Attr{slog.String("proxy", address)} })
	_, _ = io.WriteString(to, answer)
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
