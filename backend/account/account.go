// Package account holds what tokens belong to: the account, its environments, the admin users who sign in to it, and
// their sessions.
package account

import (
	"context"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Account is the top-level boundary: everything belongs to one, nothing crosses it.
type Account struct {
	ID               pfid.ID
	Name             string
	Purpose          string // business, personal, nonprofit, education or government
	OrganisationName string // empty for personal accounts
	Website          string
	InsertedAt       time.Time
	UpdatedAt        time.Time
}

// AdminUser is a person who signs in. All admin users of an account have equal rights.
type AdminUser struct {
	ID         pfid.ID
	AccountID  pfid.ID
	Email      string // lower case
	Name       string // may be empty
	JobTitle   string // may be empty
	InsertedAt time.Time
	UpdatedAt  time.Time
}

// Environment is a lifecycle stage of an account.
type Environment struct {
	ID          pfid.ID
	AccountID   pfid.ID
	Name        string
	Purpose     string // one of Purposes
	Description string // may be empty
	InsertedAt  time.Time
	UpdatedAt   time.Time
}

// Purposes are the lifecycle stages that an environment can stand for.
var Purposes = []string{"development", "staging", "testing", "production"}

// Store keeps accounts. Every change is written together with its events in one transaction, or not at all.
type Store interface {
	// CreateAccount writes a new account. Where first is set it returns ErrNotFirst if there is an account already.
	CreateAccount(ctx context.Context, founding Founding, first bool) error
	// HasAccounts reports whether there is any account.
	HasAccounts(ctx context.Context) (bool, error)
	// Accounts returns all accounts of the installation, oldest first.
	Accounts(ctx context.Context) ([]Account, error)
	// Account returns one account, else a fault.NotFound.
	Account(ctx context.Context, id pfid.ID) (Account, error)
	// EnvironmentOf returns one environment of the account, else a fault.NotFound.
	EnvironmentOf(ctx context.Context, account, id pfid.ID) (Environment, error)
	// Environments returns one page of the account's environments and how many there are in all.
	Environments(ctx context.Context, account pfid.ID, page paging.Page) ([]Environment, int, error)
	// InsertEnvironment writes an environment.
	InsertEnvironment(ctx context.Context, e Environment, event audit.Event) error

	// AdminUserByEmail returns the admin user with that lower-case email and the hash of the password; ok is false
	// where there is none.
	AdminUserByEmail(ctx context.Context, email string) (user AdminUser, passwordHash string, ok bool, err error)
	// InsertSession writes a session under the hash of its id, and removes those that have ended.
	InsertSession(ctx context.Context, hash SessionHash, s Session, event audit.Event) error
	// Session returns a session with its admin user and account; ok is false where there is none.
	Session(ctx context.Context, hash SessionHash) (s Session, ok bool, err error)
	// TouchSession moves the time a session was last seen forward.
	TouchSession(ctx context.Context, hash SessionHash, at time.Time) error
	// DeleteSession ends a session; no error where there is none.
	DeleteSession(ctx context.Context, hash SessionHash, event audit.Event) error

	// CountTry counts one more try of each source as failed, unless allowed refuses one of the counts so far; it
	// returns what allowed returned.
	CountTry(ctx context.Context, sources []string, at time.Time, allowed func([]Tries) error) error
	// ForgetTries resets the count of each source.
	ForgetTries(ctx context.Context, sources []string) error
}

// Passwords hashes and compares passwords.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	// Matches compares in constant time. An empty hash never matches, and takes as long as any other.
	Matches(ctx context.Context, password, hash string) (bool, error)
}

// Accounts makes accounts and lets admin users in.
type Accounts struct {
	store     Store
	passwords Passwords
	now       func() time.Time
	random    io.Reader
}

// New returns the accounts kept in store. now is read once for each operation.
func New(store Store, passwords Passwords, now func() time.Time, random io.Reader) *Accounts {
	return &Accounts{store: store, passwords: passwords, now: now, random: random}
}

// All returns all accounts of the installation, oldest first. For the command line only.
func (as *Accounts) All(ctx context.Context) ([]Account, error) { return as.store.Accounts(ctx) }

// IsSetUp reports whether the installation has an account.
func (as *Accounts) IsSetUp(ctx context.Context) (bool, error) { return as.store.HasAccounts(ctx) }

// Get returns one account, else a fault.NotFound.
func (as *Accounts) Get(ctx context.Context, id pfid.ID) (Account, error) {
	return as.store.Account(ctx, id)
}
