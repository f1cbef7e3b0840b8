package web

import (
	"context"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/fault"
)

// Account is an account as clients see it.
type Account struct {
	Type             string    `json:"type" enum:"account"`
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	Purpose          string    `json:"purpose" enum:"business,personal,nonprofit,education,government"`
	OrganisationName *string   `json:"organisation_name"`
	Website          *string   `json:"website"`
	InsertedAt       time.Time `json:"inserted_at"`
	UpdatedAt        time.Time `json:"updated_at"`
}

func accountOf(a account.Account) Account {
	return Account{
		Type: "account", ID: a.ID.String(), Name: a.Name, Purpose: a.Purpose, OrganisationName: orNull(a.OrganisationName),
		Website: orNull(a.Website), InsertedAt: a.InsertedAt, UpdatedAt: a.UpdatedAt,
	}
}

// listAccounts has one item: a caller belongs to one account.
func (s *Server) listAccounts(ctx context.Context, who *caller, in *Listing) (*many[Account], error) {
	a, err := s.Accounts.Get(ctx, who.AccountID)
	if err != nil {
		return nil, err
	}
	list := []account.Account{a}
	return summaries(list[min(in.Offset, 1):], len(list), in, accountOf), nil
}

func (s *Server) getAccount(ctx context.Context, who *caller, in *pathID) (*one[Account], error) {
	if in.id() != who.AccountID {
		return nil, fault.New(fault.NotFound, "There is no such account.")
	}
	a, err := s.Accounts.Get(ctx, who.AccountID)
	if err != nil {
		return nil, err
	}
	return details(accountOf(a)), nil
}

// Environment is an environment as clients see it.
type Environment struct {
	Type        string    `json:"type" enum:"environment"`
	ID          string    `json:"id"`
	AccountID   string    `json:"account_id"`
	Name        string    `json:"name"`
	Purpose     string    `json:"purpose" enum:"development,staging,testing,production"`
	Description *string   `json:"description"`
	InsertedAt  time.Time `json:"inserted_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

func environmentOf(e account.Environment) Environment {
	return Environment{
		Type: "environment", ID: e.ID.String(), AccountID: e.AccountID.String(), Name: e.Name, Purpose: e.Purpose,
		Description: orNull(e.Description), InsertedAt: e.InsertedAt, UpdatedAt: e.UpdatedAt,
	}
}

type listEnvironmentsInput struct {
	Listing
	AccountID string `query:"account_id" doc:"The caller's own account, which is also the default"`
}

func (s *Server) listEnvironments(ctx context.Context, who *caller, in *listEnvironmentsInput) (*many[Environment], error) {
	if err := who.own(in.AccountID); err != nil {
		return nil, err
	}
	list, total, err := s.Accounts.Environments(ctx, who.AccountID, in.page())
	if err != nil {
		return nil, err
	}
	return summaries(list, total, &in.Listing, environmentOf), nil
}

// NewEnvironment is what a caller asks for when an environment is created.
type NewEnvironment struct {
	_           struct{} `additionalProperties:"true"`
	Name        string   `json:"name" minLength:"1"`
	AccountID   *string  `json:"account_id,omitempty" nullable:"true" doc:"The caller's own account, which is also the default"`
	ID          *string  `json:"id,omitempty" nullable:"true" doc:"A PFID of the account's partition; made if empty"`
	Purpose     *string  `json:"purpose,omitempty" nullable:"true" doc:"development, staging, testing or production; development if empty"`
	Description *string  `json:"description,omitempty" nullable:"true"`
}

func (s *Server) createEnvironment(ctx context.Context, who *caller, in *ordered[NewEnvironment]) (*one[Environment], error) {
	asked := in.Body.Details
	if err := who.own(optionalText(asked.AccountID)); err != nil {
		return nil, err
	}
	wrong := fault.Fields{}
	id := optionalID(wrong, "id", asked.ID)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	e, err := s.Accounts.CreateEnvironment(ctx, who.Actor, account.EnvironmentOrder{
		ID: id, Name: asked.Name, Purpose: optionalText(asked.Purpose), Description: optionalText(asked.Description),
	})
	if err != nil {
		return nil, err
	}
	return details(environmentOf(e)), nil
}

func (s *Server) getEnvironment(ctx context.Context, who *caller, in *pathID) (*one[Environment], error) {
	e, err := s.Accounts.Environment(ctx, who.AccountID, in.id())
	if err != nil {
		return nil, err
	}
	return details(environmentOf(e)), nil
}
