package api

import (
	"context"

	"tokentab/backend/agent"
	"tokentab/backend/fault"
)

// AgentDeployment is an agent in an environment, in responses.
type AgentDeployment struct {
	Type                     string    `json:"type" enum:"agent_deployment"`
	ID                       string    `json:"id"`
	AccountID                string    `json:"account_id"`
	AgentID                  string    `json:"agent_id"`
	AgentName                string    `json:"agent_name"`
	EnvironmentID            string    `json:"environment_id"`
	EnvironmentName          string    `json:"environment_name"`
	CurrentVersionID         *string   `json:"current_version_id" doc:"null if no version is pinned"`
	CurrentVersionIdentifier *string   `json:"current_version_identifier" doc:"The version's external_identifier"`
	LiveAPITokenCount        int       `json:"live_api_token_count" doc:"Its active and suspended tokens"`
	InsertedAt               Timestamp `json:"inserted_at"`
	UpdatedAt                Timestamp `json:"updated_at"`
}

func deploymentOf(d agent.ListedDeployment) AgentDeployment {
	return AgentDeployment{
		Type: "agent_deployment", ID: d.ID.String(), AccountID: d.AccountID.String(), AgentID: d.AgentID.String(),
		AgentName: d.AgentName, EnvironmentID: d.EnvironmentID.String(), EnvironmentName: d.EnvironmentName,
		CurrentVersionID: idOrNull(d.CurrentVersionID), CurrentVersionIdentifier: orNull(d.CurrentVersionIdentifier),
		LiveAPITokenCount: d.LiveTokens, InsertedAt: Timestamp(d.InsertedAt), UpdatedAt: Timestamp(d.UpdatedAt),
	}
}

type listDeploymentsInput struct {
	Listing
	AgentID       string `query:"agent_id"`
	EnvironmentID string `query:"environment_id"`
}

func (s *Service) listDeployments(ctx context.Context, who *caller, in *listDeploymentsInput) (*many[AgentDeployment], error) {
	wrong := fault.Fields{}
	filter := agent.DeploymentFilter{
		AgentID: optionalID(wrong, "agent_id", &in.AgentID), EnvironmentID: optionalID(wrong, "environment_id", &in.EnvironmentID),
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return listed(&in.Listing, deploymentOf)(s.Agents.Deployments(ctx, who.AccountID, filter, in.page()))
}

// NewAgentDeployment is a request to deploy an agent in an environment.
type NewAgentDeployment struct {
	_                struct{} `additionalProperties:"true"`
	AgentID          string   `json:"agent_id"`
	EnvironmentID    string   `json:"environment_id"`
	ID               *string  `json:"id,omitempty" nullable:"true" doc:"An id from POST /pfid/generate; generated if empty"`
	CurrentVersionID *string  `json:"current_version_id,omitempty" nullable:"true" doc:"A version of the agent"`
}

func (s *Service) createDeployment(ctx context.Context, who *caller, in *ordered[NewAgentDeployment]) (*one[AgentDeployment], error) {
	asked := in.Body.Details
	wrong := fault.Fields{}
	order := agent.DeploymentOrder{
		ID: optionalID(wrong, "id", asked.ID), AgentID: optionalID(wrong, "agent_id", &asked.AgentID),
		EnvironmentID: optionalID(wrong, "environment_id", &asked.EnvironmentID), CurrentVersionID: optionalID(wrong, "current_version_id", asked.CurrentVersionID),
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return deploymentDetails(s.Agents.Deploy(ctx, who.Actor, order))
}

func (s *Service) getDeployment(ctx context.Context, who *caller, in *pathID) (*one[AgentDeployment], error) {
	return deploymentDetails(s.Agents.Deployment(ctx, who.AccountID, in.id()))
}

// AgentDeploymentUpdate is a change of a deployment.
type AgentDeploymentUpdate struct {
	_                struct{} `additionalProperties:"true"`
	CurrentVersionID *string  `json:"current_version_id" nullable:"true" doc:"A version of the agent; null to pin none"`
}

func (s *Service) updateDeployment(ctx context.Context, who *caller, in *changed[AgentDeploymentUpdate]) (*one[AgentDeployment], error) {
	wrong := fault.Fields{}
	version := optionalID(wrong, "current_version_id", in.Body.Details.CurrentVersionID)
	if text := in.Body.Details.CurrentVersionID; text != nil && *text == "" {
		wrong.Add("current_version_id", "must be an id, or null to pin no version")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return deploymentDetails(s.Agents.SetCurrentVersion(ctx, who.Actor, in.id(), version))
}

func (s *Service) deleteDeployment(ctx context.Context, who *caller, in *deletion) (*whole[deleted[AgentDeployment]], error) {
	return gone(deploymentOf)(s.Agents.DeleteDeployment(ctx, who.Actor, in.id(), in.IfUnused))
}

var deploymentDetails = shown(deploymentOf)
