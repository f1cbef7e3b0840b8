package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/people"
	"tokentab/backend/text"
	"tokentab/backend/unit"
)

// Mailer sends plain text by mail. No other mail has its id.
type Mailer interface {
	// Send returns an error that is the context's, or context.DeadlineExceeded, if the mail may have been sent all the same.
	Send(ctx context.Context, id, to, subject, text string) error
}

// mailTimeout bounds how long the response to an invite waits for the mail server.
const mailTimeout = 4 * time.Second

// AdminUserInvite is an invite to the team, in responses.
type AdminUserInvite struct {
	Type                 string        `json:"type" enum:"admin_user_invite"`
	ID                   string        `json:"id"`
	AccountID            string        `json:"account_id"`
	Email                string        `json:"email"`
	Role                 string        `json:"role" enum:"admin,viewer" doc:"Of the person who accepts it"`
	Status               string        `json:"status" enum:"pending,used,revoked"`
	Expired              bool          `json:"expired" doc:"Whether a pending invite has expired, or was created while the server's clock was ahead"`
	InviteURL            *string       `json:"invite_url" doc:"Address of the page that accepts the invite; null for viewers and API tokens, and once it can't be accepted"`
	CreatedByAdminUserID *string       `json:"created_by_admin_user_id"`
	CreatedByAPITokenID  *string       `json:"created_by_api_token_id"`
	CreatedByName        *string       `json:"created_by_name"`
	ExpiresAt            Timestamp     `json:"expires_at"`
	AvailableActions     inviteActions `json:"available_actions"`
	InsertedAt           Timestamp     `json:"inserted_at"`
	UpdatedAt            Timestamp     `json:"updated_at"`
}

type inviteActions struct {
	Revoke bool `json:"revoke"`
}

// AdminUserInviteDetails is an invite with its code, for signed-in admins only: with the code, an API token or a viewer
// could become an admin.
type AdminUserInviteDetails struct {
	AdminUserInvite
	Token *string `json:"token" doc:"The code in the invite's address; null for viewers and API tokens, and once it can't be accepted"`
}

// CreatedAdminUserInvite is a new invite, and whether it was mailed.
type CreatedAdminUserInvite struct {
	Status   string                 `json:"status" enum:"success"`
	Details  AdminUserInviteDetails `json:"details"`
	MailSent bool                   `json:"mail_sent" doc:"false if no mail server is configured, if it refused the mail, if it did not take it within 4 seconds, or if the account has mailed 5 invites to this mailbox in 24 hours"`
	// True until the mail server has answered, so that a response kept for a repeated request is true if that never happens.
	MailMayArrive bool `json:"mail_may_arrive" doc:"true if the mail may arrive although mail_sent is false: the mail server did not say whether it took it"`
}

// inviteOf returns a function that presents invites to the caller, with an address on the host that the caller used.
// Only signed-in admins get the address.
func (s *Service) inviteOf(who *caller) func(people.IssuedInvite) AdminUserInvite {
	return func(i people.IssuedInvite) AdminUserInvite {
		out := AdminUserInvite{
			Type: "admin_user_invite", ID: i.ID.String(), AccountID: i.AccountID.String(), Email: text.ShownEmail(i.Email), Role: string(i.Role), Status: i.Status,
			Expired: i.Expired, ExpiresAt: Timestamp(i.ExpiresAt), AvailableActions: inviteActions{Revoke: i.Status == people.InvitePending},
			CreatedByAdminUserID: idOrNull(i.CreatedByAdminUserID), CreatedByAPITokenID: idOrNull(i.CreatedByAPITokenID),
			CreatedByName: orNull(i.CreatedByName),
			InsertedAt:    Timestamp(i.InsertedAt), UpdatedAt: Timestamp(i.UpdatedAt),
		}
		if i.Code != "" && who.isAdmin() {
			address := s.inviteAddress(who, i)
			out.InviteURL = &address
		}
		return out
	}
}

// inviteAddress returns the address of the page that accepts an invite. The code is in the fragment, which browsers don't send:
// proxies log paths.
func (s *Service) inviteAddress(who *caller, i people.IssuedInvite) string {
	return s.Source.URL(who.request.Context()) + "/invite#" + i.Code
}

func (s *Service) inviteDetailsOf(who *caller, i people.IssuedInvite) AdminUserInviteDetails {
	out := AdminUserInviteDetails{AdminUserInvite: s.inviteOf(who)(i)}
	if who.isAdmin() {
		out.Token = orNull(i.Code)
	}
	return out
}

func (s *Service) listInvites(ctx context.Context, who *caller, in *ListAccountInput) (*many[AdminUserInvite], error) {
	return listed(&in.Listing, s.inviteOf(who))(s.People.Invites(ctx, who.AccountID, in.page()))
}

func (s *Service) getInvite(ctx context.Context, who *caller, in *pathID) (*one[AdminUserInviteDetails], error) {
	i, err := s.People.InviteOf(ctx, who.AccountID, in.id())
	if err != nil {
		return nil, err
	}
	return details(s.inviteDetailsOf(who, i)), nil
}

