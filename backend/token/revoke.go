package token

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
)

// RevokeSecret permanently revokes the token with a secret (RFC 7009). Revoking an old secret ends only that secret. The
// actor is the token itself, at the given IP address, in the request with the given id. It returns nil if the secret is unknown
// or has ended. After it returns, every validation refuses the secret, and the token's status list shows it as revoked.
func (ts *Tokens) RevokeSecret(ctx context.Context, secret []byte, address, requestID string) error {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil
	}
	if err := ts.barrier.pass(ctx); err != nil {
		return err
	}
	var t State
	ok, err := ts.cache.Find(ctx, ts.store, secret, ts.now().UnixMilli(), &t)
	if err != nil {
		return err
	}
	if ok && t.Status != Revoked && t.judge(ts.now(), nil) != IsReplaced {
		end := ts.Revoke
		if t.Old {
			end = ts.EndOldSecret
		}
		_, err := end(ctx, audit.Actor{AccountID: t.AccountID, APITokenID: t.TokenID, Address: address, RequestID: requestID}, t.TokenID)
		if kind := fault.KindOf(err); err == nil || kind != fault.InvalidAction && kind != fault.NotFound {
			return err
		}
		// A concurrent revoke or delete has committed but not yet invalidated the cache.
		ts.cache.Forget(t.TokenID)
	}
	return ts.listAsEnded(ctx, secret)
}

// listAsEnded makes the status list show a revoked token from now on, even if the concurrent request that revoked it has
// not counted its change yet. Unauthenticated callers can repeat this, so it counts a change only if the store says
// revoked and the list in memory does not.
func (ts *Tokens) listAsEnded(ctx context.Context, secret []byte) error {
	entry := ts.signer.StatusEntry(secret)
	if entry.IsZero() || ts.statusLists.saysRevoked(entry) {
		return nil
	}
	ended, err := ts.store.IsRevokedEntry(ctx, entry)
	if ended {
		ts.statusLists.changed(entry.List)
	}
	return err
}
