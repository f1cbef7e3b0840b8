package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tokentab/backend/activity"
	"tokentab/backend/agent"
	"tokentab/backend/fault"
)

// AgentInstance is an agent instance in responses.
type AgentInstance struct {
	Type                   string            `json:"type" enum:"agent_instance"`
	ID                     string            `json:"id"`
	AccountID              string            `json:"account_id"`
	AgentID                string            `json:"agent_id"`
	AgentName              string            `json:"agent_name"`
	AgentVersionID         string            `json:"agent_version_id"`
	AgentVersionIdentifier *string           `json:"agent_version_identifier" doc:"External identifier of the version"`
	EnvironmentID          string            `json:"environment_id"`
	EnvironmentName        string            `json:"environment_name"`
	AgentDeploymentID      string            `json:"agent_deployment_id"`
	APITokenID             *string           `json:"api_token_id" doc:"API token that registered it; null for an admin user"`
	APITokenName           *string           `json:"api_token_name"`
	APITokenHint           *string           `json:"api_token_hint" doc:"The token's last characters; null if it was deleted"`
	Status                 string            `json:"status" enum:"pending,active,complete,failed,cancelled,terminated"`
	Purpose                string            `json:"purpose" enum:"live,smoke_test,eval"`
	StartedAt              OptionalTimestamp `json:"started_at" doc:"By the agent's clock"`
	FinishedAt             OptionalTimestamp `json:"finished_at" doc:"By the agent's clock; by the server's if it was terminated"`
	TerminationReason      *string           `json:"termination_reason"`
	SpanCounts             SpanCounts        `json:"span_counts"`
	QualityPayloads        openObject        `json:"quality_payloads" doc:"The latest payload of each name, or null"`
	QualitySummaries       openObject        `json:"quality_summaries" doc:"Always null: summary templates are not rendered"`
	AvailableActions       instanceActions   `json:"available_actions"`
	LastActivityAt         Timestamp         `json:"last_activity_at" doc:"Of the instance or one of its spans"`
	InsertedAt             Timestamp         `json:"inserted_at"`
	UpdatedAt              Timestamp         `json:"updated_at"`
}

type instanceActions struct {
	Terminate bool `json:"terminate"`
}

