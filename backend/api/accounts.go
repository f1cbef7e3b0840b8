package api

import (
	"context"

	"tokentab/backend/account"
	"tokentab/backend/fault"
)

// Account is an account in responses.
type Account struct {
	Type             string    `json:"type" enum:"account"`
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	Purpose          string    `json:"purpose" enum:"business,personal,nonprofit,education,government"`
	OrganisationName *string   `json:"organisation_name"`
	Website          *string   `json:"website"`
	InsertedAt       Timestamp `json:"inserted_at"`
	UpdatedAt        Timestamp `json:"updated_at"`
}

func accountOf(a account.Account) Account {
	return Account{
		Type: "account", ID: a.ID.String(), Name: a.Name, Purpose: a.Purpose, OrganisationName: orNull(a.OrganisationName),
		Website: orNull(a.Website), InsertedAt: Timestamp(a.InsertedAt), UpdatedAt: Timestamp(a.UpdatedAt),
	}
}

// listAccounts always returns one item: a caller belongs to one account.
func (s *Service) listAccounts(ctx context.Context, who *caller, in *Listing) (*many[Account], error) {
	a, err := s.Accounts.Get(ctx, who.AccountID)
	if err != nil {
		return nil, err
	}
	list := []account.Account{a}
	return summaries(list[min(in.Offset, 1):], len(list), in, accountOf), nil
}

func (s *Service) getAccount(ctx context.Context, who *caller, in *pathID) (*one[Account], error) {
	if in.id() != who.AccountID {
		return nil, fault.New(fault.NotFound, "There is no such account.")
	}
	return shown(accountOf)(s.Accounts.Get(ctx, who.AccountID))
}

// AccountChange is a change of an account. Omitted fields stay unchanged.
type AccountChange struct {
	_                struct{}   `additionalProperties:"true"`
	Name             *string    `json:"name,omitempty"`
	Purpose          *string    `json:"purpose,omitempty" enum:"business,personal,nonprofit,education,government"`
	OrganisationName textOrNull `json:"organisation_name,omitempty" doc:"Required unless the account is personal"`
	Website          textOrNull `json:"website,omitempty" doc:"An http or https address of up to 500 characters"`
}

func (s *Service) updateAccount(ctx context.Context, who *caller, in *changed[AccountChange]) (*one[Account], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	asked := in.Body.Details
	return shown(accountOf)(s.Accounts.Update(ctx, who.Actor, account.Change{
		Name: asked.Name, Purpose: asked.Purpose, OrganisationName: asked.OrganisationName.sent(), Website: asked.Website.sent(),
	}))
}

// AccountContents counts what an account holds.
type AccountContents struct {
	Type         string `json:"type" enum:"account_contents"`
	AdminUsers   int    `json:"admin_users"`
	Environments int    `json:"environments"`
	Agents       int    `json:"agents"`
	APITokens    int    `json:"api_tokens"`
}

func (s *Service) getAccountContents(ctx context.Context, who *caller, in *pathID) (*one[AccountContents], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	c, err := s.Accounts.Contents(ctx, who.AccountID)
	if err != nil {
		return nil, err
	}
	return details(AccountContents{
		Type: "account_contents", AdminUsers: c.AdminUsers, Environments: c.Environments, Agents: c.Agents, APITokens: c.APITokens,
	}), nil
}

// AccountDelete confirms the deletion of an account with the account's name.
type AccountDelete struct {
	_    struct{} `additionalProperties:"true"`
	Name string   `json:"name" doc:"The name of the account"`
}

func (s *Service) deleteAccount(ctx context.Context, who *caller, in *changed[AccountDelete]) (*one[Account], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	a, err := s.Accounts.Delete(ctx, who.Actor, in.Body.Details.Name)
	if err != nil {
		return nil, err
	}
	s.Log.Info("an account was deleted", "account", a.ID, "admin_user", who.AdminUserID, "address", who.Address)
	s.setSessionCookie(who.request, "")
	return details(accountOf(a)), nil
}
