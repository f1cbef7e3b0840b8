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
	// InviteTolerance is how far in the future an invite that can be accepted may have been made. A clock that was further
	// ahead gave it a longer life than InviteLife.
	InviteTolerance = time.Minute
)

// The statuses of an invite. Expired is not one: it follows from the times.
const (
	InvitePending = "pending"
	InviteUsed    = "used"
	InviteRevoked = "revoked"
)

// Invite lets whoever has its code join the team of an account, once.
type Invite struct {
	ID                   pfid.ID
	AccountID            pfid.ID
	Email                string // lower case
	Status               string
	CreatedByAdminUserID pfid.ID // who is responsible for it, also if an API token of theirs made it; zero for none
	CreatedByAPITokenID  pfid.ID // zero unless an API token made it
	CreatedByName        string  // of the API token, else of the admin user; empty if neither is known any more
	ExpiresAt            time.Time
	InsertedAt           time.Time
	UpdatedAt            time.Time
}

// IssuedInvite is an invite as the team sees it at some instant.
type IssuedInvite struct {
	Invite
	Expired bool   // was not accepted in time, or was made by a clock that was ahead
	Code    string // empty unless it can be accepted
}

// Acceptance is what somebody says who accepts an invite.
type Acceptance struct {
	Code     string
	Name     string
	Password string
}

// InviteKey makes the codes of invites, so that none has to be stored.
type InviteKey interface {
	// MAC returns a message authentication code that nobody makes without the key.
	MAC(message []byte) []byte
}

// Of several who accept an invite, or become a member with the same email, at once, one wins.
var (
	// ErrInviteOver says that an invite can't be accepted any more.
	ErrInviteOver = errors.New("the invite is over")
	// ErrIsMember says that an email is that of a member.
	ErrIsMember = errors.New("the email belongs to a member")
)

// InviteStore keeps invites.
type InviteStore interface {
	// Invites returns one page of the account's invites and how many there are in all.
	Invites(ctx context.Context, account pfid.ID, page paging.Page) ([]Invite, int, error)
	// Invite returns one invite of the account, else a fault.NotFound.
	Invite(ctx context.Context, account, id pfid.ID) (Invite, error)
	// InsertInvite writes an invite, which ends with the API token that makes it at the latest, and revokes the pending
	// ones that its account has for the same email. It returns the invite as written. An email of a member of the account
	// is ErrIsMember.
	InsertInvite(ctx context.Context, i Invite, record Recorder) (Invite, error)
	// RevokeInvite reads the invite, lets decide set what changes, and writes that, all in one transaction.
	RevokeInvite(ctx context.Context, account, id pfid.ID, decide func(Invite) (Invite, audit.Event, error)) (Invite, error)
	// InviteForAnyone returns the invite of any account with the account; ok is false if there is none or its maker, an
	// API token or an admin user, has ended.
	InviteForAnyone(ctx context.Context, id pfid.ID) (i Invite, owner Account, ok bool, err error)
	// AcceptInvite marks a pending invite that has not expired at the given instant, also by InviteTolerance, and whose
	// maker has not ended, as used, and writes the admin user that it was for, in one transaction. It may return ErrInviteOver or ErrIsMember.
	AcceptInvite(ctx context.Context, id pfid.ID, at time.Time, user AdminUser, passwordHash string, events []audit.Event) error
}

// Invite lets somebody join the team of the actor's account. Earlier invites of the account for the same email end.
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

// InviteOf returns one invite of the account, else a fault.NotFound.
func (as *Accounts) InviteOf(ctx context.Context, account, id pfid.ID) (IssuedInvite, error) {
	at := as.now().UTC()
	i, err := as.store.Invite(ctx, account, id)
	return as.issued(i, at), err
}

// Invites returns one page of the account's invites and how many there are in all.
func (as *Accounts) Invites(ctx context.Context, account pfid.ID, page paging.Page) ([]IssuedInvite, int, error) {
	at := as.now().UTC()
	invites, total, err := as.store.Invites(ctx, account, page)
	list := make([]IssuedInvite, len(invites))
	for n, i := range invites {
		list[n] = as.issued(i, at)
	}
	return list, total, err
}

// RevokeInvite ends a pending invite of the actor's account. Any other is a fault.InvalidAction.
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

// ShowInvite tells a stranger with a code what it invites to. Any code that can't be accepted is one and the same
// fault.NotFound.
func (as *Accounts) ShowInvite(ctx context.Context, code string) (Invite, Account, error) {
	return as.openInvite(ctx, code, as.now().UTC())
}

// AcceptInvite makes a member of the stranger who has the code. It works once; any code that can't be accepted is one
// and the same fault.NotFound.
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

// codeOf returns the code of an invite: its id, and a proof that we issued it. Both have a fixed length.
func (as *Accounts) codeOf(id pfid.ID) string {
	text := id.String()
	return text + base64.RawURLEncoding.EncodeToString(as.inviteKey.MAC([]byte(text)))
}

// inviteOfCode returns the id in a code; ok is false where we did not issue it.
func (as *Accounts) inviteOfCode(code string) (id pfid.ID, ok bool) {
	if len(code) < pfid.TextSize {
		return pfid.ID{}, false
	}
	id, err := pfid.Parse(code[:pfid.TextSize])
	if err != nil {
		return pfid.ID{}, false
	}
	return id, hmac.Equal([]byte(code), []byte(as.codeOf(id))) // in constant time
}
