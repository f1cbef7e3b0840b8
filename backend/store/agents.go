package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// InsertAgent implements agent.Store.
func (s *Store) InsertAgent(ctx context.Context, a agent.Agent, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		err := tx.Create(&agentRow{
			ID: a.ID, AccountID: a.AccountID, Name: a.Name, Description: orNull(a.Description),
			ExternalIdentifier: orNull(a.ExternalIdentifier),
			InsertedAt:         millis(a.InsertedAt), UpdatedAt: millis(a.UpdatedAt),
		}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return takenAgent(tx, a)
		}
		if err != nil {
			return err
		}
		return record(tx, event)
	})
}

// takenAgent names the field of an agent that is taken already.
func takenAgent(tx *gorm.DB, a agent.Agent) error {
	var n int64
	err := tx.Model(&agentRow{}).Where("account_id = ? AND external_identifier = ? AND deleted_at IS NULL", a.AccountID, orNull(a.ExternalIdentifier)).Count(&n).Error
	if err != nil {
		return err
	}
	if n > 0 {
		return fault.Field("external_identifier", "is taken")
	}
	return fault.Field("id", "is taken")
}

// Agent implements agent.Store.
func (s *Store) Agent(ctx context.Context, account, id pfid.ID) (found agent.Agent, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var row agentRow
		if err := take(tx.Where("id = ? AND account_id = ? AND deleted_at IS NULL", id, account), &row, "agent"); err != nil {
			return err
		}
		found = row.agent()
		return nil
	})
	return found, err
}

var agentSorting = sorting{"id", "inserted_at", "updated_at", "name", "status", "external_identifier"}

// Agents implements agent.Store.
func (s *Store) Agents(ctx context.Context, account pfid.ID, page paging.Page) (list []agent.Agent, total int, err error) {
	rows, total, err := pageOf[agentRow](ctx, s, agentSorting, page, func(tx *gorm.DB) *gorm.DB {
		return tx.Where("account_id = ? AND deleted_at IS NULL", account)
	})
	for _, row := range rows {
		list = append(list, row.agent())
	}
	return list, total, err
}

// InsertDeployment implements agent.Store.
func (s *Store) InsertDeployment(ctx context.Context, d agent.Deployment, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := mustHave(tx, "agents", "agent_id", d.AccountID, d.AgentID); err != nil {
			return err
		}
		if err := mustHave(tx, "environments", "environment_id", d.AccountID, d.EnvironmentID); err != nil {
			return err
		}
		err := tx.Create(&deploymentRow{
			ID: d.ID, AccountID: d.AccountID, AgentID: d.AgentID, EnvironmentID: d.EnvironmentID,
			InsertedAt: millis(d.InsertedAt), UpdatedAt: millis(d.UpdatedAt),
		}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			var n int64
			if err := tx.Model(&deploymentRow{}).Where("id = ?", d.ID).Count(&n).Error; err != nil {
				return err
			}
			if n > 0 {
				return fault.Field("id", "is taken")
			}
			return fault.Field("environment_id", "has a deployment of this agent already")
		}
		if err != nil {
			return err
		}
		return record(tx, event)
	})
}

// AgentDeployment implements agent.Store.
func (s *Store) AgentDeployment(ctx context.Context, account, id pfid.ID) (found agent.Deployment, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var row deploymentRow
		if err := take(tx.Where("id = ? AND account_id = ? AND deleted_at IS NULL", id, account), &row, "agent deployment"); err != nil {
			return err
		}
		found = row.deployment()
		return nil
	})
	return found, err
}

var deploymentSorting = sorting{"id", "inserted_at", "updated_at"}

// AgentDeployments implements agent.Store.
func (s *Store) AgentDeployments(ctx context.Context, account pfid.ID, filter agent.DeploymentFilter, page paging.Page) (list []agent.Deployment, total int, err error) {
	rows, total, err := pageOf[deploymentRow](ctx, s, deploymentSorting, page, func(tx *gorm.DB) *gorm.DB {
		tx = tx.Where("account_id = ? AND deleted_at IS NULL", account)
		if !filter.AgentID.IsZero() {
			tx = tx.Where("agent_id = ?", filter.AgentID)
		}
		if !filter.EnvironmentID.IsZero() {
			tx = tx.Where("environment_id = ?", filter.EnvironmentID)
		}
		return tx
	})
	for _, row := range rows {
		list = append(list, row.deployment())
	}
	return list, total, err
}
