package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// listedDeploymentRow is a deployment with the names behind its ids.
type listedDeploymentRow struct {
	Row                      deploymentRow `gorm:"embedded"`
	AgentName                string
	EnvironmentName          string
	CurrentVersionIdentifier *string
}

const listedDeployments = `SELECT d.*, a.name AS agent_name, e.name AS environment_name, v.external_identifier AS current_version_identifier
FROM agent_deployments d
JOIN agents a ON a.id = d.agent_id
JOIN environments e ON e.id = d.environment_id
LEFT JOIN agent_versions v ON v.id = d.current_version_id
`

// listDeployments adds the number of live tokens to deployments of one account.
func listDeployments(tx *gorm.DB, account pfid.ID, rows []listedDeploymentRow) ([]agent.ListedDeployment, error) {
	ids := make([]pfid.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.Row.ID
	}
	tokens, err := countLive(tx, account, ofDeployment, ids)
	if err != nil {
		return nil, err
	}
	list := make([]agent.ListedDeployment, len(rows))
	for i, row := range rows {
		list[i] = agent.ListedDeployment{
			Deployment: row.Row.deployment(), AgentName: row.AgentName, EnvironmentName: row.EnvironmentName,
			CurrentVersionIdentifier: orEmpty(row.CurrentVersionIdentifier), LiveTokens: tokens[row.Row.ID],
		}
	}
	return list, nil
}

// InsertDeployment implements agent.Store.
func (s *Store) InsertDeployment(ctx context.Context, d agent.Deployment, recorder audit.Recorder) (made agent.ListedDeployment, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := checkActive(tx, d.AccountID, d.AgentID, "it can't be deployed"); err != nil {
			return err
		}
		if err := mustHave(tx, "environments", "environment_id", d.AccountID, d.EnvironmentID); err != nil {
			return err
		}
		if err := checkVersion(tx, d.AgentID, d.CurrentVersionID); err != nil {
			return err
		}
		err := tx.Create(&deploymentRow{
			ID: d.ID, AccountID: d.AccountID, AgentID: d.AgentID, EnvironmentID: d.EnvironmentID, CurrentVersionID: d.CurrentVersionID,
			InsertedAt: millis(d.InsertedAt), UpdatedAt: millis(d.UpdatedAt),
		}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return takenDeployment(tx, d)
		}
		if err != nil {
			return err
		}
		if err := recordWith(tx, recorder, audit.AgentDeploymentCreated, d.ID, ""); err != nil {
			return err
		}
		made, err = findDeployment(tx, d.AccountID, d.ID)
		return err
	})
	return made, err
}

// takenDeployment returns a fault.Validation of the field in which a deployment collides with another.
func takenDeployment(tx *gorm.DB, d agent.Deployment) error {
	var n int64
	if err := tx.Model(&deploymentRow{}).Where("id = ?", d.ID).Count(&n).Error; err != nil {
		return err
	}
	if n > 0 {
		return fault.Field("id", "is taken")
	}
	return fault.Field("environment_id", "has a deployment of this agent already")
}

// checkVersion returns fault.Validation if version is not zero and not a version of the agent.
func checkVersion(tx *gorm.DB, agentID, version pfid.ID) error {
	if version.IsZero() {
		return nil
	}
	var n int64
	if err := tx.Model(&versionRow{}).Where("id = ? AND agent_id = ?", version, agentID).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return fault.Field("current_version_id", "does not exist")
	}
	return nil
}

// AgentDeployment implements agent.Store.
func (s *Store) AgentDeployment(ctx context.Context, account, id pfid.ID) (found agent.ListedDeployment, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		found, err = findDeployment(tx, account, id)
		return err
	})
	return found, err
}

func findDeployment(tx *gorm.DB, account, id pfid.ID) (agent.ListedDeployment, error) {
	var rows []listedDeploymentRow
	if err := tx.Raw(listedDeployments+"WHERE d.id = ? AND d.account_id = ? AND d.deleted_at IS NULL", id, account).Scan(&rows).Error; err != nil {
		return agent.ListedDeployment{}, err
	}
	if len(rows) == 0 {
		return agent.ListedDeployment{}, fault.New(fault.NotFound, "There is no such agent deployment.")
	}
	list, err := listDeployments(tx, account, rows)
	if err != nil {
		return agent.ListedDeployment{}, err
	}
	return list[0], nil
}

