package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Environment is a lifecycle stage of an account, such as production.
type Environment struct {
	ID          pfid.ID
	AccountID   pfid.ID
	Name        string
	Purpose     string // one of Purposes
	Description string // may be empty
	InsertedAt  time.Time
	UpdatedAt   time.Time
}

// ListedEnvironment is an environment with the number of resources that refer to it.
type ListedEnvironment struct {
	Environment
	Deployments int
	LiveTokens  int // active or suspended API tokens
}

// Purposes lists the allowed purposes of an environment.
var Purposes = []string{"development", "staging", "testing", "production"}

// EnvironmentStore keeps environments.
type EnvironmentStore interface {
	// InsertEnvironment writes an environment.
	InsertEnvironment(ctx context.Context, e Environment, event audit.Event) error
	// UpdateEnvironment reads the environment, lets decide change it or refuse, and writes it, in one
	// transaction.
	UpdateEnvironment(ctx context.Context, account, id pfid.ID, decide func(*Environment) (audit.Event, error)) (ListedEnvironment, error)
	// DeleteEnvironment reads the environment, calls decide, revokes its live tokens, and deletes its deployments and
	// the environment, in one transaction. If there are very many tokens, their rows and events follow later. It
	// returns the environment as it was, and the number of those tokens.
	DeleteEnvironment(ctx context.Context, account, id pfid.ID, at time.Time, decide func(ListedEnvironment) error, record audit.Recorder) (ListedEnvironment, int, error)
}

// EnvironmentOrder describes an environment to create.
type EnvironmentOrder struct {
	ID          pfid.ID // zero for a new id; otherwise it must have the account's partition
	Name        string
	Purpose     string // empty for development
	Description string
}

// CreateEnvironment adds an environment to the actor's account. It returns fault.Validation if a field is invalid or
// the id is taken.
func (as *Accounts) CreateEnvironment(ctx context.Context, actor audit.Actor, order EnvironmentOrder) (ListedEnvironment, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	order.Name = text.Line(wrong, "name", order.Name, 1, maxName)
	order.Description = text.Lines(wrong, "description", order.Description, 0, maxDescription)
	if order.Purpose == "" {
		order.Purpose = Purposes[0]
	}
	checkPurpose(wrong, order.Purpose, Purposes)
	if !order.ID.IsZero() && order.ID.Partition() != actor.AccountID.Partition() {
		wrong.Add("id", "must be an id that was generated for this account; get one from POST /pfid/generate")
	}
	if err := wrong.Err(); err != nil {
		return ListedEnvironment{}, err
	}
	if order.ID.IsZero() {
		var err error
		if order.ID, err = pfid.New(at, actor.AccountID.Partition(), as.random); err != nil {
			return ListedEnvironment{}, err
		}
	}
	e := Environment{
		ID: order.ID, AccountID: actor.AccountID, Name: order.Name, Purpose: order.Purpose, Description: order.Description,
		InsertedAt: at, UpdatedAt: at,
	}
	event, err := audit.New(at, actor, audit.EnvironmentCreated, e.ID.String(), e.Name, as.random)
	if err != nil {
		return ListedEnvironment{}, err
	}
	return ListedEnvironment{Environment: e}, as.store.InsertEnvironment(ctx, e, event)
}

// EnvironmentChange is a change of an environment. Nil fields stay unchanged.
type EnvironmentChange struct {
	Name, Purpose, Description *string
}

// UpdateEnvironment changes an environment of the actor's account. It returns fault.Validation if a field is invalid,
// and fault.NotFound if the account has no such environment.
func (as *Accounts) UpdateEnvironment(ctx context.Context, actor audit.Actor, id pfid.ID, change EnvironmentChange) (ListedEnvironment, error) {
	at := as.now().UTC()
	return as.store.UpdateEnvironment(ctx, actor.AccountID, id, func(e *Environment) (audit.Event, error) {
		wrong := fault.Fields{}
		if change.Name != nil {
			e.Name = text.Line(wrong, "name", *change.Name, 1, maxName)
		}
		if change.Description != nil {
			e.Description = text.Lines(wrong, "description", *change.Description, 0, maxDescription)
		}
		if change.Purpose != nil {
			e.Purpose = *change.Purpose
			checkPurpose(wrong, e.Purpose, Purposes)
		}
		if err := wrong.Err(); err != nil {
			return audit.Event{}, err
		}
		e.UpdatedAt = at
		return audit.New(at, actor, audit.EnvironmentUpdated, id.String(), e.Name, as.random)
	})
}

// DeleteEnvironment removes an environment of the actor's account with its deployments, and revokes its live tokens. It
// returns the environment as it was and the number of those tokens; once it returns, no validation accepts them. With
// ifUnused it returns fault.InvalidAction instead if there are tokens or deployments.
func (as *Accounts) DeleteEnvironment(ctx context.Context, actor audit.Actor, id pfid.ID, ifUnused bool) (e ListedEnvironment, revoked int, err error) {
	at := as.now().UTC()
	decide := func(e ListedEnvironment) error {
		if !ifUnused || e.LiveTokens == 0 && e.Deployments == 0 {
			return nil
		}
		return fault.New(fault.InvalidAction, "%s and %s use this environment. To delete them with it, leave out if_unused.",
			count(e.LiveTokens, "live API token"), count(e.Deployments, "agent deployment"))
	}
	e, revoked, err = as.store.DeleteEnvironment(ctx, actor.AccountID, id, at, decide, audit.NewRecorder(at, actor, as.random))
	as.verdicts.Invalidate(ctx, id, nil, err)
	return e, revoked, err
}

func checkPurpose(wrong fault.Fields, purpose string, known []string) {
	if !slices.Contains(known, purpose) {
		wrong.Add("purpose", "must be one of %s", strings.Join(known, ", "))
	}
}

// count returns a number with what it counts, such as "2 tokens".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
