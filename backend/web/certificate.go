package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
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

	mu   sync.Mutex
	seen string           // content of the files when last read, or the error of reading them
	told *tls.Certificate // the last one that was reported as expired or not yet valid
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
	c.warnOfTimes()
	return c, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.used.Load(), nil },
	}
}

// read uses the files if they hold a certificate and its key. It compares contents, since a renewal may replace files,
// links or folders. news is true if the contents differ from those last read.
func (c *certificate) read() (news bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, pair := "", tls.Certificate{}
	chain, err := os.ReadFile(c.chain)
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
		c.used.Store(&pair)
	}
	return news, err
}

// renew reads the files again and logs a change; if asked, it also logs that nothing changed. If the files don't match,
// for example during a renewal, the current certificate stays in use.
func (c *certificate) renew(asked bool) {
	news, err := c.read()
	switch leaf := c.used.Load().Leaf; {
	case err != nil && (news || asked):
		c.log.Error("the TLS files can't be used, so the current certificate stays in use; the next try is in "+certificateEvery.String(), "cause", err)
	case news && err == nil:
		c.log.Info("the renewed TLS certificate is in use", "names", leaf.DNSNames, "not_after", leaf.NotAfter)
	case asked && err == nil:
		c.log.Info("the TLS files have not changed")
	}
	c.warnOfTimes()
}

// warnOfTimes logs once that the certificate in use has expired or is not valid yet. The server keeps using it: it has no better
// one, and some clients don't care.
func (c *certificate) warnOfTimes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	used := c.used.Load()
	switch leaf, now := used.Leaf, c.now(); {
	case now.After(leaf.NotAfter) && used != c.told:
		c.told = used
		c.log.Warn("the TLS certificate has expired, so clients refuse to connect: renew its files", "names", leaf.DNSNames, "not_after", leaf.NotAfter)
	case now.Before(leaf.NotBefore) && used != c.told:
		c.told = used
		c.log.Warn("the TLS certificate is not valid yet, so clients refuse to connect: use one that is, or correct the clock", "names", leaf.DNSNames, "not_before", leaf.NotBefore)
	case !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter):
		c.told = nil // so that its end is reported too
	}
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
