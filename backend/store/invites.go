package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

var invites = table[people.Invite]{name: "admin_user_invites", what: "invite",
	columns: func(i *people.Invite) []column {
		return []column{
			{"id", &i.ID}, {"account_id", &i.AccountID}, {"email", &i.Email}, {"role", &i.Role}, {"status", &i.Status},
			{"created_by_admin_user_id", &i.CreatedByAdminUserID}, {"created_by_api_token_id", &i.CreatedByAPITokenID},
			{"expires_at", (*stamp)(&i.ExpiresAt)}, {"inserted_at", (*stamp)(&i.InsertedAt)}, {"updated_at", (*stamp)(&i.UpdatedAt)},
		}
	},
	derived: func(i *people.Invite) []column { return []column{{nameOf("k", "u"), (*shown)(&i.CreatedByName)}} },
	joins: `LEFT JOIN admin_users u ON u.id = t.created_by_admin_user_id
		LEFT JOIN api_tokens k ON k.id = t.created_by_api_token_id`,
}

func (s People) Invites(ctx context.Context, owner pfid.ID, page paging.Page) ([]people.Invite, int, error) {
	return invites.page(ctx, s.db, sorting{"id", "inserted_at", "updated_at", "email", "status", "expires_at"}, page, "admin_user_invites t WHERE t.account_id = ?", owner)
}

func (s People) Invite(ctx context.Context, owner, id pfid.ID) (people.Invite, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (people.Invite, error) { return inviteIn(tx, owner, id) })
}

func (s People) IsInvited(ctx context.Context, at time.Time, emails ...string) (bool, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (is bool, err error) {
		for _, email := range emails {
			if is, err = exists(tx, "SELECT 1 FROM admin_user_invites WHERE status = 'pending' AND expires_at > ? AND email = ?", stamp(at), email); is || err != nil {
				break
			}
		}
		return is, err
	})
}

func inviteIn(tx *gorm.DB, owner, id pfid.ID) (people.Invite, error) {
	return invites.take(tx, "t.id = ? AND t.account_id = ?", id, owner)
}

func (s People) InsertInvite(ctx context.Context, i people.Invite, recorder audit.Recorder) (people.Invite, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (made people.Invite, err error) {
		created, err := recorder(audit.AdminUserInviteCreated, i.ID, i.Email)
		if err != nil {
			return made, err
		}
		maker, err := makerIn(tx, created.Actor, i.InsertedAt)
		if err != nil {
			return made, err
		}
		if !i.CreatedByAPITokenID.IsZero() && !maker.responsible.IsZero() {
			role, err := roleOf(tx, maker.responsible)
			if err != nil {
				return made, err
			}
			if role != people.RoleAdmin {
				return made, fault.New(fault.NotPermitted, "This token can't invite anyone: the member who created it is no longer an admin.")
			}
		}
		i.CreatedByAdminUserID = maker.responsible
		if !maker.until.IsZero() && maker.until.Before(i.ExpiresAt) {
			i.ExpiresAt = maker.until
		}
		// Only check the account's own team, so that the response reveals nothing about other accounts.
		known, err := exists(tx, "SELECT 1 FROM admin_users WHERE account_id = ? AND email = ? AND removed_at IS NULL", i.AccountID, i.Email)
		if err != nil {
			return made, err
		}
		if known {
			return made, fault.Field("email", "belongs to a member already")
		}
		earlier, err := values[pfid.ID](tx, "UPDATE admin_user_invites SET status = 'revoked', updated_at = ? WHERE account_id = ? AND email = ? AND status = 'pending' RETURNING id",
			stamp(i.InsertedAt), i.AccountID, i.Email)
		if err != nil {
			return made, err
		}
		if err := recordWith(tx, recorder, audit.AdminUserInviteRevoked, "for a new one to "+i.Email, earlier...); err != nil {
			return made, err
		}
		if err := invites.insert(tx, i); err != nil {
			return made, err
		}
		if err := record(tx, created); err != nil {
			return made, err
		}
		return inviteIn(tx, i.AccountID, i.ID)
	})
}

// ClaimInviteMail takes ada+x@example.com for the mailbox ada@example.com (RFC 5233).
func (s People) ClaimInviteMail(ctx context.Context, i people.Invite, after, until time.Time, most int) (ok bool, err error) {
	local, domain, _ := strings.Cut(i.Email, "@")
	if base, _, _ := strings.Cut(local, "+"); base != "" {
		local = base
	}
	err = s.change(ctx, func(tx *gorm.DB) error {
		mailed, err := value[int](tx, `SELECT count(*) FROM admin_user_invites WHERE account_id = ? AND inserted_at > ? AND inserted_at <= ? AND mailed
			AND (email = ? OR email LIKE ? ESCAPE '\')`, i.AccountID, stamp(after), stamp(until), local+"@"+domain, likeText.Replace(local)+"+%@"+likeText.Replace(domain))
		if ok = err == nil && mailed < most; !ok {
			return err
		}
		return tx.Exec("UPDATE admin_user_invites SET mailed = TRUE WHERE id = ?", i.ID).Error
	})
	return ok && err == nil, err
}

