// Package mail sends plain text mail over SMTP.
package mail

import (
	"context"
	"fmt"
	"strings"

	"github.com/wneessen/go-mail"

	"tokentab/backend/config"
)

// Mailer sends through one mail server.
type Mailer struct{ server config.SMTP }

// New returns a Mailer for the server. It does not connect.
func New(server config.SMTP) *Mailer { return &Mailer{server: server} }

// Send delivers one plain text mail to the server over a new connection. If the context ends first, Send returns its
// error, and the mail may or may not have been sent. id names the mail among all of this program: by the Message-ID that it
// makes, receivers know another try of a mail that they have (RFC 5322, section 3.6.4).
func (m *Mailer) Send(ctx context.Context, id, to, subject, text string) error {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.From(m.server.From); err != nil {
		return fmt.Errorf("mail: from: %w", err)
	}
	if err := message.To(to); err != nil {
		return fmt.Errorf("mail: to: %w", err)
	}
	message.SetMessageIDWithValue(id + m.server.From[strings.LastIndexByte(m.server.From, '@'):])
	message.Subject(subject)
	message.SetBodyString(mail.TypeTextPlain, text)
	// A client holds the state of one connection, so each mail gets its own.
	client, err := mail.NewClient(m.server.Host, m.options()...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	// The library restarts its timeout at each reply of the server, so a slow server could hold it past the context.
	sent := make(chan error, 1)
	go func() {
		connection, err := client.DialToSMTPClientWithContext(ctx)
		if err != nil {
			sent <- err
			return
		}
		// Once the server took the mail, it must not be sent again, however the connection ends.
		sent <- client.SendWithSMTPClient(connection, message)
		_ = client.CloseWithSMTPClient(connection)
		_ = connection.Close() // also after a QUIT without the usual answer
	}()
	select {
	case err = <-sent:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

func (m *Mailer) options() []mail.Option {
	// Send would wait for the answer to a RSET after the mail, and take another answer for a failure.
	options := []mail.Option{mail.WithPort(m.server.Port), mail.WithoutRset()}
	authentication := mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover)
	switch m.server.TLS {
	case config.TLSFromTheStart:
		options = append(options, mail.WithSSL())
	case config.TLSUpgrade:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case config.TLSIfOffered:
		options, authentication = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic)), inTheClear
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

// inTheClear also allows mechanisms that otherwise require TLS: the operator chose to do without it, or the server is
// on the same machine.
var inTheClear = mail.WithOpportunisticSMTPAuth(
	mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthCramMD5, mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc,
)
