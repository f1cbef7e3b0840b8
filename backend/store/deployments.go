package store

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

var deployments = table[agent.ListedDeployment]{name: "agent_deployments", what: "agent deployment",
	columns: func(d *agent.ListedDeployment) []column {
		return []column{
			{"id", &d.ID}, {"account_id", &d.AccountID}, {"agent_id", &d.AgentID}, {"environment_id", &d.EnvironmentID}, {"current_version_id", &d.CurrentVersionID},
			{"inserted_at", (*stamp)(&d.InsertedAt)}, {"updated_at", (*stamp)(&d.UpdatedAt)},
		}
	},
	derived: func(d *agent.ListedDeployment) []column {
		return []column{
			{"a.name", &d.AgentName}, {"e.name", &d.EnvironmentName}, {"v.external_identifier", (*optional)(&d.CurrentVersionIdentifier)},
			{liveTokens(ofDeployment), &d.LiveTokens},
		}
	},
	joins: `JOIN agents a ON a.id = t.agent_id
		JOIN environments e ON e.id = t.environment_id
		LEFT JOIN agent_versions v ON v.id = t.current_version_id`,
}

func (s Agents) InsertDeployment(ctx context.Context, d agent.Deployment, recorder audit.Recorder) (agent.ListedDeployment, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (made agent.ListedDeployment, err error) {
		if err := checkActive(tx, d.AccountID, d.AgentID, "it can't be deployed"); err != nil {
			return made, err
		}
		if err := mustHave(tx, "environments", "environment_id", d.AccountID, d.EnvironmentID); err != nil {
			return made, err
		}
		if err := checkVersion(tx, d.AgentID, d.CurrentVersionID); err != nil {
			return made, err
		}
		err = deployments.insertNew(tx, agent.ListedDeployment{Deployment: d}, errTaken)
		if errors.Is(err, errTaken) {
			return made, takenDeployment(tx, d)
		}
		if err != nil {
			return made, err
		}
		if err := recordWith(tx, recorder, audit.AgentDeploymentCreated, "", d.ID); err != nil {
			return made, err
		}
		return deploymentIn(tx, d.AccountID, d.ID)
	})
}

// takenDeployment returns a fault.Validation of the field in which a deployment collides with another.
func takenDeployment(tx *gorm.DB, d agent.Deployment) error {
	taken, err := exists(tx, "SELECT 1 FROM agent_deployments WHERE id = ?", d.ID)
	if err == nil && taken {
		return idTaken()
	}
	return cmp.Or[error](err, fault.Field("environment_id", "has a deployment of this agent already"))
}

// checkVersion returns fault.Validation if version is not zero and not a version of the agent.
func checkVersion(tx *gorm.DB, agentID, version pfid.ID) error {
	if version.IsZero() {
		return nil
	}
	has, err := exists(tx, "SELECT 1 FROM agent_versions WHERE id = ? AND agent_id = ?", version, agentID)
	if err == nil && !has {
		return fault.Field("current_version_id", "does not exist")
	}
	return err
}

func (s Agents) Deployment(ctx context.Context, account, id pfid.ID) (agent.ListedDeployment, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (agent.ListedDeployment, error) { return deploymentIn(tx, account, id) })
}

func deploymentIn(tx *gorm.DB, account, id pfid.ID) (agent.ListedDeployment, error) {
	return deployments.take(tx, "t.id = ? AND t.account_id = ? AND t.deleted_at IS NULL", id, account)
}

func (s Agents) Deployments(ctx context.Context, account pfid.ID, filter agent.DeploymentFilter, page paging.Page) ([]agent.ListedDeployment, int, error) {
	where, args := "agent_deployments t WHERE t.account_id = ? AND t.deleted_at IS NULL", []any{account}
	if !filter.AgentID.IsZero() {
		where, args = where+" AND t.agent_id = ?", append(args, filter.AgentID)
	}
	if !filter.EnvironmentID.IsZero() {
		where, args = where+" AND t.environment_id = ?", append(args, filter.EnvironmentID)
	}
	return deployments.page(ctx, s.db, sorting{"id", "inserted_at", "updated_at"}, page, where, args...)
}

func (s Agents) SetCurrentVersion(ctx context.Context, account, id, version pfid.ID, at time.Time, recorder audit.Recorder) (agent.ListedDeployment, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (agent.ListedDeployment, error) {
		d, err := deploymentIn(tx, account, id)
		if err != nil {
			return d, err
		}
		if err := setCurrentVersion(tx, d.AgentID, id, version, at, recorder); err != nil {
			return d, err
		}
		return deploymentIn(tx, account, id)
	})
}

func setCurrentVersion(tx *gorm.DB, agentID, id, version pfid.ID, at time.Time, recorder audit.Recorder) error {
	if err := checkVersion(tx, agentID, version); err != nil {
		return err
	}
	if err := tx.Exec("UPDATE agent_deployments SET current_version_id = ?, updated_at = ? WHERE id = ?", version, stamp(at), id).Error; err != nil {
		return err
	}
	detail := "current version " + version.String()
	if version.IsZero() {
		detail = "no current version"
	}
	return recordWith(tx, recorder, audit.AgentDeploymentUpdated, detail, id)
}

// setOnlyCurrentVersion sets the current version of an agent's only deployment. It returns fault.Validation if the
// agent does not have exactly one.
func setOnlyCurrentVersion(tx *gorm.DB, a agent.Agent, version pfid.ID, recorder audit.Recorder) error {
	ids, err := values[pfid.ID](tx, "SELECT id FROM agent_deployments WHERE agent_id = ? AND deleted_at IS NULL LIMIT 2", a.ID)
	if err != nil {
		return err
	}
	if len(ids) != 1 {
		return fault.Field("current_version_id", "can be set for an agent with exactly one deployment; set it on the deployment")
	}
	return setCurrentVersion(tx, a.ID, ids[0], version, a.UpdatedAt, recorder)
}

func (s Agents) DeleteDeployment(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (d agent.ListedDeployment, revoked int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if d, err = deploymentIn(tx, account, id); err != nil {
			return err
		}
		if err := decide(d.LiveTokens); err != nil {
			return err
		}
		if revoked, _, err = moveAll(tx, account, ofDeployment, id, token.Revoked, "with its agent deployment", recorder); err != nil {
			return err
		}
		return deleteDeployments(tx, "id", id, at, recorder, revokedCount(revoked))
	})
	return d, revoked, err
}

// deleteDeployments marks the deployments whose column is id as deleted and writes an event for each. Their tokens must
// be revoked already.
func deleteDeployments(tx *gorm.DB, column string, id pfid.ID, at time.Time, recorder audit.Recorder, detail string) error {
	deleted, err := values[pfid.ID](tx, "UPDATE agent_deployments SET deleted_at = ? WHERE "+column+" = ? AND deleted_at IS NULL RETURNING id", stamp(at), id)
	if err != nil {
		return err
	}
	return recordWith(tx, recorder, audit.AgentDeploymentDeleted, detail, deleted...)
}
