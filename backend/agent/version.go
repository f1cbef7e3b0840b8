package agent

import (
	"context"
	"encoding/json"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Version is one build of an agent, as whoever builds it names it.
type Version struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	AgentID            pfid.ID
	SchemaVersionID    pfid.ID // zero for none
	ExternalIdentifier string
	Name               string // may be empty
	Description        string // may be empty
	InsertedAt         time.Time
	UpdatedAt          time.Time
}

// ListedVersion is a version together with where it stands among others.
type ListedVersion struct {
	Version
	Repeats     int       // how many earlier versions of the agent have the same identifier
	Deployments []pfid.ID // those that have it as their current version, oldest first
}

// SchemaVersion is one set of schemas of what an agent reports.
type SchemaVersion struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	AgentID            pfid.ID
	ExternalIdentifier string
	Schemas            map[string]json.RawMessage // as they were sent, known kinds and others
	InsertedAt         time.Time
}

// ListedSchemaVersion is a schema version together with where it stands among others.
type ListedSchemaVersion struct {
	SchemaVersion
	Repeats     int       // how many earlier schema versions of the agent have the same identifier
	Deployments []pfid.ID // those whose current version has it, oldest first
}

// CreateVersion adds a version to an agent of the actor's account. A zero ID in order has one made; its instants are
// set here.
func (as *Agents) CreateVersion(ctx context.Context, actor audit.Actor, order Version) (ListedVersion, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	order.Name = text.Line(wrong, "name", order.Name, 0, maxName)
	order.Description = text.Lines(wrong, "description", order.Description, 0, maxDescription)
	order.ExternalIdentifier = checkVersion(wrong, actor, order.ID, order.AgentID, order.ExternalIdentifier)
	if err := wrong.Err(); err != nil {
		return ListedVersion{}, err
	}
	var err error
	if order.ID, err = as.idOr(order.ID, actor, at); err != nil {
		return ListedVersion{}, err
	}
	order.AccountID, order.InsertedAt, order.UpdatedAt = actor.AccountID, at, at
	return as.store.InsertVersion(ctx, order, audit.NewRecorder(at, actor, as.random))
}

// CreateSchemaVersion adds a schema version to an agent of the actor's account, as CreateVersion does a version.
func (as *Agents) CreateSchemaVersion(ctx context.Context, actor audit.Actor, order SchemaVersion) (ListedSchemaVersion, error) {
	at := as.now().UTC()
	wrong := fault.Fields{}
	order.ExternalIdentifier = checkVersion(wrong, actor, order.ID, order.AgentID, order.ExternalIdentifier)
	if err := wrong.Err(); err != nil {
		return ListedSchemaVersion{}, err
	}
	var err error
	if order.ID, err = as.idOr(order.ID, actor, at); err != nil {
		return ListedSchemaVersion{}, err
	}
	order.AccountID, order.InsertedAt = actor.AccountID, at
	return as.store.InsertSchemaVersion(ctx, order, audit.NewRecorder(at, actor, as.random))
}

func checkVersion(wrong fault.Fields, actor audit.Actor, id, agent pfid.ID, identifier string) string {
	if agent.IsZero() {
		wrong.Add("agent_id", "is required")
	}
	checkPartition(wrong, actor, id)
	return text.Line(wrong, "external_identifier", identifier, 1, maxExternalIdentifier)
}

// Version returns one version of the account, else a fault.NotFound.
func (as *Agents) Version(ctx context.Context, account, id pfid.ID) (ListedVersion, error) {
	return as.store.Version(ctx, account, id)
}

// Versions returns one page of an agent's versions and how many there are in all; a fault.NotFound without the agent.
func (as *Agents) Versions(ctx context.Context, account, agent pfid.ID, page paging.Page) ([]ListedVersion, int, error) {
	return as.store.Versions(ctx, account, agent, page)
}

// SchemaVersion returns one schema version of the account, else a fault.NotFound.
func (as *Agents) SchemaVersion(ctx context.Context, account, id pfid.ID) (ListedSchemaVersion, error) {
	return as.store.SchemaVersion(ctx, account, id)
}

// SchemaVersions returns one page of an agent's schema versions, as Versions does.
func (as *Agents) SchemaVersions(ctx context.Context, account, agent pfid.ID, page paging.Page) ([]ListedSchemaVersion, int, error) {
	return as.store.SchemaVersions(ctx, account, agent, page)
}
