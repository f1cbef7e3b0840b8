package config

import (
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"tokentab/backend/text"
)

// TLSUse is how the connection to a mail server is protected.
type TLSUse uint8

// Kinds of protection. The zero value is TLSUpgrade.
const (
	TLSUpgrade      TLSUse = iota // STARTTLS, required
	TLSFromTheStart               // implicit TLS
	TLSIfOffered                  // STARTTLS if the server offers it, for a server on this machine
	TLSNever
)

// SMTP is how to reach the mail server.
type SMTP struct {
	Host     string
	Port     int
	TLS      TLSUse
	User     string // empty without authentication
	Password Secret
	From     string // a bare address
	Greeting string // the argument of EHLO; empty for the name of the machine
}

var errSMTPURL = errors.New("--smtp-url must be like smtp://user:password@mail.example.com:587?from=tokens@example.com, with smtps for implicit TLS, and &tls=none for no TLS; " +
	"characters such as / # ? % in the user or the password are percent-encoded, %23 for #")

// SMTP returns the mail server from the settings; ok is false if none is set. Errors omit its URL, which holds a
// password.
func (s *Serving) SMTP() (server SMTP, ok bool, err error) {
	if s.SMTPURL == "" {
		return SMTP{}, false, nil
	}
	u, err := url.Parse(string(s.SMTPURL))
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return SMTP{}, false, errSMTPURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return SMTP{}, false, errSMTPURL
	}
	server = SMTP{Host: u.Hostname(), User: u.User.Username(), From: query.Get("from")}
	password, _ := u.User.Password()
	server.Password = Secret(password)
	switch tls := query.Get("tls"); {
	case u.Scheme == "smtps" && tls == "":
		server.Port, server.TLS = 465, TLSFromTheStart
	case u.Scheme == "smtp" && tls == "none":
		server.Port, server.TLS = 587, TLSNever
	case u.Scheme == "smtp" && tls == "" && IsLoopback(server.Host):
		server.Port, server.TLS = 587, TLSIfOffered
	case u.Scheme == "smtp" && tls == "":
		server.Port = 587
	default:
		return SMTP{}, false, errSMTPURL
	}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return SMTP{}, false, errSMTPURL
		}
		server.Port = int(port)
	}
	for name := range query {
		if name != "from" && name != "tls" {
			return SMTP{}, false, errSMTPURL
		}
	}
	if from, err := mail.ParseAddress(server.From); err != nil || from.Address != server.From {
		return SMTP{}, false, errSMTPURL
	}
	return server, true, nil
}

// Greeting returns the host of the public URL as an argument of EHLO (RFC 5321, section 4.1.1.1), or empty if that is no full
// name, or is of every machine. Some mail servers refuse names without a dot, and containers have such.
func (i *Issuing) Greeting() string {
	u, err := url.Parse(i.PublicURL)
	if err != nil {
		return ""
	}
	host := text.Domain(u.Hostname())
	switch ip, err := netip.ParseAddr(host); {
	case IsLoopback(host):
	case err == nil && ip.Is4():
		return "[" + host + "]"
	case err == nil:
		return "[IPv6:" + host + "]"
	case strings.Contains(host, "."):
		return host
	}
	return ""
}

// IsLoopback reports whether a host is this machine: localhost, or a loopback address.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
