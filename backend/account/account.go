// Package account holds what tokens belong to: the account, its environments, the admin users who sign in to it, and
// their sessions.
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

// Account is the top-level boundary: everything belongs to one, nothing crosses it.
type Account struct {
	ID               pfid.ID
	Name             string
	Purpose          string // one of AccountPurposes
	OrganisationName string // empty for personal accounts
	Website          string
	InsertedAt       time.Time
	UpdatedAt        time.Time
}

// Personal is the purpose of an account that has no organisation.
const Personal = "personal"

// AccountPurposes are the purposes that an account can have.
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
	// UpdateAccount reads the account, lets decide set what changes, and writes that, all in one transaction.
	UpdateAccount(ctx context.Context, id pfid.ID, decide func(Account) (Account, audit.Event, error)) (Account, error)
	// Contents counts what an account holds.
	Contents(ctx context.Context, id pfid.ID) (Contents, error)
	// DeleteAccount reads the account, asks decide, and removes it with everything in it but the record of what was
	// done, all in one transaction.
	DeleteAccount(ctx context.Context, id pfid.ID, decide func(Account) (audit.Event, error)) (Account, error)

	EnvironmentStore
	MemberStore
	InviteStore
	ProfileStore
	SessionStore
}

// Recorder makes the events of one change, for stores that find out what changes only while they change it.
type Recorder = audit.Recorder

// Verdicts is what validations remember. A change that makes tokens refused commits first, then forgets what is
// remembered of them, then answers; also where the outcome of the commit is not known.
type Verdicts interface {
	// Forget drops what is remembered of the token with this hash of its secret.
	Forget(hash [32]byte)
	// ForgetAllOf drops what is remembered of all tokens of an account or an environment.
	ForgetAllOf(id pfid.ID)
}

// Passwords hashes and compares passwords, for one caller at a time.
type Passwords interface {
	// Turn waits until the caller may hash, and returns what ends its turn. Callers who are not known to have signed in
	// before form a queue that the others need not join. A full queue, or a long wait, is a fault.Unavailable.
	Turn(ctx context.Context, known bool) (done func(), err error)
	// Hash returns a hash with the present costs. The caller must have its turn.
	Hash(password string) (string, error)
	// Matches compares in constant time. An empty hash never matches, and takes as long as any other. A hash with other
	// costs than the present ones is outdated. The caller must have its turn.
	Matches(password, hash string) (matches, outdated bool, err error)
}

// Parts is what Accounts is built from.
type Parts struct {
	Store     Store
	Passwords Passwords
	Verdicts  Verdicts
	InviteKey InviteKey
	Now       func() time.Time // read once for each operation
	Random    io.Reader
}

// Accounts makes and changes accounts, and lets admin users in.
type Accounts struct {
	store     Store
	passwords Passwords
	verdicts  Verdicts
	inviteKey InviteKey
	now       func() time.Time
	random    io.Reader
}

// New returns the accounts kept in a store.
func New(p Parts) *Accounts {
	return &Accounts{store: p.Store, passwords: p.Passwords, verdicts: p.Verdicts, inviteKey: p.InviteKey, now: p.Now, random: p.Random}
}

// All returns all accounts of the installation, oldest first. For the command line only.
func (as *Accounts) All(ctx context.Context) ([]Account, error) { return as.store.Accounts(ctx) }

// IsSetUp reports whether the installation has an account.
func (as *Accounts) IsSetUp(ctx context.Context) (bool, error) { return as.store.HasAccounts(ctx) }

// Get returns one account, else a fault.NotFound.
func (as *Accounts) Get(ctx context.Context, id pfid.ID) (Account, error) {
	return as.store.Account(ctx, id)
}

// hashNew hashes the password of a new admin user.
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

// forgetAllOf drops what is remembered of the tokens that a change has ended, once that is committed. It does so also
// after a failure that is no refusal: a commit whose answer was lost may still have happened.
func (as *Accounts) forgetAllOf(ctx context.Context, id pfid.ID, err error) {
	if fault.Refused(err) {
		return
	}
	unit.After(ctx, func(bool) { as.verdicts.ForgetAllOf(id) })
}
