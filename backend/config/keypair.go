package config

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"strings"
)

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
