package token

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/unit"
)

// Suspend suspends a token until it is activated again, and ends its pending invites. After it returns, every validation
// refuses the token.
func (ts *Tokens) Suspend(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	return ts.changeOne(ctx, actor, id, ToSuspend)
}

// Activate activates a suspended token. It returns fault.InvalidAction if the token's agent is retired.
func (ts *Tokens) Activate(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	return ts.changeOne(ctx, actor, id, ToActivate)
}

// Revoke permanently revokes a token and ends its pending invites. After it returns, every validation refuses the token.
func (ts *Tokens) Revoke(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	return ts.changeOne(ctx, actor, id, ToRevoke)
}

// RevokeWithDescendants is Revoke for a token and its descendants: the tokens that it created, that they created, and so
// on. It returns how many descendants were live. For a revoked token it revokes the descendants. It returns
// fault.InvalidAction if nothing is left to revoke.
func (ts *Tokens) RevokeWithDescendants(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, int, error) {
	at := ts.now().UTC()
	decide := func(t Token, live int) error {
		if live > 0 {
			return nil
		}
		return ToRevoke.refusal(&t).err()
	}
	changed, revoked, live, err := ts.store.RevokeWithDescendants(ctx, actor.AccountID, id, at, decide, audit.NewRecorder(at, actor, ts.random))
	ts.Invalidate(ctx, actor.AccountID, revoked, err)
	ts.asOfNow(&changed)
	return changed, live, err
}

// Delete removes the record of a revoked token and returns it.
func (ts *Tokens) Delete(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	return ts.changeOne(ctx, actor, id, ToDelete)
}

// Preview returns a token that an action applies to, and changes nothing. It returns the errors of the action.
func (ts *Tokens) Preview(ctx context.Context, actor audit.Actor, id pfid.ID, action Action) (Listed, error) {
	t, err := ts.Get(ctx, actor.AccountID, id)
	if err == nil {
		err = action.refusal(&t.Token).err()
	}
	return t, err
}

// PreviewRevokeWithDescendants is Preview for RevokeWithDescendants. It also returns how many descendants are live.
func (ts *Tokens) PreviewRevokeWithDescendants(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, int, error) {
	t, err := ts.Get(ctx, actor.AccountID, id)
	if err != nil {
		return t, 0, err
	}
	sum, err := ts.Summarize(ctx, actor.AccountID, Filter{DescendantsOf: id})
	if err != nil {
		return t, 0, err
	}
	live := sum.Active + sum.Suspended
	if live+sum.Expired == 0 {
		err = ToRevoke.refusal(&t.Token).err()
	}
	return t, live, err
}

// Forget makes the next validation of a token, and the next request for any status list, read the store
// again. After a change of a token, call it after the commit and before the response, even if the outcome of the commit
// is unknown.
func (ts *Tokens) Forget(id pfid.ID) {
	ts.cache.Forget(id)
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
func (ts *Tokens) Invalidate(ctx context.Context, id pfid.ID, tokens []pfid.ID, err error) {
	if fault.Refused(err) {
		return
	}
	unit.After(ctx, func(bool) {
		if len(tokens) == 0 {
			ts.ForgetAllOf(id)
		}
		for _, t := range tokens {
			ts.Forget(t)
		}
	})
}

// changeOne applies an action to one token and returns the token. It returns fault.NotFound or fault.InvalidAction if it
// does not apply.
func (ts *Tokens) changeOne(ctx context.Context, actor audit.Actor, id pfid.ID, action Action) (changed Listed, err error) {
	list, err := ts.change(ctx, actor, []pfid.ID{id}, action, func(list []Listed) ([]pfid.ID, error) {
		if len(list) == 0 {
			return nil, notFound.err()
		}
		return []pfid.ID{id}, action.refusal(&list[0].Token).err()
	})
	if len(list) > 0 {
		changed = list[0]
	}
	ts.asOfNow(&changed)
	return changed, err
}

// change applies an action to tokens as Store.ChangeTokens does. Every validation and every status list follows it once change
// returns or, in a unit of work, once that has ended.
func (ts *Tokens) change(ctx context.Context, actor audit.Actor, ids []pfid.ID, action Action, choose func([]Listed) ([]pfid.ID, error)) ([]Listed, error) {
	at, to := ts.now().UTC(), actions[action].to
	list, err := ts.store.ChangeTokens(ctx, actor.AccountID, ids, to, at, choose, audit.NewRecorder(at, actor, ts.random))
	// Also after a failure: a failed commit may still have reached the disk. Also for tokens that were not chosen: the
	// caller learns their status, which a concurrent change may have committed but not made known yet.
	unit.After(ctx, func(bool) {
		lists := map[int]bool{}
		for i := range list {
			ts.cache.Forget(list[i].ID)
			lists[list[i].StatusEntry.List] = true
		}
		for number := range lists {
			if number != everyList && to != 0 { // the list of a deleted token still shows it as revoked
				ts.statusLists.changed(number)
			}
		}
	})
	return list, err
}
