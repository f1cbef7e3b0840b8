package deploy_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// received is a request as it reached the application.
type received struct {
	method, target, body string
	header, trailer      http.Header
}

// variable is the value of a header as CGI and its heirs see it: they make one name of X-Token-Id, X_Token_Id and
// X.Token.Id. Several values come joined.
func (r received) variable(name string) string {
	var values []string
	for key, sent := range r.header {
		if variableName(key) == variableName(name) {
			values = append(values, sent...)
		}
	}
	slices.Sort(values)
	return strings.Join(values, "|")
}

// variableName is the name as the loosest of CGI servers makes it: all but letters and digits become underscores.
func variableName(header string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, strings.ToUpper(header))
}

// application is a server that keeps the requests that reach it.
type application struct {
	address string
	mu      sync.Mutex
	all     []received
}

func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{}
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(server.Close)
	a.address = server.Listener.Addr().String()
	return a
}

func (a *application) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	a.all = append(a.all, received{r.Method, r.RequestURI, string(body), r.Header.Clone(), r.Trailer})
	a.mu.Unlock()
	if r.Header.Get("Upgrade") == "websocket" {
		echo(w)
		return
	}
	w.Header().Set("X-Answered-By", "the application")
	_, _ = io.WriteString(w, "hello from the application")
}

// echo switches protocols and sends back the first line that it gets.
func echo(w http.ResponseWriter) {
	conn, both, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = both.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_ = both.Flush()
	line, _ := both.ReadString('\n')
	_, _ = both.WriteString("echo " + line)
	_ = both.Flush()
}

// take returns the requests that came since the last call.
func (a *application) take() []received {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.all
	a.all = nil
	return all
}

// relay hands the bytes of connections on to Tokentab. It counts the connections and keeps what the proxy said.
type relay struct {
	address  string
	listener net.Listener
	mu       sync.Mutex
	silent   bool
	accepted int
	said     bytes.Buffer
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String(), listener: listener}
	t.Cleanup(r.close)
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.accepted++
			r.mu.Unlock()
			go r.carry(from, target)
		}
	}()
	return r
}

func (r *relay) carry(from net.Conn, target string) {
	defer from.Close()
	to, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		defer from.Close()
		_, _ = io.Copy(from, to)
	}()
	_, _ = io.Copy(io.MultiWriter(r, quiet{r, to}), from)
}

// Write keeps what the proxy said.
func (r *relay) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Write(b)
}

// quiet swallows what is written once its relay is silent.
type quiet struct {
	relay *relay
	to    io.Writer
}

func (q quiet) Write(b []byte) (int, error) {
	q.relay.mu.Lock()
	silent := q.relay.silent
	q.relay.mu.Unlock()
	if silent {
		return len(b), nil
	}
	return q.to.Write(b)
}

// hush stops all responses from now on.
func (r *relay) hush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = true
}

// close refuses further connections.
func (r *relay) close() { _ = r.listener.Close() }

// take returns how many connections were made and what was said on all since the last call.
func (r *relay) take() (connections int, said string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	connections, said = r.accepted, r.said.String()
	r.accepted = 0
	r.said.Reset()
	return connections, said
}

// answer is the response to a client.
type answer struct {
	status int
	header http.Header
	body   string
}

// dial opens a connection to the proxy until the test ends.
func (s *scene) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, bufio.NewReader(c)
}

// raw sends a request to the proxy byte for byte. Lines end with a line feed only, to be easy to read.
func (s *scene) raw(t *testing.T, method, request string) answer {
	t.Helper()
	c, from := s.dial(t)
	if _, err := io.WriteString(c, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// ask sends a request with the given header lines.
func (s *scene) ask(t *testing.T, method, target string, lines ...string) answer {
	t.Helper()
	return s.raw(t, method, method+" "+target+" HTTP/1.1\nHost: app.example\n"+strings.Join(append(lines, "", ""), "\n"))
}

// passes sends a request and returns it as it reached the application. Exactly one must reach it, with its response sent
// to the client.
func (s *scene) passes(t *testing.T, method, target string, lines ...string) received {
	t.Helper()
	s.application.take()
	return s.reached(t, s.ask(t, method, target, lines...))
}

func (s *scene) reached(t *testing.T, a answer) received {
	t.Helper()
	all := s.application.take()
	if a.status != http.StatusOK || a.header.Get("X-Answered-By") == "" || len(all) != 1 {
		t.Fatalf("%d requests reached the application and the client got %d %v %s", len(all), a.status, a.header, a.body)
	}
	return all[0]
}

// refused sends a request that must not reach the application.
func (s *scene) refused(t *testing.T, want int, method, target string, lines ...string) answer {
	t.Helper()
	s.application.take()
	a := s.ask(t, method, target, lines...)
	if all := s.application.take(); len(all) != 0 || a.status != want {
		t.Errorf("%s %s %q: the client got %d, want %d; %d requests reached the application", method, target, lines, a.status, want, len(all))
	}
	return a
}
