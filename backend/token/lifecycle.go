package token

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/unit"
)

// Actions says which moves a token allows now.
type Actions struct {
	Suspend, Activate, Revoke, Delete bool
}

// Actions returns the moves that are allowed now. Revoking is final, and only revoked tokens can be deleted. A token of
// a retired agent can't be activated.
func (t Token) Actions() Actions {
	return Actions{
		Suspend:  t.Status == Active,
		Activate: t.Status == Suspended && !t.AgentRetired,
		Revoke:   t.Status == Active || t.Status == Suspended,
		Delete:   t.Status == Revoked,
	}
}

// Suspend suspends a token until it is activated again, and ends its pending invites. After it returns, every validation
// refuses the token.
func (ts *Tokens) Suspend(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	return ts.move(ctx, actor, id, "suspended", Suspended, audit.APITokenSuspended, func(a Actions) bool { return a.Suspend })
}

// Activate activates a suspended token. It returns fault.InvalidAction if the token's agent is retired.
func (ts *Tokens) Activate(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	return ts.move(ctx, actor, id, "activated", Active, audit.APITokenActivated, func(a Actions) bool { return a.Activate })
}

// Revoke permanently revokes a token and ends its pending invites. After it returns, every validation refuses the token.
func (ts *Tokens) Revoke(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	return ts.move(ctx, actor, id, "revoked", Revoked, audit.APITokenRevoked, func(a Actions) bool { return a.Revoke })
}

// RevokeWithDescendants is Revoke for a token and its descendants: the tokens that it created, that they created, and so
// on. It returns how many descendants were live. For a revoked token it revokes the descendants. It returns
// fault.InvalidAction if nothing is left to revoke.
func (ts *Tokens) RevokeWithDescendants(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, int, error) {
	at := ts.now().UTC()
	decide := func(t Token, live int) error {
		if t.Actions().Revoke || live > 0 {
			return nil
		}
		return forbidden(t, "revoked")
	}
	changed, hashes, live, err := ts.store.RevokeWithDescendants(ctx, actor.AccountID, id, at, decide, audit.NewRecorder(at, actor, ts.random))
	ts.Invalidate(ctx, actor.AccountID, hashes, err)
	ts.withLastUse(&changed)
	return changed, live, err
}

// Delete removes the record of a revoked token and returns it.
func (ts *Tokens) Delete(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	at := ts.now().UTC()
	deleted, err := ts.store.DeleteToken(ctx, actor.AccountID, id, func(t Token) (audit.Event, error) {
		if !t.Actions().Delete {
			return audit.Event{}, forbidden(t, "deleted")
		}
		return audit.New(at, actor, audit.APITokenDeleted, t.ID.String(), "", ts.random)
	}, audit.NewRecorder(at, actor, ts.random))
	unit.After(ctx, func(bool) { ts.cache.Forget(deleted.Hash) }) // its status list still shows it as revoked
	ts.withLastUse(&deleted)
	return deleted, err
}

// Forget makes the next validation of the token with this hash, and the next request for any status list, read the store
// again. After a change of a token, call it after the commit and before the response, even if the outcome of the commit
// is unknown.
func (ts *Tokens) Forget(hash Hash) {
	ts.cache.Forget(hash)
	ts.statusLists.changed(everyList)
}

// ForgetAllOf is Forget for all tokens of an account, an environment, an agent or a deployment.
func (ts *Tokens) ForgetAllOf(id pfid.ID) {
	ts.cache.ForgetAllOf(id)
	ts.statusLists.changed(everyList)
}

// ForgetAll drops all states and signed status lists, so that the next requests read the store and sign again. It is for
// changes of tokens and keys by another process.
func (ts *Tokens) ForgetAll() {
	ts.cache.ForgetAll()
	ts.statusLists.dropAll()
}

// Invalidate implements unit.Invalidator.
func (ts *Tokens) Invalidate(ctx context.Context, id pfid.ID, hashes [][32]byte, err error) {
	if fault.Refused(err) {
		return
	}
	unit.After(ctx, func(bool) {
		if len(hashes) == 0 {
			ts.ForgetAllOf(id)
		}
		for _, hash := range hashes {
			ts.Forget(hash)
		}
	})
}

func (ts *Tokens) move(ctx context.Context, actor audit.Actor, id pfid.ID, verb string, to Status, action audit.Action, allowed func(Actions) bool) (Listed, error) {
	at := ts.now().UTC()
	changed, err := ts.store.ChangeToken(ctx, actor.AccountID, id, func(t *Token) (audit.Event, error) {
		if !allowed(t.Actions()) {
			return audit.Event{}, forbidden(*t, verb)
		}
		// A direct move takes precedence over a retirement: reinstating the agent won't touch this token.
		t.Status, t.SuspendedByRetirement, t.UpdatedAt = to, false, at
		return audit.New(at, actor, action, t.ID.String(), "", ts.random)
	}, audit.NewRecorder(at, actor, ts.random))
	// Also after a failure: a failed commit may still have reached the disk.
	unit.After(ctx, func(bool) {
		ts.cache.Forget(changed.Hash)
		if !changed.StatusEntry.IsZero() {
			ts.statusLists.changed(changed.StatusEntry.List)
		}
	})
	ts.withLastUse(&changed)
	return changed, err
}

func forbidden(t Token, verb string) error {
	if t.Status == Revoked {
		return fault.New(fault.InvalidAction, "A revoked API token can't be %s; it can only be deleted.", verb)
	}
	if verb == "activated" && t.Status == Suspended {
		return fault.New(fault.InvalidAction, "The agent of this API token is retired, so it can't be activated.")
	}
	if verb == "deleted" {
		return fault.New(fault.InvalidAction, "Only a revoked API token can be deleted; this one is %s.", t.Status)
	}
	return fault.New(fault.InvalidAction, "This API token is %s, so it can't be %s.", t.Status, verb)
}
