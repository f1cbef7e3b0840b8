package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// InsertAccount implements account.Store.
func (s *Store) InsertAccount(ctx context.Context, a account.Account, environments []account.Environment, events []audit.Event, first bool) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if first {
			var n int64
			if err := tx.Model(&accountRow{}).Where("deleted_at IS NULL").Limit(1).Count(&n).Error; err != nil {
				return err
			}
			if n > 0 {
				return account.ErrNotFirst
			}
		}
		err := tx.Create(&accountRow{
			ID: a.ID, Partition: int64(a.ID.Partition()), Name: a.Name, Purpose: a.Purpose,
			OrganisationName: orNull(a.OrganisationName), Website: orNull(a.Website),
			InsertedAt: millis(a.InsertedAt), UpdatedAt: millis(a.UpdatedAt),
		}).Error
		if err != nil {
			return err
		}
		for _, e := range environments {
			row := environmentRowOf(e)
			if err := tx.Create(&row).Error; err != nil {
				return err
			}
		}
		return recordAll(tx, events)
	})
}

// HasAccounts implements account.Store.
func (s *Store) HasAccounts(ctx context.Context) (has bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT EXISTS (SELECT 1 FROM accounts WHERE deleted_at IS NULL)").Scan(&has).Error
	})
	return has, err
}

// Accounts implements account.Store.
func (s *Store) Accounts(ctx context.Context) (list []account.Account, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var rows []accountRow
		if err := tx.Where("deleted_at IS NULL").Order("inserted_at, id").Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			list = append(list, row.account())
		}
		return nil
	})
	return list, err
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id pfid.ID) (found account.Account, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var row accountRow
		if err := take(tx.Where("id = ? AND deleted_at IS NULL", id), &row, "account"); err != nil {
			return err
		}
		found = row.account()
		return nil
	})
	return found, err
}

// UpdateAccount implements account.Store.
func (s *Store) UpdateAccount(ctx context.Context, id pfid.ID, decide func(account.Account) (account.Account, audit.Event, error)) (changed account.Account, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		var row accountRow
		if err := take(tx.Where("id = ? AND deleted_at IS NULL", id), &row, "account"); err != nil {
			return err
		}
		next, event, err := decide(row.account())
		if err != nil {
			return err
		}
		changed = next
		err = tx.Model(&accountRow{}).Where("id = ?", id).Updates(map[string]any{
			"name": next.Name, "purpose": next.Purpose, "organisation_name": orNull(next.OrganisationName),
			"website": orNull(next.Website), "updated_at": millis(next.UpdatedAt),
		}).Error
		if err != nil {
			return err
		}
		return record(tx, event)
	})
	return changed, err
}

// Contents implements account.Store.
func (s *Store) Contents(ctx context.Context, id pfid.ID) (c account.Contents, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`SELECT api_token_count AS api_tokens,
			(SELECT count(*) FROM admin_users WHERE account_id = accounts.id AND removed_at IS NULL) AS admin_users,
			(SELECT count(*) FROM environments WHERE account_id = accounts.id AND deleted_at IS NULL) AS environments,
			(SELECT count(*) FROM agents WHERE account_id = accounts.id AND deleted_at IS NULL) AS agents
			FROM accounts WHERE id = ?`, id).Row().Scan(&c.APITokens, &c.AdminUsers, &c.Environments, &c.Agents)
	})
	return c, err
}

// DeleteAccount implements account.Store.
func (s *Store) DeleteAccount(ctx context.Context, id pfid.ID, decide func(account.Account) (audit.Event, error)) (deleted account.Account, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		var row accountRow
		if err := take(tx.Where("id = ? AND deleted_at IS NULL", id), &row, "account"); err != nil {
			return err
		}
		deleted = row.account()
		event, err := decide(deleted)
		if err != nil {
			return err
		}
		// Remove what grants access immediately. The rest only takes room and goes with the tokens.
		for _, statement := range []string{
			"DELETE FROM sessions WHERE admin_user_id IN (SELECT id FROM admin_users WHERE account_id = ?)",
			"DELETE FROM admin_user_invites WHERE account_id = ?",
			"DELETE FROM admin_users WHERE account_id = ?",
		} {
			if err := tx.Exec(statement, id).Error; err != nil {
				return err
			}
		}
		if err := tx.Model(&accountRow{}).Where("id = ?", id).Update("deleted_at", millis(event.At)).Error; err != nil {
			return err
		}
		if err := record(tx, event); err != nil {
			return err
		}
		return removeAll(tx, id, event)
	})
	return deleted, err
}

