// Package people has the rules for the admin users of accounts: how they join and leave a team, sign in, and prove who they are.
package people

import (
	"context"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/unit"
)

// AdminUser is a person who signs in.
type AdminUser struct {
	ID        pfid.ID
	AccountID pfid.ID
	Email     string // lower case
	Name      string // may be empty
	JobTitle  string // may be empty
	Role      Role
	// ExpiryMailOff means that they want no mail about API tokens that expire.
	ExpiryMailOff bool
	InsertedAt    time.Time
	UpdatedAt     time.Time
}

// Reader reads members and their notices.
type Reader interface {
	// Members returns one page of the current members that the search finds, and their total number. An empty search finds all.
	Members(ctx context.Context, account pfid.ID, search string, page paging.Page) ([]Member, int, error)
	// Member returns one current member, or fault.NotFound.
	Member(ctx context.Context, account, id pfid.ID) (Member, error)
	// Notices returns the notices that the session's member has not dismissed, newest first.
	Notices(ctx context.Context, session Session) ([]Notice, error)
}

// Store keeps admin users. It writes each change together with its events in one transaction.
type Store interface {
	Reader
	// Together makes all changes of f one transaction, through the context that it passes to f.
	Together(ctx context.Context, f func(ctx context.Context) error) error
	// InsertAdminUser writes a new admin user. It returns fault.Validation if the email is taken.
	InsertAdminUser(ctx context.Context, user AdminUser, passwordHash string, event audit.Event) error

	MemberStore
	InviteStore
	ProfileStore
	ResetStore
	ToldStore
	SessionStore
}

// Accounts creates the accounts of founders.
type Accounts interface {
	// Create writes the account of founder, its first admin user, in the unit of work of ctx. With first, it returns
	// fault.InvalidAction if there is an account already.
	Create(ctx context.Context, at time.Time, founder audit.Actor, name string, first bool) error
}

// Passwords hashes and compares passwords, for one caller at a time.
type Passwords interface {
	// Turn waits until the caller may hash, and returns a function that ends its turn. Callers that have signed in
	// there before (known) skip the queue of unknown callers. If the queue is full or the wait too long, it returns
	// fault.Unavailable.
	Turn(ctx context.Context, known bool) (done func(), err error)
	// Hash returns a hash with the current costs. The caller must have its turn.
	Hash(password string) (string, error)
	// Matches compares in constant time. An empty hash never matches, but takes as long as any other. outdated means
	// that the hash should be replaced: its costs are not the current ones, or it is of another Unicode form of the
	// password. The caller must have its turn.
	Matches(password, hash string) (matches, outdated bool, err error)
}

// Parts are the dependencies of People.
type Parts struct {
	Store     Store
	Accounts  Accounts
	Passwords Passwords
	Verdicts  unit.Invalidator
	InviteKey InviteKey
	Now       func() time.Time // called once per operation
	// Shared returns the time by which tries are counted, the same for all copies of the program; nil for Now.
	Shared func(ctx context.Context) (time.Time, error)
	Random io.Reader
}

// People keeps admin users and signs them in.
type People struct {
	Reader
	store     Store
	accounts  Accounts
	passwords Passwords
	verdicts  unit.Invalidator
	inviteKey InviteKey
	now       func() time.Time
	shared    func(ctx context.Context) (time.Time, error)
	random    io.Reader
}

// New returns the admin users kept in the store.
func New(p Parts) *People {
	if p.Shared == nil {
		p.Shared = func(context.Context) (time.Time, error) { return p.Now().UTC(), nil }
	}
	return &People{
		Reader: p.Store, store: p.Store, accounts: p.Accounts, passwords: p.Passwords, verdicts: p.Verdicts, inviteKey: p.InviteKey, now: p.Now, shared: p.Shared, random: p.Random,
	}
}

// hashNew hashes a new admin user's password after waiting in the queue of unknown callers. It returns
// fault.Unavailable if that is full.
func (ps *People) hashNew(ctx context.Context, password string) (string, error) {
	done, err := ps.passwords.Turn(ctx, false)
	if err != nil {
		return "", err
	}
	defer done()
	return ps.passwords.Hash(password)
}
