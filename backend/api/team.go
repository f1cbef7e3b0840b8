package api

import (
	"context"

	"tokentab/backend/people"
	"tokentab/backend/text"
)

// AdminUser is a member of the team, in responses.
type AdminUser struct {
	Type              string           `json:"type" enum:"admin_user"`
	ID                string           `json:"id"`
	AccountID         string           `json:"account_id"`
	Email             string           `json:"email"`
	Name              *string          `json:"name"`
	JobTitle          *string          `json:"job_title"`
	Role              string           `json:"role" enum:"admin,viewer"`
	ExpiryMail        bool             `json:"expiry_mail" doc:"Whether the admin user gets mail about expiring API tokens, if the server sends mail"`
	LiveAPITokenCount int              `json:"live_api_token_count" doc:"Active and suspended API tokens that this admin user created or rotated last"`
	SetWebhook        bool             `json:"set_webhook" doc:"Whether this admin user was the last to set the URL of the account's webhook. The webhook stays when they leave or become a viewer"`
	AvailableActions  adminUserActions `json:"available_actions"`
	InsertedAt        Timestamp        `json:"inserted_at"`
	UpdatedAt         Timestamp        `json:"updated_at"`
}

type adminUserActions struct {
	Remove  bool `json:"remove"`
	SetRole bool `json:"set_role" doc:"false for the only admin of the account"`
}

func adminUserOf(m people.Member) AdminUser {
	return AdminUser{
		Type: "admin_user", ID: m.ID.String(), AccountID: m.AccountID.String(), Email: text.ShownEmail(m.Email), Name: orNull(m.Name), JobTitle: orNull(m.JobTitle),
		Role: string(m.Role), ExpiryMail: !m.ExpiryMailOff, LiveAPITokenCount: m.LiveTokens, SetWebhook: m.SetWebhook, AvailableActions: adminUserActions{Remove: m.MayLoseRights(), SetRole: m.MayLoseRights()},
		InsertedAt: Timestamp(m.InsertedAt), UpdatedAt: Timestamp(m.UpdatedAt),
	}
}

// ListAccountInput is the query of a list of an account.
type ListAccountInput struct {
	Listing
	AccountID string `query:"account_id" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
}

type listAdminUsersInput struct {
	ListAccountInput
	Search string `query:"search" maxLength:"200" doc:"Part of the name, job title, email or id, in any case. Parts of ids must have at least 6 characters"`
}

func (s *Service) listAdminUsers(ctx context.Context, who *caller, in *listAdminUsersInput) (*many[AdminUser], error) {
	return listed(&in.Listing, adminUserOf)(s.People.Members(ctx, who.AccountID, in.Search, in.page()))
}

func (s *Service) getAdminUser(ctx context.Context, who *caller, in *pathID) (*one[AdminUser], error) {
	return adminUserDetails(s.People.Member(ctx, who.AccountID, in.id()))
}

// ProfileChange is a change of one's own profile. Omitted fields stay unchanged.
type ProfileChange struct {
	_          struct{}   `additionalProperties:"true"`
	Name       textOrNull `json:"name,omitempty"`
	JobTitle   textOrNull `json:"job_title,omitempty"`
	ExpiryMail *bool      `json:"expiry_mail,omitempty"`
}

func (s *Service) updateAdminUser(ctx context.Context, who *caller, in *changed[ProfileChange]) (*one[AdminUser], error) {
	asked := in.Body.Details
	return adminUserDetails(s.People.UpdateProfile(ctx, who.Actor, in.id(), people.ProfileChange{
		Name: asked.Name.sent(), JobTitle: asked.JobTitle.sent(), ExpiryMail: asked.ExpiryMail,
	}))
}

// RemoveAdminUser is a request to remove a member.
type RemoveAdminUser struct {
	_               struct{} `additionalProperties:"true"`
	RevokeAPITokens bool     `json:"revoke_api_tokens,omitempty" doc:"Also revoke the live API tokens that the member created"`
}

// AdminUserWithoutTokens is a member, and how many of their tokens were revoked.
type AdminUserWithoutTokens struct {
	Status               string    `json:"status" enum:"success"`
	Details              AdminUser `json:"details"`
	RevokedAPITokenCount int       `json:"revoked_api_token_count"`
}

func (s *Service) removeAdminUser(ctx context.Context, who *caller, in *optionallyChanged[RemoveAdminUser]) (*whole[AdminUserWithoutTokens], error) {
	m, revoked, err := s.People.RemoveMember(ctx, who.Actor, in.id(), in.details().RevokeAPITokens)
	if err != nil {
		return nil, err
	}
	s.Log.Info("a member was removed", "admin_user", m.ID, "by", who.AdminUserID, "address", who.Address)
	if m.ID == who.AdminUserID {
		s.setSessionCookie(who.request, "")
	}
	return withoutTokensOf(m, revoked), nil
}

// SetRole is a request to change the role of a member.
type SetRole struct {
	_               struct{} `additionalProperties:"true"`
	Role            string   `json:"role" enum:"admin,viewer"`
	RevokeAPITokens bool     `json:"revoke_api_tokens,omitempty" doc:"Only with the role viewer: also revoke the live API tokens that the member created"`
}

func (s *Service) setRole(ctx context.Context, who *caller, in *changed[SetRole]) (*whole[AdminUserWithoutTokens], error) {
	asked := in.Body.Details
	m, revoked, err := s.People.SetRole(ctx, who.Actor, in.id(), people.Role(asked.Role), asked.RevokeAPITokens)
	if err != nil {
		return nil, err
	}
	s.Log.Info("a member's role was changed", "admin_user", m.ID, "role", m.Role, "by", who.AdminUserID, "address", who.Address)
	return withoutTokensOf(m, revoked), nil
}

func (s *Service) endSessionsOfAdminUser(ctx context.Context, who *caller, in *pathID) (*one[EndedSessions], error) {
	m, ended, err := s.People.EndSessionsOf(ctx, who.Actor, in.id())
	if err != nil {
		return nil, err
	}
	s.Log.Info("a member's sessions were ended", "admin_user", m.ID, "by", who.AdminUserID, "address", who.Address)
	if m.ID == who.AdminUserID {
		s.setSessionCookie(who.request, "")
	}
	return details(EndedSessions{Type: "ended_sessions", Count: ended}), nil
}

func (s *Service) revokeTokensOfAdminUser(ctx context.Context, who *caller, in *pathID) (*whole[AdminUserWithoutTokens], error) {
	m, revoked, err := s.People.RevokeTokensOf(ctx, who.Actor, in.id())
	if err != nil {
		return nil, err
	}
	return withoutTokensOf(m, revoked), nil
}

func withoutTokensOf(m people.Member, revoked int) *whole[AdminUserWithoutTokens] {
	return &whole[AdminUserWithoutTokens]{Body: AdminUserWithoutTokens{Status: "success", Details: adminUserOf(m), RevokedAPITokenCount: revoked}}
}

var adminUserDetails = shown(adminUserOf)

func (s *Service) endAllSessions(ctx context.Context, who *caller, in *pathID) (*one[EndedSessions], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	ended, err := s.People.EndAllSessions(ctx, who.Actor, who.Session.ID)
	if err != nil {
		return nil, err
	}
	s.Log.Info("all sessions of an account but one were ended", "account", who.AccountID, "by", who.AdminUserID, "address", who.Address)
	return details(EndedSessions{Type: "ended_sessions", Count: ended}), nil
}