// removeAll ends all tokens of a deleted account and removes its rows, the first firstPiece of them in this
// transaction.
func removeAll(tx *gorm.DB, id pfid.ID, event audit.Event) error {
	m := tokenMoveRow{
		AccountID: id, Target: ofAccount, TargetID: id, ToStatus: token.Revoked.String(), Detail: "with its account",
		ActorAdminUserID: event.Actor.AdminUserID, ActorAPITokenID: event.Actor.APITokenID, ActorAddress: event.Actor.Address,
		InsertedAt: millis(event.At),
	}
	if err := tx.Raw("SELECT api_token_count FROM accounts WHERE id = ?", id).Scan(&m.Tokens).Error; err != nil {
		return err
	}
	earlier, err := isMoving(tx, id)
	if err != nil {
		return err
	}
	if err := tx.Create(&m).Error; err != nil || earlier {
		return err
	}
	_, _, err = advance(tx, &m, firstPiece, nil) // the event of the delete covers each row
	return err
}

// removeRows removes up to most rows of a deleted account, and the account itself once nothing else is left. It
// returns how many tokens it removed.
func removeRows(tx *gorm.DB, m tokenMoveRow, most int) (tokens int, done bool, err error) {
	// Both statements that use it select the same tokens, by the same index.
	const piece = "id IN (SELECT id FROM api_tokens WHERE account_id = ? ORDER BY inserted_at, id LIMIT ?)"
	if err := keepStatusEntries(tx, piece, m.AccountID, most); err != nil {
		return 0, false, err
	}
	gone := tx.Exec("DELETE FROM api_tokens WHERE "+piece, m.AccountID, most)
	if gone.Error != nil {
		return 0, false, gone.Error
	}
	tokens = int(gone.RowsAffected)
	left := most - tokens
	// Rows that refer to others go first.
	for _, table := range []string{"deleted_creators", "agent_deployments", "agent_versions", "agent_schema_versions", "agents", "environments", "idempotency_keys"} {
		if left == 0 {
			return tokens, false, nil
		}
		gone := tx.Exec("DELETE FROM "+table+" WHERE rowid IN (SELECT rowid FROM "+table+" WHERE account_id = ? LIMIT ?)", m.AccountID, left)
		if gone.Error != nil {
			return tokens, false, gone.Error
		}
		left -= int(gone.RowsAffected)
	}
	if left == 0 {
		return tokens, false, nil
	}
	return tokens, true, tx.Exec("DELETE FROM accounts WHERE id = ?", m.AccountID).Error
}

// take reads one row into row. It returns fault.NotFound if there is none.
func take(tx *gorm.DB, row any, what string) error {
	err := tx.Take(row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.New(fault.NotFound, "There is no such %s.", what)
	}
	return err
}

// pageOf reads one page of the rows that where selects, and their total number, from one snapshot.
func pageOf[Row any](ctx context.Context, s *Store, sort sorting, page paging.Page, where func(*gorm.DB) *gorm.DB) (rows []Row, total int, err error) {
	return pageWith[Row](ctx, s, sort, page, where, nil)
}

// pageWith is like pageOf, and calls also on the page's rows to read related data from the same snapshot.
func pageWith[Row any](ctx context.Context, s *Store, sort sorting, page paging.Page, where func(*gorm.DB) *gorm.DB, also func(*gorm.DB, []Row) error) (rows []Row, total int, err error) {
	order, err := sort.orderBy(page)
	if err != nil {
		return nil, 0, err
	}
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := where(tx.Model(new(Row))).Count(&n).Error; err != nil {
			return err
		}
		total = int(n)
		err := where(tx).Order(order("")).Limit(page.Size).Offset(page.Offset).Find(&rows).Error
		if err != nil || len(rows) == 0 || also == nil {
			return err
		}
		return also(tx, rows)
	})
	return rows, total, err
}

// countsBy counts the rows that tx selects for each value of an id column.
func countsBy(tx *gorm.DB, column string, ids []pfid.ID) (map[pfid.ID]int, error) {
	var rows []struct {
		ID pfid.ID
		N  int
	}
	if err := tx.Select(column+" AS id, count(*) AS n").Where(column+" IN ?", ids).Group(column).Scan(&rows).Error; err != nil {
		return nil, err
	}
	counts := make(map[pfid.ID]int, len(rows))
	for _, row := range rows {
		counts[row.ID] = row.N
	}
	return counts, nil
}

// countLive counts the live tokens of an account, for each value of an id column.
func countLive(tx *gorm.DB, account pfid.ID, column string, ids []pfid.ID) (map[pfid.ID]int, error) {
	status, err := statusIn(tx, "api_tokens", account)
	if err != nil {
		return nil, err
	}
	return countsBy(tx.Table("api_tokens").Where(status+" IN ?", statusesBefore(token.Revoked)), column, ids)
}

// Setting returns a setting of the installation; ok is false if it was never set.
func (s *Store) Setting(ctx context.Context, name string) (value string, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		found := tx.Raw("SELECT value FROM settings WHERE name = ?", name).Scan(&value)
		ok = found.RowsAffected == 1
		return found.Error
	})
	return value, ok, err
}

// SetSetting stores a setting of the installation.
func (s *Store) SetSetting(ctx context.Context, name, value string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value).Error
	})
}
