package web_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/web"
)

func TestARenewedCertificateIsNoticedWithinAMinute(t *testing.T) {
	folder := t.TempDir()
	put := func(name string, pem []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, name string) {
		t.Helper()
		next := filepath.Join(folder, name+".next")
		if err := os.Symlink(target, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		// The layout of a Kubernetes secret: the files are links through a folder that is a link.
		first, firstKey := backendtest.Certificate(t, "first.example")
		second, secondKey := backendtest.Certificate(t, "second.example")
		third, thirdKey := backendtest.Certificate(t, "third.example")
		put("1/chain", first)
		put("1/key", firstKey)
		put("2/chain", second)
		put("2/key", secondKey)
		link("1", "now")
		link("now/chain", "chain")
		link("now/key", "key")
		var log backendtest.Buffer
		c, err := web.LoadCertificate(config.Config{Serving: config.Serving{
			TLSCert: filepath.Join(folder, "chain"), TLSKey: filepath.Join(folder, "key"),
		}}, slog.New(slog.NewTextHandler(&log, nil)), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		go c.Watch(stop)
		defer close(stop)
		after := func(what, name string, errors int) {
			t.Helper()
			time.Sleep(time.Minute)
			synctest.Wait()
			if used := c.InUse().Leaf.DNSNames[0]; used != name {
				t.Errorf("%s: %s is in use, want %s", what, used, name)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != errors {
				t.Errorf("%s: %d errors were logged, want %d:\n%s", what, n, errors, log.String())
			}
		}
		after("at the start", "first.example", 0)
		link("2", "now")
		after("after a folder was swapped", "second.example", 0)
		put("2/chain", third)
		after("with the chain of a pair alone", "second.example", 1)
		after("a minute later", "second.example", 1)
		put("2/key", thirdKey)
		after("after the key", "third.example", 1)
		put("2/chain", third[:len(third)/2])
		after("with half a chain", "third.example", 2)
		if err := os.Remove(filepath.Join(folder, "now")); err != nil {
			t.Fatal(err)
		}
		after("without the files", "third.example", 3)
		link("1", "now")
		after("with the first ones again", "first.example", 3)
	})
}

func TestACertificateThatHasExpiredIsReportedOnce(t *testing.T) {
	folder := t.TempDir()
	settings := config.Config{Serving: config.Serving{TLSCert: filepath.Join(folder, "chain"), TLSKey: filepath.Join(folder, "key")}}
	put := func() {
		t.Helper()
		chain, key := backendtest.Certificate(t, "tokens.example") // until 2100
		if err := errors.Join(os.WriteFile(settings.TLSCert, chain, 0o600), os.WriteFile(settings.TLSKey, key, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		began, start := time.Now(), time.Date(2099, 12, 31, 23, 58, 30, 0, time.UTC)
		now := func() time.Time { return start.Add(time.Since(began)) }
		var log backendtest.Buffer
		load := func() *web.Certificate {
			t.Helper()
			c, err := web.LoadCertificate(settings, slog.New(slog.NewTextHandler(&log, nil)), now)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		after := func(what string, warnings int) {
			t.Helper()
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := strings.Count(log.String(), "the TLS certificate has expired"); n != warnings {
				t.Errorf("%s: %d warnings, want %d:\n%s", what, n, warnings, log.String())
			}
		}
		put()
		c, stop := load(), make(chan struct{})
		go c.Watch(stop)
		defer close(stop)
		after("before its end", 0)
		after("after its end", 1)
		after("a minute later", 1)
		put()
		after("after another one that has expired", 2)
		load()
		after("at a start", 3)
	})
}

func TestACertificateThatIsNotValidYetIsReportedOnce(t *testing.T) {
	folder := t.TempDir()
	settings := config.Config{Serving: config.Serving{TLSCert: filepath.Join(folder, "chain"), TLSKey: filepath.Join(folder, "key")}}
	chain, key := backendtest.Certificate(t, "tokens.example") // from 1970 until 2100
	if err := errors.Join(os.WriteFile(settings.TLSCert, chain, 0o600), os.WriteFile(settings.TLSKey, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(-90, 0)
	var log backendtest.Buffer
	c, err := web.LoadCertificate(settings, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	after := func(when time.Time, early, ended int) {
		t.Helper()
		now = when
		c.Renew(false)
		if a, b := strings.Count(log.String(), "is not valid yet"), strings.Count(log.String(), "has expired"); a != early || b != ended {
			t.Errorf("%d and %d warnings, want %d and %d:\n%s", a, b, early, ended, log.String())
		}
	}
	after(time.Unix(-60, 0), 1, 0)
	after(time.Unix(60, 0), 1, 0)
	after(time.Date(2100, 1, 2, 0, 0, 0, 0, time.UTC), 1, 1)
}

// renewals is a certificate whose files and clock the test sets, in days since 1970.
type renewals struct {
	*web.Certificate
	log      backendtest.Buffer
	put      func(name string, from, until float64)
	check    func(day float64)
	messages func(of string) int
}

func newRenewals(t *testing.T, from, until float64) *renewals {
	t.Helper()
	folder, now := t.TempDir(), time.Unix(0, 0)
	settings := config.Config{Serving: config.Serving{TLSCert: filepath.Join(folder, "chain"), TLSKey: filepath.Join(folder, "key")}}
	at := func(day float64) time.Time { return time.Unix(int64(day*24*60*60), 0) }
	r := &renewals{}
	r.put = func(name string, from, until float64) {
		t.Helper()
		chain, key := backendtest.CertificateBetween(t, name, at(from), at(until))
		if err := errors.Join(os.WriteFile(settings.TLSCert, chain, 0o600), os.WriteFile(settings.TLSKey, key, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	r.check = func(day float64) {
		now = at(day)
		r.Renew(false)
	}
	r.messages = func(of string) int { return strings.Count(r.log.String(), of) }
	r.put("first", from, until)
	c, err := web.LoadCertificate(settings, slog.New(slog.NewTextHandler(&r.log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	r.Certificate = c
	return r
}

func TestACertificateThatIsNotValidReplacesNoneThatIs(t *testing.T) {
	r := newRenewals(t, 0, 100)
	inUse := func(day float64, name string) {
		t.Helper()
		r.check(day)
		if used := r.InUse().Leaf.DNSNames[0]; used != name {
			t.Errorf("on day %v %s is in use, want %s:\n%s", day, used, name, r.log.String())
		}
	}
	said := func(message string) {
		t.Helper()
		if n := r.messages(message); n != 1 {
			t.Errorf("%d messages %q, want 1:\n%s", n, message, r.log.String())
		}
	}
	inUse(1, "first")
	r.put("early", 2, 102)
	inUse(1.5, "first")
	inUse(1.9, "first")
	said("is not valid now, so the current one stays in use")
	inUse(2, "early")
	r.put("ended", 0, 3)
	inUse(4, "early")
	r.put("late", 110, 120)
	inUse(101, "early")
	inUse(103, "late")
	said("is not valid yet, so clients refuse")
	said("expires soon") // because the next certificate begins only after its end
	r.put("last", 110, 130)
	inUse(115, "last")
	r.put("waiting", 129.5, 150)
	inUse(129, "last")
	if n := r.messages("expires soon"); n != 1 {
		t.Errorf("%d warnings of an end although the next certificate begins before it:\n%s", n, r.log.String())
	}
}

func TestTheEndOfACertificateIsAnnouncedEachDay(t *testing.T) {
	for name, c := range map[string]struct{ until, quiet, soon float64 }{
		"90 days": {90, 75.9, 76.1}, "a day": {1, 0.8, 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRenewals(t, 0, c.until)
			said := func(day float64, want int) {
				t.Helper()
				if r.check(day); r.messages("expires soon") != want {
					t.Errorf("%d warnings on day %v, want %d:\n%s", r.messages("expires soon"), day, want, r.log.String())
				}
			}
			said(c.quiet, 0)
			said(c.soon, 1)
			said(c.soon+0.05, 1)
			if c.until > 2 {
				said(c.soon+1.1, 2)
				said(c.soon, 3) // a clock that went back silences nothing
			}
			before := r.messages("expires soon")
			r.put("renewed", 0, 200)
			said(c.soon+0.06, before)
		})
	}
}

func TestTLSOffersForwardSecrecyAndAuthenticatedEncryptionOnly(t *testing.T) {
	chain, key := backendtest.Certificate(t, "tokens.example")
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	c := &web.Certificate{}
	c.Use(&pair)
	accepted := 0
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ours, theirs := net.Pipe()
		client := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		server := tls.Server(ours, c.Config())
		go func() {
			_ = server.Handshake()
			_ = ours.Close()
		}()
		if err := client.Handshake(); err == nil {
			accepted++
			if !strings.HasPrefix(suite.Name, "TLS_ECDHE_") || !strings.Contains(suite.Name, "_GCM_") && !strings.Contains(suite.Name, "POLY1305") {
				t.Errorf("%s is accepted", suite.Name)
			}
		}
		_ = theirs.Close()
	}
	if accepted < 3 {
		t.Errorf("only %d suites of TLS 1.2 are accepted", accepted)
	}
}

func TestTLSFilesThatCanNotBeUsedSayWhatToChange(t *testing.T) {
	chain, key := backendtest.Certificate(t, "tokens.example")
	other, otherKey := backendtest.Certificate(t, "ca.example")
	for name, c := range map[string]struct {
		chain, key []byte
		says       string
	}{
		"right":             {bytes.Join([][]byte{chain, other}, nil), key, ""},
		"wrong order":       {bytes.Join([][]byte{other, chain}, nil), key, "the server's certificate must come first"},
		"an old passphrase": {chain, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("sealed")}), "the key has a passphrase"},
		"a passphrase":      {chain, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("sealed")}), "the key has a passphrase"},
		"another key":       {chain, otherKey, "private key does not match public key"},
		"no key":            {chain, chain, "tls: "},
	} {
		if _, err := config.KeyPair(c.chain, c.key); c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
