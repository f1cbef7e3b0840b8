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

	"tokentab/backend/filemode"
)

// MasterKey is the 256-bit AES key that seals private keys. It is kept outside the database, so that a stolen
// database can't sign.
type MasterKey [32]byte

// String hides the key from logs.
func (MasterKey) String() string { return "***" }

// GoString hides the key from logs.
func (MasterKey) GoString() string { return "***" }

// MasterKeyFile is the name of the master key's file in the data folder.
const MasterKeyFile = "master.key"

// ParseMasterKey parses 32 bytes in base64, standard or URL-safe, with or without padding (RFC 4648).
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimPrefix(text, "\ufeff") // some editors on Windows begin a file so
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	text = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(MasterKey{}) {
		return MasterKey{}, errors.New("the master key must be 32 bytes in base64, as printed by: head -c 32 /dev/urandom | base64")
	}
	return MasterKey(b), nil
}

// LoadMasterKey reads the master key from the data folder. It refuses a file that everyone on the machine can read, and
// takes the right to write it from its group. If there is no file and mayMake is set, it creates one with mode 0600. The
// caller must keep other processes from doing so at the same time.
func LoadMasterKey(folder string, mayMake bool, random io.Reader) (MasterKey, error) {
	path := filepath.Join(folder, MasterKeyFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !mayMake:
		return MasterKey{}, fmt.Errorf("the signing keys in the database are sealed under a master key that is missing: set TOKENTAB_MASTER_KEY, or put the file %s back", path)
	case errors.Is(err, fs.ErrNotExist):
		if err := makeMasterKey(folder, path, random); err != nil {
			return MasterKey{}, fmt.Errorf("create %s: %w", path, err)
		}
	case err == nil && info.IsDir(): // Docker makes one if a file to mount is missing
		return MasterKey{}, fmt.Errorf("the master key %s is a folder, and must be a file: put the file back, or set TOKENTAB_MASTER_KEY", path)
	case err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0:
		return MasterKey{}, fmt.Errorf("everyone on this machine can read or write the master key %s (mode %#o): restrict it to its owner with chmod 600; if others may have read it, create a new installation", path, info.Mode().Perm())
	case err == nil && filemode.CheckFile(path, info) != nil:
		_ = os.Chmod(path, info.Mode().Perm()&^0o020) // Kubernetes lets the fsGroup write all files of a volume; else it is refused below
	}
	text, err := filemode.ReadFile(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("read the master key: %w", err)
	}
	key, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// makeMasterKey writes a temporary file and renames it, so that a crash leaves no partial key.
func makeMasterKey(folder, path string, random io.Reader) error {
	var key MasterKey
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, MasterKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	filemode.GiveToFolder(f)
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key[:]))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(folder)
}

// syncFolder makes the names in a folder survive a power cut, on systems that can sync folders.
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

// MACKey computes message authentication codes: HMAC-SHA256 (RFC 2104) under its own key.
type MACKey struct{ key []byte }

// MACKey derives the key for a purpose with HKDF (RFC 5869). Codes for one purpose reveal nothing about other
// purposes or the master key.
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

// Vault seals small secrets of other packages under the master key.
type Vault struct {
	key    MasterKey
	random io.Reader
}

// Vault returns a Vault that reads nonces from random.
func (k MasterKey) Vault(random io.Reader) Vault { return Vault{k, random} }

// Seal encrypts a secret for the database. Only Open with the same name opens it.
func (v Vault) Seal(plain []byte, name string) ([]byte, error) {
	return v.key.seal(plain, name, v.random)
}

// Open opens what Seal returned.
func (v Vault) Open(sealed []byte, name string) ([]byte, error) { return v.key.open(sealed, name) }

// seal encrypts with AES-256-GCM. It authenticates the name too, so that one sealed key can't be swapped for another.
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
		return nil, errors.New("signer: a sealed secret in the database is damaged")
	}
	plain, err := aead.Open(nil, sealed[:size], sealed[size:], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("the sealed secrets in the database can't be opened with this master key: set TOKENTAB_MASTER_KEY to the key that this database was created with, or put back the file %s", MasterKeyFile)
	}
	return plain, nil
}

// Check returns an error if there are sealed keys and the master key opens none of them.
func (k MasterKey) Check(keys []StoredKey) (err error) {
	for _, key := range keys {
		if len(key.Sealed) == 0 { // withdrawn
			continue
		}
		if _, err = k.open(key.Sealed, key.ID); err == nil {
			return nil
		}
	}
	return err
}

func (k MasterKey) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	return cipher.NewGCM(block)
}
