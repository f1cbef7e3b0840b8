package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/mail"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// inbox is a mail server that keeps what it receives.
type inbox struct {
	arrived  chan struct{} // if set, receives after each message
	mu       sync.Mutex
	messages []string
	users    []string
	refuses  int            // messages that it reads and does not take
	asked    map[string]int // how often it was asked to take a mail, by address

	fullNames bool // it refuses clients that greet with a name without a dot
	hashes    bool // it offers mechanisms that need the password, and has a hash of it
}

func (b *inbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, isTLS := c.TLSConnectionState()
	if b.fullNames && !strings.Contains(c.Hostname(), ".") {
		return nil, &smtp.SMTPError{Code: 504, Message: "need fully-qualified hostname, not " + c.Hostname()}
	}
	return &inboxSession{inbox: b, isTLS: isTLS}, nil
}

func (b *inbox) taken() (messages, users []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.messages...), append([]string{}, b.users...)
}

type inboxSession struct {
	inbox *inbox
	isTLS bool
	head  string
}

func (s *inboxSession) AuthMechanisms() []string {
	if s.inbox.hashes {
		return []string{"SCRAM-SHA-256", "CRAM-MD5", "NTLM", sasl.Plain}
	}
	return []string{sasl.Plain}
}

func (s *inboxSession) Auth(mechanism string) (sasl.Server, error) {
	if mechanism != sasl.Plain {
		return nil, errors.New("authentication failed")
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "secret" {
			return errors.New("wrong password")
		}
		s.inbox.mu.Lock()
		defer s.inbox.mu.Unlock()
		s.inbox.users = append(s.inbox.users, user)
		return nil
	}), nil
}

func (s *inboxSession) Mail(from string, options *smtp.MailOptions) error {
	s.head = "from " + from
	if options.UTF8 {
		s.head += " with SMTPUTF8"
	}
	if s.isTLS {
		s.head += " over TLS"
	}
	return nil
}

func (s *inboxSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.inbox.mu.Lock()
	if s.inbox.asked == nil {
		s.inbox.asked = map[string]int{}
	}
	s.inbox.asked[to]++
	s.inbox.mu.Unlock()
	switch name, _, _ := strings.Cut(to, "@"); name {
	case "nobody":
		return &smtp.SMTPError{Code: 550, Message: "no such mailbox"}
	case "greylisted":
		return &smtp.SMTPError{Code: 450, Message: "try again later"}
	}
	s.head += " to " + to
	return nil
}

func (s *inboxSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if strings.HasSuffix(s.head, " to picky@example.com") {
		return &smtp.SMTPError{Code: 554, Message: "looks like spam"}
	}
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	s.inbox.messages = append(s.inbox.messages, s.head+"\n"+string(text))
	if s.inbox.arrived != nil {
		s.inbox.arrived <- struct{}{}
	}
	if s.inbox.refuses > 0 {
		s.inbox.refuses--
		return &smtp.SMTPError{Code: 451, Message: "try again later"}
	}
	return err
}

func (s *inboxSession) Reset()        { s.head = "" }
func (s *inboxSession) Logout() error { return nil }

// serve runs a mail server until the test ends. change configures it.
func serve(t *testing.T, implicitTLS bool, change func(*smtp.Server)) (*inbox, config.SMTP) {
	t.Helper()
	box := &inbox{}
	server := smtp.NewServer(box)
	server.Domain = "localhost"
	change(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if implicitTLS {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return box, config.SMTP{Host: "127.0.0.1", Port: address.Port, From: "tokens@example.com"}
}

var (
	trusting sync.Once
	trusted  *tls.Config
)

// certificate returns a certificate for 127.0.0.1 that this process trusts.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	trusting.Do(func() {
		trusted = unknownCertificate(t)
		file := filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.Certificates[0].Certificate[0]}), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("SSL_CERT_FILE", file)
		if _, err := x509.SystemCertPool(); err != nil { // read once for each process
			t.Fatal(err)
		}
	})
	return trusted
}

