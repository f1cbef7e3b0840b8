// Package signer makes the secrets of tokens: JWT access tokens (RFC 9068), signed with ES256 keys that the store
// keeps sealed under a master key. Only this package knows JWTs.
package signer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tokentab/backend/audit"
)

// StoredKey is a signing key as the store keeps it.
type StoredKey struct {
	ID          string // the JWK thumbprint of the public key (RFC 7638)
	Sealed      []byte // the private key, sealed under the master key; empty once it is withdrawn
	Public      []byte // the public key, PKIX DER
	InsertedAt  time.Time
	SignsFrom   time.Time // until a newer key takes over
	AtOnce      bool      // also signs before SignsFrom, which a clock that was ahead may have set
	WithdrawnAt time.Time // zero unless withdrawn
}

// Store keeps signing keys.
type Store interface {
	// SigningKeys returns all keys, including withdrawn ones, last made first.
	SigningKeys(ctx context.Context) ([]StoredKey, error)
	// KeyUses returns, by key id, the number of tokens that the key signed or may have signed and that are neither
	// revoked nor expired at the given instant. Without count, 1 stands for any number.
	KeyUses(ctx context.Context, at time.Time, count bool) (map[string]int, error)
	// WithdrawSigningKey reads all keys, calls decide, and writes its decision in one transaction, announced to a
	// running server.
	WithdrawSigningKey(ctx context.Context, kid string, at time.Time, decide func([]StoredKey) (Withdrawal, error)) error
	// SealAgain replaces the sealed private key of a key that is still as it was.
	SealAgain(ctx context.Context, key StoredKey, sealed []byte) error
	// InsertSigningKey writes a key and its event in one transaction. With onlyFirst, it does so only if there is no
	// key.
	InsertSigningKey(ctx context.Context, key StoredKey, event audit.Event, onlyFirst bool) error
}

// Signer signs tokens and status lists. It is safe for concurrent use.
type Signer struct {
	store    Store
	master   MasterKey
	issuer   string
	audience string
	issuedBy issuedBy
	now      func() time.Time
	random   io.Reader

	mu      sync.Mutex
	private map[string]*ecdsa.PrivateKey // opened keys by id
}

