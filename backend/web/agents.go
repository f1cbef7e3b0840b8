package web

import (
	"context"

	"tokentab/backend/agent"
	"tokentab/backend/fault"
)

// Agent is an agent as clients see it.
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
	LastSeenAt         OptionalTimestamp `json:"last_seen_at" doc:"The newest last use of its deployment tokens; null for never. In the future if the clock was ahead then: the agent counts as dormant until its next use"`
	InsertedAt         Timestamp         `json:"inserted_at"`
	UpdatedAt          Timestamp         `json:"updated_at"`
}

type agentActions struct {
	Update    bool `json:"update"`
	Retire    bool `json:"retire"`
	Reinstate bool `json:"reinstate"`
	Delete    bool `json:"delete"`
}

// InstanceCounts is how many instances of an agent there are, in all and by status.
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
	return agentDetails(s.Agents.Register(ctx, who.Actor, agent.Order{
		ID: id, Name: asked.Name, Description: optionalText(asked.Description), ExternalIdentifier: optionalText(asked.ExternalIdentifier),
	}))
}

// AgentView says what an answer shows of an agent beyond its record.
type AgentView struct {
	EnvironmentID     string `query:"environment_id" doc:"Accepted; an agent is the same in every environment"`
	IncludeCounts     bool   `query:"include_counts" doc:"Adds instance_counts"`
	IncludeRiskRollup bool   `query:"include_risk_rollup" doc:"Accepted; there are no risk profiles"`
}

func (v *AgentView) of(a agent.Agent, err error) (*one[Agent], error) {
	if err != nil {
		return nil, err
	}
	shown := agentOf(a)
	if v.IncludeCounts {
		shown.InstanceCounts = &InstanceCounts{}
	}
	return details(shown), nil
}

type getAgentInput struct {
	PathID
	AgentView
}

func (s *Server) getAgent(ctx context.Context, who *caller, in *getAgentInput) (*one[Agent], error) {
	return in.of(s.Agents.Get(ctx, who.AccountID, in.id()))
}

type showAgentInput struct {
	AgentView
	AgentID            string `query:"agent_id" doc:"Either this"`
	ExternalIdentifier string `query:"external_identifier" doc:"or this"`
}

func (s *Server) showAgent(ctx context.Context, who *caller, in *showAgentInput) (*one[Agent], error) {
	wrong := fault.Fields{}
	id := optionalID(wrong, "agent_id", &in.AgentID)
	switch {
	case in.AgentID == "" && in.ExternalIdentifier == "":
		wrong.Add("agent_id", "is required where there is no external_identifier")
	case in.AgentID != "" && in.ExternalIdentifier != "":
		wrong.Add("external_identifier", "must be left out where there is an agent_id")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	if in.ExternalIdentifier != "" {
		return in.of(s.Agents.GetByExternalIdentifier(ctx, who.AccountID, in.ExternalIdentifier))
	}
	return in.of(s.Agents.Get(ctx, who.AccountID, id))
}

// AgentUpdate is what a caller wants changed about an agent. What is left out stays.
type AgentUpdate struct {
	_                struct{}   `additionalProperties:"true"`
	Name             *string    `json:"name,omitempty" nullable:"true"`
	Description      textOrNull `json:"description,omitempty" doc:"null for none"`
	CurrentVersionID *string    `json:"current_version_id,omitempty" nullable:"true" doc:"A version of the agent, which becomes current in its only deployment"`
}

func (s *Server) updateAgent(ctx context.Context, who *caller, in *changed[AgentUpdate]) (*one[Agent], error) {
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

// RetiredAgent is the answer to retiring an agent.
type RetiredAgent struct {
	Status                 string `json:"status" enum:"success"`
	Details                Agent  `json:"details"`
	SuspendedAPITokenCount int    `json:"suspended_api_token_count" doc:"How many of its tokens were suspended with it"`
}

type retiredAgent struct {
	Body RetiredAgent
}

func (s *Server) retireAgent(ctx context.Context, who *caller, in *pathID) (*retiredAgent, error) {
	a, suspended, err := s.Agents.Retire(ctx, who.Actor, in.id())
	if err != nil {
		return nil, err
	}
	return &retiredAgent{Body: RetiredAgent{Status: "success", Details: agentOf(a), SuspendedAPITokenCount: suspended}}, nil
}

// ReinstatedAgent is the answer to reinstating an agent.
type ReinstatedAgent struct {
	Status                 string `json:"status" enum:"success"`
	Details                Agent  `json:"details"`
	ActivatedAPITokenCount int    `json:"activated_api_token_count" doc:"How many of its tokens were activated with it"`
}

type reinstatedAgent struct {
	Body ReinstatedAgent
}

func (s *Server) reinstateAgent(ctx context.Context, who *caller, in *pathID) (*reinstatedAgent, error) {
	a, activated, err := s.Agents.Reinstate(ctx, who.Actor, in.id())
	if err != nil {
		return nil, err
	}
	return &reinstatedAgent{Body: ReinstatedAgent{Status: "success", Details: agentOf(a), ActivatedAPITokenCount: activated}}, nil
}

// deletion is a request to delete something that live tokens may stand on.
type deletion struct {
	PathID
	RevokeAPITokens bool `query:"revoke_api_tokens" doc:"Revoke its live tokens with it; else they forbid the delete"`
}

func (s *Server) deleteAgent(ctx context.Context, who *caller, in *deletion) (*one[Agent], error) {
	return agentDetails(s.Agents.Delete(ctx, who.Actor, in.id(), in.RevokeAPITokens))
}

func agentDetails(a agent.Agent, err error) (*one[Agent], error) {
	if err != nil {
		return nil, err
	}
	return details(agentOf(a)), nil
}