// unknownCertificate returns a certificate for 127.0.0.1 that signs itself.
func unknownCertificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func send(t *testing.T, server config.SMTP, to string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return mail.New(server).Send(ctx, "1", to, "Join Ärger GmbH", "Open this page:\n\nhttps://tokens.example.com/invite#0123456789\n")
}

func TestAMailArrivesAsItWasWritten(t *testing.T) {
	trusted := certificate(t)
	for name, c := range map[string]struct {
		use    config.TLSUse
		server func(*smtp.Server)
		want   string
	}{
		"STARTTLS":                 {config.TLSUpgrade, func(s *smtp.Server) { s.TLSConfig = trusted }, "from tokens@example.com over TLS to bob@example.com"},
		"TLS from the start":       {config.TLSFromTheStart, func(s *smtp.Server) { s.TLSConfig = trusted }, "from tokens@example.com over TLS to bob@example.com"},
		"STARTTLS, with a hash":    {config.TLSUpgrade, func(s *smtp.Server) { s.TLSConfig, s.Backend.(*inbox).hashes = trusted, true }, "from tokens@example.com over TLS to bob@example.com"},
		"STARTTLS, as it is there": {config.TLSIfOffered, func(s *smtp.Server) { s.TLSConfig = trusted }, "from tokens@example.com over TLS to bob@example.com"},
		"loopback, with a hash":    {config.TLSIfOffered, func(s *smtp.Server) { s.AllowInsecureAuth, s.Backend.(*inbox).hashes = true, true }, "from tokens@example.com to bob@example.com"},
		"in the clear":             {config.TLSIfOffered, func(s *smtp.Server) { s.AllowInsecureAuth = true }, "from tokens@example.com to bob@example.com"},
		"never TLS":                {config.TLSNever, func(s *smtp.Server) { s.TLSConfig, s.AllowInsecureAuth = trusted, true }, "from tokens@example.com to bob@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			box, server := serve(t, c.use == config.TLSFromTheStart, c.server)
			server.TLS, server.User, server.Password = c.use, "tab", "secret"
			if err := send(t, server, "bob@example.com"); err != nil {
				t.Fatal(err)
			}
			messages, users := box.taken()
			if len(messages) != 1 || len(users) != 1 || users[0] != "tab" {
				t.Fatalf("%d mails by %v", len(messages), users)
			}
			for _, part := range []string{c.want + "\n", "To: <bob@example.com>", "Auto-Submitted: auto-generated\r\n", "From: <tokens@example.com>", "https://tokens.example.com/invite#0123456789", "text/plain"} {
				if !strings.Contains(messages[0], part) {
					t.Errorf("no %q in\n%s", part, messages[0])
				}
			}
		})
	}
}

