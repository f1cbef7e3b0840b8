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
)

// CreateAccount implements account.Store.
func (s *Store) CreateAccount(ctx context.Context, f account.Founding, first bool) error {
	notFirst := false
	err := s.change(ctx, func(tx *gorm.DB) error {
		if first {
			var n int64
			if err := tx.Model(&accountRow{}).Limit(1).Count(&n).Error; err != nil {
				return err
			}
			if notFirst = n > 0; notFirst {
				return account.ErrNotFirst
			}
		}
		a := f.Account
		err := tx.Create(&accountRow{
			ID: a.ID, Partition: int64(a.ID.Partition()), Name: a.Name, Purpose: a.Purpose,
			OrganisationName: orNull(a.OrganisationName), Website: orNull(a.Website),
			InsertedAt: millis(a.InsertedAt), UpdatedAt: millis(a.UpdatedAt),
		}).Error
		if err != nil {
			return err
		}
		u := f.AdminUser
		err = tx.Create(&adminUserRow{
			ID: u.ID, AccountID: u.AccountID, Email: u.Email, Name: orNull(u.Name), JobTitle: orNull(u.JobTitle),
			PasswordHash: f.PasswordHash, InsertedAt: millis(u.InsertedAt), UpdatedAt: millis(u.UpdatedAt),
		}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return fault.Field("email", "is taken")
		}
		if err != nil {
			return err
		}
		for _, e := range f.Environments {
			row := environmentRowOf(e)
			if err := tx.Create(&row).Error; err != nil {
				return err
			}
		}
		for _, event := range f.Events {
			if err := record(tx, event); err != nil {
				return err
			}
		}
		return nil
	})
	if notFirst {
		return account.ErrNotFirst
	}
	return err
}

// HasAccounts implements account.Store.
func (s *Store) HasAccounts(ctx context.Context) (has bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT EXISTS (SELECT 1 FROM accounts)").Scan(&has).Error
	})
	return has, err
}

// Accounts implements account.Store.
func (s *Store) Accounts(ctx context.Context) (list []account.Account, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var rows []accountRow
		if err := tx.Order("inserted_at, id").Find(&rows).Error; err != nil {
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
		if err := take(tx.Where("id = ?", id), &row, "account"); err != nil {
			return err
		}
		found = row.account()
		return nil
	})
	return found, err
}

// EnvironmentOf implements account.Store.
func (s *Store) EnvironmentOf(ctx context.Context, owner, id pfid.ID) (found account.Environment, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var row environmentRow
		if err := take(tx.Where("id = ? AND account_id = ? AND deleted_at IS NULL", id, owner), &row, "environment"); err != nil {
			return err
		}
		found = row.environment()
		return nil
	})
	return found, err
}

var environmentSorting = sorting{"id", "inserted_at", "updated_at", "name"}

// Environments implements account.Store.
func (s *Store) Environments(ctx context.Context, owner pfid.ID, page paging.Page) (list []account.Environment, total int, err error) {
	rows, total, err := pageOf[environmentRow](ctx, s, environmentSorting, page, func(tx *gorm.DB) *gorm.DB {
		return tx.Where("account_id = ? AND deleted_at IS NULL", owner)
	})
	for _, row := range rows {
		list = append(list, row.environment())
	}
	return list, total, err
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

// AdminUserByEmail implements account.Store.
func (s *Store) AdminUserByEmail(ctx context.Context, email string) (user account.AdminUser, passwordHash string, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var row adminUserRow
		err := tx.Where("email = ? AND removed_at IS NULL", email).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		user, passwordHash, ok = row.adminUser(), row.PasswordHash, err == nil
		return err
	})
	return user, passwordHash, ok, err
}

// take reads one row into row, and is a fault.NotFound where there is none.
func take(tx *gorm.DB, row any, what string) error {
	err := tx.Take(row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.New(fault.NotFound, "There is no such %s.", what)
	}
	return err
}

// pageOf reads one page of the rows that where selects, and how many it selects in all, from one snapshot.
func pageOf[Row any](ctx context.Context, s *Store, sort sorting, page paging.Page, where func(*gorm.DB) *gorm.DB) (rows []Row, total int, err error) {
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
		return where(tx).Order(order("")).Limit(page.Size).Offset(page.Offset).Find(&rows).Error
	})
	return rows, total, err
}

// Setting returns a setting of the installation; ok is false where it was never set.
func (s *Store) Setting(ctx context.Context, name string) (value string, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		found := tx.Raw("SELECT value FROM settings WHERE name = ?", name).Scan(&value)
		ok = found.RowsAffected == 1
		return found.Error
	})
	return value, ok, err
}

// SetSetting keeps a setting of the installation.
func (s *Store) SetSetting(ctx context.Context, name, value string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value).Error
	})
}
