// Package signer makes secrets: standard JWT access tokens (RFC 9068), signed with ES256 keys that the store keeps
// sealed under a master key. It is the only package that knows JWTs.
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
	"tokentab/backend/token"
)

// StoredKey is a signing key as the store keeps it.
type StoredKey struct {
	ID          string // the JWK thumbprint of the public key (RFC 7638)
	Sealed      []byte // the private key, sealed under the master key; empty once it is withdrawn
	Public      []byte // the public key, PKIX DER
	InsertedAt  time.Time
	SignsFrom   time.Time // until a newer key does
	AtOnce      bool      // signs also before SignsFrom, which a clock that was ahead may have set
	WithdrawnAt time.Time // zero unless it is withdrawn
}

// Store keeps signing keys.
type Store interface {
	// SigningKeys returns all keys, withdrawn ones too, in the order in which they were made, newest first.
	SigningKeys(ctx context.Context) ([]StoredKey, error)
	// KeyUses returns for each key id how many tokens it signed, or may have signed, that are not revoked and not expired
	// at the given instant; without count, 1 stands for any number.
	KeyUses(ctx context.Context, at time.Time, count bool) (map[string]int, error)
	// WithdrawSigningKey reads all keys, asks decide, and writes what it says in one transaction, announced to a
	// running server.
	WithdrawSigningKey(ctx context.Context, kid string, at time.Time, decide func([]StoredKey) (Withdrawal, error)) error
	// InsertSigningKey writes a key and its event in one transaction; with onlyFirst, only if there is no key yet.
	InsertSigningKey(ctx context.Context, key StoredKey, event audit.Event, onlyFirst bool) error
}

// Signer signs the claims of tokens.
type Signer struct {
	store    Store
	master   MasterKey
	issuer   string
	audience string
	now      func() time.Time
	random   io.Reader

	mu      sync.Mutex
	private map[string]*ecdsa.PrivateKey // opened keys by id
}

// New returns a signer for an issuer and audience, and makes the first signing key if there is none. It fails when the
// newest key can't be opened with the master key.
func New(ctx context.Context, store Store, master MasterKey, issuer, audience string, now func() time.Time, random io.Reader) (*Signer, error) {
	s := &Signer{
		store: store, master: master, issuer: issuer, audience: audience, now: now, random: random,
		private: map[string]*ecdsa.PrivateKey{},
	}
	keys, err := store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		if _, err := s.addKey(ctx, 0, true); err != nil {
			return nil, err
		}
	}
	if _, _, err := s.current(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Lead is how long a new key is published before it signs, so that whoever keeps the key set for a while, as the
// answer that publishes it allows, knows the key by then.
const Lead = 10 * time.Minute

// Rotate adds a signing key, which signs after Lead, and returns it. Older keys are published as long as something needs
// them.
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
		return StoredKey{}, event, fmt.Errorf("signer: make a key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return StoredKey{}, event, fmt.Errorf("signer: write a key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return StoredKey{}, event, fmt.Errorf("signer: write a key: %w", err)
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

// current returns the key to sign with, which another process may have added since.
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
		return "", nil, fmt.Errorf("signer: read a key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return "", nil, fmt.Errorf("signer: the signing key %s is a %T", newest.ID, parsed)
	}
	s.private[newest.ID] = key
	return newest.ID, key, nil
}

// claims are the claims of a secret as they are written (RFC 9068, section 2.2).
type claims struct {
	jwt.RegisteredClaims
	ClientID          string `json:"client_id"`
	Scope             string `json:"scope"`
	AccountID         string `json:"account_id"`
	EnvironmentID     string `json:"environment_id,omitempty"`
	AgentID           string `json:"agent_id,omitempty"`
	AgentDeploymentID string `json:"agent_deployment_id,omitempty"`
	Status            status `json:"status,omitzero"`
}

// Sign implements token.Signer.
func (s *Signer) Sign(ctx context.Context, c token.Claims) (secret, keyID string, err error) {
	all := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Subject: c.Subject.String(), Audience: jwt.ClaimStrings{s.audience}, ID: c.ID,
			IssuedAt: jwt.NewNumericDate(c.IssuedAt), ExpiresAt: jwt.NewNumericDate(c.ExpiresAt),
		},
		ClientID: c.ClientID.String(), Scope: c.Scope.String(), AccountID: c.AccountID.String(),
		EnvironmentID: c.EnvironmentID.String(), AgentID: c.AgentID.String(), AgentDeploymentID: c.AgentDeploymentID.String(),
	}
	if !c.StatusEntry.IsZero() {
		all.Status.List = reference{Index: c.StatusEntry.Index, URI: s.StatusListURI(c.StatusEntry.List)}
	}
	return s.sign(ctx, "at+jwt", all)
}

// sign signs claims under the current key, and returns its id.
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

// PublicKeys returns the keys with which secrets and status lists verify, newest first (RFC 7517). A key that no longer
// signs is among them as long as a token that is not revoked or a status list may still be verified with it.
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
			return nil, fmt.Errorf("signer: read a key: %w", err)
		}
		public, ok := parsed.(*ecdsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("signer: the signing key %s is a %T", stored.ID, parsed)
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
		return JWK{}, fmt.Errorf("signer: write a key: %w", err)
	}
	jwk := JWK{
		KeyType: "EC", Use: "sig", Algorithm: "ES256", Curve: "P-256",
		X: base64.RawURLEncoding.EncodeToString(point[1:33]), Y: base64.RawURLEncoding.EncodeToString(point[33:]),
	}
	// The thumbprint is over the required members in the order of their names (RFC 7638, section 3.2).
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, jwk.X, jwk.Y))
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(sum[:])
	return jwk, nil
}
