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
)

// certificateEvery is how often the certificate's files are read, to notice a renewed one. docs/settings.md says a minute.
const certificateEvery = 20 * time.Second

// suites are the cipher suites of TLS 1.2: those with forward secrecy and authenticated encryption (RFC 9325,
// section 4.2). TLS 1.3 has no others.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// certificate is the server's certificate chain and key. Its files may change while the server runs.
type certificate struct {
	chain, key string // names of the files
	log        *slog.Logger
	used       atomic.Pointer[tls.Certificate]

	mu   sync.Mutex
	seen string // what the files held when they were read last, or why they could not be read
}

// loadCertificate returns nil if no certificate is set.
func loadCertificate(settings config.Config, log *slog.Logger) (*certificate, error) {
	if settings.TLSCert == "" {
		return nil, nil
	}
	c := &certificate{chain: settings.TLSCert, key: settings.TLSKey, log: log}
	if _, err := c.read(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return c, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.used.Load(), nil },
	}
}

// read uses what the files hold, if that is a pair. It compares contents, since a renewal may replace files, links or
// folders, and reports whether it saw what it had not seen before.
func (c *certificate) read() (news bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, pair := "", tls.Certificate{}
	chain, err := os.ReadFile(c.chain)
	var key []byte
	if err == nil {
		key, err = os.ReadFile(c.key)
	}
	if err != nil {
		seen = err.Error()
	} else {
		sum := sha256.Sum256(bytes.Join([][]byte{chain, key}, []byte{0}))
		seen = string(sum[:])
		pair, err = tls.X509KeyPair(chain, key)
	}
	news, c.seen = seen != c.seen, seen
	if news && err == nil {
		c.used.Store(&pair)
	}
	return news, err
}

// renew reads the files again and logs what changed or, if asked for, that nothing did. While they don't hold a pair, as
// in the middle of a renewal, the certificate in use stays.
func (c *certificate) renew(asked bool) {
	news, err := c.read()
	switch leaf := c.used.Load().Leaf; {
	case err != nil && (news || asked):
		c.log.Error("the TLS files can't be used, so the earlier certificate stays; they are read again in "+certificateEvery.String(), "cause", err)
	case news && err == nil:
		c.log.Info("the renewed TLS certificate is in use", "names", leaf.DNSNames, "not_after", leaf.NotAfter)
	case asked && err == nil:
		c.log.Info("the TLS files have not changed")
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

// ReloadCertificate reads the TLS files now, if there are any, and logs the result.
func (s *Server) ReloadCertificate() {
	if s.cert == nil {
		s.Log.Info("there is nothing to reload: --tls-cert is not set")
		return
	}
	s.cert.renew(true)
}
