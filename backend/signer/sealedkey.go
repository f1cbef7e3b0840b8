package signer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// maxSealedKey bounds what an encrypted master key may unpack to, in bytes.
const maxSealedKey = 1 << 10

// ErrPassphrase means that a passphrase is not the one that a master key was encrypted with.
var ErrPassphrase = errors.New("the passphrase is wrong")

// Encrypt returns the text of the master key's file, encrypted with a passphrase as age does (age-encryption.org/v1, scrypt).
// It takes about a second and 256 MiB, so that guessing passphrases is slow.
func (k MasterKey) Encrypt(passphrase string) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("encrypt the master key: %w", err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypt the master key: %w", err)
	}
	if _, err := fmt.Fprintln(w, base64.StdEncoding.EncodeToString(k[:])); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt the master key: %w", err)
	}
	return sealed.Bytes(), nil
}

// DecryptMasterKey returns the text of the master key's file from what Encrypt returned. It returns ErrPassphrase if the
// passphrase is wrong.
func DecryptMasterKey(sealed []byte, passphrase string) ([]byte, error) {
	text, err := decryptMasterKey(sealed, passphrase)
	if errors.Is(err, ErrPassphrase) { // earlier versions kept the byte order mark of a passphrase's file
		if text, marked := decryptMasterKey(sealed, "\ufeff"+passphrase); marked == nil {
			return text, nil
		}
	}
	return text, err
}

func decryptMasterKey(sealed []byte, passphrase string) ([]byte, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("decrypt the master key: %w", err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if errors.As(err, new(*age.NoIdentityMatchError)) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt the master key: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSealedKey))
	if err != nil {
		return nil, fmt.Errorf("decrypt the master key: %w", err)
	}
	if _, err := ParseMasterKey(string(text)); err != nil {
		return nil, err
	}
	return text, nil
}
