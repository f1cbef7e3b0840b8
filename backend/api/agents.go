package api

import (
	"context"

	"tokentab/backend/agent"
	"tokentab/backend/fault"
)

// Agent is an agent in responses.
type Agent struct {
	Type               string            `json:"type" enum:"agent"`
	ID                 string            `json:"id"`
	AccountID          string            `json:"account_id"`
	Name               string            `json:"name"`
	Status             string            `json:"status" enum:"pending,active,dormant,retired"`
	Description        *string           `json:"description"`
	ExternalIdentifier *string           `json:"external_identifier"`
	OwnerPersonID      *string           `json:"owner_person_id"`
	RiskProfileID      *string           `json:"risk_profile_id"`
	TeamID             *string           `json:"team_id"`
	InstanceCounts     *InstanceCounts   `json:"instance_counts,omitempty" doc:"With include_counts=true"`
	AvailableActions   agentActions      `json:"available_actions"`
	LastSeenAt         OptionalTimestamp `json:"last_seen_at" doc:"Latest use of its deployment tokens, or report of one of its instances with another token; accurate to a minute; null if there was none. A time in the future means that the server's clock was ahead; the agent is dormant until its next use"`
	InsertedAt         Timestamp         `json:"inserted_at"`
	UpdatedAt          Timestamp         `json:"updated_at"`
}

type agentActions struct {
	Update    bool `json:"update"`
	Retire    bool `json:"retire"`
	Reinstate bool `json:"reinstate"`
	Delete    bool `json:"delete"`
}

// InstanceCounts is the number of an agent's instances, in total and by status.
type InstanceCounts struct {
	Total      int `json:"total"`
	Pending    int `json:"pending"`
	Active     int `json:"active"`
	Complete   int `json:"complete"`
	Failed     int `json:"failed"`
	Cancelled  int `json:"cancelled"`
	Terminated int `json:"terminated"`
	Finished   int `json:"finished"`
}

func agentOf(a agent.Agent) Agent {
	return Agent{
		Type: "agent", ID: a.ID.String(), AccountID: a.AccountID.String(), Name: a.Name, Status: a.Status,
		Description: orNull(a.Description), ExternalIdentifier: orNull(a.ExternalIdentifier),
		AvailableActions: agentActions(a.Actions()), LastSeenAt: OptionalTimestamp(a.LastSeenAt),
		InsertedAt: Timestamp(a.InsertedAt), UpdatedAt: Timestamp(a.UpdatedAt),
	}
}

type listAgentsInput struct {
	Listing
	Search string `query:"search" maxLength:"200" doc:"Part of the agent's name, description, external identifier or id, in any case. Parts of ids must have at least 6 characters"`
}

func (s *Service) listAgents(ctx context.Context, who *caller, in *listAgentsInput) (*many[Agent], error) {
	return listed(&in.Listing, agentOf)(s.Agents.List(ctx, who.AccountID, in.Search, in.page()))
}

// NewAgent is a request to register an agent.
type NewAgent struct {
	_                  struct{} `additionalProperties:"true"`
	Name               string   `json:"name" minLength:"1"`
	Description        *string  `json:"description,omitempty" nullable:"true"`
	ID                 *string  `json:"id,omitempty" nullable:"true" doc:"An id from POST /pfid/generate; generated if empty"`
	ExternalIdentifier *string  `json:"external_identifier,omitempty" nullable:"true" doc:"Unique in the account"`
}

func (s *Service) createAgent(ctx context.Context, who *caller, in *ordered[NewAgent]) (*one[Agent], error) {
	asked := in.Body.Details
	wrong := fault.Fields{}
	id := optionalID(wrong, "id", asked.ID)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return agentDetails(s.Agents.Register(ctx, who.Actor, agent.Order{
		ID: id, Name: asked.Name, Description: optionalText(asked.Description), ExternalIdentifier: optionalText(asked.ExternalIdentifier),
	}))
}

// AgentView selects what a response contains besides the agent.
type AgentView struct {
	EnvironmentID     string `query:"environment_id" doc:"Accepted and ignored: agents are the same in every environment"`
	IncludeCounts     bool   `query:"include_counts" doc:"Include instance_counts"`
	IncludeRiskRollup bool   `query:"include_risk_rollup" doc:"Accepted and ignored: there are no risk profiles"`
}

