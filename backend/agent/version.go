package agent

import (
	"context"
	"encoding/json"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Version is one build of an agent, named by whatever builds it.
type Version struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	AgentID            pfid.ID
	SchemaVersionID    pfid.ID // zero for none
	ExternalIdentifier string
	Name               string // may be empty
	Description        string // may be empty
	// Registered is set if an instance brought it. It goes when nothing refers to it any more.
	Registered bool
	InsertedAt time.Time
	UpdatedAt  time.Time
}

// ListedVersion is a version with its relation to other versions and deployments.
type ListedVersion struct {
	Version
	Repeats     int       // how many earlier versions of the agent have the same external identifier
	Deployments []pfid.ID // deployments whose current version it is, oldest first
}

// SchemaVersion is a set of schemas for what an agent reports.
type SchemaVersion struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	AgentID            pfid.ID
	ExternalIdentifier string
	Schemas            map[string]json.RawMessage // as sent, known kinds and others
	Registered         bool                       // if an instance brought it; it goes with the last version that has it
	InsertedAt         time.Time
}

// ListedSchemaVersion is a schema version with its relation to other versions and deployments.
type ListedSchemaVersion struct {
	SchemaVersion
	Repeats     int       // how many earlier schema versions of the agent have the same external identifier
	Deployments []pfid.ID // deployments whose current version has it, oldest first
}

// CreateVersion adds a version to an agent of the actor's account. It sets the times, and the id if order has none.
// It returns fault.Validation if a field is invalid, the agent or schema version does not exist, or the id is taken.
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

// CreateSchemaVersion is like CreateVersion, for schema versions.
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
