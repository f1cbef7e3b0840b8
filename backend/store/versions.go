package store

import (
	"context"
	"encoding/json"
	"errors"

	"gorm.io/gorm"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// InsertVersion implements agent.Store.
func (s *Store) InsertVersion(ctx context.Context, v agent.Version, recorder audit.Recorder) (made agent.ListedVersion, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := mustHave(tx, "agents", "agent_id", v.AccountID, v.AgentID); err != nil {
			return err
		}
		if !v.SchemaVersionID.IsZero() {
			var n int64
			if err := tx.Model(&schemaVersionRow{}).Where("id = ? AND agent_id = ?", v.SchemaVersionID, v.AgentID).Count(&n).Error; err != nil {
				return err
			}
			if n == 0 {
				return fault.Field("agent_schema_version_id", "does not exist")
			}
		}
		made.Version = v
		if made.Repeats, err = repeats(tx, "agent_versions", v.AgentID, v.ExternalIdentifier); err != nil {
			return err
		}
		err := tx.Create(&versionRow{
			ID: v.ID, AccountID: v.AccountID, AgentID: v.AgentID, AgentSchemaVersionID: v.SchemaVersionID,
			ExternalIdentifier: v.ExternalIdentifier, ExternalIdentifierRepeats: made.Repeats,
			Name: orNull(v.Name), Description: orNull(v.Description), InsertedAt: millis(v.InsertedAt), UpdatedAt: millis(v.UpdatedAt),
		}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return fault.Field("id", "is taken")
		}
		if err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.AgentVersionCreated, v.ID, v.ExternalIdentifier)
	})
	return made, err
}

// repeats counts an agent's versions with this external identifier. It reads only one row: each version stores how
// many came before it, and none is ever removed alone.
func repeats(tx *gorm.DB, table string, agentID pfid.ID, identifier string) (n int, err error) {
	err = tx.Table(table).Select("COALESCE(MAX(external_identifier_repeats) + 1, 0)").
		Where("agent_id = ? AND external_identifier = ?", agentID, identifier).Scan(&n).Error
	return n, err
}

// Version implements agent.Store.
func (s *Store) Version(ctx context.Context, account, id pfid.ID) (found agent.ListedVersion, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var row versionRow
		if err := take(tx.Where("id = ? AND account_id = ?", id, account), &row, "agent version"); err != nil {
			return err
		}
		list, err := listedVersions(tx, row.AgentID, []versionRow{row})
		if err == nil {
			found = list[0]
		}
		return err
	})
	return found, err
}

var versionSorting = sorting{"id", "inserted_at", "updated_at", "name", "external_identifier"}

// Versions implements agent.Store.
func (s *Store) Versions(ctx context.Context, account, agentID pfid.ID, page paging.Page) (list []agent.ListedVersion, total int, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var rows []versionRow
		if rows, total, err = pageOfAgent[versionRow](tx, versionSorting, account, agentID, page); err != nil {
			return err
		}
		list, err = listedVersions(tx, agentID, rows)
		return err
	})
	return list, total, err
}

// pageOfAgent reads one page of an agent's rows, and their total number. It returns fault.NotFound if the agent does
// not exist.
func pageOfAgent[Row any](tx *gorm.DB, sort sorting, account, agentID pfid.ID, page paging.Page) (rows []Row, total int, err error) {
	order, err := sort.orderBy(page)
	if err != nil {
		return nil, 0, err
	}
	if _, err := takeAgent(tx.Where("id = ?", agentID), account); err != nil {
		return nil, 0, err
	}
	var n int64
	if err := tx.Model(new(Row)).Where("agent_id = ?", agentID).Count(&n).Error; err != nil {
		return nil, 0, err
	}
	err = tx.Where("agent_id = ?", agentID).Order(order("")).Limit(page.Size).Offset(page.Offset).Find(&rows).Error
	return rows, int(n), err
}