func (s *Service) viewOf(ctx context.Context, view *AgentView, a agent.Agent, err error) (*one[Agent], error) {
	if err != nil {
		return nil, err
	}
	shown := agentOf(a)
	if view.IncludeCounts {
		if shown.InstanceCounts, err = s.instanceCounts(ctx, a); err != nil {
			return nil, err
		}
	}
	return details(shown), nil
}

type getAgentInput struct {
	PathID
	AgentView
}

func (s *Service) getAgent(ctx context.Context, who *caller, in *getAgentInput) (*one[Agent], error) {
	a, err := s.Agents.Get(ctx, who.AccountID, in.id())
	return s.viewOf(ctx, &in.AgentView, a, err)
}

type showAgentInput struct {
	AgentView
	AgentID            string `query:"agent_id" doc:"Required without an external_identifier"`
	ExternalIdentifier string `query:"external_identifier" doc:"Required without an agent_id"`
}

func (s *Service) showAgent(ctx context.Context, who *caller, in *showAgentInput) (*one[Agent], error) {
	wrong := fault.Fields{}
	id := optionalID(wrong, "agent_id", &in.AgentID)
	switch {
	case in.AgentID == "" && in.ExternalIdentifier == "":
		wrong.Add("agent_id", "is required without an external_identifier")
	case in.AgentID != "" && in.ExternalIdentifier != "":
		wrong.Add("external_identifier", "must be omitted if agent_id is sent")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	if in.ExternalIdentifier != "" {
		a, err := s.Agents.GetByExternalIdentifier(ctx, who.AccountID, in.ExternalIdentifier)
		return s.viewOf(ctx, &in.AgentView, a, err)
	}
	a, err := s.Agents.Get(ctx, who.AccountID, id)
	return s.viewOf(ctx, &in.AgentView, a, err)
}

// AgentUpdate is a change of an agent. Omitted fields stay unchanged.
type AgentUpdate struct {
	_                struct{}   `additionalProperties:"true"`
	Name             *string    `json:"name,omitempty" nullable:"true"`
	Description      textOrNull `json:"description,omitempty" doc:"null for none"`
	CurrentVersionID *string    `json:"current_version_id,omitempty" nullable:"true" doc:"A version of the agent. It becomes the current one of the agent's only deployment"`
}

func (s *Service) updateAgent(ctx context.Context, who *caller, in *changed[AgentUpdate]) (*one[Agent], error) {
	asked := in.Body.Details
	wrong := fault.Fields{}
	version := optionalID(wrong, "current_version_id", asked.CurrentVersionID)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return agentDetails(s.Agents.Update(ctx, who.Actor, in.id(), agent.Update{
		Name: asked.Name, Description: asked.Description.sent(), CurrentVersionID: version,
	}))
}

// RetiredAgent is the response to retiring an agent.
type RetiredAgent struct {
	Status                 string `json:"status" enum:"success"`
	Details                Agent  `json:"details"`
	SuspendedAPITokenCount int    `json:"suspended_api_token_count" doc:"Number of its tokens that were suspended"`
}

func (s *Service) retireAgent(ctx context.Context, who *caller, in *pathID) (*whole[RetiredAgent], error) {
	a, suspended, err := s.Agents.Retire(ctx, who.Actor, in.id())
	if err != nil {
		return nil, err
	}
	return &whole[RetiredAgent]{Body: RetiredAgent{Status: "success", Details: agentOf(a), SuspendedAPITokenCount: suspended}}, nil
}

// ReinstatedAgent is the response to reinstating an agent.
type ReinstatedAgent struct {
	Status                 string `json:"status" enum:"success"`
	Details                Agent  `json:"details"`
	ActivatedAPITokenCount int    `json:"activated_api_token_count" doc:"Number of its tokens that were activated"`
}

func (s *Service) reinstateAgent(ctx context.Context, who *caller, in *pathID) (*whole[ReinstatedAgent], error) {
	a, activated, err := s.Agents.Reinstate(ctx, who.Actor, in.id())
	if err != nil {
		return nil, err
	}
	return &whole[ReinstatedAgent]{Body: ReinstatedAgent{Status: "success", Details: agentOf(a), ActivatedAPITokenCount: activated}}, nil
}

func (s *Service) deleteAgent(ctx context.Context, who *caller, in *deletion) (*whole[deleted[Agent]], error) {
	return gone(agentOf)(s.Agents.Delete(ctx, who.Actor, in.id(), in.IfUnused))
}

var agentDetails = shown(agentOf)