func TestARefusedMailIsAnErrorWithoutThePassword(t *testing.T) {
	plain := func(s *smtp.Server) { s.AllowInsecureAuth = true }
	box, server := serve(t, false, plain)
	closed := server
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Port = listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	demanding, wrong, unknown := server, server, server
	demanding.TLS = config.TLSUpgrade
	wrong.TLS, wrong.User, wrong.Password = config.TLSNever, "tab", "hunter22"
	unknown.TLS = config.TLSNever
	for name, c := range map[string]struct {
		server config.SMTP
		to     string
	}{
		"no listener":                         {closed, "bob@example.com"},
		"no STARTTLS":                         {demanding, "bob@example.com"},
		"a wrong password":                    {wrong, "bob@example.com"},
		"an unknown recipient":                {unknown, "nobody@example.com"},
		"a recipient that is not one address": {unknown, "bob@example.com\r\nDATA"},
	} {
		err := send(t, c.server, c.to)
		if err == nil || strings.Contains(err.Error(), "hunter22") || name == "no STARTTLS" && !strings.Contains(err.Error(), "&tls=none") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if messages, _ := box.taken(); len(messages) != 0 {
		t.Errorf("%d mails were sent all the same", len(messages))
	}
}

// leave runs a mail server that takes one mail. At a command, or at the first one after the mail if that is empty, it calls end
// instead of answering, and closes the connection. At "." it closes the connection once it has the mail.
func leave(t *testing.T, at string, end func()) (taken func() string, server config.SMTP) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done, mail := make(chan struct{}), ""
	go func() {
		defer close(done)
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		c := textproto.NewConn(conn)
		for say := "220 ready"; c.PrintfLine("%s", say) == nil; {
			line, err := c.ReadLine()
			if err != nil {
				return
			}
			if at != "" && strings.HasPrefix(line, at) || at == "" && mail != "" {
				end()
				return
			}
			say = "250 taken"
			if line == "DATA" {
				_ = c.PrintfLine("354 go on")
				text, _ := c.ReadDotBytes()
				mail = string(text)
				if at == "." {
					return
				}
			}
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return func() string { <-done; return mail },
		config.SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "tokens@example.com", TLS: config.TLSNever}
}

func TestAMailThatTheServerTookIsSentHoweverTheConnectionEnds(t *testing.T) {
	for at, took := range map[string]bool{"RCPT": false, "": true, "QUIT": true, "no command": true} {
		taken, server := leave(t, at, func() {})
		if err := send(t, server, "bob@example.com"); (err == nil) != took {
			t.Errorf("the server leaves at %q: %v", at, err)
		}
		if mail := taken(); (mail != "") != took {
			t.Errorf("the server leaves at %q with %q", at, mail)
		}
	}
}

// RFC 1047: a server may have taken a mail that it did not answer.
func TestAMailMayArriveIfTheServerLeavesWithoutAnAnswerToIt(t *testing.T) {
	for at, may := range map[string]bool{"RCPT": false, "DATA": false, ".": true} {
		_, server := leave(t, at, func() {})
		if err := send(t, server, "bob@example.com"); err == nil || errors.Is(err, context.DeadlineExceeded) != may {
			t.Errorf("the server leaves at %q: %v", at, err)
		}
	}
}

// An invite waits for the mail server for a few seconds only.
func TestAMailThatTheServerTookIsSentThoughItSaysNothingMore(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	returned := make(chan struct{})
	taken, server := leave(t, "", func() {
		stop()
		<-returned
	})
	err := mail.New(server).Send(ctx, "1", "bob@example.com", "Join", "Open this page")
	close(returned)
	if err != nil || taken() == "" {
		t.Errorf("not sent: %v", err)
	}
}

func TestAnInviteIsSentThroughTheConfiguredServer(t *testing.T) {
	box, server := serve(t, false, func(s *smtp.Server) { s.AllowInsecureAuth = true })
	box.fullNames = true
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.PublicURL = "http://tokens.example"
		c.SMTPURL = config.Secret(fmt.Sprintf("smtp://tab:secret@127.0.0.1:%d?from=tokens@example.com", server.Port))
	})
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	invite := func(email string) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": email}), backendtest.Bearer(manager))
	}
	a := invite("bob@example.com")
	messages, _ := box.taken()
	if a.Get(t, "mail_sent") != true || len(messages) != 1 || !strings.Contains(messages[0], "to bob@example.com\n") {
		t.Fatalf("%d mails, %s\n%s", len(messages), a.Body, p.Log.String())
	}
	a = invite("nobody@example.com")
	if a.Status != http.StatusOK || a.Get(t, "mail_sent") != false || a.Text(t, "details", "status") != "pending" || !strings.Contains(p.Log.String(), "no such mailbox") {
		t.Errorf("a mail that was not taken: %d %s\n%s", a.Status, a.Body, p.Log.String())
	}
	if strings.Contains(p.Log.String(), "tab:secret") {
		t.Error("the log holds the password")
	}
}

