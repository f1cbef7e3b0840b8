package store

import (
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

// InsertAgent implements agent.Store.
func (s *Store) InsertAgent(ctx context.Context, a agent.Agent, recorder audit.Recorder) error {
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
		return recordWith(tx, recorder, audit.AgentCreated, a.ID, a.Name)
	})
}

// takenAgent returns a fault.Validation of the field that another agent already has.
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
		found, err = takeAgent(tx.Where("id = ?", id), account)
		return err
	})
	return found, err
}

// AgentByExternalIdentifier implements agent.Store.
func (s *Store) AgentByExternalIdentifier(ctx context.Context, account pfid.ID, identifier string) (found agent.Agent, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		found, err = takeAgent(tx.Where("external_identifier = ?", identifier), account)
		return err
	})
	return found, err
}

func takeAgent(tx *gorm.DB, account pfid.ID) (agent.Agent, error) {
	var row agentRow
	if err := take(tx.Where("account_id = ? AND deleted_at IS NULL", account), &row, "agent"); err != nil {
		return agent.Agent{}, err
	}
	return row.agent(), nil
}

var agentSorting = sorting{"id", "inserted_at", "updated_at", "name", "status", "external_identifier", "last_seen", "last_seen_at"}

// agentsWithStatus computes an agent's status as agent.Agent does. It is only used to sort by status.
const agentsWithStatus = `(SELECT *, CASE WHEN retired_at IS NOT NULL THEN ? WHEN last_seen_at IS NULL THEN ?
	WHEN last_seen_at BETWEEN ? AND ? THEN ? ELSE ? END AS status FROM agents) AS agents`

// Agents implements agent.Store.
func (s *Store) Agents(ctx context.Context, account pfid.ID, page paging.Page, activeSince, activeUntil time.Time) (list []agent.Agent, total int, err error) {
	if page.Sort == "last_seen" { // the contract's name
		page.Sort = "last_seen_at"
	}
	rows, total, err := pageOf[agentRow](ctx, s, agentSorting, page, func(tx *gorm.DB) *gorm.DB {
		if page.Sort == "status" {
			tx = tx.Table(agentsWithStatus, agent.Retired, agent.Pending, millis(activeSince), millis(activeUntil), agent.Active, agent.Dormant)
		}
		return tx.Where("account_id = ? AND deleted_at IS NULL", account)
	})
	for _, row := range rows {
		list = append(list, row.agent())
	}
	return list, total, err
}

// checkActive returns fault.Validation if the account does not have the agent, and fault.InvalidAction if it is
// retired. refused completes the sentence "This agent is retired, so".
func checkActive(tx *gorm.DB, account, id pfid.ID, refused string) error {
	a, err := takeAgent(tx.Where("id = ?", id), account)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return fault.Field("agent_id", "does not exist")
	case err == nil && !a.RetiredAt.IsZero():
		return fault.New(fault.InvalidAction, "This agent is retired, so %s. Reinstate it first.", refused)
	}
	return err
}

// ChangeAgent implements agent.Store.
func (s *Store) ChangeAgent(ctx context.Context, account, id pfid.ID, decide func(*agent.Agent) (agent.Change, error), recorder audit.Recorder) (a agent.Agent, moved int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if a, err = takeAgent(tx.Where("id = ?", id), account); err != nil {
			return err
		}
		change, err := decide(&a)
		if err != nil {
			return err
		}
		err = tx.Model(&agentRow{}).Where("id = ?", id).Updates(map[string]any{
			"name": a.Name, "description": orNull(a.Description), "retired_at": millisOrNull(a.RetiredAt), "updated_at": millis(a.UpdatedAt),
		}).Error
		if err != nil {
			return err
		}
		if !change.Version.IsZero() {
			if err := setOnlyCurrentVersion(tx, a, change.Version, recorder); err != nil {
				return err
			}
		}
		if moved, err = moveAgentTokens(tx, a, change.Tokens, recorder); err != nil {
			return err
		}
		return recordWith(tx, recorder, change.Action, id, a.Name)
	})
	return a, moved, err
}

func moveAgentTokens(tx *gorm.DB, a agent.Agent, move agent.TokenMove, recorder audit.Recorder) (int, error) {
	var to token.Status
	switch move {
	case agent.SuspendTokens:
		to = token.Suspended
	case agent.ReinstateTokens:
		to = token.Active
	default:
		return 0, nil
	}
	tokens, _, err := moveAll(tx, a.AccountID, ofAgent, a.ID, to, "with its agent", recorder)
	return tokens, err
}

// DeleteAgent implements agent.Store.
func (s *Store) DeleteAgent(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (a agent.Agent, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if a, err = takeAgent(tx.Where("id = ?", id), account); err != nil {
			return err
		}
		live, _, err := moveAll(tx, account, ofAgent, id, token.Revoked, "with its agent", recorder)
		if err != nil {
			return err
		}
		if err := decide(live); err != nil { // a refusal rolls the transaction back
			return err
		}
		if err := deleteDeployments(tx, func(tx *gorm.DB) *gorm.DB { return tx.Where("agent_id = ?", id) }, at, of(recorder, audit.AgentDeploymentDeleted, "with its agent")); err != nil {
			return err
		}
		for _, statement := range []string{"DELETE FROM agent_versions WHERE agent_id = ?", "DELETE FROM agent_schema_versions WHERE agent_id = ?"} {
			if err := tx.Exec(statement, id).Error; err != nil {
				return err
			}
		}
		if err := tx.Model(&agentRow{}).Where("id = ?", id).Update("deleted_at", millis(at)).Error; err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.AgentDeleted, id, a.Name)
	})
	return a, err
}
