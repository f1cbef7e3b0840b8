package api

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/agent"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// AgentVersion is a version of an agent, in responses.
type AgentVersion struct {
	Type                       string     `json:"type" enum:"agent_version"`
	ID                         string     `json:"id"`
	AccountID                  string     `json:"account_id"`
	AgentID                    string     `json:"agent_id"`
	AgentSchemaVersionID       *string    `json:"agent_schema_version_id"`
	ExternalIdentifier         string     `json:"external_identifier"`
	ExternalIdentifierRepeats  int        `json:"external_identifier_repeats" doc:"Number of earlier versions of the agent with the same identifier"`
	Name                       *string    `json:"name"`
	Description                *string    `json:"description"`
	CurrentAgentDeploymentRefs []string   `json:"current_agent_deployment_refs" nullable:"false" doc:"Deployments whose current version it is"`
	RuntimeEnvironment         openObject `json:"runtime_environment" doc:"Always null: the environment that SDKs report is not kept"`
	InsertedAt                 Timestamp  `json:"inserted_at"`
	UpdatedAt                  Timestamp  `json:"updated_at"`
}

func versionOf(v agent.ListedVersion) AgentVersion {
	return AgentVersion{
		Type: "agent_version", ID: v.ID.String(), AccountID: v.AccountID.String(), AgentID: v.AgentID.String(),
		AgentSchemaVersionID: idOrNull(v.SchemaVersionID), ExternalIdentifier: v.ExternalIdentifier, ExternalIdentifierRepeats: v.Repeats,
		Name: orNull(v.Name), Description: orNull(v.Description), CurrentAgentDeploymentRefs: texts(v.Deployments),
		InsertedAt: Timestamp(v.InsertedAt), UpdatedAt: Timestamp(v.UpdatedAt),
	}
}

func texts(ids []pfid.ID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}

// listOfAgentInput is the query of a list of one agent's items.
type listOfAgentInput struct {
	Listing
	AgentID string `query:"agent_id" required:"true"`
}

func (in *listOfAgentInput) agent() (pfid.ID, error) {
	wrong := fault.Fields{}
	id := optionalID(wrong, "agent_id", &in.AgentID)
	if in.AgentID == "" {
		wrong.Add("agent_id", "is required")
	}
	return id, wrong.Err()
}

func (s *Service) listVersions(ctx context.Context, who *caller, in *listOfAgentInput) (*many[AgentVersion], error) {
	id, err := in.agent()
	if err != nil {
		return nil, err
	}
	return listed(&in.Listing, versionOf)(s.Agents.Versions(ctx, who.AccountID, id, in.page()))
}

func (s *Service) getVersion(ctx context.Context, who *caller, in *pathID) (*one[AgentVersion], error) {
	return shown(versionOf)(s.Agents.Version(ctx, who.AccountID, in.id()))
}

// NewAgentVersion is a request to add a version.
type NewAgentVersion struct {
	_                    struct{} `additionalProperties:"true"`
	AgentID              string   `json:"agent_id"`
	ExternalIdentifier   string   `json:"external_identifier" minLength:"1"`
	AgentSchemaVersionID *string  `json:"agent_schema_version_id,omitempty" nullable:"true" doc:"A schema version of the same agent"`
	ID                   *string  `json:"id,omitempty" nullable:"true" doc:"An id from POST /pfid/generate; generated if empty"`
	Name                 *string  `json:"name,omitempty" nullable:"true"`
	Description          *string  `json:"description,omitempty" nullable:"true"`
}

func (s *Service) createVersion(ctx context.Context, who *caller, in *ordered[NewAgentVersion]) (*one[AgentVersion], error) {
	asked := in.Body.Details
	wrong := fault.Fields{}
	order := agent.Version{
		ID: optionalID(wrong, "id", asked.ID), AgentID: optionalID(wrong, "agent_id", &asked.AgentID),
		SchemaVersionID:    optionalID(wrong, "agent_schema_version_id", asked.AgentSchemaVersionID),
		ExternalIdentifier: asked.ExternalIdentifier, Name: optionalText(asked.Name), Description: optionalText(asked.Description),
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return shown(versionOf)(s.Agents.CreateVersion(ctx, who.Actor, order))
}

// AgentSchemaVersion is a set of schemas for an agent's reports, in responses.
type AgentSchemaVersion struct {
	_                          struct{}      `additionalProperties:"true"`
	Type                       string        `json:"type" enum:"agent_schema_version"`
	ID                         string        `json:"id"`
	AccountID                  string        `json:"account_id"`
	AgentID                    string        `json:"agent_id"`
	ExternalIdentifier         string        `json:"external_identifier"`
	ExternalIdentifierRepeats  int           `json:"external_identifier_repeats" doc:"Number of earlier schema versions of the agent with the same identifier"`
	CurrentAgentDeploymentRefs []string      `json:"current_agent_deployment_refs" nullable:"false" doc:"Deployments whose current version uses it"`
	SpanSchemas                schemasByName `json:"span_schemas"`
	SpanTypeSchemas            schemaList    `json:"span_type_schemas"`
	SpanResultSchemas          schemasByName `json:"span_result_schemas"`
	QualitySchemas             schemaList    `json:"quality_schemas"`
	InsertedAt                 Timestamp     `json:"inserted_at"`

	others map[string]json.RawMessage // further fields, as they were sent
}

// MarshalJSON implements json.Marshaler. Known fields take precedence over further ones of the same name.
func (v AgentSchemaVersion) MarshalJSON() ([]byte, error) {
	type fields AgentSchemaVersion
	own, err := json.Marshal(fields(v))
	if err != nil || len(v.others) == 0 {
		return own, err
	}
	all := maps.Clone(v.others)
	if err := json.Unmarshal(own, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// schemasByName is a JSON object of objects, or null, kept as it was sent.
type schemasByName struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (schemasByName) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: anyObject(), Nullable: true, Description: "JSON schemas by name"}
}

// schemaList is a JSON list of objects, or null, kept as it was sent.
type schemaList struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (schemaList) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: anyObject(), Nullable: true, Description: "Each with its JSON schemas"}
}