// New returns a signer for an issuer and audience. It creates a signing key if none can sign, and fails if
// the master key can't open the current one.
func New(ctx context.Context, store Store, master MasterKey, issuer, audience string, now func() time.Time, random io.Reader) (*Signer, error) {
	s := &Signer{
		store: store, master: master, issuer: issuer, audience: audience, now: now, random: random,
		private: map[string]*ecdsa.PrivateKey{},
	}
	var err error
	if s.issuedBy, err = newIssuedBy(issuer, audience); err != nil {
		return nil, err
	}
	keys, err := store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	if signing(keys, now()) < 0 { // a restore may bring back withdrawn keys only
		if _, err := s.addKey(ctx, 0, len(keys) == 0); err != nil {
			return nil, err
		}
	}
	if _, _, err := s.current(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Lead is how long a new key is published before it signs: the time for which clients may cache the key set.
const Lead = 10 * time.Minute

// Rotate adds a signing key, which signs after Lead, and returns it. Older keys stay published while tokens or status
// lists need them.
func (s *Signer) Rotate(ctx context.Context) (StoredKey, error) { return s.addKey(ctx, Lead, false) }

func (s *Signer) addKey(ctx context.Context, lead time.Duration, onlyFirst bool) (StoredKey, error) {
	at := s.now().UTC()
	key, event, err := s.newKey(at, at.Add(lead))
	if err != nil {
		return StoredKey{}, err
	}
	return key, s.store.InsertSigningKey(ctx, key, event, onlyFirst)
}

func (s *Signer) newKey(at, signsFrom time.Time) (_ StoredKey, event audit.Event, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), s.random)
	if err != nil {
		return StoredKey{}, event, fmt.Errorf("signer: generate a key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return StoredKey{}, event, fmt.Errorf("signer: encode a key: %w", err)
	}
	if private, err = markChained(private); err != nil { // the event of this key is in a chain
		return StoredKey{}, event, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return StoredKey{}, event, fmt.Errorf("signer: encode a key: %w", err)
	}
	jwk, err := jwkOf(&key.PublicKey)
	if err != nil {
		return StoredKey{}, event, err
	}
	sealed, err := s.master.seal(private, jwk.KeyID, s.random)
	if err != nil {
		return StoredKey{}, event, err
	}
	event, err = audit.New(at, audit.Actor{}, audit.SigningKeyCreated, jwk.KeyID, "", s.random)
	if err != nil {
		return StoredKey{}, event, err
	}
	return StoredKey{ID: jwk.KeyID, Sealed: sealed, Public: public, InsertedAt: at, SignsFrom: signsFrom, AtOnce: !signsFrom.After(at)}, event, nil
}

// current returns the key to sign with. It asks the store each time, because another process may have added one.
func (s *Signer) current(ctx context.Context) (string, *ecdsa.PrivateKey, error) {
	keys, err := s.store.SigningKeys(ctx)
	if err != nil {
		return "", nil, err
	}
	i := signing(keys, s.now())
	if i < 0 {
		return "", nil, fmt.Errorf("signer: there is no signing key")
	}
	newest := keys[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := s.private[newest.ID]; ok {
		return newest.ID, key, nil
	}
	plain, err := s.master.open(newest.Sealed, newest.ID)
	if err != nil {
		return "", nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return "", nil, fmt.Errorf("signer: decode a key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return "", nil, fmt.Errorf("signer: the signing key %s is a %T, not an ECDSA key", newest.ID, parsed)
	}
	s.private[newest.ID] = key
	return newest.ID, key, nil
}

// sign signs claims with the current key and returns the key's id.
func (s *Signer) sign(ctx context.Context, typ string, all jwt.Claims) (signed, kid string, err error) {
	kid, key, err := s.current(ctx)
	if err != nil {
		return "", "", err
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodES256, all)
	unsigned.Header["typ"] = typ
	unsigned.Header["kid"] = kid
	if signed, err = unsigned.SignedString(key); err != nil {
		return "", "", fmt.Errorf("signer: sign: %w", err)
	}
	return signed, kid, nil
}

// JWK is a public key in the form of RFC 7517.
type JWK struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// PublicKeys returns the keys that verify secrets and status lists, newest first. A key that no longer signs is
// included while it may be needed to verify a token that is not revoked, or a status list.
func (s *Signer) PublicKeys(ctx context.Context) ([]JWK, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	jwks := make([]JWK, 0, len(keys))
	for _, stored := range keys {
		if !stored.Published {
			continue
		}
		parsed, err := x509.ParsePKIXPublicKey(stored.Public)
		if err != nil {
			return nil, fmt.Errorf("signer: decode a key: %w", err)
		}
		public, ok := parsed.(*ecdsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("signer: the signing key %s is a %T, not an ECDSA key", stored.ID, parsed)
		}
		jwk, err := jwkOf(public)
		if err != nil {
			return nil, err
		}
		jwks = append(jwks, jwk)
	}
	return jwks, nil
}

func jwkOf(key *ecdsa.PublicKey) (JWK, error) {
	point, err := key.Bytes() // 4, then x and y with 32 bytes each (SEC 1, section 2.3.3)
	if err != nil {
		return JWK{}, fmt.Errorf("signer: encode a key: %w", err)
	}
	jwk := JWK{
		KeyType: "EC", Use: "sig", Algorithm: "ES256", Curve: "P-256",
		X: base64.RawURLEncoding.EncodeToString(point[1:33]), Y: base64.RawURLEncoding.EncodeToString(point[33:]),
	}
	// The thumbprint covers the required members, sorted by name (RFC 7638, section 3.2).
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, jwk.X, jwk.Y))
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(sum[:])
	return jwk, nil
}
