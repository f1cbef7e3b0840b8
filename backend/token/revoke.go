package token

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
)

// RevokeSecret ends a token for good at the wish of whoever holds its secret, from the given network address; the token
// itself is the actor. Nothing is left to do, and nil is returned, where no token has the secret or it is revoked
// already. It returns after no validation accepts the secret any more.
func (ts *Tokens) RevokeSecret(ctx context.Context, secret []byte, address string) error {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil
	}
	hash := HashOf(secret)
	t, ok, err := ts.store.FindToken(ctx, hash)
	if err != nil {
		return err
	}
	// Where there is nothing to do, somebody else may have revoked or deleted the token, but not come to forget it yet.
	if !ok {
		ts.cache.Forget(hash) // and not more: anybody may send what is no token, which must not cost the status lists
		return nil
	}
	defer ts.Forget(hash)
	if t.Status == Revoked {
		return nil
	}
	_, err = ts.Revoke(ctx, audit.Actor{AccountID: t.AccountID, APITokenID: t.TokenID, Address: address}, t.TokenID)
	if kind := fault.KindOf(err); err != nil && (kind == fault.InvalidAction || kind == fault.NotFound) {
		return nil // revoked or deleted since it was looked up
	}
	return err
}
