// Package agent registers, changes and deletes the programs of an account, their versions, and their deployments.
package agent

import (
	"context"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
	"tokentab/backend/unit"
)

// Agent is a registered program. It belongs to an account, not to an environment.
type Agent struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	Name               string
	Description        string // may be empty
	ExternalIdentifier string // may be empty; else unique in the account
	Status             string // computed from the other fields when the agent is read; see the statuses
	LastSeenAt         time.Time
	RetiredAt          time.Time // zero unless retired
	InsertedAt         time.Time
	UpdatedAt          time.Time
}

// The statuses of an agent.
const (
	Pending = "pending" // none of its deployment tokens was ever used, and none of its instances reported
	Active  = "active"  // seen within ActiveFor
	Dormant = "dormant" // not seen within ActiveFor, or stamped by a clock that was ahead
	Retired = "retired" // retired by an admin, whenever it was seen
)

// ActiveFor is how long an agent counts as active after it was last seen.
const ActiveFor = 30 * 24 * time.Hour

// ClockTolerance is how far in the future an active agent may have been seen last. Beyond it, a clock that was ahead
// would keep the agent active too long; its next use corrects the time.
const ClockTolerance = time.Minute

// statusAt returns the status at the given instant.
func (a Agent) statusAt(at time.Time) string {
	switch {
	case !a.RetiredAt.IsZero():
		return Retired
	case a.LastSeenAt.IsZero():
		return Pending
	case at.Sub(a.LastSeenAt) > ActiveFor || a.LastSeenAt.After(at.Add(ClockTolerance)):
		return Dormant
	}
	return Active
}

// Actions are the actions that the state of an agent allows.
type Actions struct {
	Update, Retire, Reinstate, Delete bool
}

// Actions returns the actions that are allowed now.
func (a Agent) Actions() Actions {
	retired := !a.RetiredAt.IsZero()
	return Actions{Update: true, Retire: !retired, Reinstate: retired, Delete: true}
}

// Agents registers agents and deploys them.
type Agents struct {
	Reader
	store    Store
	verdicts unit.Invalidator
	now      func() time.Time
	random   io.Reader
}

// New returns the agents kept in store. It calls now once per operation.
func New(store Store, verdicts unit.Invalidator, now func() time.Time, random io.Reader) *Agents {
	return &Agents{Reader: store, store: store, verdicts: verdicts, now: now, random: random}
}

// Limits of text fields, in characters.
const (
	maxName               = 100
	maxDescription        = 1000
	maxExternalIdentifier = 255
)

// Order describes an agent to register.
type Order struct {
	ID                 pfid.ID // zero for a new id; otherwise it must have the account's partition
	Name               string
	Description        string
	ExternalIdentifier string
}

// Register adds an agent to the actor's account. It returns fault.Validation if a field is invalid, or if the id or
// external identifier is taken.
func (as *Agents) Register(ctx context.Context, actor audit.Actor, order Order) (Agent, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	a := Agent{
		AccountID: actor.AccountID, Status: Pending, InsertedAt: at, UpdatedAt: at,
		Name:               text.Line(wrong, "name", order.Name, 1, maxName),
		Description:        text.Lines(wrong, "description", order.Description, 0, maxDescription),
		ExternalIdentifier: text.Line(wrong, "external_identifier", order.ExternalIdentifier, 0, maxExternalIdentifier),
	}
	checkPartition(wrong, actor, order.ID)
	if err := wrong.Err(); err != nil {
		return Agent{}, err
	}
	var err error
	if a.ID, err = as.idOr(order.ID, actor, at); err != nil {
		return Agent{}, err
	}
	return a, as.store.InsertAgent(ctx, a, audit.NewRecorder(at, actor, as.random))
}

// Update is a change of an agent.
type Update struct {
	Name        *string // nil leaves it unchanged
	Description *string // nil leaves it unchanged
	// CurrentVersionID becomes the current version of the agent's only deployment; zero leaves it unchanged.
	CurrentVersionID pfid.ID
}

// Update changes an agent. It returns fault.Validation if a field is invalid, and fault.NotFound if the account has
// no such agent.
func (as *Agents) Update(ctx context.Context, actor audit.Actor, id pfid.ID, update Update) (Agent, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	var name, description string
	if update.Name != nil {
		name = text.Line(wrong, "name", *update.Name, 1, maxName)
	}
	if update.Description != nil {
		description = text.Lines(wrong, "description", *update.Description, 0, maxDescription)
	}
	if err := wrong.Err(); err != nil {
		return Agent{}, err
	}
	a, _, err := as.change(ctx, actor, id, at, func(a *Agent) (Change, error) {
		if update.Name != nil {
			a.Name = name
		}
		if update.Description != nil {
			a.Description = description
		}
		return Change{Action: audit.AgentUpdated, Version: update.CurrentVersionID}, nil
	})
	return a, err
}

// Get returns one agent of the account. It returns fault.NotFound if the account has no such agent.
func (as *Agents) Get(ctx context.Context, account, id pfid.ID) (Agent, error) {
	a, err := as.store.Agent(ctx, account, id)
	a.Status = a.statusAt(as.now())
	return a, err
}

// GetByExternalIdentifier returns the agent with this external identifier. It returns fault.NotFound if the account
// has no such agent.
func (as *Agents) GetByExternalIdentifier(ctx context.Context, account pfid.ID, identifier string) (Agent, error) {
	a, err := as.store.AgentByExternalIdentifier(ctx, account, identifier)
	if kept := text.Composed(identifier); fault.KindOf(err) == fault.NotFound && kept != identifier {
		a, err = as.store.AgentByExternalIdentifier(ctx, account, kept)
	}
	a.Status = a.statusAt(as.now())
	return a, err
}

// List returns one page of the account's agents that the search finds, and their total number. An empty search finds all.
func (as *Agents) List(ctx context.Context, account pfid.ID, search string, page paging.Page) ([]Agent, int, error) {
	at := as.now()
	list, total, err := as.store.Agents(ctx, account, search, page, at.Add(-ActiveFor), at.Add(ClockTolerance))
	for i := range list {
		list[i].Status = list[i].statusAt(at)
	}
	return list, total, err
}

func (as *Agents) idOr(id pfid.ID, actor audit.Actor, at time.Time) (pfid.ID, error) {
	if !id.IsZero() {
		return id, nil
	}
	return pfid.New(at, actor.AccountID.Partition(), as.random)
}

func checkPartition(wrong fault.Fields, actor audit.Actor, id pfid.ID) {
	if !id.IsZero() && id.Partition() != actor.AccountID.Partition() {
		wrong.Add("id", "must be an id that was generated for this account; get one from POST /pfid/generate")
	}
}
