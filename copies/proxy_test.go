package copies

import (
	"bytes"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"
)

// proxy passes the connections of one copy to Postgres, and can delay, hold or cut them.
type proxy struct {
	address string

	mu     sync.Mutex
	target string // of new connections
	conns  map[*link]struct{}
	cut    bool          // connections are closed at once
	delay  time.Duration // before each piece, both ways
	open   chan struct{} // closed while data may pass
	holds  []*hold

	asked   int           // pieces to Postgres since stallAt
	stallAt int           // number of the piece with which the proxy stalls; 0 for none
	stalled chan struct{} // closed then
}

// link is a connection, named by the application_name that the program gives it.
type link struct {
	client, server net.Conn
	name           string
}

// hold keeps what Postgres answers on the connections with a name.
type hold struct {
	name   string
	caught chan struct{} // closed once it keeps an answer
	once   sync.Once
	open   chan struct{} // closed by release
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: l.Addr().String(), target: target, conns: map[*link]struct{}{}, open: make(chan struct{})}
	close(p.open)
	t.Cleanup(func() {
		l.Close()
		p.setCut(true)
		p.resume()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	c := &link{client: client, server: server}
	p.mu.Lock()
	if p.cut {
		p.mu.Unlock()
		return
	}
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pass(c, client, server, true) })
	both.Go(func() { p.pass(c, server, client, false) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

var applicationName = regexp.MustCompile(`application_name = '([^']*)'`)

// pass copies one way until either side ends.
func (p *proxy) pass(c *link, from, to net.Conn, asks bool) {
	defer c.client.Close()
	defer c.server.Close()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			if asks && bytes.Contains(piece[:n], []byte("application_name = ")) {
				if found := applicationName.FindSubmatch(piece[:n]); found != nil {
					p.mu.Lock()
					c.name = string(found[1])
					p.mu.Unlock()
				}
			}
			p.wait(c, asks)
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wait returns when a piece may pass.
func (p *proxy) wait(c *link, asks bool) {
	p.mu.Lock()
	if asks {
		if p.asked++; p.asked == p.stallAt {
			p.open = make(chan struct{})
			close(p.stalled)
		}
	}
	delay, open := p.delay, p.open
	var holds []*hold
	for _, h := range p.holds {
		if !asks && h.name == c.name {
			holds = append(holds, h)
		}
	}
	p.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	<-open
	for _, h := range holds {
		h.once.Do(func() { close(h.caught) })
		<-h.open
	}
}

// setCut closes all connections and refuses new ones, or takes them again.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	for c := range p.conns {
		if cut {
			c.client.Close()
			c.server.Close()
		}
	}
}

func (p *proxy) setDelay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// stall lets nothing pass, and leaves the connections open, until resume.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// stallBefore stalls the proxy before the nth piece from now on goes to Postgres, and then closes the channel; 0 only counts.
func (p *proxy) stallBefore(n int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.stallAt, p.stalled = 0, n, make(chan struct{})
	return p.stalled
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// holdAnswers keeps the answers of Postgres on connections with a name until release.
func (p *proxy) holdAnswers(name string) *hold {
	h := &hold{name: name, caught: make(chan struct{}), open: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds = append(p.holds, h)
	return h
}

func (p *proxy) release(h *hold) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.holds {
		if p.holds[i] == h {
			p.holds = append(p.holds[:i:i], p.holds[i+1:]...)
			break
		}
	}
	close(h.open)
}
