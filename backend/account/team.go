package account

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
	"tokentab/backend/unit"
)

// Member is an admin user as the team of the account sees it.
type Member struct {
	AdminUser
	LiveTokens int  // API tokens that this admin user made and that are active or suspended
	Removed    bool // not in the team any more
	Last       bool // nobody else is in the team
}

// MayBeRemoved reports whether the member can leave the team: an account without admin users could not be managed.
func (m Member) MayBeRemoved() bool { return !m.Removed && !m.Last }

// MemberStore keeps the team of an account.
type MemberStore interface {
	// Members returns one page of the members who are in the team, and how many there are in all.
	Members(ctx context.Context, account pfid.ID, page paging.Page) ([]Member, int, error)
	// Member returns one member who is in the team, else a fault.NotFound.
	Member(ctx context.Context, account, id pfid.ID) (Member, error)
	// UpdateMember reads the member, lets decide set what changes, and writes that, all in one transaction.
	UpdateMember(ctx context.Context, account, id pfid.ID, decide func(AdminUser) (AdminUser, audit.Event, error)) (Member, error)
	// RemoveMember reads the member, asks decide, takes the member out of the team and ends all of their sessions; with
	// revokeTokens it also revokes the live tokens that they made, all in one transaction; if those are very many, their
	// rows and events follow. It returns the member as they are then, how many tokens it revokes, and
	// the hashes of their secrets, nil if they are too many.
	RemoveMember(ctx context.Context, account, id pfid.ID, revokeTokens bool, at time.Time, decide func(Member) error, record Recorder) (Member, int, [][32]byte, error)
	// RevokeTokensOf revokes the live tokens that a member made who is or was in the team. It returns what RemoveMember
	// does.
	RevokeTokensOf(ctx context.Context, account, id pfid.ID, at time.Time, record Recorder) (Member, int, [][32]byte, error)
}

// Members returns one page of the account's team and how many are in it.
func (as *Accounts) Members(ctx context.Context, account pfid.ID, page paging.Page) ([]Member, int, error) {
	return as.store.Members(ctx, account, page)
}

// Member returns one member of the account's team, else a fault.NotFound.
func (as *Accounts) Member(ctx context.Context, account, id pfid.ID) (Member, error) {
	return as.store.Member(ctx, account, id)
}

// ProfileChange is what an admin user wants changed of their own profile; nil leaves a field as it is.
type ProfileChange struct {
	Name, JobTitle *string
}

// UpdateProfile changes the profile of the admin user that the actor is. Other members are a fault.NotPermitted.
func (as *Accounts) UpdateProfile(ctx context.Context, actor audit.Actor, id pfid.ID, change ProfileChange) (Member, error) {
	at := as.now().UTC()
	return as.store.UpdateMember(ctx, actor.AccountID, id, func(u AdminUser) (AdminUser, audit.Event, error) {
		if u.ID != actor.AdminUserID {
			return u, audit.Event{}, fault.New(fault.NotPermitted, "Only they themselves can change the profile of a member.")
		}
		wrong := fault.Fields{}
		if change.Name != nil {
			u.Name = text.Line(wrong, "name", *change.Name, 0, maxName)
		}
		if change.JobTitle != nil {
			u.JobTitle = text.Line(wrong, "job_title", *change.JobTitle, 0, maxName)
		}
		if err := wrong.Err(); err != nil {
			return u, audit.Event{}, err
		}
		u.UpdatedAt = at
		event, err := audit.New(at, actor, audit.AdminUserUpdated, u.ID.String(), "", as.random)
		return u, event, err
	})
}

// RemoveMember takes a member out of the team and ends all of their sessions. With revokeTokens it also revokes the
// live API tokens that they made, says how many, and returns after no validation accepts those any more. The last
// member is a fault.InvalidAction.
func (as *Accounts) RemoveMember(ctx context.Context, actor audit.Actor, id pfid.ID, revokeTokens bool) (Member, int, error) {
	at := as.now().UTC()
	decide := func(m Member) error {
		if !m.MayBeRemoved() {
			return fault.New(fault.InvalidAction, "The last member of the team can't be removed.")
		}
		return nil
	}
	removed, revoked, hashes, err := as.store.RemoveMember(ctx, actor.AccountID, id, revokeTokens, at, decide, as.recorder(at, actor))
	as.forgetTokens(ctx, actor.AccountID, revoked, hashes, err)
	return removed, revoked, err
}

// RevokeTokensOf revokes the live API tokens that a member made who is or was in the team, and says how many.
func (as *Accounts) RevokeTokensOf(ctx context.Context, actor audit.Actor, id pfid.ID) (Member, int, error) {
	at := as.now().UTC()
	member, revoked, hashes, err := as.store.RevokeTokensOf(ctx, actor.AccountID, id, at, as.recorder(at, actor))
	as.forgetTokens(ctx, actor.AccountID, revoked, hashes, err)
	return member, revoked, err
}

// forgetTokens drops what is remembered of some tokens of an account. If they are not all known by their hashes, it drops
// what is remembered of the account: verdicts do not say who made a token.
func (as *Accounts) forgetTokens(ctx context.Context, account pfid.ID, tokens int, hashes [][32]byte, err error) {
	if err != nil || len(hashes) < tokens {
		as.forgetAllOf(ctx, account, err)
		return
	}
	unit.After(ctx, func(bool) {
		for _, hash := range hashes {
			as.verdicts.Forget(hash)
		}
	})
}
