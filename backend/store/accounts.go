package store

import (
	"context"

	"gorm.io/gorm"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// Accounts implements account.Store, which says what each method does.
type Accounts struct{ *db }

var accounts = table[account.Account]{name: "accounts", what: "account", columns: func(a *account.Account) []column {
	return []column{
		{"id", &a.ID}, {"partition", (*partition)(&a.ID)}, {"name", &a.Name}, {"purpose", &a.Purpose},
		{"organisation_name", (*optional)(&a.OrganisationName)}, {"website", (*optional)(&a.Website)},
		{"inserted_at", (*stamp)(&a.InsertedAt)}, {"updated_at", (*stamp)(&a.UpdatedAt)},
	}
}}

func (s Accounts) InsertAccount(ctx context.Context, a account.Account, made []account.Environment, events []audit.Event, first bool) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if first {
			has, err := exists(tx, "SELECT 1 FROM accounts WHERE deleted_at IS NULL")
			if err != nil {
				return err
			}
			if has {
				return account.ErrNotFirst
			}
		}
		if err := accounts.insert(tx, a); err != nil {
			return err
		}
		for _, e := range made {
			if err := environments.insert(tx, account.ListedEnvironment{Environment: e}); err != nil {
				return err
			}
		}
		return record(tx, events...)
	})
}

func (s Accounts) IsSetUp(ctx context.Context) (bool, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (bool, error) { return exists(tx, "SELECT 1 FROM accounts WHERE deleted_at IS NULL") })
}

func (s Accounts) All(ctx context.Context) ([]account.Account, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]account.Account, error) {
		return accounts.all(tx, "WHERE t.deleted_at IS NULL ORDER BY t.inserted_at, t.id")
	})
}

func (s Accounts) Get(ctx context.Context, id pfid.ID) (account.Account, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (account.Account, error) { return accountIn(tx, id) })
}

func accountIn(tx *gorm.DB, id pfid.ID) (account.Account, error) {
	return accounts.take(tx, "t.id = ? AND t.deleted_at IS NULL", id)
}

func (s Accounts) UpdateAccount(ctx context.Context, id pfid.ID, decide func(*account.Account) (audit.Event, error)) (account.Account, error) {
	in := func(tx *gorm.DB) (account.Account, error) { return accountIn(tx, id) }
	return accounts.revise(ctx, s.db, in, decide, "name", "purpose", "organisation_name", "website", "updated_at")
}

func (s Accounts) Contents(ctx context.Context, id pfid.ID) (c account.Contents, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`SELECT api_token_count,
			(SELECT count(*) FROM admin_users WHERE account_id = accounts.id AND removed_at IS NULL),
			(SELECT count(*) FROM environments WHERE account_id = accounts.id AND deleted_at IS NULL),
			(SELECT count(*) FROM agents WHERE account_id = accounts.id AND deleted_at IS NULL)
			FROM accounts WHERE id = ?`, id).Row().Scan(&c.APITokens, &c.AdminUsers, &c.Environments, &c.Agents)
	})
	return c, err
}

func (s Accounts) DeleteAccount(ctx context.Context, id pfid.ID, decide func(account.Account) (audit.Event, error)) (account.Account, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (deleted account.Account, err error) {
		if deleted, err = accountIn(tx, id); err != nil {
			return deleted, err
		}
		event, err := decide(deleted)
		if err != nil {
			return deleted, err
		}
		return deleted, deleteAccount(tx, id, event)
	})
}

// deleteAccount ends what grants access or sends messages immediately. A removed member has no sessions, whatever rows there
// are. The rest only takes room and goes with the tokens.
func deleteAccount(tx *gorm.DB, id pfid.ID, event audit.Event) error {
	if err := tx.Exec("UPDATE admin_users SET removed_at = ? WHERE account_id = ? AND removed_at IS NULL", stamp(event.At), id).Error; err != nil {
		return err
	}
	err := execAll(tx, []string{
		"DELETE FROM admin_user_invites WHERE account_id = ? AND status = 'pending'",
		"DELETE FROM webhooks WHERE account_id = ?",
		"DELETE FROM expiry_notices WHERE account_id = ?",
		"DELETE FROM member_notices WHERE account_id = ?",
	}, id)
	if err != nil {
		return err
	}
	if err := tx.Exec("UPDATE accounts SET deleted_at = ? WHERE id = ?", stamp(event.At), id).Error; err != nil {
		return err
	}
	if err := record(tx, event); err != nil {
		return err
	}
	return removeAll(tx, id, event)
}