func (s People) ReturnInviteMail(ctx context.Context, i people.Invite) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE admin_user_invites SET mailed = FALSE WHERE id = ?", i.ID).Error
	})
}

// makerIsAble selects invites whose maker may still invite: the API token that made the invite, if any, is active,
// and the responsible admin user, if any, is an admin of the team.
var makerIsAble = `COALESCE(t.created_by_admin_user_id, t.created_by_api_token_id) IS NOT NULL
	AND (t.created_by_admin_user_id IS NULL OR EXISTS
		(SELECT 1 FROM admin_users u WHERE u.id = t.created_by_admin_user_id AND u.removed_at IS NULL AND u.role = 'admin'))
	AND (t.created_by_api_token_id IS NULL OR EXISTS
		(SELECT 1 FROM api_tokens k WHERE k.id = t.created_by_api_token_id AND ` + statusNow("k") + ` = 'active'))`

// endInvites revokes the pending invites of an account whose maker ended in the same transaction. It ignores expiry:
// an invite never outlives its token (see InsertInvite and boundInvites), and a wrong clock must not revoke invites.
func endInvites(tx *gorm.DB, owner pfid.ID, at time.Time, recorder audit.Recorder) error {
	ended, err := values[pfid.ID](tx, "UPDATE admin_user_invites AS t SET status = 'revoked', updated_at = ? WHERE account_id = ? AND status = 'pending' AND NOT ("+makerIsAble+") RETURNING id",
		stamp(at), owner)
	if err != nil {
		return err
	}
	return recordWith(tx, recorder, audit.AdminUserInviteRevoked, "with its maker", ended...)
}

// endInvitesOf revokes the pending invites that match a condition. The credentials of their maker have changed, and someone
// else may have made them with the former ones.
func endInvitesOf(tx *gorm.DB, at time.Time, recorder audit.Recorder, where string, args ...any) error {
	ended, err := values[pfid.ID](tx, "UPDATE admin_user_invites SET status = 'revoked', updated_at = ? WHERE status = 'pending' AND "+where+" RETURNING id", append([]any{stamp(at)}, args...)...)
	if err != nil {
		return err
	}
	return recordWith(tx, recorder, audit.AdminUserInviteRevoked, "with the credentials of its maker", ended...)
}

// boundInvites lets the pending invites of a token expire with it, since a rotation may bring its expiry forward.
func boundInvites(tx *gorm.DB, id pfid.ID, end time.Time) error {
	return tx.Exec("UPDATE admin_user_invites SET expires_at = ? WHERE status = 'pending' AND expires_at > ? AND "+madeByToken, stamp(end), stamp(end), id).Error
}

const (
	madeByToken   = "created_by_api_token_id = ?"
	madeInSession = "created_by_admin_user_id = ? AND created_by_api_token_id IS NULL"
)

func (s People) RevokeInvite(ctx context.Context, owner, id pfid.ID, decide func(*people.Invite) (audit.Event, error)) (people.Invite, error) {
	return invites.revise(ctx, s.db, func(tx *gorm.DB) (people.Invite, error) { return inviteIn(tx, owner, id) }, decide, "status", "updated_at")
}

func (s People) InviteForAnyone(ctx context.Context, id pfid.ID) (found people.Invite, accountName string, ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		if found, ok, err = invites.find(tx, "t.id = ? AND "+makerIsAble, id); err != nil || !ok {
			return err
		}
		accountName, err = nameOfAccount(tx, found.AccountID)
		return err
	})
	return found, accountName, ok, err
}

func (s People) AcceptInvite(ctx context.Context, id pfid.ID, at time.Time, user people.AdminUser, passwordHash string, events []audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		used := tx.Exec("UPDATE admin_user_invites AS t SET status = 'used', updated_at = ? WHERE id = ? AND status = 'pending' AND expires_at > ? AND inserted_at <= ? AND "+makerIsAble,
			stamp(at), id, stamp(at), stamp(at.Add(people.InviteTolerance)))
		if used.Error != nil {
			return used.Error
		}
		if used.RowsAffected == 0 {
			return people.ErrInviteOver
		}
		if err := adminUsers.insertNew(tx, adminUser{user, passwordHash}, people.ErrIsMember); err != nil {
			return err
		}
		return record(tx, events...)
	})
}
