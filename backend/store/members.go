package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// AdminUserByEmail implements people.Store.
func (s *Store) AdminUserByEmail(ctx context.Context, emails ...string) (user people.AdminUser, passwordHash string, ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		for _, email := range emails {
			var rows []adminUserRow
			if err := tx.Where("email = ? AND removed_at IS NULL", email).Find(&rows).Error; err != nil {
				return err
			}
			if len(rows) > 0 {
				user, passwordHash, ok = rows[0].adminUser(), rows[0].PasswordHash, true
				return nil
			}
		}
		return nil
	})
	return user, passwordHash, ok, err
}

// InsertAdminUser implements people.Store.
func (s *Store) InsertAdminUser(ctx context.Context, user people.AdminUser, passwordHash string, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		row := adminUserRowOf(user, passwordHash)
		err := tx.Create(&row).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return fault.Field("email", "is taken")
		}
		if err != nil {
			return err
		}
		return record(tx, event)
	})
}

var memberSorting = sorting{"id", "inserted_at", "updated_at", "email", "name", "job_title"}

func inTeam(owner pfid.ID) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB { return tx.Where("account_id = ? AND removed_at IS NULL", owner) }
}

// Members implements people.Store.
func (s *Store) Members(ctx context.Context, owner pfid.ID, page paging.Page) (list []people.Member, total int, err error) {
	_, total, err = pageWith(ctx, s, memberSorting, page, inTeam(owner), func(tx *gorm.DB, rows []adminUserRow) (err error) {
		list, err = membersOf(tx, owner, rows)
		return err
	})
	return list, total, err
}

// Member implements people.Store.
func (s *Store) Member(ctx context.Context, owner, id pfid.ID) (found people.Member, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		found, err = memberIn(tx, owner, id, false)
		return err
	})
	return found, err
}

// memberIn reads a current member or, with removed, also a former one.
func memberIn(tx *gorm.DB, owner, id pfid.ID, removed bool) (people.Member, error) {
	where := tx.Where("id = ? AND account_id = ?", id, owner)
	if !removed {
		where = where.Where("removed_at IS NULL")
	}
	var row adminUserRow
	if err := take(where, &row, "admin user"); err != nil {
		return people.Member{}, err
	}
	list, err := membersOf(tx, owner, []adminUserRow{row})
	if err != nil {
		return people.Member{}, err
	}
	return list[0], nil
}

func membersOf(tx *gorm.DB, owner pfid.ID, rows []adminUserRow) ([]people.Member, error) {
	ids := make([]pfid.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	// Only members of an account make its tokens, so an index alone answers.
	tokens, err := countLive(tx, owner, ofMember, ids)
	if err != nil {
		return nil, err
	}
	var team int64
	if err := inTeam(owner)(tx.Model(&adminUserRow{})).Count(&team).Error; err != nil {
		return nil, err
	}
	list := make([]people.Member, len(rows))
	for i, row := range rows {
		list[i] = people.Member{AdminUser: row.adminUser(), LiveTokens: tokens[row.ID], Removed: row.RemovedAt != nil, Last: team == 1 && row.RemovedAt == nil}
	}
	return list, nil
}

// UpdateMember implements people.Store.
func (s *Store) UpdateMember(ctx context.Context, owner, id pfid.ID, decide func(people.AdminUser) (people.AdminUser, audit.Event, error)) (changed people.Member, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if changed, err = memberIn(tx, owner, id, false); err != nil {
			return err
		}
		next, event, err := decide(changed.AdminUser)
		if err != nil {
			return err
		}
		changed.AdminUser = next
		err = tx.Model(&adminUserRow{}).Where("id = ?", id).Updates(map[string]any{
			"name": orNull(next.Name), "job_title": orNull(next.JobTitle), "updated_at": millis(next.UpdatedAt),
		}).Error
		if err != nil {
			return err
		}
		return record(tx, event)
	})
	return changed, err
}

