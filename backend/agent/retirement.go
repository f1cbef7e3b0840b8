package agent

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// Retire takes an agent out of service, suspends its active deployment tokens, and returns how many. Once it returns,
// no validation accepts them. It returns fault.InvalidAction if the agent is retired already.
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

// Reinstate puts a retired agent back into service, activates those tokens that its retirement suspended and that are
// still suspended, and returns how many. It returns fault.InvalidAction if the agent is not retired.
func (as *Agents) Reinstate(ctx context.Context, actor audit.Actor, id pfid.ID) (a Agent, activated int, err error) {
	return as.change(ctx, actor, id, as.now().UTC(), func(a *Agent) (Change, error) {
		if !a.Actions().Reinstate {
			return Change{}, fault.New(fault.InvalidAction, "This agent is not retired, so it can't be reinstated.")
		}
		a.RetiredAt = time.Time{}
		return Change{Action: audit.AgentReinstated, Tokens: ReinstateTokens}, nil
	})
}

// Delete removes an agent with its deployments and versions, and returns it as it was. With revokeTokens it also
// revokes its live tokens; once it returns, no validation accepts them. Without revokeTokens it returns
// fault.InvalidAction if there are any.
func (as *Agents) Delete(ctx context.Context, actor audit.Actor, id pfid.ID, revokeTokens bool) (Agent, error) {
	at := as.now().UTC()
	a, err := as.store.DeleteAgent(ctx, actor.AccountID, id, at, allowing(revokeTokens, "agent"), audit.NewRecorder(at, actor, as.random))
	as.verdicts.Invalidate(ctx, id, nil, err)
	a.Status = a.statusAt(at)
	return a, err
}

// change changes an agent and returns it with the number of tokens that moved along.
func (as *Agents) change(ctx context.Context, actor audit.Actor, id pfid.ID, at time.Time, decide func(*Agent) (Change, error)) (Agent, int, error) {
	a, moved, err := as.store.ChangeAgent(ctx, actor.AccountID, id, func(a *Agent) (Change, error) {
		a.UpdatedAt = at
		return decide(a)
	}, audit.NewRecorder(at, actor, as.random))
	as.verdicts.Invalidate(ctx, id, nil, err)
	a.Status = a.statusAt(at)
	return a, moved, err
}

// allowing returns a function that decides whether a resource with liveTokens may be deleted.
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
