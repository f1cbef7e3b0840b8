package api

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/people"
)

// AdminSession is a session of the signed-in admin user.
type AdminSession struct {
	Type       string    `json:"type" enum:"admin_session"`
	ID         string    `json:"id"`
	Address    string    `json:"address" doc:"Network address of the sign-in"`
	UserAgent  string    `json:"user_agent" doc:"The browser's User-Agent"`
	InsertedAt Timestamp `json:"inserted_at"`
	LastSeenAt Timestamp `json:"last_seen_at"`
	ExpiresAt  Timestamp `json:"expires_at" doc:"When the session ends, unless a day without use ends it earlier"`
	Current    bool      `json:"current" doc:"Whether this request uses it"`
}

func (c *caller) adminSessionOf(s people.Session) AdminSession {
	return AdminSession{
		Type: "admin_session", ID: s.ID.String(), Address: s.Address, UserAgent: s.UserAgent,
		InsertedAt: Timestamp(s.InsertedAt), LastSeenAt: Timestamp(s.LastSeenAt), ExpiresAt: Timestamp(s.ExpiresAt), Current: s.ID == c.Session.ID,
	}
}

func (s *Service) listSessions(ctx context.Context, who *caller, in *Listing) (*many[AdminSession], error) {
	if in.Sorting == "" && in.Field == "" {
		in.Sorting = "-last_seen_at"
	}
	return listed(in, who.adminSessionOf)(s.People.LiveSessions(ctx, who.AdminUserID, in.page()))
}

func (s *Service) endSession(ctx context.Context, who *caller, in *pathID) (*one[AdminSession], error) {
	ended, err := s.People.EndSession(ctx, who.Actor, in.id(), who.Session.ID)
	if err != nil {
		return nil, err
	}
	if ended.ID == who.Session.ID {
		s.setSessionCookie(who.request, "")
	}
	return details(who.adminSessionOf(ended)), nil
}

// EndedSessions is how many sessions were ended.
type EndedSessions struct {
	Type  string `json:"type" enum:"ended_sessions"`
	Count int    `json:"count"`
}

func (s *Service) endOtherSessions(ctx context.Context, who *caller, _ *struct{}) (*one[EndedSessions], error) {
	n, err := s.People.EndOtherSessions(ctx, who.Actor, who.Session.ID)
	if err != nil {
		return nil, err
	}
	return details(EndedSessions{Type: "ended_sessions", Count: n}), nil
}

// PasswordChange is a request to change one's own password.
type PasswordChange struct {
	_               struct{} `additionalProperties:"true"`
	CurrentPassword string   `json:"current_password" maxLength:"4000"`
	NewPassword     string   `json:"new_password" maxLength:"4000"`
}

func (s *Service) changePassword(ctx context.Context, who *caller, in *ordered[PasswordChange]) (*one[Session], error) {
	asked := in.Body.Details
	if err := s.People.ChangePassword(ctx, who.Actor, *who.Session, asked.CurrentPassword, asked.NewPassword); err != nil {
		s.passwordRefused(who, "change of password refused", audit.PasswordRefused, who.Session.AdminUser, err)
		return nil, err
	}
	s.Log.Info("a password was changed", "admin_user", who.AdminUserID, "address", who.Address)
	return s.session(ctx, who.Session), nil
}
