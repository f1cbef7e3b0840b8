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

// statusList is a list that was fetched and verified.
type statusList struct {
	entries []byte
	bits    int           // of an entry: 1, 2, 4 or 8
	tag     string        // to ask whether it is still the same
	ttl     time.Duration // for how long to keep it before that
	next    time.Time     // when to ask
	expires time.Time     // from when on it says nothing any more
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

// list returns the list with that address: the one at hand until its ttl is over, then a newer one. While that can't be
// had, the one at hand does until it has expired.
func (v *Verifier) list(ctx context.Context, uri string) (*statusList, error) {
	held := v.lists[uri]
	if held != nil && v.Now().Before(held.next) {
		return held, nil
	}
	if held != nil && v.Now().Before(held.expires) {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	} else {
		held = nil
	}
	fetched, err := v.fetchList(ctx, uri, held)
	switch {
	case err == nil:
		fetched.keep(v.Now(), fetched.ttl)
	case held != nil:
		fetched = held
		fetched.keep(v.Now(), retryAfter)
	default:
		return nil, err
	}
	if v.lists == nil {
		v.lists = map[string]*statusList{}
	}
	v.lists[uri] = fetched
	return fetched, nil
}

func (l *statusList) keep(now time.Time, period time.Duration) {
	l.next = now.Add(period)
	if l.next.After(l.expires) {
		l.next = l.expires
	}
}

// fetchList returns a newer list, or the one at hand, which may be nil, if that is still the same.
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
		return nil, errors.New("it has entries of a strange size")
	case claims.TTL <= 0:
		return nil, errors.New("it does not say for how long it may be kept")
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

// at returns the value of an entry. The lowest bits of a byte are its first entry.
func (l *statusList) at(index int) (byte, error) {
	bit := index * l.bits
	if index < 0 || bit/8 >= len(l.entries) {
		return 0, errors.New("the status list has no such entry")
	}
	return l.entries[bit/8] >> (bit % 8) & (1<<l.bits - 1), nil
}
