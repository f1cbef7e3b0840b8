package account

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

const (
	// InviteLife is how long an invite can be accepted.
	InviteLife = 7 * 24 * time.Hour
	// InviteTolerance is how far in the future an acceptable invite may be dated. Beyond it, a clock that was ahead
	// gave the invite too long a life.
	InviteTolerance = time.Minute
)

// The statuses of an invite. Expiry is not a status; it follows from the times.
const (
	InvitePending = "pending"
	InviteUsed    = "used"
	InviteRevoked = "revoked"
)

// Invite lets the holder of its code join the team of an account, once.
type Invite struct {
	ID                   pfid.ID
	AccountID            pfid.ID
	Email                string // lower case
	Status               string
	CreatedByAdminUserID pfid.ID // the responsible admin user, also if one of their API tokens made it; zero for none
	CreatedByAPITokenID  pfid.ID // zero unless an API token made it
	CreatedByName        string  // name of the API token or else of the admin user; empty if neither exists any more
	ExpiresAt            time.Time
	InsertedAt           time.Time
	UpdatedAt            time.Time
}

// IssuedInvite is an invite as the team sees it at one instant.
type IssuedInvite struct {
	Invite
	Expired bool   // too late to accept, or dated by a clock that was ahead
	Code    string // empty unless it can be accepted
}

// Acceptance is what an invited person submits to accept an invite.
type Acceptance struct {
	Code     string
	Name     string
	Password string
}

// InviteKey makes the codes of invites, so that codes need not be stored.
type InviteKey interface {
	// MAC returns a message authentication code, which can't be computed without the key.
	MAC(message []byte) []byte
}

// If several requests accept the same invite or create members with the same email at once, one of them wins. The
// others get one of these errors.
var (
	// ErrInviteOver means that an invite can't be accepted any more.
	ErrInviteOver = errors.New("the invite is over")
	// ErrIsMember means that an email belongs to a member already.
	ErrIsMember = errors.New("the email belongs to a member")
)

// InviteStore keeps invites.
type InviteStore interface {
	// Invites returns one page of the account's invites, and their total number.
	Invites(ctx context.Context, account pfid.ID, page paging.Page) ([]Invite, int, error)
	// Invite returns one invite of the account, or fault.NotFound.
	Invite(ctx context.Context, account, id pfid.ID) (Invite, error)
	// InsertInvite writes an invite and returns it as written. Its expiry is capped at that of the API token that
	// makes it. It revokes the account's pending invites for the same email. It returns ErrIsMember if the email
	// belongs to a member of the account.
	InsertInvite(ctx context.Context, i Invite, record Recorder) (Invite, error)
	// RevokeInvite reads the invite, calls decide and writes the invite that it returns, in one transaction.
	RevokeInvite(ctx context.Context, account, id pfid.ID, decide func(Invite) (Invite, audit.Event, error)) (Invite, error)
	// InviteForAnyone returns an invite of any account, and that account. ok is false if there is none, or if the API
	// token or admin user that made it has ended.
	InviteForAnyone(ctx context.Context, id pfid.ID) (i Invite, owner Account, ok bool, err error)
	// AcceptInvite marks the invite as used and writes its admin user, in one transaction. It returns ErrInviteOver
	// unless the invite is pending, has not expired at the given instant (see InviteTolerance) and its maker has not
	// ended, and ErrIsMember if the email belongs to a member.
	AcceptInvite(ctx context.Context, id pfid.ID, at time.Time, user AdminUser, passwordHash string, events []audit.Event) error
}

// Invite creates an invite to the actor's account. It revokes earlier pending invites of the account for the same
// email. It returns fault.Validation if the email is invalid or belongs to a member.
func (as *Accounts) Invite(ctx context.Context, actor audit.Actor, email string) (IssuedInvite, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	email = text.Email(wrong, "email", email)
	if err := wrong.Err(); err != nil {
		return IssuedInvite{}, err
	}
	id, err := pfid.New(at, actor.AccountID.Partition(), as.random)
	if err != nil {
		return IssuedInvite{}, err
	}
	i := Invite{
		ID: id, AccountID: actor.AccountID, Email: email, Status: InvitePending, CreatedByAdminUserID: actor.AdminUserID, CreatedByAPITokenID: actor.APITokenID,
		ExpiresAt: at.Add(InviteLife), InsertedAt: at, UpdatedAt: at,
	}
	i, err = as.store.InsertInvite(ctx, i, as.recorder(at, actor))
	if errors.Is(err, ErrIsMember) {
		return IssuedInvite{}, fault.Field("email", "belongs to a member already")
	}
	if err != nil {
		return IssuedInvite{}, err
	}
	return as.issued(i, at), nil
}

// InviteOf returns one invite of the account. It returns fault.NotFound if the account has no such invite.
func (as *Accounts) InviteOf(ctx context.Context, account, id pfid.ID) (IssuedInvite, error) {
	at := as.now().UTC()
	i, err := as.store.Invite(ctx, account, id)
	return as.issued(i, at), err
}