// SpanCounts is the number of an instance's spans, in total and by status.
type SpanCounts struct {
	Total     int `json:"total"`
	Pending   int `json:"pending"`
	Active    int `json:"active"`
	Complete  int `json:"complete"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
	Finished  int `json:"finished"`
}

func spanCounts(n activity.SpanCounts) SpanCounts {
	finished := n.Complete + n.Failed + n.Cancelled
	return SpanCounts{
		Total: finished + n.Pending + n.Active, Pending: n.Pending, Active: n.Active,
		Complete: n.Complete, Failed: n.Failed, Cancelled: n.Cancelled, Finished: finished,
	}
}

func instanceOf(i activity.ListedInstance) AgentInstance {
	shown := AgentInstance{
		Type: "agent_instance", ID: i.ID.String(), AccountID: i.AccountID.String(), AgentID: i.AgentID.String(), AgentName: i.AgentName,
		AgentVersionID: i.VersionID.String(), AgentVersionIdentifier: orNull(i.VersionIdentifier),
		EnvironmentID: i.EnvironmentID.String(), EnvironmentName: i.EnvironmentName, AgentDeploymentID: i.DeploymentID.String(),
		APITokenID: idOrNull(i.APITokenID), APITokenName: orNull(i.APITokenName), APITokenHint: orNull(i.APITokenHint), Status: string(i.Status), Purpose: i.Purpose,
		StartedAt: OptionalTimestamp(i.StartedAt), FinishedAt: OptionalTimestamp(i.FinishedAt), TerminationReason: orNull(i.TerminationReason),
		SpanCounts: spanCounts(i.Spans), AvailableActions: instanceActions{Terminate: i.MayTerminate()},
		LastActivityAt: Timestamp(i.UpdatedAt), InsertedAt: Timestamp(i.InsertedAt), UpdatedAt: Timestamp(i.UpdatedAt),
	}
	if len(i.Qualities) > 0 {
		shown.QualityPayloads.RawMessage, _ = json.Marshal(i.Qualities) // decoded JSON always encodes
	}
	return shown
}

var instanceDetails = shown(instanceOf)

// scope returns what the caller may see and change of the account's activity.
func (c *caller) scope() activity.Scope {
	if c.mayManage() {
		return activity.Scope{AccountID: c.AccountID, Actor: c.Actor}
	}
	return activity.Scope{AccountID: c.AccountID, EnvironmentID: c.State.EnvironmentID, DeploymentID: c.State.AgentDeploymentID, Actor: c.Actor}
}

// registerRoute is the path of registrations.
const registerRoute = "/agent_instance/register"

// InstanceRegistration is a request to register an instance.
type InstanceRegistration struct {
	_                    struct{}           `additionalProperties:"true"`
	AgentID              *string            `json:"agent_id,omitempty" nullable:"true" doc:"Id, external identifier or name of the agent. Deployment tokens imply it"`
	EnvironmentID        *string            `json:"environment_id,omitempty" nullable:"true" doc:"By default the agent's only deployment, else the one in Development. Deployment and environment tokens imply it"`
	AgentVersion         RegisteredVersion  `json:"agent_version"`
	AgentSchemaVersion   *RegisteredSchemas `json:"agent_schema_version,omitempty"`
	ID                   *string            `json:"id,omitempty" nullable:"true" doc:"Any id; generated if it is missing"`
	Purpose              *string            `json:"purpose,omitempty" nullable:"true" doc:"live, smoke_test or eval; live if it is missing"`
	UpdateCurrentVersion *bool              `json:"update_current_version,omitempty" nullable:"true" doc:"Whether the version becomes the current one of the deployment; true if it is missing"`
}

// RegisteredVersion names the version that runs. It is created unless the agent has it.
type RegisteredVersion struct {
	_                  struct{} `additionalProperties:"true"`
	ExternalIdentifier string   `json:"external_identifier" minLength:"1"`
	Name               *string  `json:"name,omitempty" nullable:"true"`
	Description        *string  `json:"description,omitempty" nullable:"true"`
}

// RegisteredSchemas names the schema version of the version. It is created unless the agent has it with the same schemas.
// All fields are stored and returned unchanged.
type RegisteredSchemas struct {
	_                  struct{} `additionalProperties:"true"`
	ExternalIdentifier string   `json:"external_identifier" minLength:"1"`
	SentSchemas

	sent map[string]json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *RegisteredSchemas) UnmarshalJSON(text []byte) error {
	type fields RegisteredSchemas
	if err := json.Unmarshal(text, (*fields)(v)); err != nil {
		return err
	}
	return json.Unmarshal(text, &v.sent)
}

// RegisteredInstance is the response to registering an instance.
type RegisteredInstance struct {
	Status             string              `json:"status" enum:"success"`
	Details            AgentInstance       `json:"details"`
	AgentSchemaVersion *AgentSchemaVersion `json:"agent_schema_version,omitempty" doc:"Missing if none was sent"`
}

func (s *Service) registerInstance(ctx context.Context, who *caller, in *whole[InstanceRegistration]) (*whole[RegisteredInstance], error) {
	asked, wrong := in.Body, fault.Fields{}
	r := activity.Registration{
		ID: optionalID(wrong, "id", asked.ID), Agent: optionalText(asked.AgentID), EnvironmentID: optionalID(wrong, "environment_id", asked.EnvironmentID),
		Version: activity.RegisteredVersion{
			ExternalIdentifier: asked.AgentVersion.ExternalIdentifier, Name: optionalText(asked.AgentVersion.Name), Description: optionalText(asked.AgentVersion.Description),
		},
		Purpose: optionalText(asked.Purpose), KeepsCurrentVersion: asked.UpdateCurrentVersion != nil && !*asked.UpdateCurrentVersion,
	}
	if schemas := asked.AgentSchemaVersion; schemas != nil {
		delete(schemas.sent, "external_identifier") // the rest are schemas
		r.Schema = &activity.RegisteredSchema{ExternalIdentifier: schemas.ExternalIdentifier, Schemas: schemas.sent}
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	made, err := s.Activity.Register(ctx, who.Actor, who.scope(), r)
	if err != nil {
		return nil, err
	}
	out := &whole[RegisteredInstance]{Body: RegisteredInstance{Status: "success", Details: instanceOf(made.ListedInstance)}}
	if !made.SchemaVersionID.IsZero() {
		schema, err := s.Agents.SchemaVersion(ctx, who.AccountID, made.SchemaVersionID)
		if err != nil {
			return nil, err
		}
		shown := schemaVersionOf(schema)
		out.Body.AgentSchemaVersion = &shown
	}
	return out, nil
}

type startInput struct {
	PathID
	Body *InstanceStart
}

// InstanceStart is a request to start an instance.
type InstanceStart struct {
	_         struct{} `additionalProperties:"true"`
	Timestamp *string  `json:"timestamp,omitempty" nullable:"true" doc:"When it started, by the agent's clock; now if it is missing"`
}

func (s *Service) startInstance(ctx context.Context, who *caller, in *startInput) (*one[AgentInstance], error) {
	asked, wrong := InstanceStart{}, fault.Fields{}
	if in.Body != nil {
		asked = *in.Body
	}
	at := optionalTime(wrong, "timestamp", optionalText(asked.Timestamp))
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return instanceDetails(s.Activity.Start(ctx, who.scope(), in.id(), at))
}

type finishInput struct {
	PathID
	Body *InstanceFinish
}

// InstanceFinish is a request to finish an instance.
type InstanceFinish struct {
	_         struct{} `additionalProperties:"true"`
	Status    *string  `json:"status,omitempty" nullable:"true" doc:"complete, failed or cancelled; complete if it is missing"`
	Timestamp *string  `json:"timestamp,omitempty" nullable:"true" doc:"When it ended, by the agent's clock; now if it is missing"`
}

func (s *Service) finishInstance(ctx context.Context, who *caller, in *finishInput) (*one[AgentInstance], error) {
	asked, wrong := InstanceFinish{}, fault.Fields{}
	if in.Body != nil {
		asked = *in.Body
	}
	at := optionalTime(wrong, "timestamp", optionalText(asked.Timestamp))
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return instanceDetails(s.Activity.Finish(ctx, who.scope(), in.id(), activity.Status(optionalText(asked.Status)), at))
}

type terminateInput struct {
	PathID
	Body struct {
		_      struct{} `additionalProperties:"true"`
		Reason string   `json:"reason" minLength:"1" doc:"Shown to people, and sent to the agent"`
	}
}

func (s *Service) terminateInstance(ctx context.Context, who *caller, in *terminateInput) (*one[AgentInstance], error) {
	return instanceDetails(s.Activity.Terminate(ctx, who.Actor, who.scope(), in.id(), in.Body.Reason))
}

type qualityInput struct {
	PathID
	Body InstanceQuality
}

// InstanceQuality is a request to record a quality payload.
type InstanceQuality struct {
	_       struct{}   `additionalProperties:"true"`
	Name    string     `json:"name" minLength:"1"`
	Payload openObject `json:"payload,omitempty" doc:"At most 64 KiB of JSON, together with the other quality payloads of the instance; null removes the one of this name"`
}

func (s *Service) recordQuality(ctx context.Context, who *caller, in *qualityInput) (*one[AgentInstance], error) {
	if who.isRepeated {
		return s.getInstance(ctx, who, &in.PathID)
	}
	return instanceDetails(s.Activity.RecordQuality(ctx, who.scope(), in.id(), in.Body.Name, in.Body.Payload.RawMessage))
}

// instanceListing is the query of a list of instances.
type instanceListing struct {
	Listing
	AgentID           string `query:"agent_id"`
	AgentDeploymentID string `query:"agent_deployment_id"`
	EnvironmentID     string `query:"environment_id"`
	APITokenID        string `query:"api_token_id" doc:"API token that registered them"`
	Status            string `query:"status" enum:"pending,active,complete,failed,cancelled,terminated,"`
}

func (s *Service) listInstances(ctx context.Context, who *caller, in *instanceListing) (*many[AgentInstance], error) {
	wrong := fault.Fields{}
	filter := activity.InstanceFilter{
		AgentID: optionalID(wrong, "agent_id", &in.AgentID), DeploymentID: optionalID(wrong, "agent_deployment_id", &in.AgentDeploymentID),
		EnvironmentID: optionalID(wrong, "environment_id", &in.EnvironmentID), APITokenID: optionalID(wrong, "api_token_id", &in.APITokenID),
		Status: activity.Status(in.Status),
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return listedUpTo(&in.Listing, instanceOf)(s.Activity.Instances(ctx, who.scope(), filter, who.page(&in.Listing)))
}

func (s *Service) getInstance(ctx context.Context, who *caller, in *pathID) (*one[AgentInstance], error) {
	return instanceDetails(s.Activity.Instance(ctx, who.scope(), in.id()))
}

// ContextAnswer is the response that describes an instance in words.
type ContextAnswer struct {
	Status       string       `json:"status" enum:"success"`
	AgentContext AgentContext `json:"agent_context"`
}

// AgentContext describes an instance to a reader.
type AgentContext struct {
	Body string `json:"body" doc:"Plain text"`
}

func (s *Service) getAgentContext(ctx context.Context, who *caller, in *pathID) (*whole[ContextAnswer], error) {
	found, err := s.Activity.InstanceContext(ctx, who.scope(), in.id())
	if err != nil {
		return nil, err
	}
	of, err := s.Agents.Get(ctx, who.AccountID, found.AgentID)
	if err != nil {
		return nil, err
	}
	schema := agent.ListedSchemaVersion{}
	if !found.SchemaVersionID.IsZero() {
		if schema, err = s.Agents.SchemaVersion(ctx, who.AccountID, found.SchemaVersionID); err != nil {
			return nil, err
		}
	}
	return &whole[ContextAnswer]{Body: ContextAnswer{Status: "success", AgentContext: AgentContext{Body: contextOf(of, found.ListedInstance, schema)}}}, nil
}

func contextOf(of agent.Agent, i activity.ListedInstance, schema agent.ListedSchemaVersion) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	line("Agent", of.Name)
	line("Agent ID", of.ID.String())
	line("Description", of.Description)
	line("Version", i.VersionIdentifier)
	line("Environment", i.EnvironmentName)
	line("Instance ID", i.ID.String())
	line("Purpose", i.Purpose)
	line("Status", string(i.Status))
	line("Termination reason", i.TerminationReason)
	line("Schema version", schema.ExternalIdentifier)
	line("Span types", strings.Join(spanTypes(schema), ", "))
	return b.String()
}

// spanTypes returns the names of the span types of a schema version, in order.
func spanTypes(schema agent.ListedSchemaVersion) []string {
	names := map[string]bool{}
	var byName map[string]json.RawMessage
	if json.Unmarshal(schema.Schemas[spanSchemas], &byName) == nil {
		for name := range byName {
			names[name] = true
		}
	}
	var list []struct{ Name string }
	if json.Unmarshal(schema.Schemas[spanTypeSchemas], &list) == nil {
		for _, one := range list {
			names[one.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// AgentActivity is the last day of an agent.
type AgentActivity struct {
	Type    string          `json:"type" enum:"agent_activity"`
	AgentID string          `json:"agent_id"`
	First   Timestamp       `json:"first" doc:"Start of the first hour"`
	Hours   []InstanceHours `json:"hours" nullable:"false" doc:"24 successive hours; the last one is not over"`
}

// InstanceHours is the number of instances that were registered in an hour, by their status now.
type InstanceHours struct {
	Pending    int `json:"pending"`
	Active     int `json:"active"`
	Complete   int `json:"complete"`
	Failed     int `json:"failed"`
	Cancelled  int `json:"cancelled"`
	Terminated int `json:"terminated"`
}

func (s *Service) getAgentActivity(ctx context.Context, who *caller, in *pathID) (*one[AgentActivity], error) {
	day, err := s.Activity.Day(ctx, who.AccountID, in.id())
	if err != nil {
		return nil, err
	}
	out := AgentActivity{Type: "agent_activity", AgentID: in.ID, First: Timestamp(day.First)}
	for _, n := range day.Hours {
		out.Hours = append(out.Hours, InstanceHours{
			Pending: n[activity.Pending], Active: n[activity.Active], Complete: n[activity.Complete],
			Failed: n[activity.Failed], Cancelled: n[activity.Cancelled], Terminated: n[activity.Terminated],
		})
	}
	return details(out), nil
}

func (s *Service) instanceCounts(ctx context.Context, a agent.Agent) (*InstanceCounts, error) {
	n, err := s.Activity.InstanceCounts(ctx, a.AccountID, a.ID)
	if err != nil {
		return nil, err
	}
	c := &InstanceCounts{
		Pending: n[activity.Pending], Active: n[activity.Active], Complete: n[activity.Complete],
		Failed: n[activity.Failed], Cancelled: n[activity.Cancelled], Terminated: n[activity.Terminated],
	}
	c.Finished = c.Complete + c.Failed + c.Cancelled + c.Terminated
	c.Total = c.Finished + c.Pending + c.Active
	return c, nil
}
