// Package mail sends plain text mail over SMTP.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"unicode"

	"github.com/wneessen/go-mail"

	"tokentab/backend/config"
)

// Mailer sends through one mail server.
type Mailer struct{ server config.SMTP }

// New returns a Mailer for the server. It does not connect.
func New(server config.SMTP) *Mailer { return &Mailer{server: server} }

// Refusal is an error of a mail that the server refused for good: it would refuse another try, too.
type Refusal struct{ error }

// Final marks the error for the interface of a mailer.
func (Refusal) Final() bool { return true }

func (r Refusal) Unwrap() error { return r.error }

// refusalOf returns err, as a Refusal if the server answered a recipient or a text with 5xx (RFC 5321, section 4.2.1). A refused
// sender or password is a wrong setting, and may be corrected before the next try. Without an answer to the text, the server may
// have taken it (RFC 1047).
func refusalOf(err error) error {
	answer, ok := errors.AsType[*mail.SendError](err)
	if ok && answer.Reason == mail.ErrSMTPDataClose && answer.ErrorCode() == 0 {
		return silence("the mail server did not say whether it took the mail")
	}
	if ok && answer.ErrorCode()/100 == 5 && slices.Contains([]mail.SendErrReason{mail.ErrSMTPRcptTo, mail.ErrSMTPData, mail.ErrSMTPDataClose}, answer.Reason) {
		return Refusal{err}
	}
	return err
}

// Send delivers one plain text mail to the server over a new connection. If the context ends first, or the server does not say
// whether it took the mail, Send returns an error, and the mail may or may not have been sent. id names the mail among all of
// this program: by the Message-ID that it makes, receivers know another try of a mail that they have (RFC 5322, section 3.6.4).
// It returns a Refusal if the server refused the mail for good.
func (m *Mailer) Send(ctx context.Context, id, to, subject, text string) error {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.From(m.server.From); err != nil {
		return fmt.Errorf("mail: from: %w", err)
	}
	if err := message.To(to); err != nil {
		return fmt.Errorf("mail: to: %w", err)
	}
	message.SetGenHeader("Auto-Submitted", "auto-generated") // no reply by an absent person's mailbox (RFC 3834)
	message.SetMessageIDWithValue(id + m.server.From[strings.LastIndexByte(m.server.From, '@'):])
	// A name may look like an encoded word, which may hold any character (RFC 2047, section 2). Only other text is encoded.
	message.Subject(strings.ReplaceAll(subject, "=?", "= ?"))
	message.SetBodyString(mail.TypeTextPlain, text)
	options := m.options()
	isInternational := strings.ContainsFunc(to+m.server.From, func(r rune) bool { return r > unicode.MaxASCII })
	if !isInternational { // a relay could not pass on what demands SMTPUTF8 (RFC 6531)
		options = append(options, mail.WithoutSMTPUTF8())
	}
	// A client holds the state of one connection, so each mail gets its own.
	client, err := mail.NewClient(m.server.Host, options...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return m.inTime(ctx, func(done chan<- error) {
		connection, err := client.DialToSMTPClientWithContext(ctx)
		if err != nil {
			done <- err
			return
		}
		defer connection.Close() // also after a QUIT without the usual answer
		if ok, _ := connection.Extension("SMTPUTF8"); isInternational && !ok {
			done <- errors.New("the mail server does not accept addresses with letters other than ASCII (SMTPUTF8)")
			return
		}
		// Once the server took the mail, it must not be sent again, however the connection ends.
		done <- refusalOf(client.SendWithSMTPClient(connection, message))
		_ = client.CloseWithSMTPClient(connection)
	})
}

// Check connects to the server and authenticates as Send does, and sends nothing.
func (m *Mailer) Check(ctx context.Context) error {
	client, err := mail.NewClient(m.server.Host, m.options()...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return m.inTime(ctx, func(done chan<- error) {
		connection, err := client.DialToSMTPClientWithContext(ctx)
		done <- err // as in Send, however the connection ends
		if err == nil {
			defer connection.Close()
			_ = client.CloseWithSMTPClient(connection)
		}
	})
}

// inTime returns what do sends to done, or an error when the context ends. The library restarts its timeout at each reply of the
// server, so a slow server could hold it past the context.
func (m *Mailer) inTime(ctx context.Context, do func(done chan<- error)) (err error) {
	done := make(chan error, 1)
	go do(done)
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() {
		err = m.silence()
	}
	if err != nil && strings.Contains(err.Error(), "does not support STARTTLS") { // the library has no error of its own for that
		err = errors.New("the mail server offers no STARTTLS: use smtps:// in --smtp-url if it has TLS from the start, or &tls=none for no TLS")
	}
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// silence says that the server did not answer. It is a context.DeadlineExceeded.
type silence string

func (s silence) Error() string { return string(s) }

func (silence) Unwrap() error { return context.DeadlineExceeded }

func (m *Mailer) silence() error {
	if m.server.Port == 465 && m.server.TLS != config.TLSFromTheStart {
		return silence("the mail server did not answer in time: port 465 expects TLS from the start, so use smtps:// in --smtp-url")
	}
	return silence("the mail server did not answer in time")
}

func (m *Mailer) options() []mail.Option {
	// Send would wait for the answer to a RSET after the mail, and take another answer for a failure.
	options := []mail.Option{mail.WithPort(m.server.Port), mail.WithoutRset()}
	authentication := overTLS
	switch m.server.TLS {
	case config.TLSFromTheStart:
		options = append(options, mail.WithSSL())
	case config.TLSUpgrade:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case config.TLSIfOffered:
		// Without STARTTLS the mail goes in the clear, so a certificate that can't be verified is no reason to refuse
		// (RFC 7435): that of Debian's Postfix is only for the name of the machine.
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic),
			mail.WithTLSConfig(&tls.Config{ServerName: m.server.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}))
		authentication = onThisMachine
	case config.TLSNever:
		options, authentication = append(options, mail.WithTLSPolicy(mail.NoTLS)), inTheClear
	}
	if m.server.Greeting != "" {
		options = append(options, mail.WithHELO(m.server.Greeting))
	}
	if m.server.User != "" {
		options = append(options, authentication, mail.WithUsername(m.server.User), mail.WithPassword(string(m.server.Password)))
	}
	return options
}

// overTLS prefers mechanisms that send the password, which TLS protects. Servers that store a hash of it often offer others too,
// and refuse them.
var overTLS = mail.WithOpportunisticSMTPAuth(
	mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthCramMD5,
)

// onThisMachine is overTLS for a connection to loopback, which may be in the clear. If it is the end of a tunnel, that must protect
// the connection.
var onThisMachine = mail.WithOpportunisticSMTPAuth(
	mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthCramMD5,
)

// inTheClear sends the password itself only if the server offers nothing else.
var inTheClear = mail.WithOpportunisticSMTPAuth(
	mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthCramMD5, mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc,
)