// Invites returns one page of the account's invites, and their total number.
func (as *Accounts) Invites(ctx context.Context, account pfid.ID, page paging.Page) ([]IssuedInvite, int, error) {
	at := as.now().UTC()
	invites, total, err := as.store.Invites(ctx, account, page)
	list := make([]IssuedInvite, len(invites))
	for n, i := range invites {
		list[n] = as.issued(i, at)
	}
	return list, total, err
}

// RevokeInvite revokes a pending invite of the actor's account. It returns fault.InvalidAction if the invite is not
// pending.
func (as *Accounts) RevokeInvite(ctx context.Context, actor audit.Actor, id pfid.ID) (IssuedInvite, error) {
	at := as.now().UTC()
	revoked, err := as.store.RevokeInvite(ctx, actor.AccountID, id, func(i Invite) (Invite, audit.Event, error) {
		if i.Status != InvitePending {
			return i, audit.Event{}, fault.New(fault.InvalidAction, "This invite is %s, so it can't be revoked.", i.Status)
		}
		i.Status, i.UpdatedAt = InviteRevoked, at
		event, err := audit.New(at, actor, audit.AdminUserInviteRevoked, id.String(), i.Email, as.random)
		return i, event, err
	})
	return as.issued(revoked, at), err
}

// ShowInvite returns the invite that a code belongs to, and its account, to a caller who is not signed in. It returns
// the same fault.NotFound for every code that can't be accepted.
func (as *Accounts) ShowInvite(ctx context.Context, code string) (Invite, Account, error) {
	return as.openInvite(ctx, code, as.now().UTC())
}

// AcceptInvite makes the holder of the code a member of the account. It works once per invite. It returns
// fault.NotFound, always with the same message, if the code can't be accepted; fault.Validation if a field is
// invalid; fault.InvalidAction if the email belongs to a member already; and fault.Unavailable if too many people are
// signing in.
func (as *Accounts) AcceptInvite(ctx context.Context, said Acceptance, address string) (AdminUser, error) {
	at := as.now().UTC()
	i, _, err := as.openInvite(ctx, said.Code, at)
	if err != nil {
		return AdminUser{}, err
	}
	wrong := fault.Fields{}
	name := text.Line(wrong, "name", said.Name, 1, maxName)
	checkPassword(wrong, "password", said.Password)
	if err := wrong.Err(); err != nil {
		return AdminUser{}, err
	}
	hash, err := as.hashNew(ctx, said.Password)
	if err != nil {
		return AdminUser{}, err
	}
	id, err := pfid.New(at, i.AccountID.Partition(), as.random)
	if err != nil {
		return AdminUser{}, err
	}
	user := AdminUser{ID: id, AccountID: i.AccountID, Email: i.Email, Name: name, InsertedAt: at, UpdatedAt: at}
	record := as.recorder(at, audit.Actor{AccountID: i.AccountID, AdminUserID: id, Address: address})
	used, err := record(audit.AdminUserInviteUsed, i.ID, i.Email)
	if err != nil {
		return AdminUser{}, err
	}
	created, err := record(audit.AdminUserCreated, id, i.Email)
	if err != nil {
		return AdminUser{}, err
	}
	err = as.store.AcceptInvite(ctx, i.ID, at, user, hash, []audit.Event{used, created})
	switch {
	case errors.Is(err, ErrInviteOver):
		return AdminUser{}, noInvite()
	case errors.Is(err, ErrIsMember):
		return AdminUser{}, fault.New(fault.InvalidAction, "The email of this invite belongs to a member already.")
	}
	return user, err
}

func (as *Accounts) openInvite(ctx context.Context, code string, at time.Time) (Invite, Account, error) {
	id, ok := as.inviteOfCode(code)
	if !ok {
		return Invite{}, Account{}, noInvite()
	}
	i, owner, ok, err := as.store.InviteForAnyone(ctx, id)
	if err != nil {
		return Invite{}, Account{}, err
	}
	if !ok || as.issued(i, at).Code == "" {
		return Invite{}, Account{}, noInvite()
	}
	return i, owner, nil
}

func noInvite() error {
	return fault.New(fault.NotFound, "This invite does not exist, was used or revoked, or has expired.")
}

func (as *Accounts) issued(i Invite, at time.Time) IssuedInvite {
	issued := IssuedInvite{Invite: i}
	if i.Status == InvitePending {
		if issued.Expired = !at.Before(i.ExpiresAt) || i.InsertedAt.After(at.Add(InviteTolerance)); !issued.Expired {
			issued.Code = as.codeOf(i.ID)
		}
	}
	return issued
}

// codeOf returns the code of an invite: its id followed by a MAC of the id. Both have a fixed length.
func (as *Accounts) codeOf(id pfid.ID) string {
	text := id.String()
	return text + base64.RawURLEncoding.EncodeToString(as.inviteKey.MAC([]byte(text)))
}

// inviteOfCode returns the id in a code; ok is false unless codeOf made the code.
func (as *Accounts) inviteOfCode(code string) (id pfid.ID, ok bool) {
	if len(code) < pfid.TextSize {
		return pfid.ID{}, false
	}
	id, err := pfid.Parse(code[:pfid.TextSize])
	if err != nil {
		return pfid.ID{}, false
	}
	return id, hmac.Equal([]byte(code), []byte(as.codeOf(id))) // constant time
}
