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

// Delete removes an agent with its deployments and versions, and revokes its live tokens. It returns the agent as it was
// and the number of those tokens; once it returns, no validation accepts them. With ifUnused it returns
// fault.InvalidAction instead if there are any.
func (as *Agents) Delete(ctx context.Context, actor audit.Actor, id pfid.ID, ifUnused bool) (a Agent, revoked int, err error) {
	at := as.now().UTC()
	a, revoked, err = as.store.DeleteAgent(ctx, actor.AccountID, id, at, allowing(ifUnused, "agent"), audit.NewRecorder(at, actor, as.random))
	as.verdicts.Invalidate(ctx, id, nil, err)
	a.Status = a.statusAt(at)
	return a, revoked, err
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
func allowing(ifUnused bool, what string) func(liveTokens int) error {
	return func(liveTokens int) error {
		switch {
		case liveTokens == 0 || !ifUnused:
			return nil
		case liveTokens == 1:
			return fault.New(fault.InvalidAction, "This %s has 1 live API token. To revoke it with the delete, leave out if_unused.", what)
		}
		return fault.New(fault.InvalidAction, "This %s has %d live API tokens. To revoke them with the delete, leave out if_unused.", what, liveTokens)
	}
}