// openObject is a JSON object of any fields, or null.
type openObject struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (openObject) Schema(huma.Registry) *huma.Schema {
	schema := anyObject()
	schema.Nullable = true
	return schema
}

func anyObject() *huma.Schema { return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true} }

// Kinds of schemas whose form is checked. Other kinds are stored and returned unchecked.
const (
	spanSchemas       = "span_schemas"
	spanTypeSchemas   = "span_type_schemas"
	spanResultSchemas = "span_result_schemas"
	qualitySchemas    = "quality_schemas"
)

func schemaVersionOf(v agent.ListedSchemaVersion) AgentSchemaVersion {
	return AgentSchemaVersion{
		Type: "agent_schema_version", ID: v.ID.String(), AccountID: v.AccountID.String(), AgentID: v.AgentID.String(),
		ExternalIdentifier: v.ExternalIdentifier, ExternalIdentifierRepeats: v.Repeats, CurrentAgentDeploymentRefs: texts(v.Deployments),
		SpanSchemas: schemasByName{v.Schemas[spanSchemas]}, SpanTypeSchemas: schemaList{v.Schemas[spanTypeSchemas]},
		SpanResultSchemas: schemasByName{v.Schemas[spanResultSchemas]}, QualitySchemas: schemaList{v.Schemas[qualitySchemas]},
		InsertedAt: Timestamp(v.InsertedAt), others: v.Schemas,
	}
}

func (s *Service) listSchemaVersions(ctx context.Context, who *caller, in *listOfAgentInput) (*many[AgentSchemaVersion], error) {
	id, err := in.agent()
	if err != nil {
		return nil, err
	}
	return listed(&in.Listing, schemaVersionOf)(s.Agents.SchemaVersions(ctx, who.AccountID, id, who.page(&in.Listing)))
}

func (s *Service) getSchemaVersion(ctx context.Context, who *caller, in *pathID) (*one[AgentSchemaVersion], error) {
	return shown(schemaVersionOf)(s.Agents.SchemaVersion(ctx, who.AccountID, in.id()))
}

// SentSchemas are the schemas in a request whose form is checked.
type SentSchemas struct {
	SpanSchemas       schemasByName `json:"span_schemas,omitempty"`
	SpanTypeSchemas   schemaList    `json:"span_type_schemas,omitempty"`
	SpanResultSchemas schemasByName `json:"span_result_schemas,omitempty"`
	QualitySchemas    schemaList    `json:"quality_schemas,omitempty"`
}

// NewAgentSchemaVersion is a request to add a schema version. Further fields are stored and returned unchanged.
type NewAgentSchemaVersion struct {
	_                  struct{} `additionalProperties:"true"`
	AgentID            string   `json:"agent_id"`
	ExternalIdentifier string   `json:"external_identifier" minLength:"1"`
	ID                 *string  `json:"id,omitempty" nullable:"true" doc:"An id from POST /pfid/generate; generated if empty"`
	SentSchemas

	sent map[string]json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *NewAgentSchemaVersion) UnmarshalJSON(text []byte) error {
	type fields NewAgentSchemaVersion
	if err := json.Unmarshal(text, (*fields)(v)); err != nil {
		return err
	}
	return json.Unmarshal(text, &v.sent)
}

func (s *Service) createSchemaVersion(ctx context.Context, who *caller, in *ordered[NewAgentSchemaVersion]) (*one[AgentSchemaVersion], error) {
	asked := in.Body.Details
	for _, own := range []string{"agent_id", "external_identifier", "id", "account_id", "idempotency_key"} {
		delete(asked.sent, own) // the rest are schemas
	}
	wrong := fault.Fields{}
	order := agent.SchemaVersion{
		ID: optionalID(wrong, "id", asked.ID), AgentID: optionalID(wrong, "agent_id", &asked.AgentID), ExternalIdentifier: asked.ExternalIdentifier,
		Schemas: asked.sent,
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return shown(schemaVersionOf)(s.Agents.CreateSchemaVersion(ctx, who.Actor, order))
}
