package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestAMailServerIsReadFromItsAddress(t *testing.T) {
	for text, want := range map[Secret]SMTP{
		"smtp://mail.example.com?from=t@example.com":               {Host: "mail.example.com", Port: 587, From: "t@example.com"},
		"smtp://u%40x:p%3Aq@mail.example.com:25/?from=t@b.co":      {Host: "mail.example.com", Port: 25, User: "u@x", Password: "p:q", From: "t@b.co"},
		"smtps://mail.example.com?from=t@example.com":              {Host: "mail.example.com", Port: 465, TLS: TLSFromTheStart, From: "t@example.com"},
		"smtp://mail.example.com?from=t@example.com&tls=none":      {Host: "mail.example.com", Port: 587, TLS: TLSNever, From: "t@example.com"},
		"smtp://localhost:1025?from=t%2Bx@example.com":             {Host: "localhost", Port: 1025, TLS: TLSIfOffered, From: "t+x@example.com"},
		"smtp://[::1]:1025?from=t@example.com":                     {Host: "::1", Port: 1025, TLS: TLSIfOffered, From: "t@example.com"},
		"smtp://127.0.0.9?from=t@example.com":                      {Host: "127.0.0.9", Port: 587, TLS: TLSIfOffered, From: "t@example.com"},
		"smtp://127.0.0.1.example.com?from=t@example.com":          {Host: "127.0.0.1.example.com", Port: 587, From: "t@example.com"},
		"smtp://localhost.example.com:587?from=tokens@example.com": {Host: "localhost.example.com", Port: 587, From: "tokens@example.com"},
	} {
		got, ok, err := (&Serving{SMTPURL: text}).SMTP()
		if err != nil || !ok || got != want {
			t.Errorf("%s: %#v %v %v, want %#v", string(text), got, ok, err, want)
		}
	}
	if _, ok, err := (&Serving{}).SMTP(); ok || err != nil {
		t.Errorf("no address: %v %v", ok, err)
	}
}

func TestAMailServerIsGreetedByTheHostOfThePublicURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://tokens.example.com:8443": "tokens.example.com", "https://Bücher.example": "xn--bcher-kva.example",
		"http://10.1.2.3:8080": "[10.1.2.3]", "http://[2001:db8::1]": "[IPv6:2001:db8::1]",
		"http://localhost:8080": "", "http://127.0.0.1:8080": "", "http://[::1]": "", "http://tokens": "", "": "",
	} {
		if got := (&Issuing{PublicURL: address}).Greeting(); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestAWrongMailServerNamesTheSettingAndNotThePassword(t *testing.T) {
	for _, text := range []Secret{
		"mail.example.com", "http://u:hunter22@mail.example.com?from=t@b.co", "smtp://u:hunter22@mail.example.com", "smtp://u:hunter22@?from=t@b.co",
		"smtp://u:hunter22@mail.example.com?from=T <t@b.co>", "smtp://u:hunter22@mail.example.com?from=nobody", "smtp://u:hunter22@mail.example.com:0?from=t@b.co",
		"smtp://u:hunter22@mail.example.com?from=t@b.co&tls=maybe", "smtps://u:hunter22@mail.example.com?from=t@b.co&tls=none",
		"smtp://u:hunter22@mail.example.com/x?from=t@b.co", "smtp://u:hunter22@mail.example.com?from=t@b.co&form=x", "smtp://u:hunter22@mail.example.com:x?from=t@b.co",
		"smtp://u:hunter22#@mail.example.com?from=t@b.co", "smtp://u:hunter22/@mail.example.com?from=t@b.co", "smtp://u:hunter22%@mail.example.com?from=t@b.co",
	} {
		_, ok, err := (&Serving{SMTPURL: text}).SMTP()
		if ok || err == nil || !strings.Contains(err.Error(), "--smtp-url") || !strings.Contains(err.Error(), "%23 for #") || strings.Contains(fmt.Sprint(err), "hunter22") {
			t.Errorf("%s: %v %v", string(text), ok, err)
		}
	}
}