// NewAdminUserInvite is a request to invite a person.
type NewAdminUserInvite struct {
	_         struct{} `additionalProperties:"true"`
	Email     string   `json:"email"`
	Role      *string  `json:"role,omitempty" nullable:"true" doc:"admin, the default, or viewer"`
	AccountID *string  `json:"account_id,omitempty" nullable:"true" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
}

func (s *Service) createInvite(ctx context.Context, who *caller, in *ordered[NewAdminUserInvite]) (*whole[CreatedAdminUserInvite], error) {
	asked := in.Body.Details
	i, err := s.People.Invite(ctx, who.Actor, asked.Email, cmp.Or(people.Role(optionalText(asked.Role)), people.RoleAdmin))
	if err != nil {
		return nil, err
	}
	out := &whole[CreatedAdminUserInvite]{Body: CreatedAdminUserInvite{Status: "success", Details: s.inviteDetailsOf(who, i), MailMayArrive: s.Mail != nil}}
	unit.After(ctx, func(kept bool) {
		if kept {
			out.Body.MailSent, out.Body.MailMayArrive = s.mailInvite(ctx, i, s.inviteAddress(who, i))
			s.renderAgain(who.request, out.Body)
		}
	})
	return out, nil
}

// renderAgain replaces a response, rendered before the commit, with the outcome after it.
func (s *Service) renderAgain(c *fiber.Ctx, body any) {
	if len(c.Response().Body()) == 0 {
		return // not rendered yet; the caller does it
	}
	var b bytes.Buffer
	if s.huma.Marshal(&b, fiber.MIMEApplicationJSON, body) == nil {
		c.Response().SetBody(b.Bytes())
	}
}

// mailInvite sends the invite and reports whether the mail server accepted it, and else whether it may have. It only logs
// failures, since the invite exists and its link can be sent another way.
func (s *Service) mailInvite(ctx context.Context, i people.IssuedInvite, address string) (sent, mayArrive bool) {
	if s.Mail == nil {
		return false, false
	}
	owner, err := s.Accounts.Get(ctx, i.AccountID)
	if err == nil {
		var may bool
		if may, err = s.People.ClaimInviteMail(ctx, i.Invite); err == nil && !may {
			s.Log.Warn("an invite was not sent by mail, because the mailbox got too many of this account today", "admin_user_invite", i.ID)
			return false, false
		}
	}
	if err == nil {
		sending, cancel := context.WithTimeout(ctx, mailTimeout)
		defer cancel()
		err = s.Mail.Send(sending, i.ID.String(), i.Email, fmt.Sprintf("Join %s on Tokentab", owner.Name), fmt.Sprintf(
			"You are invited to join the team of %s, which manages its API tokens with Tokentab.\n\n"+
				"To set your name and password, open this page by %s:\n\n%s\n\n"+
				"The link works once. If you did not expect this email, you can ignore it.\n",
			owner.Name, i.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC"), address))
		mayArrive = errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
		if err != nil && !mayArrive {
			_ = s.People.ReturnInviteMail(ctx, i.Invite)
		}
	}
	if err != nil {
		s.Log.Error("an invite could not be sent by mail", "admin_user_invite", i.ID, "cause", err)
	}
	return err == nil, mayArrive
}

func (s *Service) revokeInvite(ctx context.Context, who *caller, in *pathID) (*one[AdminUserInviteDetails], error) {
	i, err := s.People.RevokeInvite(ctx, who.Actor, in.id())
	if err != nil {
		return nil, err
	}
	return details(s.inviteDetailsOf(who, i)), nil
}

// InviteCode is the code from an invite's address.
type InviteCode struct {
	_    struct{} `additionalProperties:"true"`
	Code string   `json:"code"`
}

// Invite holds the fields that the holder of an invite's code can see.
type Invite struct {
	Type        string    `json:"type" enum:"invite"`
	Email       string    `json:"email"`
	Role        string    `json:"role" enum:"admin,viewer"`
	AccountName string    `json:"account_name"`
	ExpiresAt   Timestamp `json:"expires_at"`
}

func (s *Service) showInvite(ctx context.Context, who *caller, in *ordered[InviteCode]) (*one[Invite], error) {
	i, accountName, err := s.People.ShowInvite(ctx, in.Body.Details.Code)
	if err != nil {
		s.inviteRefused(who, err)
		return nil, err
	}
	return details(Invite{Type: "invite", Email: text.ShownEmail(i.Email), Role: string(i.Role), AccountName: accountName, ExpiresAt: Timestamp(i.ExpiresAt)}), nil
}

// AcceptInvite is a request to accept an invite.
type AcceptInvite struct {
	_        struct{} `additionalProperties:"true"`
	Code     string   `json:"code"`
	Name     string   `json:"name"`
	Password string   `json:"password" maxLength:"4000"`
}

func (s *Service) acceptInvite(ctx context.Context, who *caller, in *ordered[AcceptInvite]) (*one[Session], error) {
	asked := in.Body.Details
	user, err := s.People.AcceptInvite(ctx, people.Acceptance{Code: asked.Code, Name: asked.Name, Password: asked.Password}, who.Address)
	if err != nil {
		s.inviteRefused(who, err)
		return nil, err
	}
	s.Log.Info("an invite was accepted", "admin_user", user.ID, "address", who.Address)
	return s.begin(ctx, who, user), nil
}
