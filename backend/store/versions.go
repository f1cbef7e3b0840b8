package store

import (
	"context"

	"gorm.io/gorm"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

var versions = table[agent.ListedVersion]{name: "agent_versions", what: "agent version",
	columns: func(v *agent.ListedVersion) []column {
		return []column{
			{"id", &v.ID}, {"account_id", &v.AccountID}, {"agent_id", &v.AgentID}, {"agent_schema_version_id", &v.SchemaVersionID},
			{"external_identifier", &v.ExternalIdentifier}, {"external_identifier_repeats", &v.Repeats},
			{"name", (*optional)(&v.Name)}, {"description", (*optional)(&v.Description)}, {"registered", &v.Registered},
			{"inserted_at", (*stamp)(&v.InsertedAt)}, {"updated_at", (*stamp)(&v.UpdatedAt)},
		}
	},
	derived: func(v *agent.ListedVersion) []column {
		return []column{{deploymentsWhere("v.id"), document{&v.Deployments}}}
	},
}

var schemaVersions = table[agent.ListedSchemaVersion]{name: "agent_schema_versions", what: "agent schema version", size: "octet_length(t.schemas)",
	columns: func(v *agent.ListedSchemaVersion) []column {
		return []column{
			{"id", &v.ID}, {"account_id", &v.AccountID}, {"agent_id", &v.AgentID},
			{"external_identifier", &v.ExternalIdentifier}, {"external_identifier_repeats", &v.Repeats},
			{"schemas", document{&v.Schemas}}, {"registered", &v.Registered}, {"inserted_at", (*stamp)(&v.InsertedAt)},
		}
	},
	derived: func(v *agent.ListedSchemaVersion) []column {
		return []column{{deploymentsWhere("v.agent_schema_version_id"), document{&v.Deployments}}}
	},
}

// deploymentsWhere returns the SQL of the ids of an agent's deployments, oldest first, for which a column of their
// current version is t.id. An agent has at most one deployment per environment.
func deploymentsWhere(column string) string {
	return `(SELECT json_group_array(d.id ORDER BY d.inserted_at, d.id) FROM agent_deployments d JOIN agent_versions v ON v.id = d.current_version_id
		WHERE d.agent_id = t.agent_id AND d.deleted_at IS NULL AND ` + column + ` = t.id)`
}

func (s Agents) InsertVersion(ctx context.Context, v agent.Version, recorder audit.Recorder) (agent.ListedVersion, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (made agent.ListedVersion, err error) {
		if err := mustHave(tx, "agents", "agent_id", v.AccountID, v.AgentID); err != nil {
			return made, err
		}
		if !v.SchemaVersionID.IsZero() {
			has, err := exists(tx, "SELECT 1 FROM agent_schema_versions WHERE id = ? AND agent_id = ?", v.SchemaVersionID, v.AgentID)
			if err == nil && !has {
				err = fault.Field("agent_schema_version_id", "does not exist")
			}
			if err != nil {
				return made, err
			}
		}
		return insertVersion(tx, v, recorder)
	})
}

// insertVersion writes a version of an agent and schema version that exist.
func insertVersion(tx *gorm.DB, v agent.Version, recorder audit.Recorder) (made agent.ListedVersion, err error) {
	made.Version = v
	if made.Repeats, err = repeats(tx, "agent_versions", v.AgentID, v.ExternalIdentifier); err != nil {
		return made, err
	}
	if err := versions.insertNew(tx, made, idTaken()); err != nil {
		return made, err
	}
	return made, recordWith(tx, recorder, audit.AgentVersionCreated, v.ExternalIdentifier, v.ID)
}

// repeats counts an agent's versions with this external identifier, also those that are gone unless no later one is left. It
// reads only one row: each version stores how many came before it.
func repeats(tx *gorm.DB, table string, agentID pfid.ID, identifier string) (int, error) {
	return value[int](tx, "SELECT COALESCE(MAX(external_identifier_repeats) + 1, 0) FROM "+table+" WHERE agent_id = ? AND external_identifier = ?", agentID, identifier)
}

func (s Agents) Version(ctx context.Context, account, id pfid.ID) (agent.ListedVersion, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (agent.ListedVersion, error) {
		return versions.take(tx, "t.id = ? AND t.account_id = ?", id, account)
	})
}

func (s Agents) Versions(ctx context.Context, account, agentID pfid.ID, page paging.Page) ([]agent.ListedVersion, int, error) {
	if _, err := s.Agent(ctx, account, agentID); err != nil {
		return nil, 0, err
	}
	return versions.page(ctx, s.db, sorting{"id", "inserted_at", "updated_at", "name", "external_identifier"}, page, "agent_versions t WHERE t.agent_id = ?", agentID)
}

func (s Agents) InsertSchemaVersion(ctx context.Context, v agent.SchemaVersion, recorder audit.Recorder) (agent.ListedSchemaVersion, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (made agent.ListedSchemaVersion, err error) {
		if err := mustHave(tx, "agents", "agent_id", v.AccountID, v.AgentID); err != nil {
			return made, err
		}
		return insertSchemaVersion(tx, v, recorder)
	})
}

// insertSchemaVersion writes a schema version of an agent that exists.
func insertSchemaVersion(tx *gorm.DB, v agent.SchemaVersion, recorder audit.Recorder) (made agent.ListedSchemaVersion, err error) {
	made.SchemaVersion = v
	if made.Repeats, err = repeats(tx, "agent_schema_versions", v.AgentID, v.ExternalIdentifier); err != nil {
		return made, err
	}
	if err := schemaVersions.insertNew(tx, made, idTaken()); err != nil {
		return made, err
	}
	return made, recordWith(tx, recorder, audit.SchemaVersionCreated, v.ExternalIdentifier, v.ID)
}

func (s Agents) SchemaVersion(ctx context.Context, account, id pfid.ID) (agent.ListedSchemaVersion, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (agent.ListedSchemaVersion, error) {
		return schemaVersions.take(tx, "t.id = ? AND t.account_id = ?", id, account)
	})
}

func (s Agents) SchemaVersions(ctx context.Context, account, agentID pfid.ID, page paging.Page) ([]agent.ListedSchemaVersion, int, error) {
	if _, err := s.Agent(ctx, account, agentID); err != nil {
		return nil, 0, err
	}
	return schemaVersions.page(ctx, s.db, sorting{"id", "inserted_at", "external_identifier"}, page, "agent_schema_versions t WHERE t.agent_id = ?", agentID)
}