var deploymentSorting = sorting{"id", "inserted_at", "updated_at"}

// AgentDeployments implements agent.Store.
func (s *Store) AgentDeployments(ctx context.Context, account pfid.ID, filter agent.DeploymentFilter, page paging.Page) (list []agent.ListedDeployment, total int, err error) {
	order, err := deploymentSorting.orderBy(page)
	if err != nil {
		return nil, 0, err
	}
	selected := func(tx *gorm.DB) *gorm.DB {
		tx = tx.Table("agent_deployments").Where("account_id = ? AND deleted_at IS NULL", account)
		if !filter.AgentID.IsZero() {
			tx = tx.Where("agent_id = ?", filter.AgentID)
		}
		if !filter.EnvironmentID.IsZero() {
			tx = tx.Where("environment_id = ?", filter.EnvironmentID)
		}
		return tx
	}
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := selected(tx).Count(&n).Error; err != nil {
			return err
		}
		total = int(n)
		ids := selected(tx).Select("id").Order(order("")).Limit(page.Size).Offset(page.Offset)
		var rows []listedDeploymentRow
		if err := tx.Raw(listedDeployments+"WHERE d.id IN (?) ORDER BY "+order("d."), ids).Scan(&rows).Error; err != nil {
			return err
		}
		list, err = listDeployments(tx, account, rows)
		return err
	})
	return list, total, err
}

// SetCurrentVersion implements agent.Store.
func (s *Store) SetCurrentVersion(ctx context.Context, account, id, version pfid.ID, at time.Time, recorder audit.Recorder) (d agent.ListedDeployment, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if d, err = findDeployment(tx, account, id); err != nil {
			return err
		}
		if err := setCurrentVersion(tx, d.AgentID, id, version, at, recorder); err != nil {
			return err
		}
		d, err = findDeployment(tx, account, id)
		return err
	})
	return d, err
}

func setCurrentVersion(tx *gorm.DB, agentID, id, version pfid.ID, at time.Time, recorder audit.Recorder) error {
	if err := checkVersion(tx, agentID, version); err != nil {
		return err
	}
	err := tx.Model(&deploymentRow{}).Where("id = ?", id).Updates(map[string]any{"current_version_id": version, "updated_at": millis(at)}).Error
	if err != nil {
		return err
	}
	detail := "current version " + version.String()
	if version.IsZero() {
		detail = "no current version"
	}
	return recordWith(tx, recorder, audit.AgentDeploymentUpdated, id, detail)
}

// setOnlyCurrentVersion sets the current version of an agent's only deployment. It returns fault.Validation if the
// agent does not have exactly one.
func setOnlyCurrentVersion(tx *gorm.DB, a agent.Agent, version pfid.ID, recorder audit.Recorder) error {
	var rows []deploymentRow
	if err := tx.Where("agent_id = ? AND deleted_at IS NULL", a.ID).Limit(2).Find(&rows).Error; err != nil {
		return err
	}
	if len(rows) != 1 {
		return fault.Field("current_version_id", "can be set for an agent with exactly one deployment; set it on the deployment")
	}
	return setCurrentVersion(tx, a.ID, rows[0].ID, version, a.UpdatedAt, recorder)
}

// DeleteDeployment implements agent.Store.
func (s *Store) DeleteDeployment(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (d agent.ListedDeployment, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if d, err = findDeployment(tx, account, id); err != nil {
			return err
		}
		if err := decide(d.LiveTokens); err != nil {
			return err
		}
		if _, _, err := moveAll(tx, account, ofDeployment, id, token.Revoked, "with its agent deployment", recorder); err != nil {
			return err
		}
		return deleteDeployments(tx, func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", id) }, at, of(recorder, audit.AgentDeploymentDeleted, ""))
	})
	return d, err
}

// deleteDeployments marks the deployments that where selects as deleted and writes an event for each. Their tokens
// must be revoked already.
func deleteDeployments(tx *gorm.DB, where func(*gorm.DB) *gorm.DB, at time.Time, event func(id pfid.ID) (audit.Event, error)) error {
	var deleted []deploymentRow
	err := where(tx.Model(&deleted)).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).
		Where("deleted_at IS NULL").Update("deleted_at", millis(at)).Error
	if err != nil {
		return err
	}
	ids := make([]pfid.ID, len(deleted))
	for i, row := range deleted {
		ids[i] = row.ID
	}
	return recordEach(tx, ids, event)
}
