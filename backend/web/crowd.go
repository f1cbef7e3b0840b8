package web

import (
	"cmp"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"

	"tokentab/backend/config"
)

// connectionLimits is the most open connections, in total and from one address.
type connectionLimits struct{ total, perAddress int }

// defaultConnections is the default total if the limits on open files and memory allow more.
const defaultConnections = 10_000

// connectionBytes is what a connection takes while its client does not send the rest of a request: its buffers, and a small
// body, which is not counted otherwise. An idle one takes about 30 KiB.
const connectionBytes = 64 << 10

// limitsOf returns the limits from the settings. A total of 0 follows the process's limit on open files, minus those
// for the database, the log and the listeners, and half of heap, Go's memory limit in bytes. reduced reports that the setting
// exceeds the limit on open files.
func limitsOf(c config.Serving, openFiles int, heap int64) (limits connectionLimits, reduced bool) {
	kept := min(64+8*runtime.GOMAXPROCS(0), openFiles/2) // the database has readers for each processor
	fit := int(max(min(heap/2/connectionBytes, defaultConnections), 1))
	limits.total = cmp.Or(c.MaxConnections, min(openFiles-kept, fit))
	if limits.total > openFiles-kept {
		limits.total, reduced = openFiles-kept, true
	}
	limits.perAddress = cmp.Or(c.MaxConnectionsPerAddress, max(limits.total/4, 1))
	return limits, reduced
}

// ConnectionLimit returns how many connections a server may have open under this process's limit on open files. reduced
// reports that the setting exceeds that limit.
func ConnectionLimit(c config.Serving) (most int, reduced bool) {
	limits, reduced := limitsOf(c, openFiles(), heapLimit())
	return limits.total, reduced
}

// heapLimit returns Go's memory limit in bytes, which the program derives from its container's.
func heapLimit() int64 { return debug.SetMemoryLimit(-1) }

// crowd is a set of connections that finds the one idle longest.
type crowd struct {
	members map[*conn]struct{}
	next    []candidate // the next ones to close, in order, as of the last look at all members
}

// candidate is a connection that may be closed while its state is unchanged.
type candidate struct {
	*conn
	state int64
}

// candidates is how many connections one look finds.
const candidates = 64

func (g *crowd) add(c *conn) {
	if g.members == nil {
		g.members = map[*conn]struct{}{}
	}
	g.members[c] = struct{}{}
}

// longestIdle returns the connection to close first, or nil if all are busy.
func (g *crowd) longestIdle() *conn {
	for looked := false; ; looked = true {
		for len(g.next) > 0 {
			first := g.next[0]
			g.next = g.next[1:]
			if _, open := g.members[first.conn]; open && first.conn.state.Load() == first.state {
				return first.conn
			}
		}
		if looked {
			return nil
		}
		g.look()
	}
}

// look finds the members whose closing costs least, of these those idle longest.
func (g *crowd) look() {
	least := atWork
	for c := range g.members {
		state := c.state.Load()
		if hurt := c.hurt(state); hurt < least {
			least, g.next = hurt, g.next[:0]
		}
		if least != atWork && c.hurt(state) == least {
			g.next = append(g.next, candidate{c, state})
		}
	}
	slices.SortFunc(g.next, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.state>>3, b.state>>3), cmp.Compare(a.number, b.number))
	})
	g.next = slices.Clone(g.next[:min(candidates, len(g.next))])
}

// Cost of closing a connection, from its state. Trusted proxies and programs on this machine add ours.
const (
	waits     = iota // no request
	halfSends        // the client does not send the rest of a request
	takesNot         // the client does not take the response
	ours
	atWork = 2 * ours // never closed to make room
)

func (c *conn) hurt(state int64) (much int) {
	if !c.from.IsValid() {
		much = ours
	}
	switch does := state & 7; {
	case does == fresh || does == idle:
		return much + waits
	case does == halted:
		return much + halfSends
	case does == writing && c.all.sweeps.Load()-state>>3 >= 2:
		return much + takesNot
	}
	return atWork
}

// add registers a connection and, at a limit, closes the one idle longest. It returns false if all others are busy or
// the server stops.
func (cs *connections) add(c *conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		return false
	}
	c.number, c.from = cs.accepted, cs.strangerOf(c.RemoteAddr())
	cs.accepted++
	if c.from.IsValid() {
		of := cs.addresses[c.from]
		if of != nil && len(of.members) >= cs.limits.perAddress && !cs.closeOne(of, "of one address") {
			return false
		}
	}
	if len(cs.open.members) >= cs.limits.total && !cs.closeOne(&cs.open, "in all") {
		return false
	}
	cs.open.add(c)
	if c.from.IsValid() {
		if cs.addresses == nil {
			cs.addresses = map[netip.Addr]*crowd{}
		}
		if cs.addresses[c.from] == nil {
			cs.addresses[c.from] = &crowd{}
		}
		cs.addresses[c.from].add(c)
	}
	return true
}

// strangerOf returns the address whose limit applies to a connection. No limit applies to trusted proxies and programs
// on this machine, since each may serve many clients.
func (cs *connections) strangerOf(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	if ip.IsLoopback() || cs.trusted.Contain(ip) {
		return netip.Addr{}
	}
	if ip.Is6() { // a client usually owns a whole /64
		prefix, _ := ip.WithZone("").Prefix(64)
		return prefix.Addr()
	}
	return ip
}

// makeRoom closes the connection idle longest. It returns false if all are busy.
func (cs *connections) makeRoom() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.closeOne(&cs.open, "in all")
}

// tellAgain is the number of sweeps between log lines about too many connections.
const tellAgain = 60

func (cs *connections) closeOne(of *crowd, which string) bool {
	if now := cs.sweeps.Load(); !cs.hasTold || now-cs.told >= tellAgain {
		cs.hasTold, cs.told = true, now
		cs.log.Warn("too many connections "+which+", so the longest idle ones are closed", "max_connections", cs.limits.total, "max_connections_per_address", cs.limits.perAddress)
	}
	c := of.longestIdle()
	if c == nil {
		return false
	}
	cs.drop(c)
	c.shut()
	return true
}

func (cs *connections) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.drop(c)
}

func (cs *connections) drop(c *conn) {
	delete(cs.open.members, c)
	if of := cs.addresses[c.from]; of != nil {
		delete(of.members, c)
		if len(of.members) == 0 {
			delete(cs.addresses, c.from)
		}
	}
}

// end closes connections in these states and refuses new ones from then on. fasthttp would wait for them on shutdown,
// because it counts a connection as a request until one has arrived.
func (cs *connections) end(doing ...int64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for c := range cs.open.members {
		if does, _ := c.now(); slices.Contains(doing, does) {
			c.shut()
		}
	}
}