// RemoveMember implements people.Store.
func (s *Store) RemoveMember(ctx context.Context, owner, id pfid.ID, revokeTokens bool, at time.Time, decide func(people.Member) error, recorder audit.Recorder) (removed people.Member, revoked int, hashes [][32]byte, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		is, err := memberIn(tx, owner, id, false)
		if err != nil {
			return err
		}
		if err := decide(is); err != nil {
			return err
		}
		err = tx.Model(&adminUserRow{}).Where("id = ?", id).Updates(map[string]any{"removed_at": millis(at), "updated_at": millis(at)}).Error
		if err != nil {
			return err
		}
		ended := tx.Exec("DELETE FROM sessions WHERE admin_user_id = ?", id)
		if ended.Error != nil {
			return ended.Error
		}
		if err := tx.Exec("DELETE FROM sign_in_sources WHERE admin_user_id = ?", id).Error; err != nil {
			return err
		}
		if err := recordWith(tx, recorder, audit.AdminUserRemoved, id, fmt.Sprintf("%s; sessions ended: %d", is.Email, ended.RowsAffected)); err != nil {
			return err
		}
		if revokeTokens {
			if revoked, hashes, err = revokeTokensOf(tx, owner, id, recorder); err != nil {
				return err
			}
		}
		if err := endInvites(tx, owner, at, recorder); err != nil {
			return err
		}
		removed, err = memberIn(tx, owner, id, true)
		return err
	})
	return removed, revoked, hashes, err
}

// RevokeTokensOf implements people.Store.
func (s *Store) RevokeTokensOf(ctx context.Context, owner, id pfid.ID, at time.Time, recorder audit.Recorder) (member people.Member, revoked int, hashes [][32]byte, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if _, err := memberIn(tx, owner, id, true); err != nil {
			return err
		}
		if revoked, hashes, err = revokeTokensOf(tx, owner, id, recorder); err != nil {
			return err
		}
		if err := endInvites(tx, owner, at, recorder); err != nil {
			return err
		}
		member, err = memberIn(tx, owner, id, true)
		return err
	})
	return member, revoked, hashes, err
}

func revokeTokensOf(tx *gorm.DB, owner, id pfid.ID, recorder audit.Recorder) (int, [][32]byte, error) {
	return moveAll(tx, owner, ofMember, id, token.Revoked, "with all tokens of the member who made it", recorder)
}

// mustBeIn refuses a request whose caller has lost the right to it in the meantime: a removed admin user, or an API
// token that has ended or moved. It returns the admin user who is responsible for what the caller makes, so that it
// ends with that user's other tokens. Both ids are zero for the command line.
func mustBeIn(tx *gorm.DB, adminUser, apiToken pfid.ID, at time.Time) (responsible pfid.ID, err error) {
	m, err := makerIn(tx, adminUser, apiToken, at)
	return m.responsible, err
}

// maker is what a new resource takes over from its maker.
type maker struct {
	responsible pfid.ID   // the admin user; zero for none
	until       time.Time // expiry of the API token; zero if the maker is not a token
}

// makerIn is like mustBeIn, for resources that also expire with their maker.
func makerIn(tx *gorm.DB, adminUser, apiToken pfid.ID, at time.Time) (maker, error) {
	if !apiToken.IsZero() {
		var row tokenRow
		if err := take(tx.Where("id = ? AND "+statusNow("api_tokens")+" = ? AND expires_at > ?", apiToken, token.Active.String(), millis(at)), &row, "API token"); err != nil {
			if fault.KindOf(err) == fault.NotFound {
				return maker{}, fault.New(fault.BadAuthToken, "This token is not valid any more.")
			}
			return maker{}, err
		}
		return maker{responsible: row.CreatedByAdminUserID, until: instant(row.ExpiresAt)}, nil
	}
	if adminUser.IsZero() {
		return maker{}, nil
	}
	return maker{responsible: adminUser}, mustBePresent(tx, adminUser)
}

// mustBePresent refuses a request of an admin user who was removed in the meantime. Otherwise its effect would
// outlive the removal.
func mustBePresent(tx *gorm.DB, id pfid.ID) error {
	var n int64
	if err := tx.Model(&adminUserRow{}).Where("id = ? AND removed_at IS NULL", id).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.NotAuthenticated, "You are not signed in any more.")
	}
	return nil
}
