package mail_test

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/mail"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

func TestACertificateIsVerifiedUnlessTheMailWouldGoInTheClearWithoutIt(t *testing.T) {
	certificate(t)
	theirs := unknownCertificate(t)
	for use, sends := range map[config.TLSUse]bool{config.TLSUpgrade: false, config.TLSFromTheStart: false, config.TLSIfOffered: true} {
		box, server := serve(t, use == config.TLSFromTheStart, func(s *smtp.Server) { s.TLSConfig = theirs })
		server.TLS, server.User, server.Password = use, "tab", "secret"
		if err := send(t, server, "bob@example.com"); (err == nil) != sends {
			t.Errorf("%v: %v", use, err)
		}
		if messages, _ := box.taken(); len(messages) == 1 != sends || sends && !strings.Contains(messages[0], "over TLS") {
			t.Errorf("%v: %q", use, messages)
		}
	}
}

func TestOnlyAddressesThatNeedItDemandSMTPUTF8(t *testing.T) {
	for to, c := range map[string]struct{ offered, sends, demands bool }{
		"bob@example.com":          {true, true, false},
		"jürgen@example.com":       {true, true, true},
		"用户@xn--bcher-kva.example": {false, false, false},
	} {
		box, server := serve(t, false, func(s *smtp.Server) { s.EnableSMTPUTF8 = c.offered })
		server.TLS = config.TLSNever
		err := send(t, server, to)
		messages, _ := box.taken()
		if (err == nil) != c.sends || len(messages) == 1 != c.sends || c.sends && strings.Contains(messages[0], "with SMTPUTF8") != c.demands {
			t.Errorf("%s: %v %q", to, err, messages)
		}
		if err != nil && !strings.Contains(err.Error(), "SMTPUTF8") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestASubjectShowsNamesAsTheyAreWritten(t *testing.T) {
	box, server := serve(t, false, func(*smtp.Server) {})
	server.TLS = config.TLSNever
	for subject, shown := range map[string]string{
		"A token of =?utf-8?q?=E2=80=AE?= expires": "A token of = ?utf-8?q?=E2=80=AE?= expires",
		"A token of Bücher =?utf-8?q?a?= expires":  "A token of Bücher = ?utf-8?q?a?= expires",
		"A token of a=b? expires":                  "A token of a=b? expires",
	} {
		if err := mail.New(server).Send(t.Context(), "1", "bob@example.com", subject, "text"); err != nil {
			t.Fatal(err)
		}
		messages, _ := box.taken()
		m, err := netmail.ReadMessage(strings.NewReader(messages[len(messages)-1][strings.Index(messages[len(messages)-1], "\n")+1:]))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); got != shown || err != nil {
			t.Errorf("%q is shown as %q, %v", subject, got, err)
		}
	}
}

func TestACheckAuthenticatesAndSendsNothing(t *testing.T) {
	box, server := serve(t, false, func(s *smtp.Server) { s.AllowInsecureAuth = true })
	server.TLS, server.User = config.TLSNever, "tab"
	for password, accepted := range map[config.Secret]bool{"secret": true, "hunter22": false} {
		server.Password = password
		if err := mail.New(server).Check(t.Context()); (err == nil) != accepted {
			t.Errorf("%s: %v", string(password), err)
		}
	}
	if messages, users := box.taken(); len(messages) != 0 || len(users) != 1 {
		t.Errorf("%d mails by %v", len(messages), users)
	}
}

func TestAMailThatTheServerRefusesForGoodIsNotTriedAgain(t *testing.T) {
	box, server := serve(t, false, func(s *smtp.Server) { s.AllowInsecureAuth = true })
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.PublicURL = "http://tokens.example"
		c.SMTPURL = config.Secret(fmt.Sprintf("smtp://tab:secret@127.0.0.1:%d?from=tokens@example.com", server.Port))
	})
	ada := p.Found()
	for _, email := range []string{"nobody@example.com", "picky@example.com", "greylisted@example.com"} {
		if _, _, err := p.People.SetRole(t.Context(), ada, p.Join(ada, email).AdminUserID, people.RoleViewer, false); err != nil {
			t.Fatal(err)
		}
	}
	p.Issue(ada, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(14 * 24 * time.Hour)})
	day := func() map[string]int {
		t.Helper()
		for range 24 {
			for range 2 { // the first one tries again what waited only for the one before it
				if err := p.SendNotices(t.Context()); err != nil {
					t.Fatal(err)
				}
				p.Clock.Move(5 * time.Second)
			}
			p.Clock.Move(time.Hour - 10*time.Second)
		}
		box.mu.Lock()
		defer box.mu.Unlock()
		asked := box.asked
		box.asked = nil
		return asked
	}
	if asked := day(); asked["nobody@example.com"] != 2 || asked["picky@example.com"] != 2 || asked["greylisted@example.com"] < 10 {
		t.Errorf("mails about a role and an expiry were tried %v times", asked)
	}
	if asked := day(); asked["nobody@example.com"] != 1 || asked["picky@example.com"] != 1 {
		t.Errorf("the message of the next day was tried %v times", asked)
	}
	if log := p.Log.String(); !strings.Contains(log, "given_up=true") || !strings.Contains(log, "no such mailbox") {
		t.Error(log)
	}
}

func TestACheckEndsOnceTheServerHasAcceptedTheConnection(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	returned := make(chan struct{})
	_, server := leave(t, "QUIT", func() {
		stop()
		<-returned
	})
	err := mail.New(server).Check(ctx)
	close(returned)
	if err != nil {
		t.Error(err)
	}
}

// A server that expects TLS from the start waits for the client to speak first.
func TestAServerThatSaysNothingIsReportedInPlainWords(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	server := config.SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "tokens@example.com", TLS: config.TLSNever}
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if err := mail.New(server).Send(ctx, "1", "bob@example.com", "Join", "Open this page"); !errors.Is(err, context.DeadlineExceeded) || err.Error() != "mail: the mail server did not answer in time" {
		t.Error(err)
	}
	server.Port = 465
	if err := mail.New(server).Send(ctx, "1", "bob@example.com", "Join", "Open this page"); err == nil || !strings.Contains(err.Error(), "smtps://") {
		t.Error(err)
	}
}
