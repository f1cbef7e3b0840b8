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

	mu       sync.Mutex // also held during a fetch, so that concurrent calls share it
	keys     map[string]*ecdsa.PublicKey
	keysNext time.Time // when to fetch the keys again
	lists    map[string]*statusList
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
	v.mu.Lock()
	defer v.mu.Unlock()
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
	if !v.Now().Before(v.keysNext) {
		if v.keys != nil {
			var cancel func()
			ctx, cancel = context.WithTimeout(ctx, patience)
			defer cancel()
		}
		v.keysNext = v.Now().Add(retryAfter)
		if err := v.fetchKeys(ctx); err == nil {
			v.keysNext = v.Now().Add(keysKept)
		} else if v.keys[id] == nil {
			return nil, err
		}
	}
	if v.keys[id] == nil {
		return nil, errors.New("the issuer has no such key")
	}
	return v.keys[id], nil
}

func (v *Verifier) fetchKeys(ctx context.Context) error {
	body, _, err := v.get(ctx, v.Issuer+"/.well-known/jwks.json", "")
	if err != nil {
		return err
	}
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X, Y string }
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return err
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
			return err
		}
		keys[jwk.Kid] = key
	}
	v.keys = keys
	return nil
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
