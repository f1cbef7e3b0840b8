package token

import (
	"context"
	"sync"

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
	if ts.ended.has(hash) {
		return nil
	}
	t, ok, err := ts.store.FindToken(ctx, hash)
	if err != nil {
		return err
	}
	// Where there is nothing to do, somebody else may have revoked or deleted the token, but not come to forget it yet.
	if !ok {
		ts.cache.Forget(hash) // and not more: anybody may send what is no token, which must not cost the status lists
		return nil
	}
	if t.Status == Revoked {
		ts.Forget(hash)
		ts.ended.add(hash)
		return nil
	}
	defer ts.Forget(hash)
	_, err = ts.Revoke(ctx, audit.Actor{AccountID: t.AccountID, APITokenID: t.TokenID, Address: address}, t.TokenID)
	if kind := fault.KindOf(err); err != nil && (kind == fault.InvalidAction || kind == fault.NotFound) {
		return nil // revoked or deleted since it was looked up
	}
	return err
}

// maxEnded bounds the revoked tokens that are remembered, 32 bytes and the room of a map each.
const maxEnded = 4096

// ended remembers tokens that were found revoked, which they stay. Without it whoever holds one could make every status
// list be read anew, again and again.
type ended struct {
	mu     sync.Mutex
	hashes map[Hash]struct{}
}

func (e *ended) has(hash Hash) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.hashes[hash]
	return ok
}

func (e *ended) add(hash Hash) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hashes == nil || len(e.hashes) >= maxEnded {
		e.hashes = map[Hash]struct{}{}
	}
	e.hashes[hash] = struct{}{}
}
