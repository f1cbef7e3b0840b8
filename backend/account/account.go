// Package account manages accounts and their environments.
package account

import (
	"context"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/unit"
)

// Account is the top-level boundary: each resource belongs to exactly one account.
type Account struct {
	ID               pfid.ID
	Name             string
	Purpose          string // one of AccountPurposes
	OrganisationName string // empty for personal accounts
	Website          string
	InsertedAt       time.Time
	UpdatedAt        time.Time
}

// Personal is the purpose of accounts without an organisation.
const Personal = "personal"

// AccountPurposes lists the allowed purposes of an account.
var AccountPurposes = []string{"business", Personal, "nonprofit", "education", "government"}

// Store keeps accounts. It writes each change together with its events in one transaction.
type Store interface {
	// InsertAccount writes a new account with its environments. With first, it returns ErrNotFirst if there is an
	// account already.
	InsertAccount(ctx context.Context, a Account, environments []Environment, events []audit.Event, first bool) error
	// HasAccounts reports whether there is an account.
	HasAccounts(ctx context.Context) (bool, error)
	// Accounts returns all accounts of the installation, oldest first.
	Accounts(ctx context.Context) ([]Account, error)
	// Account returns one account. It returns fault.NotFound if there is no such account.
	Account(ctx context.Context, id pfid.ID) (Account, error)
	// UpdateAccount reads the account, lets decide change it or refuse, and writes it, in one transaction.
	UpdateAccount(ctx context.Context, id pfid.ID, decide func(*Account) (audit.Event, error)) (Account, error)
	// Contents counts what an account holds.
	Contents(ctx context.Context, id pfid.ID) (Contents, error)
	// DeleteAccount reads the account, calls decide, and removes the account and everything in it except the audit
	// events, in one transaction. If there are very many rows, the rest are removed later.
	DeleteAccount(ctx context.Context, id pfid.ID, decide func(Account) (audit.Event, error)) (Account, error)

	EnvironmentStore
}

// Accounts creates and changes accounts.
type Accounts struct {
	store    Store
	verdicts unit.Invalidator
	now      func() time.Time
	random   io.Reader
}

// New returns the accounts kept in store. It calls now once per operation.
func New(store Store, verdicts unit.Invalidator, now func() time.Time, random io.Reader) *Accounts {
	return &Accounts{store: store, verdicts: verdicts, now: now, random: random}
}

// All returns all accounts of the installation, oldest first. Only the command line may call it.
func (as *Accounts) All(ctx context.Context) ([]Account, error) { return as.store.Accounts(ctx) }

// IsSetUp reports whether the installation has an account.
func (as *Accounts) IsSetUp(ctx context.Context) (bool, error) { return as.store.HasAccounts(ctx) }

// Get returns one account. It returns fault.NotFound if there is no such account.
func (as *Accounts) Get(ctx context.Context, id pfid.ID) (Account, error) {
	return as.store.Account(ctx, id)
}
