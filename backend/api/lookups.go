package api

import (
	"context"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// Newer clients of the contract also look resources up by an id in the query.

type showEnvironmentInput struct {
	EnvironmentID string `query:"environment_id" doc:"Required"`
}

func (s *Service) showEnvironment(ctx context.Context, who *caller, in *showEnvironmentInput) (*one[Environment], error) {
	id, err := shownID("environment_id", in.EnvironmentID)
	if err != nil {
		return nil, err
	}
	return environmentDetails(s.Accounts.Environment(ctx, who.AccountID, id))
}

type showInstanceInput struct {
	AgentInstanceID string `query:"agent_instance_id" doc:"Required"`
	IncludeCounts   bool   `query:"include_counts" doc:"Accepted and ignored: the counts are always included"`
	IncludeCosts    bool   `query:"include_costs" doc:"Accepted and ignored: there are no costs"`
}

func (s *Service) showInstance(ctx context.Context, who *caller, in *showInstanceInput) (*one[AgentInstance], error) {
	id, err := shownID("agent_instance_id", in.AgentInstanceID)
	if err != nil {
		return nil, err
	}
	return instanceDetails(s.Activity.Instance(ctx, who.scope(), id))
}

// shownID reads an id that a query must have.
func shownID(name, text string) (pfid.ID, error) {
	wrong := fault.Fields{}
	if text == "" {
		wrong.Add(name, "is required")
	}
	id := optionalID(wrong, name, &text)
	return id, wrong.Err()
}
