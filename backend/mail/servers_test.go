package mail_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"tokentab/backend/config"
	"tokentab/backend/mail"
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
	if err := mail.New(server).Send(ctx, "1", "bob@example.com", "Join", "Open this page"); err == nil || err.Error() != "mail: the mail server did not answer in time" {
		t.Error(err)
	}
	server.Port = 465
	if err := mail.New(server).Send(ctx, "1", "bob@example.com", "Join", "Open this page"); err == nil || !strings.Contains(err.Error(), "smtps://") {
		t.Error(err)
	}
}