func listedVersions(tx *gorm.DB, agentID pfid.ID, rows []versionRow) ([]agent.ListedVersion, error) {
	deployments, err := deploymentsBy(tx, agentID, "v.id")
	if err != nil {
		return nil, err
	}
	list := make([]agent.ListedVersion, len(rows))
	for i, row := range rows {
		list[i] = agent.ListedVersion{Version: row.version(), Repeats: row.ExternalIdentifierRepeats, Deployments: deployments[row.ID]}
	}
	return list, nil
}

// deploymentsBy returns the ids of an agent's deployments, grouped by a column of their current version. An agent has
// at most one per environment.
func deploymentsBy(tx *gorm.DB, agentID pfid.ID, column string) (map[pfid.ID][]pfid.ID, error) {
	var rows []struct{ ID, Version pfid.ID }
	err := tx.Raw("SELECT d.id, "+column+` AS version FROM agent_deployments d JOIN agent_versions v ON v.id = d.current_version_id
WHERE d.agent_id = ? AND d.deleted_at IS NULL ORDER BY d.inserted_at, d.id`, agentID).Scan(&rows).Error
	by := map[pfid.ID][]pfid.ID{}
	for _, row := range rows {
		by[row.Version] = append(by[row.Version], row.ID)
	}
	return by, err
}

// InsertSchemaVersion implements agent.Store.
func (s *Store) InsertSchemaVersion(ctx context.Context, v agent.SchemaVersion, recorder audit.Recorder) (made agent.ListedSchemaVersion, err error) {
	schemas, err := json.Marshal(v.Schemas)
	if err != nil {
		return made, err
	}
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := mustHave(tx, "agents", "agent_id", v.AccountID, v.AgentID); err != nil {
			return err
		}
		made.SchemaVersion = v
		if made.Repeats, err = repeats(tx, "agent_schema_versions", v.AgentID, v.ExternalIdentifier); err != nil {
			return err
		}
		err := tx.Create(&schemaVersionRow{
			ID: v.ID, AccountID: v.AccountID, AgentID: v.AgentID, ExternalIdentifier: v.ExternalIdentifier,
			ExternalIdentifierRepeats: made.Repeats, Schemas: string(schemas), InsertedAt: millis(v.InsertedAt),
		}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return fault.Field("id", "is taken")
		}
		if err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.SchemaVersionCreated, v.ID, v.ExternalIdentifier)
	})
	return made, err
}

// SchemaVersion implements agent.Store.
func (s *Store) SchemaVersion(ctx context.Context, account, id pfid.ID) (found agent.ListedSchemaVersion, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var row schemaVersionRow
		if err := take(tx.Where("id = ? AND account_id = ?", id, account), &row, "agent schema version"); err != nil {
			return err
		}
		list, err := listedSchemaVersions(tx, row.AgentID, []schemaVersionRow{row})
		if err == nil {
			found = list[0]
		}
		return err
	})
	return found, err
}

var schemaVersionSorting = sorting{"id", "inserted_at", "external_identifier"}

// SchemaVersions implements agent.Store.
func (s *Store) SchemaVersions(ctx context.Context, account, agentID pfid.ID, page paging.Page) (list []agent.ListedSchemaVersion, total int, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var rows []schemaVersionRow
		if rows, total, err = pageOfAgent[schemaVersionRow](tx, schemaVersionSorting, account, agentID, page); err != nil {
			return err
		}
		list, err = listedSchemaVersions(tx, agentID, rows)
		return err
	})
	return list, total, err
}

func listedSchemaVersions(tx *gorm.DB, agentID pfid.ID, rows []schemaVersionRow) ([]agent.ListedSchemaVersion, error) {
	deployments, err := deploymentsBy(tx, agentID, "v.agent_schema_version_id")
	if err != nil {
		return nil, err
	}
	list := make([]agent.ListedSchemaVersion, len(rows))
	for i, row := range rows {
		v, err := row.schemaVersion()
		if err != nil {
			return nil, err
		}
		list[i] = agent.ListedSchemaVersion{SchemaVersion: v, Repeats: row.ExternalIdentifierRepeats, Deployments: deployments[row.ID]}
	}
	return list, nil
}
