package agent

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/unit"
)

// Retire takes an agent out of service and suspends its active deployment tokens; it returns how many. It returns after
// no validation accepts them any more.
func (as *Agents) Retire(ctx context.Context, actor audit.Actor, id pfid.ID) (a Agent, suspended int, err error) {
	at := as.now().UTC()
	return as.change(ctx, actor, id, at, func(a *Agent) (Change, error) {
		if !a.Actions().Retire {
			return Change{}, fault.New(fault.InvalidAction, "This agent is retired already.")
		}
		a.RetiredAt = at
		return Change{Action: audit.AgentRetired, Tokens: SuspendTokens}, nil
	})
}

// Reinstate puts a retired agent back into service and activates just those tokens that its retirement suspended and
// that are still suspended; it returns how many.
func (as *Agents) Reinstate(ctx context.Context, actor audit.Actor, id pfid.ID) (a Agent, activated int, err error) {
	return as.change(ctx, actor, id, as.now().UTC(), func(a *Agent) (Change, error) {
		if !a.Actions().Reinstate {
			return Change{}, fault.New(fault.InvalidAction, "This agent is not retired, so it can't be reinstated.")
		}
		a.RetiredAt = time.Time{}
		return Change{Action: audit.AgentReinstated, Tokens: ReinstateTokens}, nil
	})
}

// Delete removes an agent with its deployments and versions, and returns it as it last was. While it has live tokens
// this is refused, unless they are to be revoked with it. It returns after no validation accepts them any more.
func (as *Agents) Delete(ctx context.Context, actor audit.Actor, id pfid.ID, revokeTokens bool) (Agent, error) {
	at := as.now().UTC()
	a, err := as.store.DeleteAgent(ctx, actor.AccountID, id, at, allowing(revokeTokens, "agent"), audit.NewRecorder(at, actor, as.random))
	as.forgetAllOf(ctx, id, err)
	a.Status = a.statusAt(at)
	return a, err
}

// change alters an agent and returns it with how many tokens moved along.
func (as *Agents) change(ctx context.Context, actor audit.Actor, id pfid.ID, at time.Time, decide func(*Agent) (Change, error)) (Agent, int, error) {
	a, moved, err := as.store.ChangeAgent(ctx, actor.AccountID, id, func(a *Agent) (Change, error) {
		a.UpdatedAt = at
		return decide(a)
	}, audit.NewRecorder(at, actor, as.random))
	as.forgetAllOf(ctx, id, err)
	a.Status = a.statusAt(at)
	return a, moved, err
}

// forgetAllOf drops what is remembered of the tokens that a change has moved, once that is committed. It does so also
// after a failure that is no refusal: a commit whose answer was lost may still have happened.
func (as *Agents) forgetAllOf(ctx context.Context, id pfid.ID, err error) {
	if fault.Refused(err) {
		return
	}
	unit.After(ctx, func(bool) { as.verdicts.ForgetAllOf(id) })
}

// allowing returns the decision on deleting something that tokens were issued for.
func allowing(revokeTokens bool, what string) func(liveTokens int) error {
	return func(liveTokens int) error {
		switch {
		case liveTokens == 0 || revokeTokens:
			return nil
		case liveTokens == 1:
			return fault.New(fault.InvalidAction, "This %s has 1 live API token. Revoke it first, or with the delete by revoke_api_tokens=true.", what)
		}
		return fault.New(fault.InvalidAction, "This %s has %d live API tokens. Revoke them first, or with the delete by revoke_api_tokens=true.", what, liveTokens)
	}
}
