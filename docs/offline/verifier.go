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
	keysKept   = 5 * time.Minute  // before the keys are fetched anew
	retryAfter = 10 * time.Second // after keys or a newer list could not be fetched
	patience   = time.Second      // to wait for something newer than what is at hand
	longestTTL = 10 * time.Minute // whatever a list allows
	maxAnswer  = 1 << 20          // bytes
	leeway     = time.Minute      // by which this clock may be behind the issuer's (RFC 7519, section 4.1.5)
)

// Verifier verifies tokens of one issuer for one audience. It keeps the issuer's keys and status lists for as long as
// they may be kept, so most calls ask nobody. It may be used by many at once.
type Verifier struct {
	Issuer   string // the public URL of Tokentab
	Audience string // the public URL too, unless --audience says otherwise
	Client   *http.Client
	Now      func() time.Time

	mu       sync.Mutex // also held while something is fetched, so that only one of many fetches it
	keys     map[string]*ecdsa.PublicKey
	keysNext time.Time // from when on the keys are fetched
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

// Verify returns the claims of a token that is good now, else an error that says why it is not.
func (v *Verifier) Verify(ctx context.Context, secret string) (*Claims, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	claims := &Claims{}
	if err := v.parse(ctx, secret, "at+jwt", claims, jwt.WithAudience(v.Audience)); err != nil {
		return nil, err
	}
	// Only now: nothing is fetched for what is not the issuer's.
	if claims.Status == nil || claims.Status.List == nil {
		return nil, errors.New("the token names no status list, so nobody can tell whether it is revoked")
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

// parse checks signature, type, issuer and times of a JWT, and what else the options say. The leeway is for the times
// from which on it holds; it ends when it says.
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

// key returns a key of the issuer. The keys are fetched every five minutes, so that a withdrawn one is dropped. While newer
// ones can't be had, those at hand do. They are not fetched for each unknown id: anyone can make those up. A new key is
// published ten minutes before it signs.
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

// get returns what stands at an address, and its tag. The body is nil where it still is what has the given tag.
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
