package validation

import (
	"bytes"
	"context"
	"log/slog"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/token"
)

var schemeBearer = []byte("bearer ")

// bearer returns the secret in a request. presented is false if the request carries no credential. Repeated credentials
// and other schemes count as presented, with an empty secret that is never accepted (RFC 6750, section 2.1). Malformed
// secrets are returned unchanged, since no such secret was issued. With keyHeader, X-API-Key is read if Authorization
// is missing.
func bearer(h *fasthttp.RequestHeader, keyHeader bool) (secret []byte, presented bool) {
	switch values := h.PeekAll("Authorization"); len(values) {
	case 0:
	case 1:
		value := values[0]
		if len(value) <= len(schemeBearer) || !bytes.EqualFold(value[:len(schemeBearer)], schemeBearer) {
			return nil, true
		}
		return bytes.TrimLeft(value[len(schemeBearer):], " "), true
	default:
		return nil, true
	}
	if !keyHeader {
		return nil, false
	}
	switch values := h.PeekAll("X-API-Key"); len(values) {
	case 0:
		return nil, false
	case 1:
		return values[0], true
	default:
		return nil, true
	}
}

// check validates the secret that the client of a request presented at an endpoint, and counts that.
func (e *Endpoints) check(ctx context.Context, c *fasthttp.RequestCtx, at endpoint, secret []byte, needs ...token.Need) (token.Verdict, error) {
	verdict, err := e.Tokens.Judge(ctx, secret, needs...)
	e.countUse(c, at, &verdict, err, needs...)
	return verdict, err
}

// countUse counts a verdict on the secret of a request's client. It records the client's address if it is wanted.
func (e *Endpoints) countUse(c *fasthttp.RequestCtx, at endpoint, verdict *token.Verdict, err error, needs ...token.Need) {
	e.Tokens.Count(verdict, needs...)
	e.count(c, at, verdict, err)
	if verdict.WantsAddress() {
		e.Tokens.RecordAddress(verdict, e.Source.Address(c))
	}
}

func (e *Endpoints) count(c *fasthttp.RequestCtx, at endpoint, verdict *token.Verdict, err error) {
	o := outcome(verdict.Reason)
	if err != nil {
		o = failed
	}
	e.counts.add(c, at, o)
}

// Holder returns the state of the bearer token in a request with the hash of its secret, or nil if it carries no
// credential. It returns fault.BadAuthToken if the token is not accepted, and logs that with the route.
func (e *Endpoints) Holder(ctx context.Context, c *fasthttp.RequestCtx, route string) (*token.State, token.Hash, error) {
	secret, presented := bearer(&c.Request.Header, false)
	if !presented {
		return nil, token.Hash{}, nil
	}
	verdict, err := e.check(ctx, c, atAPI, secret)
	if err != nil {
		return nil, token.Hash{}, err
	}
	if verdict.Reason != token.Good {
		e.tokenRefused(c, []byte(route), verdict.Reason, verdict.State)
		if verdict.Reason != token.Unknown {
			e.RefusedAtAPI(c, &verdict.State, reasonNames[verdict.Reason], e.Source.Address(c))
		}
		return nil, token.Hash{}, fault.New(fault.BadAuthToken, "%s", badTokenMessages[verdict.Reason])
	}
	return &verdict.State, token.HashOf(secret), nil
}

// StillHeld returns fault.BadAuthToken if the bearer token of a request that Holder accepted is not accepted any more. It
// does not count as a use.
func (e *Endpoints) StillHeld(ctx context.Context, h *fasthttp.RequestHeader) error {
	secret, _ := bearer(h, false)
	verdict, err := e.Tokens.Judge(ctx, secret)
	if err == nil && verdict.Reason != token.Good {
		err = fault.New(fault.BadAuthToken, "%s", badTokenMessages[verdict.Reason])
	}
	return err
}

// IsRefused reports whether the bearer token of a request is not accepted now, whatever the request's body holds. It does not
// count as a use.
func (e *Endpoints) IsRefused(ctx context.Context, h *fasthttp.RequestHeader) bool {
	secret, _ := bearer(h, false)
	return e.isRefused(ctx, secret)
}

func (e *Endpoints) isRefused(ctx context.Context, secret []byte) bool {
	verdict, err := e.Tokens.Glance(ctx, secret)
	return err == nil && verdict.Reason != token.Good
}

// reasonNames are the log's words for refusing an issued token.
var reasonNames = map[token.Reason]string{
	token.IsSuspended: "suspended", token.IsRevoked: "revoked", token.IsExpired: "expired", token.IsReplaced: "replaced",
	token.Insufficient: "insufficient",
}

// tokenRefused logs that an issued token was refused at this path. Unknown secrets are not logged.
func (e *Endpoints) tokenRefused(c *fasthttp.RequestCtx, path []byte, reason token.Reason, t token.State) {
	if reason != token.Good && reason != token.Unknown {
		e.logRefusedToken(c, path, reason, t)
	}
}

func (e *Endpoints) logRefusedToken(c *fasthttp.RequestCtx, path []byte, reason token.Reason, t token.State) {
	address := e.Source.Address(c)
	var room [128]byte
	key := append(t.TokenID.Append(room[:0]), byte(reason))
	key = append(append(key, address...), path...)
	e.Log.Add(slog.LevelWarn, "token refused", key, func() []slog.Attr {
		return []slog.Attr{
			slog.String("api_token", t.TokenID.String()), slog.String("reason", reasonNames[reason]), slog.String("scope", t.Scope.String()),
			slog.String("account", t.AccountID.String()), slog.String("address", answer.Printable(address)), slog.String("path", string(path)),
		}
	})
}
