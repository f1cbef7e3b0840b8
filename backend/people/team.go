package people

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Member is an admin user as the account's team sees them.
type Member struct {
	AdminUser
	LiveTokens int  // active or suspended API tokens that this admin user made, or got the current secret of by a rotation
	Removed    bool // has left the team
	LastAdmin  bool // is the only admin of the team
	SetWebhook bool // was the last to set the URL of the account's webhook
}

// MayLoseRights reports whether the member can leave the team or become a viewer. An account must keep at least one admin.
func (m Member) MayLoseRights() bool { return !m.Removed && !m.LastAdmin }

// MemberStore keeps the team of an account.
type MemberStore interface {
	// UpdateMember reads the member, lets decide change it or refuse, and writes it, in one transaction.
	UpdateMember(ctx context.Context, account, id pfid.ID, decide func(*AdminUser) (audit.Event, error)) (Member, error)
	// RemoveMember removes the member from the team and ends their sessions and pending invites; with revokeTokens it
	// also revokes the live tokens that they made, all in one transaction. If there are very many tokens, their rows and
	// events follow later. It returns the member after the change, the number of revoked tokens, and their ids; nil if
	// there are too many. It returns ErrLastAdmin for the last admin, and an error if the actor has lost the right to it.
	RemoveMember(ctx context.Context, account, id pfid.ID, revokeTokens bool, at time.Time, record audit.Recorder) (Member, int, []pfid.ID, error)
	// SetRole changes the role of the member, and ends the pending invites of a viewer. Otherwise it is like RemoveMember.
	SetRole(ctx context.Context, account, id pfid.ID, role Role, revokeTokens bool, at time.Time, record audit.Recorder) (Member, int, []pfid.ID, error)
	// EndSessionsOf ends all sessions of the member and the pending invites that were made in them, and returns how many sessions
	// were live at the given instant.
	EndSessionsOf(ctx context.Context, account, id pfid.ID, at time.Time, record audit.Recorder) (Member, int, error)
	// EndAllSessions does the same to all members, except to the session kept, and tells each member.
	EndAllSessions(ctx context.Context, account, kept pfid.ID, at time.Time, record audit.Recorder) (int, error)
	// RevokeTokensOf revokes the live tokens that a current or former member made. It returns the same as
	// RemoveMember.
	RevokeTokensOf(ctx context.Context, account, id pfid.ID, at time.Time, record audit.Recorder) (Member, int, []pfid.ID, error)
}

// ProfileChange is a change of an admin user's own profile. Nil fields stay unchanged.
type ProfileChange struct {
	Name, JobTitle *string
	ExpiryMail     *bool
}

// UpdateProfile changes the actor's own profile. It returns fault.NotPermitted for another member's, and
// fault.Validation if a field is invalid.
func (ps *People) UpdateProfile(ctx context.Context, actor audit.Actor, id pfid.ID, change ProfileChange) (Member, error) {
	at := ps.now().UTC()
	return ps.store.UpdateMember(ctx, actor.AccountID, id, func(u *AdminUser) (audit.Event, error) {
		if u.ID != actor.AdminUserID {
			return audit.Event{}, fault.New(fault.NotPermitted, "You can only change your own profile.")
		}
		wrong := fault.Fields{}
		if change.Name != nil {
			u.Name = text.Line(wrong, "name", *change.Name, 0, maxName)
		}
		if change.JobTitle != nil {
			u.JobTitle = text.Line(wrong, "job_title", *change.JobTitle, 0, maxName)
		}
		if change.ExpiryMail != nil {
			u.ExpiryMailOff = !*change.ExpiryMail
		}
		if err := wrong.Err(); err != nil {
			return audit.Event{}, err
		}
		u.UpdatedAt = at
		return audit.New(at, actor, audit.AdminUserUpdated, u.ID.String(), "", ps.random)
	})
}

// RemoveMember removes a member from the team and ends their sessions. With revokeTokens it also revokes the live API
// tokens that they made, and returns how many; once it returns, no validation accepts those. It returns
// fault.InvalidAction for the last admin.
func (ps *People) RemoveMember(ctx context.Context, actor audit.Actor, id pfid.ID, revokeTokens bool) (Member, int, error) {
	at := ps.now().UTC()
	removed, revoked, ended, err := ps.store.RemoveMember(ctx, actor.AccountID, id, revokeTokens, at, audit.NewRecorder(at, actor, ps.random))
	ps.invalidate(ctx, actor.AccountID, revoked, ended, err)
	return removed, revoked, err
}

// RevokeTokensOf revokes the live API tokens that a current or former member made, and returns how many. Once it
// returns, no validation accepts them.
func (ps *People) RevokeTokensOf(ctx context.Context, actor audit.Actor, id pfid.ID) (Member, int, error) {
	at := ps.now().UTC()
	member, revoked, ended, err := ps.store.RevokeTokensOf(ctx, actor.AccountID, id, at, audit.NewRecorder(at, actor, ps.random))
	ps.invalidate(ctx, actor.AccountID, revoked, ended, err)
	return member, revoked, err
}

// EndSessionsOf ends all sessions of a member of the actor's account, and returns how many.
func (ps *People) EndSessionsOf(ctx context.Context, actor audit.Actor, id pfid.ID) (Member, int, error) {
	at := ps.now().UTC()
	return ps.store.EndSessionsOf(ctx, actor.AccountID, id, at, audit.NewRecorder(at, actor, ps.random))
}

// EndAllSessions ends all sessions of all members of the actor's account except kept, and returns how many.
func (ps *People) EndAllSessions(ctx context.Context, actor audit.Actor, kept pfid.ID) (int, error) {
	at := ps.now().UTC()
	return ps.store.EndAllSessions(ctx, actor.AccountID, kept, at, audit.NewRecorder(at, actor, ps.random))
}

// invalidate drops the cached verdicts of revoked tokens, if any. ended is nil if there are too many.
func (ps *People) invalidate(ctx context.Context, account pfid.ID, revoked int, ended []pfid.ID, err error) {
	if revoked > 0 || err != nil {
		ps.verdicts.Invalidate(ctx, account, ended, err)
	}
}
