package token

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
)

// RevokeSecret ends a token for good at the wish of whoever holds its secret, from the given network address; the token
// itself is the actor. Nothing is left to do, and nil is returned, where no token has the secret or it is revoked
// already. That costs what a validation does, and a look-up by key where the secret names a status entry that is not
// revoked. It returns after no validation accepts the secret any more, and after its status list says so to whoever asks.
func (ts *Tokens) RevokeSecret(ctx context.Context, secret []byte, address string) error {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil
	}
	var t State
	_, ok, err := ts.cache.Find(ctx, ts.store, secret, &t)
	if err != nil {
		return err
	}
	if ok && t.Status != Revoked {
		_, err := ts.Revoke(ctx, audit.Actor{AccountID: t.AccountID, APITokenID: t.TokenID, Address: address}, t.TokenID)
		if kind := fault.KindOf(err); err == nil || kind != fault.InvalidAction && kind != fault.NotFound {
			return err
		}
		// Somebody else has revoked or deleted it since the cache learned of it, but not come to forget it yet.
		ts.cache.Forget(HashOf(secret))
	}
	return ts.listAsEnded(ctx, secret)
}

// listAsEnded makes sure that the status list of a token that has ended says so to everybody who asks from now on, also
// where whoever ended it has not come to count that change yet. Anybody may send anything here, again and again, so
// nothing is counted where the list says so already, or where the store does not.
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
