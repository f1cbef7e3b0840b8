package signer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// MasterKey is the 256-bit AES key under which private keys are sealed. It is kept apart from the database, so that a
// stolen database signs nothing.
type MasterKey [32]byte

// String hides the key from logs.
func (MasterKey) String() string { return "***" }

// GoString hides the key from logs.
func (MasterKey) GoString() string { return "***" }

// MasterKeyFile is the name of the master key's file in the data folder.
const MasterKeyFile = "master.key"

// ParseMasterKey reads 32 bytes as base64, padded or not, standard or URL-safe.
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	text = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(MasterKey{}) {
		return MasterKey{}, errors.New("the master key must be 32 bytes in base64, as printed by: head -c 32 /dev/urandom | base64")
	}
	return MasterKey(b), nil
}

// LoadMasterKey reads the master key from the data folder, and refuses one that everyone on the machine can read. If there
// is none it makes it, with mode 0600, where mayMake allows that. The caller keeps other processes from doing the same at
// that time.
func LoadMasterKey(folder string, mayMake bool, random io.Reader) (MasterKey, error) {
	path := filepath.Join(folder, MasterKeyFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !mayMake:
		return MasterKey{}, fmt.Errorf("the signing keys in the database are sealed under a master key that is missing: set TOKENTAB_MASTER_KEY, or put the file %s back", path)
	case errors.Is(err, fs.ErrNotExist):
		if err := makeMasterKey(folder, path, random); err != nil {
			return MasterKey{}, fmt.Errorf("make %s: %w", path, err)
		}
	case err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0:
		return MasterKey{}, fmt.Errorf("the master key %s can be read or written by everyone on this machine (mode %#o): allow its owner alone with chmod 600; if others may have read it, make a new installation", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("read the master key: %w", err)
	}
	key, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// makeMasterKey writes a whole new file under another name first and moves it into place: a crash leaves no half key.
func makeMasterKey(folder, path string, random io.Reader) error {
	var key MasterKey
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, MasterKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key[:]))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(folder)
}

// syncFolder makes sure that the names in a folder survive a power cut, where the system can do that for folders.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil && runtime.GOOS != "windows" {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// MACKey makes message authentication codes: HMAC-SHA256 under a key of its own.
type MACKey struct{ key []byte }

// MACKey derives the key for a purpose (RFC 5869). Codes for one purpose say nothing about those for another, nor about
// the master key.
func (k MasterKey) MACKey(purpose string) (MACKey, error) {
	key, err := hkdf.Key(sha256.New, k[:], nil, "tokentab "+purpose, sha256.Size)
	if err != nil {
		return MACKey{}, fmt.Errorf("signer: derive a key: %w", err)
	}
	return MACKey{key: key}, nil
}

// MAC returns the 32-byte code of a message.
func (k MACKey) MAC(message []byte) []byte {
	mac := hmac.New(sha256.New, k.key)
	mac.Write(message)
	return mac.Sum(nil)
}

// String hides the key from logs.
func (MACKey) String() string { return "***" }

// GoString hides the key from logs.
func (MACKey) GoString() string { return "***" }

// seal encrypts with AES-256-GCM. The name is bound to the result, so that a sealed key can't stand in for another.
func (k MasterKey) seal(plain []byte, name string, random io.Reader) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("signer: read random bytes: %w", err)
	}
	return aead.Seal(nonce, nonce, plain, []byte(name)), nil
}

func (k MasterKey) open(sealed []byte, name string) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	size := aead.NonceSize()
	if len(sealed) < size {
		return nil, errors.New("signer: a signing key in the database is damaged")
	}
	plain, err := aead.Open(nil, sealed[:size], sealed[size:], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("the signing keys in the database can't be opened with this master key: set TOKENTAB_MASTER_KEY, or put back the file %s, that this database was made with", MasterKeyFile)
	}
	return plain, nil
}

func (k MasterKey) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	return cipher.NewGCM(block)
}
