package api

import (
	"context"

	"tokentab/backend/account"
	"tokentab/backend/fault"
)

// Environment is an environment in responses.
type Environment struct {
	Type        string  `json:"type" enum:"environment"`
	ID          string  `json:"id"`
	AccountID   string  `json:"account_id"`
	Name        string  `json:"name"`
	Purpose     string  `json:"purpose" enum:"development,staging,testing,production"`
	Description *string `json:"description"`

	AgentDeploymentCount int                `json:"agent_deployment_count" doc:"Number of agent deployments in it"`
	LiveAPITokenCount    int                `json:"live_api_token_count" doc:"Number of its active and suspended API tokens"`
	AvailableActions     environmentActions `json:"available_actions"`
	InsertedAt           Timestamp          `json:"inserted_at"`
	UpdatedAt            Timestamp          `json:"updated_at"`
}

type environmentActions struct {
	Update bool `json:"update"`
	Delete bool `json:"delete"`
}

func environmentOf(e account.ListedEnvironment) Environment {
	return Environment{
		Type: "environment", ID: e.ID.String(), AccountID: e.AccountID.String(), Name: e.Name, Purpose: e.Purpose,
		Description: orNull(e.Description), AgentDeploymentCount: e.Deployments, LiveAPITokenCount: e.LiveTokens,
		AvailableActions: environmentActions{Update: true, Delete: true}, InsertedAt: Timestamp(e.InsertedAt), UpdatedAt: Timestamp(e.UpdatedAt),
	}
}

// listEnvironments lists the oldest first by default: clients that must choose an environment take the first.
func (s *Service) listEnvironments(ctx context.Context, who *caller, in *ListAccountInput) (*many[Environment], error) {
	if in.Sorting == "" && in.Field == "" {
		in.Field = "inserted_at"
	}
	return listed(&in.Listing, environmentOf)(s.Accounts.Environments(ctx, who.AccountID, in.page()))
}

// NewEnvironment is a request to create an environment.
type NewEnvironment struct {
	_           struct{} `additionalProperties:"true"`
	Name        string   `json:"name" minLength:"1"`
	AccountID   *string  `json:"account_id,omitempty" nullable:"true" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
	ID          *string  `json:"id,omitempty" nullable:"true" doc:"An id from POST /pfid/generate; generated if empty"`
	Purpose     *string  `json:"purpose,omitempty" nullable:"true" doc:"development, staging, testing or production; development if empty"`
	Description *string  `json:"description,omitempty" nullable:"true"`
}

func (s *Service) createEnvironment(ctx context.Context, who *caller, in *ordered[NewEnvironment]) (*one[Environment], error) {
	asked := in.Body.Details
	wrong := fault.Fields{}
	id := optionalID(wrong, "id", asked.ID)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return environmentDetails(s.Accounts.CreateEnvironment(ctx, who.Actor, account.EnvironmentOrder{
		ID: id, Name: asked.Name, Purpose: optionalText(asked.Purpose), Description: optionalText(asked.Description),
	}))
}

func (s *Service) getEnvironment(ctx context.Context, who *caller, in *pathID) (*one[Environment], error) {
	return environmentDetails(s.Accounts.Environment(ctx, who.AccountID, in.id()))
}

// EnvironmentChange is a change of an environment. Omitted fields stay unchanged.
type EnvironmentChange struct {
	_           struct{}   `additionalProperties:"true"`
	Name        *string    `json:"name,omitempty"`
	Purpose     *string    `json:"purpose,omitempty" enum:"development,staging,testing,production"`
	Description textOrNull `json:"description,omitempty"`
}

func (s *Service) updateEnvironment(ctx context.Context, who *caller, in *changed[EnvironmentChange]) (*one[Environment], error) {
	asked := in.Body.Details
	return environmentDetails(s.Accounts.UpdateEnvironment(ctx, who.Actor, in.id(), account.EnvironmentChange{
		Name: asked.Name, Purpose: asked.Purpose, Description: asked.Description.sent(),
	}))
}

func (s *Service) deleteEnvironment(ctx context.Context, who *caller, in *deletion) (*whole[deleted[Environment]], error) {
	return gone(environmentOf)(s.Accounts.DeleteEnvironment(ctx, who.Actor, in.id(), in.IfUnused))
}

var environmentDetails = shown(environmentOf)