// TestAServerSendsMailsAndWebhooksByItself waits until the server looks for what to send, as it does every few seconds.
func TestAServerSendsMailsAndWebhooksByItself(t *testing.T) {
	box, server := serve(t, false, func(s *smtp.Server) { s.AllowInsecureAuth = true })
	box.arrived = make(chan struct{}, 8)
	posted := make(chan struct{}, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posted <- struct{}{} }))
	defer receiver.Close()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.PublicURL, c.AllowPrivateWebhooks = "http://tokens.example", true
		c.SMTPURL = config.Secret(fmt.Sprintf("smtp://tab:secret@127.0.0.1:%d?from=tokens@example.com", server.Port))
	})
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	_, _, err1 := p.Notices.SetWebhook(t.Context(), ada, receiver.URL)
	_, _, err2 := p.People.SetRole(t.Context(), ada, bob.AdminUserID, people.RoleViewer, false)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	p.Issue(ada, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(14 * 24 * time.Hour)})
	for what, arrived := range map[string]chan struct{}{"a mail": box.arrived, "a webhook": posted} {
		select {
		case <-arrived:
		case <-time.After(time.Minute):
			t.Errorf("%s did not arrive:\n%s", what, p.Log.String())
		}
	}
}

var messageID = regexp.MustCompile(`(?m)^Message-ID: <([0-9a-z_]+@example\.com)>\r$`)

func TestEachTryOfAMailHasTheSameMessageIDAndNoOtherMailHasIt(t *testing.T) {
	box, server := serve(t, false, func(s *smtp.Server) { s.AllowInsecureAuth = true })
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.PublicURL = "http://tokens.example"
		c.SMTPURL = config.Secret(fmt.Sprintf("smtp://tab:secret@127.0.0.1:%d?from=tokens@example.com", server.Port))
	})
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	if _, _, err := p.People.SetRole(t.Context(), ada, bob.AdminUserID, people.RoleViewer, false); err != nil {
		t.Fatal(err)
	}
	p.Issue(ada, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(14 * 24 * time.Hour)})
	box.refuses = 6
	ids, mails := map[string]bool{}, map[string]bool{}
	for range 3 { // the second one succeeds in part
		if err := p.SendNotices(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.Clock.Move(5 * time.Minute)
	}
	messages, _ := box.taken()
	for _, m := range messages {
		found := messageID.FindStringSubmatch(m)
		if found == nil {
			t.Fatalf("no Message-ID in\n%s", m)
		}
		subject := m[strings.Index(m, "Subject: "):]
		ids[found[1]] = true
		mails[found[1]+" "+m[:strings.Index(m, "\n")]+" "+subject[:strings.Index(subject, "\n")]] = true
	}
	if len(ids) != 3 || len(mails) != 3 || len(messages) != 9 { // two notices of the expiry, and one of the role
		t.Errorf("%d tries with %d ids: %v", len(messages), len(ids), mails)
	}
}

func TestAnInviteWithAKeyIsMailedOnceAndAfterItsCommit(t *testing.T) {
	box, server := serve(t, false, func(s *smtp.Server) { s.AllowInsecureAuth = true })
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.PublicURL = "http://tokens.example"
		c.SMTPURL = config.Secret(fmt.Sprintf("smtp://tab:secret@127.0.0.1:%d?from=tokens@example.com", server.Port))
	})
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	invite := func() backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/admin_user_invite", `{"details":{"email":"bob@example.com"},"idempotency_key":"invite-bob"}`, backendtest.Bearer(manager))
	}
	mend := p.Break("INSERT", "idempotency_keys", "TRUE")
	a := invite()
	if messages, _ := box.taken(); a.Status != http.StatusServiceUnavailable || len(messages) != 0 {
		t.Errorf("%d mails for an invite that was not kept: %d %s", len(messages), a.Status, a.Body)
	}
	mend()
	for range 2 {
		if a := invite(); a.Get(t, "mail_sent") != true || a.Text(t, "details", "status") != "pending" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if messages, _ := box.taken(); len(messages) != 1 {
		t.Errorf("%d mails", len(messages))
	}
}
