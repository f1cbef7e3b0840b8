package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

var inviteSorting = sorting{"id", "inserted_at", "updated_at", "email", "status", "expires_at"}

// Invites implements account.Store.
func (s *Store) Invites(ctx context.Context, owner pfid.ID, page paging.Page) (list []account.Invite, total int, err error) {
	rows, total, err := pageOf[inviteRow](ctx, s, inviteSorting, page, func(tx *gorm.DB) *gorm.DB {
		return tx.Where("account_id = ?", owner)
	})
	for _, row := range rows {
		list = append(list, row.invite())
	}
	return list, total, err
}

// Invite implements account.Store.
func (s *Store) Invite(ctx context.Context, owner, id pfid.ID) (found account.Invite, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var row inviteRow
		if err := take(tx.Where("id = ? AND account_id = ?", id, owner), &row, "invite"); err != nil {
			return err
		}
		found = row.invite()
		return nil
	})
	return found, err
}

// InsertInvite implements account.Store.
func (s *Store) InsertInvite(ctx context.Context, i account.Invite, recorder account.Recorder) error {
	isMember := false
	err := s.change(ctx, func(tx *gorm.DB) error {
		responsible, err := mustBeIn(tx, i.CreatedByAdminUserID, i.CreatedByAPITokenID, i.InsertedAt)
		if err != nil {
			return err
		}
		i.CreatedByAdminUserID = responsible
		var n int64
		// Only the own team is looked at: whether an email belongs to another account is nobody's business here.
		if err := tx.Model(&adminUserRow{}).Where("account_id = ? AND email = ? AND removed_at IS NULL", i.AccountID, i.Email).Count(&n).Error; err != nil {
			return err
		}
		if isMember = n > 0; isMember {
			return account.ErrIsMember
		}
		var earlier []inviteRow
		err = tx.Model(&earlier).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).
			Where("account_id = ? AND email = ? AND status = ?", i.AccountID, i.Email, account.InvitePending).
			Updates(map[string]any{"status": account.InviteRevoked, "updated_at": millis(i.InsertedAt)}).Error
		if err != nil {
			return err
		}
		for _, row := range earlier {
			if err := recordWith(tx, recorder, audit.AdminUserInviteRevoked, row.ID, "for a new one to "+i.Email); err != nil {
				return err
			}
		}
		row := inviteRowOf(i)
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.AdminUserInviteCreated, i.ID, i.Email)
	})
	if isMember {
		return account.ErrIsMember
	}
	return err
}

// RevokeInvite implements account.Store.
func (s *Store) RevokeInvite(ctx context.Context, owner, id pfid.ID, decide func(account.Invite) (account.Invite, audit.Event, error)) (revoked account.Invite, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		var row inviteRow
		if err := take(tx.Where("id = ? AND account_id = ?", id, owner), &row, "invite"); err != nil {
			return err
		}
		next, event, err := decide(row.invite())
		if err != nil {
			return err
		}
		revoked = next
		err = tx.Model(&inviteRow{}).Where("id = ?", id).Updates(map[string]any{"status": next.Status, "updated_at": millis(next.UpdatedAt)}).Error
		if err != nil {
			return err
		}
		return record(tx, event)
	})
	return revoked, err
}

// InviteForAnyone implements account.Store.
func (s *Store) InviteForAnyone(ctx context.Context, id pfid.ID) (found account.Invite, owner account.Account, ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var row inviteRow
		err := tx.Where("id = ?", id).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var of accountRow
		if err := tx.Where("id = ?", row.AccountID).Take(&of).Error; err != nil {
			return err
		}
		found, owner, ok = row.invite(), of.account(), true
		return nil
	})
	return found, owner, ok, err
}

// AcceptInvite implements account.Store.
func (s *Store) AcceptInvite(ctx context.Context, id pfid.ID, at time.Time, user account.AdminUser, passwordHash string, events []audit.Event) error {
	var refusal error
	err := s.change(ctx, func(tx *gorm.DB) error {
		used := tx.Model(&inviteRow{}).Where("id = ? AND status = ? AND expires_at > ?", id, account.InvitePending, millis(at)).
			Updates(map[string]any{"status": account.InviteUsed, "updated_at": millis(at)})
		if used.Error != nil {
			return used.Error
		}
		if used.RowsAffected == 0 {
			refusal = account.ErrInviteOver
			return refusal
		}
		row := adminUserRowOf(user, passwordHash)
		err := tx.Create(&row).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			refusal = account.ErrIsMember
			return refusal
		}
		if err != nil {
			return err
		}
		for _, event := range events {
			if err := record(tx, event); err != nil {
				return err
			}
		}
		return nil
	})
	if refusal != nil {
		return refusal
	}
	return err
}
