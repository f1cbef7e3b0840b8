package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// statusList is a list that was fetched and whose signature is verified.
type statusList struct {
	entries []byte
	bits    int           // of an entry: 1, 2, 4 or 8
	tag     string        // ETag, to ask whether the list changed
	ttl     time.Duration // how long to keep it before asking again
	expires time.Time     // when it must not be used any more
}

// listClaims are the claims of a signed list.
type listClaims struct {
	jwt.RegisteredClaims
	TTL  int64 `json:"ttl"` // seconds
	List struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}

// list returns the status list at a URI. It keeps a list for its ttl, then fetches a newer one. If that fails, it uses the
// kept list until that expires.
func (v *Verifier) list(ctx context.Context, uri string) (*statusList, error) {
	v.mu.Lock()
	if v.lists == nil {
		v.lists = map[string]*shared[statusList]{}
	}
	if v.lists[uri] == nil {
		v.lists[uri] = &shared[statusList]{}
	}
	list := v.lists[uri]
	v.mu.Unlock()
	held, err := list.get(ctx, v, func(ctx context.Context, held *statusList) (fetched[statusList], error) {
		newer, err := v.fetchList(ctx, uri, held)
		if err != nil {
			return fetched[statusList]{}, err
		}
		return fetched[statusList]{value: newer, keep: newer.ttl, expires: newer.expires}, nil
	})
	switch {
	case held != nil:
		return held, nil
	case err == nil:
		err = jwt.ErrTokenExpired // within the ttl
	}
	return nil, err
}

// fetchList returns a newer list, or held if the list did not change. held may be nil.
func (v *Verifier) fetchList(ctx context.Context, uri string, held *statusList) (*statusList, error) {
	known := ""
	if held != nil {
		known = held.tag
	}
	signed, tag, err := v.get(ctx, uri, known)
	if err != nil {
		return nil, err
	}
	if signed == nil {
		return held, nil
	}
	claims := &listClaims{}
	if err := v.parse(ctx, string(signed), "statuslist+jwt", claims, jwt.WithSubject(uri)); err != nil {
		return nil, err
	}
	switch bits := claims.List.Bits; {
	case bits != 1 && bits != 2 && bits != 4 && bits != 8:
		return nil, errors.New("its entries have an unsupported size")
	case claims.TTL <= 0:
		return nil, errors.New("it has no ttl")
	}
	packed, err := base64.RawURLEncoding.DecodeString(claims.List.List)
	if err != nil {
		return nil, err
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	entries, err := io.ReadAll(io.LimitReader(r, maxAnswer))
	if err != nil {
		return nil, err
	}
	ttl := min(time.Duration(claims.TTL)*time.Second, longestTTL)
	return &statusList{entries: entries, bits: claims.List.Bits, tag: tag, ttl: ttl, expires: claims.ExpiresAt.Time}, nil
}

// at returns the value of an entry. The first entry of a byte is in its lowest bits.
func (l *statusList) at(index int) (byte, error) {
	bit := index * l.bits
	if index < 0 || bit/8 >= len(l.entries) {
		return 0, errors.New("the status list has no such entry")
	}
	return l.entries[bit/8] >> (bit % 8) & (1<<l.bits - 1), nil
}
