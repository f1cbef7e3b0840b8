package people

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
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
	// InviteKept is how long an invite is listed after its end.
	InviteKept = 90 * 24 * time.Hour
	// InviteTolerance is how far in the future an acceptable invite may be dated. Beyond it, a clock that was ahead
	// gave the invite too long a life.
	InviteTolerance = time.Minute
	// MaxInviteMails is how many invites an account mails to one mailbox in InviteMailsWithin.
	MaxInviteMails    = 5
	InviteMailsWithin = 24 * time.Hour
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
	Role                 Role   // of the person who accepts it
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

// Acceptance holds the input of an invited person who accepts an invite.
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
	// ErrInviteOver means that a code belongs to no invite that can be accepted.
	ErrInviteOver = fault.New(fault.NotFound, "This invite does not exist, was used or revoked, or has expired.")
	// ErrIsMember means that the email of an invite belongs to a member already.
	ErrIsMember = fault.New(fault.InvalidAction, "The email of this invite belongs to a member already.")
)

// InviteStore keeps invites.
type InviteStore interface {
	// Invites returns one page of the account's invites, and their total number.
	Invites(ctx context.Context, account pfid.ID, page paging.Page) ([]Invite, int, error)
	// Invite returns one invite of the account, or fault.NotFound.
	Invite(ctx context.Context, account, id pfid.ID) (Invite, error)
	// IsInvited reports whether a pending invite of any account that has not expired at the given instant has one of the emails.
	IsInvited(ctx context.Context, at time.Time, emails ...string) (bool, error)
	// InsertInvite writes an invite and returns it as written. Its expiry is capped at that of the API token that
	// makes it. It revokes the account's pending invites for the same email. It returns fault.Validation if the email
	// belongs to a member of the account.
	InsertInvite(ctx context.Context, i Invite, record audit.Recorder) (Invite, error)
	// ClaimInviteMail marks an invite as mailed, unless most of the account's invites to its mailbox are that were made after an
	// instant and not after another.
	ClaimInviteMail(ctx context.Context, i Invite, after, until time.Time, most int) (ok bool, err error)
	// ReturnInviteMail takes the mark back.
	ReturnInviteMail(ctx context.Context, i Invite) error
	// RevokeInvite reads the invite, lets decide change it or refuse, and writes it, in one transaction.
	RevokeInvite(ctx context.Context, account, id pfid.ID, decide func(*Invite) (audit.Event, error)) (Invite, error)
	// InviteForAnyone returns an invite of any account, and the name of that account. ok is false if there is none, or
	// if the API token or admin user that made it has ended.
	InviteForAnyone(ctx context.Context, id pfid.ID) (i Invite, accountName string, ok bool, err error)
	// AcceptInvite marks the invite as used and writes its admin user, in one transaction. It returns ErrInviteOver
	// unless the invite is pending, has not expired at the given instant (see InviteTolerance) and its maker has not
	// ended, and ErrIsMember if the email belongs to a member.
	AcceptInvite(ctx context.Context, id pfid.ID, at time.Time, user AdminUser, passwordHash string, events []audit.Event) error
}

// Invite creates an invite to the actor's account. It revokes earlier pending invites of the account for the same
// email. It returns fault.Validation if the role or the email is invalid, or if the email belongs to a member.
func (ps *People) Invite(ctx context.Context, actor audit.Actor, email string, role Role) (IssuedInvite, error) {
	at := ps.now().UTC()
	wrong := fault.Fields{}
	email = text.Email(wrong, "email", email)
	if _, ok := ParseRole(string(role)); !ok {
		wrong.Add("role", "must be admin or viewer")
	}
	if err := wrong.Err(); err != nil {
		return IssuedInvite{}, err
	}
	id, err := pfid.New(at, actor.AccountID.Partition(), ps.random)
	if err != nil {
		return IssuedInvite{}, err
	}
	i := Invite{
		ID: id, AccountID: actor.AccountID, Email: email, Role: role, Status: InvitePending, CreatedByAdminUserID: actor.AdminUserID, CreatedByAPITokenID: actor.APITokenID,
		ExpiresAt: at.Add(InviteLife), InsertedAt: at, UpdatedAt: at,
	}
	i, err = ps.store.InsertInvite(ctx, i, audit.NewRecorder(at, actor, ps.random))
	if err != nil {
		return IssuedInvite{}, err
	}
	return ps.issued(i, at), nil
}

// ClaimInviteMail reports whether a new invite may be mailed: a mailbox gets MaxInviteMails of an account in InviteMailsWithin.
// Call ReturnInviteMail if the mail server did not take the mail.
func (ps *People) ClaimInviteMail(ctx context.Context, i Invite) (ok bool, err error) {
	return ps.store.ClaimInviteMail(ctx, i, i.InsertedAt.Add(-InviteMailsWithin), i.InsertedAt.Add(InviteTolerance), MaxInviteMails)
}

// ReturnInviteMail takes back what ClaimInviteMail allowed.
func (ps *People) ReturnInviteMail(ctx context.Context, i Invite) error {
	return ps.store.ReturnInviteMail(ctx, i)
}

