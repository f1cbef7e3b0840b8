package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// environments counts what refers to each one. Foreign keys ensure that this belongs to the same account, so an index
// alone answers.
var environments = table[account.ListedEnvironment]{name: "environments", what: "environment",
	columns: func(e *account.ListedEnvironment) []column {
		return []column{
			{"id", &e.ID}, {"account_id", &e.AccountID}, {"name", &e.Name}, {"purpose", &e.Purpose}, {"description", (*optional)(&e.Description)},
			{"inserted_at", (*stamp)(&e.InsertedAt)}, {"updated_at", (*stamp)(&e.UpdatedAt)},
		}
	},
	derived: func(e *account.ListedEnvironment) []column {
		return []column{
			{"(SELECT count(*) FROM agent_deployments d WHERE d.environment_id = t.id AND d.deleted_at IS NULL)", &e.Deployments},
			{liveTokens(ofEnvironment), &e.LiveTokens},
		}
	},
}

func (s Accounts) Environment(ctx context.Context, owner, id pfid.ID) (account.ListedEnvironment, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (account.ListedEnvironment, error) { return environmentIn(tx, owner, id) })
}

func environmentIn(tx *gorm.DB, owner, id pfid.ID) (account.ListedEnvironment, error) {
	return environments.take(tx, "t.id = ? AND t.account_id = ? AND t.deleted_at IS NULL", id, owner)
}

func (s Accounts) Environments(ctx context.Context, owner pfid.ID, page paging.Page) ([]account.ListedEnvironment, int, error) {
	return environments.page(ctx, s.db, sorting{"id", "inserted_at", "updated_at", "name"}, page, "environments t WHERE t.account_id = ? AND t.deleted_at IS NULL", owner)
}

func (s Accounts) InsertEnvironment(ctx context.Context, e account.Environment, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := environments.insertNew(tx, account.ListedEnvironment{Environment: e}, idTaken()); err != nil {
			return err
		}
		return record(tx, event)
	})
}

func (s Accounts) UpdateEnvironment(ctx context.Context, owner, id pfid.ID, decide func(*account.Environment) (audit.Event, error)) (account.ListedEnvironment, error) {
	in := func(tx *gorm.DB) (account.ListedEnvironment, error) { return environmentIn(tx, owner, id) }
	return environments.revise(ctx, s.db, in, func(e *account.ListedEnvironment) (audit.Event, error) { return decide(&e.Environment) },
		"name", "purpose", "description", "updated_at")
}

func (s Accounts) DeleteEnvironment(ctx context.Context, owner, id pfid.ID, at time.Time, decide func(account.ListedEnvironment) error, recorder audit.Recorder) (e account.ListedEnvironment, revoked int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if e, err = environmentIn(tx, owner, id); err != nil {
			return err
		}
		if err := decide(e); err != nil {
			return err
		}
		if revoked, _, err = moveAll(tx, owner, ofEnvironment, id, token.Revoked, "with its environment", recorder); err != nil {
			return err
		}
		if err := deleteDeployments(tx, ofEnvironment, id, at, recorder, "with its environment"); err != nil {
			return err
		}
		if err := tx.Exec("UPDATE environments SET deleted_at = ? WHERE id = ?", stamp(at), id).Error; err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.EnvironmentDeleted, e.Name+"; "+revokedCount(revoked), id)
	})
	return e, revoked, err
}
