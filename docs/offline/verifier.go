package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	keysKept   = 5 * time.Minute  // how long fetched keys are kept
	retryAfter = 10 * time.Second // the wait after a failed fetch
	patience   = time.Second      // how long to wait for newer keys or lists if older ones are kept
	timeout    = 5 * time.Second  // how long to wait if none are kept
	longestTTL = 10 * time.Minute // even if a list allows more
	maxAnswer  = 1 << 20          // bytes
	leeway     = time.Minute      // how far this clock may be behind the issuer's (RFC 7519, section 4.1.5)
)

// Verifier verifies tokens of one issuer for one audience. It keeps the issuer's keys and status lists, so most calls send
// no request. It is safe for concurrent use.
type Verifier struct {
	Issuer   string // the public URL of Tokentab
	Audience string // the public URL too, unless --audience says otherwise
	Client   *http.Client
	Now      func() time.Time

	mu    sync.Mutex // never held during a fetch
	keys  shared[map[string]*ecdsa.PublicKey]
	lists map[string]*shared[statusList]
}

// shared is something that was fetched for all calls: the keys, or a list.
type shared[T any] struct {
	value    *T            // nil until a fetch succeeds
	expires  time.Time     // when the value must not be used any more; zero if it may always be
	next     time.Time     // when to fetch a newer one
	err      error         // of the last fetch
	fetching chan struct{} // closed when the fetch under way is over; nil if there is none
}

// fetched is what a fetch returns.
type fetched[T any] struct {
	value   *T
	keep    time.Duration // how long until the next fetch
	expires time.Time
}

// get returns the value, or nil if there is none to use, and the error of the last fetch. If a fetch is due, all calls that
// arrive meanwhile wait for the same one. A failure is remembered for retryAfter, so that calls don't wait again and again for a
// server that hangs. The fetch goes on if the call that began it is cancelled. It gets the value that it replaces, or nil.
func (s *shared[T]) get(ctx context.Context, v *Verifier, fetch func(context.Context, *T) (fetched[T], error)) (*T, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s.fetching == nil && (!v.Now().Before(s.next) || s.value != nil && s.held(v) == nil) {
		s.value = s.held(v)
		s.fetching = make(chan struct{})
		go s.renew(context.WithoutCancel(ctx), v, s.value, fetch)
	}
	if over := s.fetching; over != nil {
		v.mu.Unlock()
		select {
		case <-over:
		case <-ctx.Done():
		}
		v.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return s.held(v), s.err
}

// held returns the value unless it has expired.
func (s *shared[T]) held(v *Verifier) *T {
	if !s.expires.IsZero() && !v.Now().Before(s.expires) {
		return nil
	}
	return s.value
}

func (s *shared[T]) renew(ctx context.Context, v *Verifier, held *T, fetch func(context.Context, *T) (fetched[T], error)) {
	limit := timeout
	if held != nil {
		limit = patience
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	got, err := fetch(ctx, held)
	v.mu.Lock()
	defer v.mu.Unlock()
	keep := retryAfter
	if err == nil {
		s.value, s.expires, keep = got.value, got.expires, got.keep
	}
	s.err, s.next = err, v.Now().Add(keep)
	close(s.fetching)
	s.fetching = nil
}

// Claims are the claims of a token.
type Claims struct {
	jwt.RegisteredClaims
	ClientID          string  `json:"client_id"` // the id of the token
	Scope             string  `json:"scope"`
	AccountID         string  `json:"account_id"`
	EnvironmentID     string  `json:"environment_id,omitempty"`
	AgentID           string  `json:"agent_id,omitempty"`
	AgentDeploymentID string  `json:"agent_deployment_id,omitempty"`
	Status            *status `json:"status"`
}

type status struct {
	List *struct {
		Index int    `json:"idx"`
		URI   string `json:"uri"`
	} `json:"status_list"`
}

// Verify returns the claims of a token that is good now, or an error that says why it is not.
func (v *Verifier) Verify(ctx context.Context, secret string) (*Claims, error) {
	claims := &Claims{}
	if err := v.parse(ctx, secret, "at+jwt", claims, jwt.WithAudience(v.Audience)); err != nil {
		return nil, err
	}
	// The list is fetched only for tokens of the issuer.
	if claims.Status == nil || claims.Status.List == nil {
		return nil, errors.New("the token names no status list, so it can't be checked for revocation")
	}
	list, err := v.list(ctx, claims.Status.List.URI)
	if err != nil {
		return nil, fmt.Errorf("the status list: %w", err)
	}
	switch value, err := list.at(claims.Status.List.Index); {
	case err != nil:
		return nil, err
	case value == 1:
		return nil, errors.New("the token is revoked")
	case value == 2:
		return nil, errors.New("the token is suspended")
	case value != 0:
		return nil, fmt.Errorf("the token has the unknown status %d", value)
	}
	return claims, nil
}

// parse checks signature, type, issuer and times of a JWT, and the options. The leeway is for nbf and iat, not for exp.
func (v *Verifier) parse(ctx context.Context, signed, typ string, claims jwt.Claims, options ...jwt.ParserOption) error {
	options = append(options, jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(v.Issuer), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(v.Now))
	_, err := jwt.ParseWithClaims(signed, claims, func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != typ {
			return nil, fmt.Errorf("the type is not %s", typ)
		}
		id, _ := t.Header["kid"].(string)
		return v.key(ctx, id)
	}, options...)
	if err != nil {
		return err
	}
	if ends, err := claims.GetExpirationTime(); err != nil || !v.Now().Before(ends.Time) {
		return errors.Join(jwt.ErrTokenExpired, err)
	}
	return nil
}

// key returns a key of the issuer. It fetches the keys every five minutes, so that a withdrawn key is dropped. If a fetch
// fails, it uses the kept keys. It does not fetch keys for an unknown id, which anyone can make up: new keys are published
// ten minutes before they sign.
func (v *Verifier) key(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	keys, err := v.keys.get(ctx, v, v.fetchKeys)
	switch {
	case keys != nil && (*keys)[id] != nil:
		return (*keys)[id], nil
	case err != nil:
		return nil, err
	}
	return nil, errors.New("the issuer has no such key")
}

func (v *Verifier) fetchKeys(ctx context.Context, _ *map[string]*ecdsa.PublicKey) (fetched[map[string]*ecdsa.PublicKey], error) {
	none := fetched[map[string]*ecdsa.PublicKey]{}
	body, _, err := v.get(ctx, v.Issuer+"/.well-known/jwks.json", "")
	if err != nil {
		return none, err
	}
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X, Y string }
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return none, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, jwk := range set.Keys {
		if jwk.Kty != "EC" || jwk.Crv != "P-256" {
			continue
		}
		x, errX := base64.RawURLEncoding.DecodeString(jwk.X)
		y, errY := base64.RawURLEncoding.DecodeString(jwk.Y)
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err := errors.Join(errX, errY, err); err != nil {
			return none, err
		}
		keys[jwk.Kid] = key
	}
	return fetched[map[string]*ecdsa.PublicKey]{value: &keys, keep: keysKept}, nil
}

// get fetches a URL and returns the body and its ETag. The body is nil if the known ETag still matches.
func (v *Verifier) get(ctx context.Context, url, known string) (body []byte, tag string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	if known != "" {
		request.Header.Set("If-None-Match", known)
	}
	response, err := v.Client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && known != "":
		return nil, known, nil
	case response.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("%s answers %s", url, response.Status)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return body, response.Header.Get("ETag"), err
}
