package web

import (
	"math"
	"net"
	"net/netip"
	"testing"

	"tokentab/backend/config"
)

// remote is a connection from a given address.
type remote struct {
	net.Conn
	address net.Addr
	closed  bool
}

func (r *remote) RemoteAddr() net.Addr { return r.address }

func (r *remote) Close() error {
	r.closed = true
	return nil
}

func tcp(address string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)) }

// comes connects from an address, and reports whether it was accepted.
func comes(all *connections, address net.Addr, does int64) (*conn, bool) {
	c := &conn{Conn: &remote{address: address}, all: all}
	c.begin(does)
	return c, all.add(c)
}

func isClosed(c *conn) bool { return c.Conn.(*remote).closed }

// closes accepts new connections, and expects the given ones to be closed for them in this order.
func closes(t *testing.T, all *connections, newcomer net.Addr, order ...*conn) {
	t.Helper()
	for i, c := range order {
		if isClosed(c) {
			t.Errorf("connection %d is closed too early", i)
		}
		if _, ok := comes(all, newcomer, reading); !ok {
			t.Errorf("newcomer %d is refused", i)
		}
		if !isClosed(c) {
			t.Errorf("connection %d is still open", i)
		}
	}
}

func TestTheLongestIdleConnectionIsClosedForANewcomer(t *testing.T) {
	all := roomy()
	all.limits.total = 8
	stranger, proxy := tcp("192.0.2.1:1000"), tcp("127.0.0.1:1000")
	all.sweeps.Add(10)
	oursHalfSent, _ := comes(all, proxy, halted)
	ours, _ := comes(all, proxy, idle)
	notTaken, _ := comes(all, stranger, writing)
	halfSent, _ := comes(all, stranger, halted)
	longest, _ := comes(all, stranger, reading)
	longest.begin(idle)
	silent, _ := comes(all, stranger, fresh)
	atWork, _ := comes(all, stranger, reading)
	all.sweeps.Add(10)
	again, _ := comes(all, stranger, idle)
	closes(t, all, stranger, longest, silent, again, halfSent, notTaken, ours, oursHalfSent)
	if c, ok := comes(all, stranger, fresh); ok || isClosed(atWork) || isClosed(c) {
		t.Error("a connection was closed while it was at work")
	}
}

func TestAConnectionThatGoesOnIsNotClosedForANewcomer(t *testing.T) {
	all := roomy()
	all.limits.total = 3
	proxy := tcp("127.0.0.1:1000")
	first, _ := comes(all, proxy, idle)
	second, _ := comes(all, proxy, idle)
	third, _ := comes(all, proxy, idle)
	closes(t, all, proxy, first)
	second.begin(reading)
	closes(t, all, proxy, third)
	all.sweeps.Add(1)
	second.begin(idle)
	closes(t, all, proxy, second)
}

func TestOneStrangersAddressCannotTakeTheRoomOfOthers(t *testing.T) {
	all := roomy()
	all.limits.perAddress = 2
	all.trusted = config.Networks{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:9::/64")}
	for _, same := range [][3]string{
		{"192.0.2.1:1", "192.0.2.1:2", "[::ffff:192.0.2.1]:3"},
		{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::ffff:1:2:3]:1"},
	} {
		first, _ := comes(all, tcp(same[0]), idle)
		_, _ = comes(all, tcp(same[1]), idle)
		closes(t, all, tcp(same[2]), first)
	}
	for _, exempt := range []net.Addr{tcp("127.0.0.1:1"), tcp("[::1]:1"), tcp("203.0.113.7:1"), tcp("[2001:db8:9::1]:1"), loopback, tcp("192.0.2.9:1"), tcp("[2001:db8:0:1::1]:1")} {
		for range 2 { // the last two are others' addresses
			if _, ok := comes(all, exempt, reading); !ok {
				t.Errorf("%s is refused", exempt)
			}
		}
	}
	for range 3 {
		if _, ok := comes(all, tcp("203.0.113.8:1"), reading); !ok {
			t.Error("a trusted proxy is refused")
		}
	}
	before := len(all.open.members)
	busy := tcp("192.0.2.50:1")
	one, _ := comes(all, busy, reading)
	_, _ = comes(all, busy, reading)
	if _, ok := comes(all, busy, fresh); ok {
		t.Error("an address whose connections are all at work gets another one")
	}
	all.remove(one)
	if _, ok := comes(all, busy, fresh); !ok || len(all.open.members) != before+2 {
		t.Error("a connection that ended still counts")
	}
}

func TestTheLimitsOfConnectionsLeaveRoomForTheDatabaseAndMemory(t *testing.T) {
	for _, c := range []struct {
		serving config.Serving
		files   int
		heap    int64
		most    int
		reduced bool
	}{
		{config.Serving{}, 256, math.MaxInt64, 192, false},
		{config.Serving{}, 64, math.MaxInt64, 32, false},
		{config.Serving{}, 1 << 20, math.MaxInt64, defaultConnections, false},
		{config.Serving{}, 1 << 20, 128 << 20 * 6 / 10, 614, false}, // a container of 128 MiB
		{config.Serving{}, 1 << 20, 1, 1, false},
		{config.Serving{MaxConnections: 700}, 1 << 20, 128 << 20 * 6 / 10, 700, false},
		{config.Serving{MaxConnections: 50_000}, 1 << 20, math.MaxInt64, 50_000, false},
		{config.Serving{MaxConnections: 50_000}, 1024, math.MaxInt64, 960, true},
		{config.Serving{MaxConnections: 3, MaxConnectionsPerAddress: 2}, 1024, math.MaxInt64, 3, false},
	} {
		got, reduced := limitsOf(c.serving, c.files, c.heap)
		if got.total < 1 || got.total > c.most || got.perAddress < 1 || got.perAddress > got.total || reduced != c.reduced {
			t.Errorf("%+v with %d files and %d bytes: %+v, %v", c.serving, c.files, c.heap, got, reduced)
		}
	}
}
