package account

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// ErrNotFirst means that an account exists already.
var ErrNotFirst = fault.New(fault.InvalidAction, "This installation is set up already.")

// Create writes the account of founder, its first admin user, with the environments Development and Production. The
// caller writes the admin user in the same unit of work, at the same instant. With first, it returns ErrNotFirst if there
// is an account already.
func (as *Accounts) Create(ctx context.Context, at time.Time, founder audit.Actor, name string, first bool) error {
	id := founder.AccountID
	wrong := fault.Fields{}
	name = text.Line(wrong, "account_name", name, 1, maxName)
	if err := wrong.Err(); err != nil {
		return err
	}
	a := Account{ID: id, Name: name, Purpose: "business", OrganisationName: name, InsertedAt: at, UpdatedAt: at}
	created, err := audit.New(at, founder, audit.AccountCreated, id.String(), name, as.random)
	if err != nil {
		return err
	}
	// Lists begin with the oldest, which clients take that must choose. Development is the safe choice.
	environments := []Environment{
		{Name: "Development", Purpose: "development", InsertedAt: at, UpdatedAt: at},
		{Name: "Production", Purpose: "production", InsertedAt: at.Add(time.Millisecond), UpdatedAt: at.Add(time.Millisecond)},
	}
	events := []audit.Event{created}
	for i := range environments {
		e := &environments[i]
		e.AccountID = id
		if e.ID, err = pfid.New(at, id.Partition(), as.random); err != nil {
			return err
		}
		created, err := audit.New(at, founder, audit.EnvironmentCreated, e.ID.String(), e.Name, as.random)
		if err != nil {
			return err
		}
		events = append(events, created)
	}
	return as.store.InsertAccount(ctx, a, environments, events, first)
}
