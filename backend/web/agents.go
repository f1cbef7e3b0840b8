package web

import (
	"context"
	"time"

	"tokentab/backend/agent"
	"tokentab/backend/fault"
)

// Agent is an agent as clients see it.
type Agent struct {
	Type               string       `json:"type" enum:"agent"`
	ID                 string       `json:"id"`
	AccountID          string       `json:"account_id"`
	Name               string       `json:"name"`
	Status             string       `json:"status" enum:"pending,active,dormant,retired"`
	Description        *string      `json:"description"`
	ExternalIdentifier *string      `json:"external_identifier"`
	OwnerPersonID      *string      `json:"owner_person_id"`
	RiskProfileID      *string      `json:"risk_profile_id"`
	TeamID             *string      `json:"team_id"`
	AvailableActions   agentActions `json:"available_actions"`
	InsertedAt         time.Time    `json:"inserted_at"`
	UpdatedAt          time.Time    `json:"updated_at"`
}

type agentActions struct {
	Update    bool `json:"update"`
	Retire    bool `json:"retire"`
	Reinstate bool `json:"reinstate"`
	Delete    bool `json:"delete"`
}

func agentOf(a agent.Agent) Agent {
	return Agent{
		Type: "agent", ID: a.ID.String(), AccountID: a.AccountID.String(), Name: a.Name, Status: a.Status,
		Description: orNull(a.Description), ExternalIdentifier: orNull(a.ExternalIdentifier),
		InsertedAt: a.InsertedAt, UpdatedAt: a.UpdatedAt,
	}
}

func (s *Server) listAgents(ctx context.Context, who *caller, in *Listing) (*many[Agent], error) {
	list, total, err := s.Agents.List(ctx, who.AccountID, in.page())
	if err != nil {
		return nil, err
	}
	return summaries(list, total, in, agentOf), nil
}

// NewAgent is what a caller asks for when an agent is registered.
type NewAgent struct {
	_                  struct{} `additionalProperties:"true"`
	Name               string   `json:"name" minLength:"1"`
	Description        *string  `json:"description,omitempty" nullable:"true"`
	ID                 *string  `json:"id,omitempty" nullable:"true" doc:"A PFID of the account's partition; made if empty"`
	ExternalIdentifier *string  `json:"external_identifier,omitempty" nullable:"true" doc:"Unique in the account"`
}

func (s *Server) createAgent(ctx context.Context, who *caller, in *ordered[NewAgent]) (*one[Agent], error) {
	asked := in.Body.Details
	wrong := fault.Fields{}
	id := optionalID(wrong, "id", asked.ID)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	a, err := s.Agents.Register(ctx, who.Actor, agent.Order{
		ID: id, Name: asked.Name, Description: optionalText(asked.Description), ExternalIdentifier: optionalText(asked.ExternalIdentifier),
	})
	if err != nil {
		return nil, err
	}
	return details(agentOf(a)), nil
}

func (s *Server) getAgent(ctx context.Context, who *caller, in *pathID) (*one[Agent], error) {
	a, err := s.Agents.Get(ctx, who.AccountID, in.id())
	if err != nil {
		return nil, err
	}
	return details(agentOf(a)), nil
}

// AgentDeployment is one agent in one environment as clients see it.
type AgentDeployment struct {
	Type             string    `json:"type" enum:"agent_deployment"`
	ID               string    `json:"id"`
	AccountID        string    `json:"account_id"`
	AgentID          string    `json:"agent_id"`
	EnvironmentID    string    `json:"environment_id"`
	CurrentVersionID *string   `json:"current_version_id" doc:"null where no version is pinned"`
	InsertedAt       time.Time `json:"inserted_at"`
	UpdatedAt        time.Time `json:"updated_at"`
}

func deploymentOf(d agent.Deployment) AgentDeployment {
	return AgentDeployment{
		Type: "agent_deployment", ID: d.ID.String(), AccountID: d.AccountID.String(), AgentID: d.AgentID.String(),
		EnvironmentID: d.EnvironmentID.String(), CurrentVersionID: idOrNull(d.CurrentVersionID),
		InsertedAt: d.InsertedAt, UpdatedAt: d.UpdatedAt,
	}
}

type listDeploymentsInput struct {
	Listing
	AgentID       string `query:"agent_id"`
	EnvironmentID string `query:"environment_id"`
}

func (s *Server) listDeployments(ctx context.Context, who *caller, in *listDeploymentsInput) (*many[AgentDeployment], error) {
	wrong := fault.Fields{}
	filter := agent.DeploymentFilter{
		AgentID: optionalID(wrong, "agent_id", &in.AgentID), EnvironmentID: optionalID(wrong, "environment_id", &in.EnvironmentID),
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	list, total, err := s.Agents.Deployments(ctx, who.AccountID, filter, in.page())
	if err != nil {
		return nil, err
	}
	return summaries(list, total, &in.Listing, deploymentOf), nil
}

// NewAgentDeployment is what a caller asks for when an agent is deployed.
type NewAgentDeployment struct {
	_             struct{} `additionalProperties:"true"`
	AgentID       string   `json:"agent_id"`
	EnvironmentID string   `json:"environment_id"`
	ID            *string  `json:"id,omitempty" nullable:"true" doc:"A PFID of the account's partition; made if empty"`
}

func (s *Server) createDeployment(ctx context.Context, who *caller, in *ordered[NewAgentDeployment]) (*one[AgentDeployment], error) {
	asked := in.Body.Details
	wrong := fault.Fields{}
	id := optionalID(wrong, "id", asked.ID)
	agentID, environmentID := optionalID(wrong, "agent_id", &asked.AgentID), optionalID(wrong, "environment_id", &asked.EnvironmentID)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	d, err := s.Agents.Deploy(ctx, who.Actor, id, agentID, environmentID)
	if err != nil {
		return nil, err
	}
	return details(deploymentOf(d)), nil
}

func (s *Server) getDeployment(ctx context.Context, who *caller, in *pathID) (*one[AgentDeployment], error) {
	d, err := s.Agents.Deployment(ctx, who.AccountID, in.id())
	if err != nil {
		return nil, err
	}
	return details(deploymentOf(d)), nil
}
