package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tokentab/backend/config"
	"tokentab/backend/filemode"
)

// certificateEvery is how often the certificate's files are checked for changes. docs/settings.md promises a minute.
const certificateEvery = 20 * time.Second

// suites are the cipher suites for TLS 1.2: only those with forward secrecy and authenticated encryption (RFC 9325,
// section 4.2). All suites of TLS 1.3 have both.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// certificate is the server's certificate chain and key. Its files may change while the server runs.
type certificate struct {
	chain, key string // file names
	log        *slog.Logger
	now        func() time.Time
	used       atomic.Pointer[tls.Certificate]

	mu      sync.Mutex
	seen    string           // content of the files when last read, or the error of reading them
	offered *tls.Certificate // what the files last held; used, unless it is not valid now and the one in use is
	told    warning          // the last one
}

// warning is what was said last about the times of a certificate, and when. It is said again after a day.
type warning struct {
	of   *tls.Certificate
	what string
	at   time.Time
}

// loadCertificate returns nil if no certificate is set.
func loadCertificate(settings config.Config, log *slog.Logger, now func() time.Time) (*certificate, error) {
	if settings.TLSCert == "" {
		return nil, nil
	}
	c := &certificate{chain: settings.TLSCert, key: settings.TLSKey, log: log, now: now}
	if _, err := c.read(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	c.choose()
	c.warnOfTimes()
	return c, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.used.Load(), nil },
	}
}

// read takes the files if they hold a certificate and its key. It compares contents, since a renewal may replace files,
// links or folders. news is true if the contents differ from those last read.
func (c *certificate) read() (news bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, pair := "", tls.Certificate{}
	chain, err := filemode.ReadAny(c.chain)
	var key []byte
	if err == nil {
		key, err = filemode.ReadFile(c.key)
	}
	if err != nil {
		seen = err.Error()
	} else {
		sum := sha256.Sum256(bytes.Join([][]byte{chain, key}, []byte{0}))
		seen = string(sum[:])
		pair, err = config.KeyPair(chain, key)
	}
	news, c.seen = seen != c.seen, seen
	if news && err == nil {
		c.offered = &pair
	}
	return news, err
}

// choose uses the certificate of the files, unless clients would refuse it now and accept the one in use. chosen is true if another
// one is used from now on; otherwise, waits is the one of the files that is not used.
func (c *certificate) choose() (chosen bool, waits *tls.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	used, now := c.used.Load(), c.now()
	valid := func(pair *tls.Certificate) bool {
		return !now.Before(pair.Leaf.NotBefore) && !now.After(pair.Leaf.NotAfter)
	}
	switch {
	case used == c.offered:
		return false, nil
	case used != nil && valid(used) && !valid(c.offered):
		return false, c.offered
	}
	c.used.Store(c.offered)
	return true, nil
}

// renew reads the files again and logs a change; if asked, it also logs that nothing changed. If the files don't match,
// for example during a renewal, the current certificate stays in use.
func (c *certificate) renew(asked bool) {
	news, err := c.read()
	chosen, waits := c.choose()
	if err != nil && (news || asked) {
		c.log.Error("the TLS files can't be used, so the current certificate stays in use; the next try is in "+certificateEvery.String(), "cause", err)
	}
	switch leaf := c.used.Load().Leaf; {
	case chosen:
		c.log.Info("the renewed TLS certificate is in use", "names", leaf.DNSNames, "not_after", leaf.NotAfter)
	case waits != nil && (news || asked) && err == nil:
		c.log.Warn("the renewed TLS certificate is not valid now, so the current one stays in use as long as it is valid",
			"names", waits.Leaf.DNSNames, "not_before", waits.Leaf.NotBefore, "not_after", waits.Leaf.NotAfter, "current_not_after", leaf.NotAfter)
	case asked && err == nil:
		c.log.Info("the TLS files have not changed")
	}
	c.warnOfTimes()
}

// warnOfTimes logs once a day that the certificate in use expires soon, has expired, or is not valid yet. The server keeps using it:
// it has no better one, and some clients don't care.
func (c *certificate) warnOfTimes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	used, now := c.used.Load(), c.now()
	leaf, what := used.Leaf, ""
	next := c.offered.Leaf.NotBefore
	switch {
	case now.After(leaf.NotAfter):
		what = "the TLS certificate has expired, so clients refuse to connect: renew its files"
	case now.Before(leaf.NotBefore):
		what = "the TLS certificate is not valid yet, so clients refuse to connect: use one that is, or correct the clock"
	case config.ExpiresSoon(leaf, now) && !(now.Before(next) && next.Before(leaf.NotAfter)): // otherwise its successor waits
		what = "the TLS certificate expires soon: renew its files"
	}
	said := c.told
	if since := now.Sub(said.at); what == "" || said.of == used && said.what == what && since >= 0 && since < 24*time.Hour {
		return
	}
	c.told = warning{used, what, now}
	c.log.Warn(what, "names", leaf.DNSNames, "not_before", leaf.NotBefore, "not_after", leaf.NotAfter)
}

// watch renews the certificate until stop is closed.
func (c *certificate) watch(stop <-chan struct{}) {
	ticker := time.NewTicker(certificateEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.renew(false)
		case <-stop:
			return
		}
	}
}

// ReloadCertificate reads the TLS files now, if TLS is on, and logs the result.
func (s *Server) ReloadCertificate() {
	if s.cert == nil {
		s.Log.Info("nothing to reload: --tls-cert is not set")
		return
	}
	s.cert.renew(true)
}
