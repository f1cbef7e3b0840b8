// Package account creates, changes and deletes accounts and their environments.
package account

import (
	"context"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
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

// Reader reads accounts and environments.
type Reader interface {
	// All returns all accounts of the installation, oldest first. Only the command line may call it.
	All(ctx context.Context) ([]Account, error)
	// IsSetUp reports whether the installation has an account.
	IsSetUp(ctx context.Context) (bool, error)
	// Get returns one account. It returns fault.NotFound if there is no such account.
	Get(ctx context.Context, id pfid.ID) (Account, error)
	// Contents counts what an account holds.
	Contents(ctx context.Context, id pfid.ID) (Contents, error)
	// Environment returns one environment of the account, or fault.NotFound.
	Environment(ctx context.Context, account, id pfid.ID) (ListedEnvironment, error)
	// Environments returns one page of the account's environments, and their total number.
	Environments(ctx context.Context, account pfid.ID, page paging.Page) ([]ListedEnvironment, int, error)
}

// Store keeps accounts. It writes each change together with its events in one transaction.
type Store interface {
	Reader
	// InsertAccount writes a new account with its environments. With first, it returns ErrNotFirst if there is an
	// account already.
	InsertAccount(ctx context.Context, a Account, environments []Environment, events []audit.Event, first bool) error
	// UpdateAccount reads the account, lets decide change it or refuse, and writes it, in one transaction.
	UpdateAccount(ctx context.Context, id pfid.ID, decide func(*Account) (audit.Event, error)) (Account, error)
	// DeleteAccount reads the account, calls decide, and removes the account and everything in it except the audit
	// events, in one transaction. If there are very many rows, the rest are removed later.
	DeleteAccount(ctx context.Context, id pfid.ID, decide func(Account) (audit.Event, error)) (Account, error)

	EnvironmentStore
}

// Accounts creates and changes accounts.
type Accounts struct {
	Reader
	store    Store
	verdicts unit.Invalidator
	now      func() time.Time
	random   io.Reader
}

// New returns the accounts kept in store. It calls now once per operation.
func New(store Store, verdicts unit.Invalidator, now func() time.Time, random io.Reader) *Accounts {
	return &Accounts{Reader: store, store: store, verdicts: verdicts, now: now, random: random}
}
