package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"
)

// ExpiresSoon reports whether a certificate should have been renewed by now: 14 days before its end, or a sixth of its life if that
// is less. ACME clients renew a certificate when a third of its life is left, also one that lives for a day.
func ExpiresSoon(leaf *x509.Certificate, now time.Time) bool {
	return leaf.NotAfter.Sub(now) < min(14*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/6)
}

// KeyPair returns the certificate chain and key of --tls-cert and --tls-key, both in PEM. Its error says what to change in files
// that are whole and can't be used: a key with a passphrase, and a chain that does not begin with the server's certificate.
func KeyPair(chain, key []byte) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(chain, key)
	if err == nil {
		return pair, nil
	}
	for block, rest := pem.Decode(key); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return pair, errors.New("the key has a passphrase, and must have none: remove it with openssl pkey -in KEY -out NEW_KEY")
		}
	}
	var blocks [][]byte
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			blocks = append(blocks, pem.EncodeToMemory(block))
		}
	}
	for i := 1; i < len(blocks); i++ {
		if _, other := tls.X509KeyPair(bytes.Join(blocks[i:], nil), key); other == nil {
			return pair, errors.New("the chain is in the wrong order: the server's certificate must come first, then the one that signed it")
		}
	}
	return pair, err
}
