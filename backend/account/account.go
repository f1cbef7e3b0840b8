// Package account manages accounts, their environments, the admin users who sign in, and their sessions.
package account

import (
	"context"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
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

// Store keeps accounts. It writes each change together with its events in one transaction.
type Store interface {
	// CreateAccount writes a new account. With first, it returns ErrNotFirst if there is an account already.
	CreateAccount(ctx context.Context, founding Founding, first bool) error
	// HasAccounts reports whether there is an account.
	HasAccounts(ctx context.Context) (bool, error)
	// Accounts returns all accounts of the installation, oldest first.
	Accounts(ctx context.Context) ([]Account, error)
	// Account returns one account. It returns fault.NotFound if there is no such account.
	Account(ctx context.Context, id pfid.ID) (Account, error)
	// UpdateAccount reads the account, calls decide and writes the account that it returns, in one transaction.
	UpdateAccount(ctx context.Context, id pfid.ID, decide func(Account) (Account, audit.Event, error)) (Account, error)
	// Contents counts what an account holds.
	Contents(ctx context.Context, id pfid.ID) (Contents, error)
	// DeleteAccount reads the account, calls decide, and removes the account and everything in it except the audit
	// events, in one transaction. If there are very many rows, the rest are removed later.
	DeleteAccount(ctx context.Context, id pfid.ID, decide func(Account) (audit.Event, error)) (Account, error)

	EnvironmentStore
	MemberStore
	InviteStore
	ProfileStore
	SessionStore
}

// Recorder makes the events of one change, for stores that only learn during the change what changes.
type Recorder = audit.Recorder

// Verdicts is the cache of verdicts. A change that ends tokens commits first, then calls Forget or ForgetAllOf, then
// answers; also if the outcome of the commit is unknown.
type Verdicts interface {
	// Forget drops the cached verdict of the token whose secret has this hash.
	Forget(hash [32]byte)
	// ForgetAllOf drops the cached verdicts of all tokens of an account or environment.
	ForgetAllOf(id pfid.ID)
}

// Passwords hashes and compares passwords, for one caller at a time.
type Passwords interface {
	// Turn waits until the caller may hash, and returns a function that ends its turn. Callers that have signed in
	// there before (known) skip the queue of strangers. If the queue is full or the wait too long, it returns
	// fault.Unavailable.
	Turn(ctx context.Context, known bool) (done func(), err error)
	// Hash returns a hash with the current costs. The caller must have its turn.
	Hash(password string) (string, error)
	// Matches compares in constant time. An empty hash never matches, but takes as long as any other. outdated means
	// that the hash should be replaced: its costs are not the current ones, or it is of another Unicode form of the
	// password. The caller must have its turn.
	Matches(password, hash string) (matches, outdated bool, err error)
}

// Parts are the dependencies of Accounts.
type Parts struct {
	Store     Store
	Passwords Passwords
	Verdicts  Verdicts
	InviteKey InviteKey
	Now       func() time.Time // called once per operation
	Random    io.Reader
}

// Accounts creates and changes accounts, and signs admin users in.
type Accounts struct {
	store     Store
	passwords Passwords
	verdicts  Verdicts
	inviteKey InviteKey
	now       func() time.Time
	random    io.Reader
}

// New returns the accounts kept in the store.
func New(p Parts) *Accounts {
	return &Accounts{store: p.Store, passwords: p.Passwords, verdicts: p.Verdicts, inviteKey: p.InviteKey, now: p.Now, random: p.Random}
}

// All returns all accounts of the installation, oldest first. Only the command line may call it.
func (as *Accounts) All(ctx context.Context) ([]Account, error) { return as.store.Accounts(ctx) }

// IsSetUp reports whether the installation has an account.
func (as *Accounts) IsSetUp(ctx context.Context) (bool, error) { return as.store.HasAccounts(ctx) }

// Get returns one account. It returns fault.NotFound if there is no such account.
func (as *Accounts) Get(ctx context.Context, id pfid.ID) (Account, error) {
	return as.store.Account(ctx, id)
}

// hashNew hashes a new admin user's password after waiting in the queue of strangers. It returns fault.Unavailable if
// that is full.
func (as *Accounts) hashNew(ctx context.Context, password string) (string, error) {
	done, err := as.passwords.Turn(ctx, false)
	if err != nil {
		return "", err
	}
	defer done()
	return as.passwords.Hash(password)
}

func (as *Accounts) recorder(at time.Time, actor audit.Actor) Recorder {
	return func(action audit.Action, subject pfid.ID, detail string) (audit.Event, error) {
		return audit.New(at, actor, action, subject.String(), detail, as.random)
	}
}

// forgetAllOf drops the cached verdicts of the tokens that a change ended, after its commit. If err leaves the
// outcome open (see fault.Refused), it drops them too: the commit may have happened.
func (as *Accounts) forgetAllOf(ctx context.Context, id pfid.ID, err error) {
	if fault.Refused(err) {
		return
	}
	unit.After(ctx, func(bool) { as.verdicts.ForgetAllOf(id) })
}
