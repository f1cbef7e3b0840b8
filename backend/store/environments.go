package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// EnvironmentOf implements account.Store.
func (s *Store) EnvironmentOf(ctx context.Context, owner, id pfid.ID) (found account.ListedEnvironment, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		found, err = environmentIn(tx, owner, id)
		return err
	})
	return found, err
}

var environmentSorting = sorting{"id", "inserted_at", "updated_at", "name"}

// Environments implements account.Store.
func (s *Store) Environments(ctx context.Context, owner pfid.ID, page paging.Page) (list []account.ListedEnvironment, total int, err error) {
	where := func(tx *gorm.DB) *gorm.DB { return tx.Where("account_id = ? AND deleted_at IS NULL", owner) }
	_, total, err = pageWith(ctx, s, environmentSorting, page, where, func(tx *gorm.DB, rows []environmentRow) (err error) {
		list, err = listEnvironments(tx, rows)
		return err
	})
	return list, total, err
}

func environmentIn(tx *gorm.DB, owner, id pfid.ID) (account.ListedEnvironment, error) {
	var row environmentRow
	if err := take(tx.Where("id = ? AND account_id = ? AND deleted_at IS NULL", id, owner), &row, "environment"); err != nil {
		return account.ListedEnvironment{}, err
	}
	list, err := listEnvironments(tx, []environmentRow{row})
	if err != nil {
		return account.ListedEnvironment{}, err
	}
	return list[0], nil
}

// listEnvironments adds the numbers of deployments and live tokens to environments of one account. Foreign keys
// ensure that these belong to the same account, so an index alone answers.
func listEnvironments(tx *gorm.DB, rows []environmentRow) ([]account.ListedEnvironment, error) {
	ids := make([]pfid.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	tokens, err := countLive(tx, rows[0].AccountID, ofEnvironment, ids)
	if err != nil {
		return nil, err
	}
	deployments, err := countsBy(tx.Table("agent_deployments").Where("deleted_at IS NULL"), "environment_id", ids)
	if err != nil {
		return nil, err
	}
	list := make([]account.ListedEnvironment, len(rows))
	for i, row := range rows {
		list[i] = account.ListedEnvironment{Environment: row.environment(), Deployments: deployments[row.ID], LiveTokens: tokens[row.ID]}
	}
	return list, nil
}

// InsertEnvironment implements account.Store.
func (s *Store) InsertEnvironment(ctx context.Context, e account.Environment, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		row := environmentRowOf(e)
		err := tx.Create(&row).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return fault.Field("id", "is taken")
		}
		if err != nil {
			return err
		}
		return record(tx, event)
	})
}

// UpdateEnvironment implements account.Store.
func (s *Store) UpdateEnvironment(ctx context.Context, owner, id pfid.ID, decide func(account.Environment) (account.Environment, audit.Event, error)) (changed account.ListedEnvironment, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if changed, err = environmentIn(tx, owner, id); err != nil {
			return err
		}
		next, event, err := decide(changed.Environment)
		if err != nil {
			return err
		}
		changed.Environment = next
		err = tx.Model(&environmentRow{}).Where("id = ?", id).Updates(map[string]any{
			"name": next.Name, "purpose": next.Purpose, "description": orNull(next.Description), "updated_at": millis(next.UpdatedAt),
		}).Error
		if err != nil {
			return err
		}
		return record(tx, event)
	})
	return changed, err
}

// DeleteEnvironment implements account.Store.
func (s *Store) DeleteEnvironment(ctx context.Context, owner, id pfid.ID, at time.Time, decide func(account.ListedEnvironment) error, recorder audit.Recorder) (deleted account.ListedEnvironment, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if deleted, err = environmentIn(tx, owner, id); err != nil {
			return err
		}
		if err := decide(deleted); err != nil {
			return err
		}
		named := func(tx *gorm.DB) *gorm.DB { return tx.Where("account_id = ? AND environment_id = ?", owner, id) }
		if _, _, err := moveAll(tx, owner, ofEnvironment, id, token.Revoked, "with its environment", recorder); err != nil {
			return err
		}
		if err := deleteDeployments(tx, named, at, of(recorder, audit.AgentDeploymentDeleted, "with its environment")); err != nil {
			return err
		}
		if err := tx.Model(&environmentRow{}).Where("id = ?", id).Update("deleted_at", millis(at)).Error; err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.EnvironmentDeleted, id, deleted.Name)
	})
	return deleted, err
}

func recordWith(tx *gorm.DB, recorder audit.Recorder, action audit.Action, subject pfid.ID, detail string) error {
	event, err := recorder(action, subject, detail)
	if err != nil {
		return err
	}
	return record(tx, event)
}