// InviteOf returns one invite of the account. It returns fault.NotFound if the account has no such invite.
func (ps *People) InviteOf(ctx context.Context, account, id pfid.ID) (IssuedInvite, error) {
	at := ps.now().UTC()
	i, err := ps.store.Invite(ctx, account, id)
	return ps.issued(i, at), err
}

// Invites returns one page of the account's invites, and their total number.
func (ps *People) Invites(ctx context.Context, account pfid.ID, page paging.Page) ([]IssuedInvite, int, error) {
	at := ps.now().UTC()
	invites, total, err := ps.store.Invites(ctx, account, page)
	list := make([]IssuedInvite, len(invites))
	for n, i := range invites {
		list[n] = ps.issued(i, at)
	}
	return list, total, err
}

// RevokeInvite revokes a pending invite of the actor's account. It returns fault.InvalidAction if the invite is not
// pending.
func (ps *People) RevokeInvite(ctx context.Context, actor audit.Actor, id pfid.ID) (IssuedInvite, error) {
	at := ps.now().UTC()
	revoked, err := ps.store.RevokeInvite(ctx, actor.AccountID, id, func(i *Invite) (audit.Event, error) {
		if i.Status != InvitePending {
			return audit.Event{}, fault.New(fault.InvalidAction, "This invite is already %s.", i.Status)
		}
		i.Status, i.UpdatedAt = InviteRevoked, at
		return audit.New(at, actor, audit.AdminUserInviteRevoked, id.String(), i.Email, ps.random)
	})
	return ps.issued(revoked, at), err
}

// ShowInvite returns the invite that a code belongs to, and the name of its account, to a caller who is not signed in.
// It returns the same fault.NotFound for every code that can't be accepted.
func (ps *People) ShowInvite(ctx context.Context, code string) (i Invite, accountName string, err error) {
	return ps.openInvite(ctx, code, ps.now().UTC())
}

// AcceptInvite makes the holder of the code a member of the account. It works once per invite. It returns
// fault.NotFound, always with the same message, if the code can't be accepted; fault.Validation if a field is
// invalid; fault.InvalidAction if the email belongs to a member already; and fault.Unavailable if too many people are
// signing in.
func (ps *People) AcceptInvite(ctx context.Context, said Acceptance, address string) (AdminUser, error) {
	at := ps.now().UTC()
	i, _, err := ps.openInvite(ctx, said.Code, at)
	if err != nil {
		return AdminUser{}, err
	}
	wrong := fault.Fields{}
	name := text.Line(wrong, "name", said.Name, 1, maxName)
	checkPassword(wrong, "password", said.Password)
	if err := wrong.Err(); err != nil {
		return AdminUser{}, err
	}
	hash, err := ps.hashNew(ctx, said.Password)
	if err != nil {
		return AdminUser{}, err
	}
	id, err := pfid.New(at, i.AccountID.Partition(), ps.random)
	if err != nil {
		return AdminUser{}, err
	}
	user := AdminUser{ID: id, AccountID: i.AccountID, Email: i.Email, Name: name, Role: i.Role, InsertedAt: at, UpdatedAt: at}
	record := audit.NewRecorder(at, audit.Actor{AccountID: i.AccountID, AdminUserID: id, Address: address}, ps.random)
	used, err := record(audit.AdminUserInviteUsed, i.ID, i.Email)
	if err != nil {
		return AdminUser{}, err
	}
	created, err := record(audit.AdminUserCreated, id, i.Email)
	if err != nil {
		return AdminUser{}, err
	}
	return user, ps.store.AcceptInvite(ctx, i.ID, at, user, hash, []audit.Event{used, created})
}

func (ps *People) openInvite(ctx context.Context, code string, at time.Time) (i Invite, accountName string, err error) {
	id, ok := ps.inviteOfCode(code)
	if !ok {
		return Invite{}, "", ErrInviteOver
	}
	i, accountName, ok, err = ps.store.InviteForAnyone(ctx, id)
	if err != nil {
		return Invite{}, "", err
	}
	if !ok || ps.issued(i, at).Code == "" {
		return Invite{}, "", ErrInviteOver
	}
	return i, accountName, nil
}

func (ps *People) issued(i Invite, at time.Time) IssuedInvite {
	issued := IssuedInvite{Invite: i}
	if i.Status == InvitePending {
		if issued.Expired = !at.Before(i.ExpiresAt) || i.InsertedAt.After(at.Add(InviteTolerance)); !issued.Expired {
			issued.Code = ps.codeOf(i.ID)
		}
	}
	return issued
}

// codeOf returns the code of an invite: its id followed by a MAC of the id. Both have a fixed length.
func (ps *People) codeOf(id pfid.ID) string {
	text := id.String()
	return text + base64.RawURLEncoding.EncodeToString(ps.inviteKey.MAC([]byte(text)))
}

// inviteOfCode returns the id in a code; ok is false unless codeOf made the code.
func (ps *People) inviteOfCode(code string) (id pfid.ID, ok bool) {
	if len(code) < pfid.TextSize {
		return pfid.ID{}, false
	}
	id, err := pfid.Parse(code[:pfid.TextSize])
	if err != nil {
		return pfid.ID{}, false
	}
	return id, hmac.Equal([]byte(code), []byte(ps.codeOf(id))) // constant time
}
