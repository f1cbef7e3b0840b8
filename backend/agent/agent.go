// Package agent holds the programs that an account has registered, and where they are deployed.
package agent

import (
	"context"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Agent is a registered program. It belongs to the account, not to an environment.
type Agent struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	Name               string
	Description        string // may be empty
	ExternalIdentifier string // may be empty; else unique in the account
	Status             string // pending, active, dormant or retired
	InsertedAt         time.Time
	UpdatedAt          time.Time
}

// Pending is the status of an agent that was registered and not seen yet.
const Pending = "pending"

// Deployment is one agent in one environment; there is at most one per pair.
type Deployment struct {
	ID               pfid.ID
	AccountID        pfid.ID
	AgentID          pfid.ID
	EnvironmentID    pfid.ID
	CurrentVersionID pfid.ID // zero for none
	InsertedAt       time.Time
	UpdatedAt        time.Time
}

// DeploymentFilter narrows a list of deployments. The zero filter is all of the account.
type DeploymentFilter struct {
	AgentID       pfid.ID
	EnvironmentID pfid.ID
}

// Store keeps agents. Every change is written together with its event in one transaction, or not at all.
type Store interface {
	// InsertAgent writes an agent. An external identifier or id that is taken is a fault.Validation.
	InsertAgent(ctx context.Context, a Agent, event audit.Event) error
	// Agent returns one agent of the account, else a fault.NotFound.
	Agent(ctx context.Context, account, id pfid.ID) (Agent, error)
	// Agents returns one page of the account's agents and how many there are in all.
	Agents(ctx context.Context, account pfid.ID, page paging.Page) ([]Agent, int, error)
	// InsertDeployment writes a deployment. An agent or environment that the account does not have, or a pair that
	// is deployed already, is a fault.Validation.
	InsertDeployment(ctx context.Context, d Deployment, event audit.Event) error
	// AgentDeployment returns one deployment of the account, else a fault.NotFound.
	AgentDeployment(ctx context.Context, account, id pfid.ID) (Deployment, error)
	// AgentDeployments returns one page of the account's deployments and how many match in all.
	AgentDeployments(ctx context.Context, account pfid.ID, filter DeploymentFilter, page paging.Page) ([]Deployment, int, error)
}

// Agents registers agents and deploys them.
type Agents struct {
	store  Store
	now    func() time.Time
	random io.Reader
}

// New returns the agents kept in store. now is read once for each operation.
func New(store Store, now func() time.Time, random io.Reader) *Agents {
	return &Agents{store: store, now: now, random: random}
}

// Limits of what people type, in characters.
const (
	maxName               = 100
	maxDescription        = 1000
	maxExternalIdentifier = 255
)

// Order is what a caller asks for when an agent is registered.
type Order struct {
	ID                 pfid.ID // zero to have one made; else it has to be of the account's partition
	Name               string
	Description        string
	ExternalIdentifier string
}

// Register adds an agent to the actor's account.
func (as *Agents) Register(ctx context.Context, actor audit.Actor, order Order) (Agent, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	a := Agent{
		AccountID: actor.AccountID, Status: Pending, InsertedAt: at, UpdatedAt: at,
		Name:               wrong.Text("name", order.Name, 1, maxName),
		Description:        wrong.Lines("description", order.Description, 0, maxDescription),
		ExternalIdentifier: wrong.Text("external_identifier", order.ExternalIdentifier, 0, maxExternalIdentifier),
	}
	checkPartition(wrong, actor, order.ID)
	if err := wrong.Err(); err != nil {
		return Agent{}, err
	}
	var err error
	if a.ID, err = as.idOr(order.ID, actor, at); err != nil {
		return Agent{}, err
	}
	event, err := audit.New(at, actor, audit.AgentCreated, a.ID.String(), a.Name, as.random)
	if err != nil {
		return Agent{}, err
	}
	return a, as.store.InsertAgent(ctx, a, event)
}

// Deploy makes the deployment of an agent in an environment of the actor's account. id is zero to have one made.
func (as *Agents) Deploy(ctx context.Context, actor audit.Actor, id, agent, environment pfid.ID) (Deployment, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	if agent.IsZero() {
		wrong.Add("agent_id", "is required")
	}
	if environment.IsZero() {
		wrong.Add("environment_id", "is required")
	}
	checkPartition(wrong, actor, id)
	if err := wrong.Err(); err != nil {
		return Deployment{}, err
	}
	id, err := as.idOr(id, actor, at)
	if err != nil {
		return Deployment{}, err
	}
	d := Deployment{ID: id, AccountID: actor.AccountID, AgentID: agent, EnvironmentID: environment, InsertedAt: at, UpdatedAt: at}
	event, err := audit.New(at, actor, audit.AgentDeploymentCreated, d.ID.String(), "", as.random)
	if err != nil {
		return Deployment{}, err
	}
	return d, as.store.InsertDeployment(ctx, d, event)
}

// Get returns one agent of the account, else a fault.NotFound.
func (as *Agents) Get(ctx context.Context, account, id pfid.ID) (Agent, error) {
	return as.store.Agent(ctx, account, id)
}

// List returns one page of the account's agents and how many there are in all.
func (as *Agents) List(ctx context.Context, account pfid.ID, page paging.Page) ([]Agent, int, error) {
	return as.store.Agents(ctx, account, page)
}

// Deployment returns one deployment of the account, else a fault.NotFound.
func (as *Agents) Deployment(ctx context.Context, account, id pfid.ID) (Deployment, error) {
	return as.store.AgentDeployment(ctx, account, id)
}

// Deployments returns one page of the account's deployments and how many match in all.
func (as *Agents) Deployments(ctx context.Context, account pfid.ID, filter DeploymentFilter, page paging.Page) ([]Deployment, int, error) {
	return as.store.AgentDeployments(ctx, account, filter, page)
}

func (as *Agents) idOr(id pfid.ID, actor audit.Actor, at time.Time) (pfid.ID, error) {
	if !id.IsZero() {
		return id, nil
	}
	return pfid.New(at, actor.AccountID.Partition(), as.random)
}

func checkPartition(wrong fault.Fields, actor audit.Actor, id pfid.ID) {
	if !id.IsZero() && id.Partition() != actor.AccountID.Partition() {
		wrong.Add("id", "must be of the partition of the account")
	}
}
