package agent

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// Deployment is one agent in one environment. There is at most one per pair.
type Deployment struct {
	ID               pfid.ID
	AccountID        pfid.ID
	AgentID          pfid.ID
	EnvironmentID    pfid.ID
	CurrentVersionID pfid.ID // zero for none
	InsertedAt       time.Time
	UpdatedAt        time.Time
}

// ListedDeployment is a deployment with the names behind its ids, and the number of its tokens.
type ListedDeployment struct {
	Deployment
	AgentName                string
	EnvironmentName          string
	CurrentVersionIdentifier string // empty for none
	LiveTokens               int    // active or suspended
}

// DeploymentFilter narrows a list of deployments. The zero value selects all of the account.
type DeploymentFilter struct {
	AgentID       pfid.ID
	EnvironmentID pfid.ID
}

// DeploymentOrder describes a deployment to create.
type DeploymentOrder struct {
	ID               pfid.ID // zero for a new id; otherwise it must have the account's partition
	AgentID          pfid.ID
	EnvironmentID    pfid.ID
	CurrentVersionID pfid.ID // zero for none
}

// Deploy deploys an agent in an environment of the actor's account. It returns fault.Validation if a referenced
// resource does not exist, or the pair is deployed already, and fault.InvalidAction if the agent is retired.
func (as *Agents) Deploy(ctx context.Context, actor audit.Actor, order DeploymentOrder) (ListedDeployment, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	if order.AgentID.IsZero() {
		wrong.Add("agent_id", "is required")
	}
	if order.EnvironmentID.IsZero() {
		wrong.Add("environment_id", "is required")
	}
	checkPartition(wrong, actor, order.ID)
	if err := wrong.Err(); err != nil {
		return ListedDeployment{}, err
	}
	id, err := as.idOr(order.ID, actor, at)
	if err != nil {
		return ListedDeployment{}, err
	}
	return as.store.InsertDeployment(ctx, Deployment{
		ID: id, AccountID: actor.AccountID, AgentID: order.AgentID, EnvironmentID: order.EnvironmentID,
		CurrentVersionID: order.CurrentVersionID, InsertedAt: at, UpdatedAt: at,
	}, audit.NewRecorder(at, actor, as.random))
}

// SetCurrentVersion sets the version that a deployment runs; zero for none. It returns fault.Validation if the
// version is not one of its agent.
func (as *Agents) SetCurrentVersion(ctx context.Context, actor audit.Actor, id, version pfid.ID) (ListedDeployment, error) {
	at := as.now().UTC()
	return as.store.SetCurrentVersion(ctx, actor.AccountID, id, version, at, audit.NewRecorder(at, actor, as.random))
}

// DeleteDeployment removes a deployment and revokes its live tokens. It returns the deployment as it was and the number
// of those tokens; once it returns, no validation accepts them. With ifUnused it returns fault.InvalidAction instead if
// there are any.
func (as *Agents) DeleteDeployment(ctx context.Context, actor audit.Actor, id pfid.ID, ifUnused bool) (d ListedDeployment, revoked int, err error) {
	at := as.now().UTC()
	d, revoked, err = as.store.DeleteDeployment(ctx, actor.AccountID, id, at, allowing(ifUnused, "deployment"), audit.NewRecorder(at, actor, as.random))
	as.verdicts.Invalidate(ctx, id, nil, err)
	return d, revoked, err
}
