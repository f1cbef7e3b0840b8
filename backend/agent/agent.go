// Package agent holds the programs that an account has registered, their versions, and where they are deployed.
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
)

// Agent is a registered program. It belongs to the account, not to an environment.
type Agent struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	Name               string
	Description        string // may be empty
	ExternalIdentifier string // may be empty; else unique in the account
	Status             string // what the rest says at the instant that it was read; see the statuses
	LastSeenAt         time.Time
	RetiredAt          time.Time // zero unless retired
	InsertedAt         time.Time
	UpdatedAt          time.Time
}

// The statuses.
const (
	Pending = "pending" // not seen yet: none of its deployment tokens was ever used
	Active  = "active"  // seen lately
	Dormant = "dormant" // not seen for ActiveFor, or stamped by a clock that was ahead
	Retired = "retired" // an admin says so, whenever it was seen
)

// ActiveFor is how long after it was seen last an agent counts as active.
const ActiveFor = 30 * 24 * time.Hour

// ClockTolerance is how far in the future an active agent may have been seen last. A clock that was further ahead would
// keep it active for as long, and its next use puts the time right.
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

// Actions says which moves the state of an agent allows.
type Actions struct {
	Update, Retire, Reinstate, Delete bool
}

// Actions returns the moves that are allowed now.
func (a Agent) Actions() Actions {
	retired := !a.RetiredAt.IsZero()
	return Actions{Update: true, Retire: !retired, Reinstate: retired, Delete: true}
}

// Verdicts is what is remembered of validated tokens.
type Verdicts interface {
	// ForgetAllOf makes the next validation of all tokens of an agent or a deployment ask the store again.
	ForgetAllOf(id pfid.ID)
}

// Agents registers agents and deploys them.
type Agents struct {
	store    Store
	verdicts Verdicts
	now      func() time.Time
	random   io.Reader
}

// New returns the agents kept in store. now is read once for each operation.
func New(store Store, verdicts Verdicts, now func() time.Time, random io.Reader) *Agents {
	return &Agents{store: store, verdicts: verdicts, now: now, random: random}
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

// Update is what a caller wants changed about an agent.
type Update struct {
	Name        *string // nil to leave it
	Description *string // nil to leave it
	// CurrentVersionID becomes the current version of the agent's only deployment; zero to leave it.
	CurrentVersionID pfid.ID
}

// Update changes an agent.
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

// Get returns one agent of the account, else a fault.NotFound.
func (as *Agents) Get(ctx context.Context, account, id pfid.ID) (Agent, error) {
	a, err := as.store.Agent(ctx, account, id)
	a.Status = a.statusAt(as.now())
	return a, err
}

// GetByExternalIdentifier returns the agent of the account that has the identifier, else a fault.NotFound.
func (as *Agents) GetByExternalIdentifier(ctx context.Context, account pfid.ID, identifier string) (Agent, error) {
	a, err := as.store.AgentByExternalIdentifier(ctx, account, identifier)
	if kept := text.Composed(identifier); fault.KindOf(err) == fault.NotFound && kept != identifier {
		a, err = as.store.AgentByExternalIdentifier(ctx, account, kept)
	}
	a.Status = a.statusAt(as.now())
	return a, err
}

// List returns one page of the account's agents and how many there are in all.
func (as *Agents) List(ctx context.Context, account pfid.ID, page paging.Page) ([]Agent, int, error) {
	at := as.now()
	list, total, err := as.store.Agents(ctx, account, page, at.Add(-ActiveFor), at.Add(ClockTolerance))
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
		wrong.Add("id", "must be of the partition of the account")
	}
}
