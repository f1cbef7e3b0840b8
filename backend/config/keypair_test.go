package config_test

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/config"
)

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
