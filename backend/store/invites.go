package store

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

var inviteSorting = sorting{"id", "inserted_at", "updated_at", "email", "status", "expires_at"}

// Invites implements people.Store.
func (s *Store) Invites(ctx context.Context, owner pfid.ID, page paging.Page) (list []people.Invite, total int, err error) {
	where := func(tx *gorm.DB) *gorm.DB { return tx.Where("account_id = ?", owner) }
	_, total, err = pageWith(ctx, s, inviteSorting, page, where, func(tx *gorm.DB, rows []inviteRow) (err error) {
		list, err = invitesOf(tx, rows)
		return err
	})
	return list, total, err
}

// Invite implements people.Store.
func (s *Store) Invite(ctx context.Context, owner, id pfid.ID) (found people.Invite, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		found, err = inviteIn(tx, owner, id)
		return err
	})
	return found, err
}

func inviteIn(tx *gorm.DB, owner, id pfid.ID) (people.Invite, error) {
	var row inviteRow
	if err := take(tx.Where("id = ? AND account_id = ?", id, owner), &row, "invite"); err != nil {
		return people.Invite{}, err
	}
	list, err := invitesOf(tx, []inviteRow{row})
	if err != nil {
		return people.Invite{}, err
	}
	return list[0], nil
}

// invitesOf adds the names of their makers to invites.
func invitesOf(tx *gorm.DB, rows []inviteRow) ([]people.Invite, error) {
	var ids []pfid.ID
	for _, row := range rows {
		ids = append(ids, row.CreatedByAdminUserID, row.CreatedByAPITokenID)
	}
	var makers []struct {
		ID         pfid.ID
		Hint, Name *string
	}
	err := tx.Raw("SELECT id, NULL AS hint, COALESCE(name, email) AS name FROM admin_users WHERE id IN ? UNION ALL SELECT id, hint, NULL FROM api_tokens WHERE id IN ?", ids, ids).
		Scan(&makers).Error
	if err != nil {
		return nil, err
	}
	names := make(map[pfid.ID]string, len(makers))
	for _, m := range makers {
		names[m.ID] = actorName(m.Hint, m.Name)
	}
	list := make([]people.Invite, len(rows))
	for i, row := range rows {
		list[i] = row.invite()
		list[i].CreatedByName = cmp.Or(names[row.CreatedByAPITokenID], names[row.CreatedByAdminUserID])
	}
	return list, nil
}

// InsertInvite implements people.Store.
func (s *Store) InsertInvite(ctx context.Context, i people.Invite, recorder audit.Recorder) (made people.Invite, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		maker, err := makerIn(tx, i.CreatedByAdminUserID, i.CreatedByAPITokenID, i.InsertedAt)
		if err != nil {
			return err
		}
		if !i.CreatedByAPITokenID.IsZero() && !maker.responsible.IsZero() {
			err := mustBePresent(tx, maker.responsible)
			if fault.KindOf(err) == fault.NotAuthenticated {
				return fault.New(fault.NotPermitted, "The member who created this token was removed from the team, so it can't invite anyone.")
			}
			if err != nil {
				return err
			}
		}
		i.CreatedByAdminUserID = maker.responsible
		if !maker.until.IsZero() && maker.until.Before(i.ExpiresAt) {
			i.ExpiresAt = maker.until
		}
		var n int64
		// Only check the account's own team, so that the answer reveals nothing about other accounts.
		if err := tx.Model(&adminUserRow{}).Where("account_id = ? AND email = ? AND removed_at IS NULL", i.AccountID, i.Email).Count(&n).Error; err != nil {
			return err
		}
		if n > 0 {
			return fault.Field("email", "belongs to a member already")
		}
		var earlier []inviteRow
		err = tx.Model(&earlier).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).
			Where("account_id = ? AND email = ? AND status = ?", i.AccountID, i.Email, people.InvitePending).
			Updates(map[string]any{"status": people.InviteRevoked, "updated_at": millis(i.InsertedAt)}).Error
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
		if made, err = inviteIn(tx, i.AccountID, i.ID); err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.AdminUserInviteCreated, i.ID, i.Email)
	})
	return made, err
}

// makerIsAble selects invites whose maker may still invite: the API token that made the invite, if any, is active,
// and the responsible admin user, if any, is in the team.
const makerIsAble = `COALESCE(created_by_admin_user_id, created_by_api_token_id) IS NOT NULL
	AND (created_by_admin_user_id IS NULL OR EXISTS
		(SELECT 1 FROM admin_users u WHERE u.id = admin_user_invites.created_by_admin_user_id AND u.removed_at IS NULL))
	AND (created_by_api_token_id IS NULL OR EXISTS
		(SELECT 1 FROM api_tokens t WHERE t.id = admin_user_invites.created_by_api_token_id AND ` + statusNowOfT + ` = 'active'))`

// endInvites revokes the pending invites of an account whose maker ended in the same transaction. It ignores expiry:
// an invite never outlives its token (see InsertInvite), and a wrong clock must not revoke invites.
func endInvites(tx *gorm.DB, owner pfid.ID, at time.Time, recorder audit.Recorder) error {
	var ended []inviteRow
	err := tx.Model(&ended).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).
		Where("account_id = ? AND status = 'pending' AND NOT ("+makerIsAble+")", owner). // literal: the index is partial
		Updates(map[string]any{"status": people.InviteRevoked, "updated_at": millis(at)}).Error
	if err != nil {
		return err
	}
	ids := make([]pfid.ID, len(ended))
	for i, row := range ended {
		ids[i] = row.ID
	}
	return recordEach(tx, ids, of(recorder, audit.AdminUserInviteRevoked, "with its maker"))
}

// RevokeInvite implements people.Store.
func (s *Store) RevokeInvite(ctx context.Context, owner, id pfid.ID, decide func(people.Invite) (people.Invite, audit.Event, error)) (revoked people.Invite, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		is, err := inviteIn(tx, owner, id)
		if err != nil {
			return err
		}
		next, event, err := decide(is)
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

// InviteForAnyone implements people.Store.
func (s *Store) InviteForAnyone(ctx context.Context, id pfid.ID) (found people.Invite, accountName string, ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var row inviteRow
		err := tx.Where("id = ? AND "+makerIsAble, id).Take(&row).Error
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
		found, accountName, ok = row.invite(), of.Name, true
		return nil
	})
	return found, accountName, ok, err
}

// AcceptInvite implements people.Store.
func (s *Store) AcceptInvite(ctx context.Context, id pfid.ID, at time.Time, user people.AdminUser, passwordHash string, events []audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		used := tx.Model(&inviteRow{}).Where("id = ? AND status = ? AND expires_at > ? AND inserted_at <= ? AND "+makerIsAble,
			id, people.InvitePending, millis(at), millis(at.Add(people.InviteTolerance))).
			Updates(map[string]any{"status": people.InviteUsed, "updated_at": millis(at)})
		if used.Error != nil {
			return used.Error
		}
		if used.RowsAffected == 0 {
			return people.ErrInviteOver
		}
		row := adminUserRowOf(user, passwordHash)
		err := tx.Create(&row).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return people.ErrIsMember
		}
		if err != nil {
			return err
		}
		return recordAll(tx, events)
	})
}
