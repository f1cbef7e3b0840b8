package account

import (
	"context"
	"slices"
	"strings"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// EnvironmentOrder is what a caller asks for when an environment is made.
type EnvironmentOrder struct {
	ID          pfid.ID // zero to have one made; else it has to be of the account's partition
	Name        string
	Purpose     string // empty for development
	Description string
}

// CreateEnvironment adds an environment to the actor's account.
func (as *Accounts) CreateEnvironment(ctx context.Context, actor audit.Actor, order EnvironmentOrder) (Environment, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	order.Name = wrong.Text("name", order.Name, 1, maxName)
	order.Description = wrong.Lines("description", order.Description, 0, maxDescription)
	if order.Purpose == "" {
		order.Purpose = Purposes[0]
	}
	if !slices.Contains(Purposes, order.Purpose) {
		wrong.Add("purpose", "must be one of %s", strings.Join(Purposes, ", "))
	}
	if !order.ID.IsZero() && order.ID.Partition() != actor.AccountID.Partition() {
		wrong.Add("id", "must be of the partition of the account")
	}
	if err := wrong.Err(); err != nil {
		return Environment{}, err
	}
	if order.ID.IsZero() {
		var err error
		if order.ID, err = pfid.New(at, actor.AccountID.Partition(), as.random); err != nil {
			return Environment{}, err
		}
	}
	e := Environment{
		ID: order.ID, AccountID: actor.AccountID, Name: order.Name, Purpose: order.Purpose, Description: order.Description,
		InsertedAt: at, UpdatedAt: at,
	}
	event, err := audit.New(at, actor, audit.EnvironmentCreated, e.ID.String(), e.Name, as.random)
	if err != nil {
		return Environment{}, err
	}
	return e, as.store.InsertEnvironment(ctx, e, event)
}

// Environment returns one environment of the account, else a fault.NotFound.
func (as *Accounts) Environment(ctx context.Context, account, id pfid.ID) (Environment, error) {
	return as.store.EnvironmentOf(ctx, account, id)
}

// Environments returns one page of the account's environments and how many there are in all.
func (as *Accounts) Environments(ctx context.Context, account pfid.ID, page paging.Page) ([]Environment, int, error) {
	return as.store.Environments(ctx, account, page)
}
