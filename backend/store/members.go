package store

import (
	"context"
	"database/sql"
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

// People implements people.Store, which says what each method does.
type People struct{ *db }

func adminUserColumns(u *people.AdminUser) []column {
	return []column{
		{"id", &u.ID}, {"account_id", &u.AccountID}, {"email", &u.Email}, {"name", (*optional)(&u.Name)}, {"job_title", (*optional)(&u.JobTitle)}, {"role", &u.Role}, {"expiry_mail_off", &u.ExpiryMailOff},
		{"inserted_at", (*stamp)(&u.InsertedAt)}, {"updated_at", (*stamp)(&u.UpdatedAt)},
	}
}

// adminUser is an admin user with the hash of their password.
type adminUser struct {
	people.AdminUser
	hash string
}

var adminUsers = table[adminUser]{name: "admin_users", what: "admin user", columns: func(u *adminUser) []column {
	return append(adminUserColumns(&u.AdminUser), column{"password_hash", &u.hash})
}}

// members are admin users as their team sees them. Only members of an account make its tokens, so an index alone counts
// these.
var members = table[people.Member]{name: "admin_users", what: "admin user",
	columns: func(m *people.Member) []column { return adminUserColumns(&m.AdminUser) },
	derived: func(m *people.Member) []column {
		return []column{
			{liveTokens(ofMember) + " + " + liveRotated, &m.LiveTokens}, {"t.removed_at IS NOT NULL", &m.Removed},
			{`t.removed_at IS NULL AND t.role = 'admin' AND NOT EXISTS
				(SELECT 1 FROM admin_users o WHERE o.account_id = t.account_id AND o.removed_at IS NULL AND o.role = 'admin' AND o.id <> t.id)`, &m.LastAdmin},
			{"EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = t.account_id AND w.set_by_admin_user_id = t.id)", &m.SetWebhook},
		}
	},
}

func (s People) AdminUserByEmail(ctx context.Context, emails ...string) (user people.AdminUser, passwordHash string, ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		for _, email := range emails {
			var is adminUser
			if is, ok, err = adminUsers.find(tx, "t.email = ? AND t.removed_at IS NULL", email); err != nil || ok {
				user, passwordHash = is.AdminUser, is.hash
				return err
			}
		}
		return nil
	})
	return user, passwordHash, ok, err
}

func (s People) InsertAdminUser(ctx context.Context, user people.AdminUser, passwordHash string, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := adminUsers.insertNew(tx, adminUser{user, passwordHash}, fault.Field("email", "is taken")); err != nil {
			return err
		}
		return record(tx, event)
	})
}

func (s People) Members(ctx context.Context, owner pfid.ID, search string, page paging.Page) ([]people.Member, int, error) {
	from, args, err := s.searched(ctx, search, "t.name, t.job_title, t.email", "admin_users t WHERE t.account_id = ? AND t.removed_at IS NULL", owner)
	if err != nil {
		return nil, 0, err
	}
	return members.page(ctx, s.db, sorting{"id", "inserted_at", "updated_at", "email", "name", "job_title"}, page, from, args...)
}

func (s People) Member(ctx context.Context, owner, id pfid.ID) (people.Member, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (people.Member, error) { return memberIn(tx, owner, id) })
}

// memberIn returns a current member.
func memberIn(tx *gorm.DB, owner, id pfid.ID) (people.Member, error) {
	return members.take(tx, "t.id = ? AND t.account_id = ? AND t.removed_at IS NULL", id, owner)
}

// everMemberIn returns a current or former member.
func everMemberIn(tx *gorm.DB, owner, id pfid.ID) (people.Member, error) {
	return members.take(tx, "t.id = ? AND t.account_id = ?", id, owner)
}

func (s People) UpdateMember(ctx context.Context, owner, id pfid.ID, decide func(*people.AdminUser) (audit.Event, error)) (people.Member, error) {
	in := func(tx *gorm.DB) (people.Member, error) { return memberIn(tx, owner, id) }
	return members.revise(ctx, s.db, in, func(m *people.Member) (audit.Event, error) { return decide(&m.AdminUser) }, "name", "job_title", "expiry_mail_off", "updated_at")
}

func (s People) RemoveMember(ctx context.Context, owner, id pfid.ID, revokeTokens bool, at time.Time, recorder audit.Recorder) (removed people.Member, revoked int, tokens []pfid.ID, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		is, err := memberFor(tx, owner, id, at, recorder)
		if err != nil {
			return err
		}
		if !is.MayLoseRights() {
			return people.ErrLastAdmin
		}
		if err := tx.Exec("UPDATE admin_users SET removed_at = ?, updated_at = ? WHERE id = ?", stamp(at), stamp(at), id).Error; err != nil {
			return err
		}
		ended, err := exec(tx, "DELETE FROM sessions WHERE admin_user_id = ?", id)
		if err != nil {
			return err
		}
		err = execAll(tx, []string{
			"DELETE FROM sign_in_sources WHERE admin_user_id = ?", "DELETE FROM expiry_notices WHERE recipient_id = ?", "DELETE FROM member_notices WHERE admin_user_id = ?",
		}, id)
		if err != nil {
			return err
		}
		if err := recordAndTell(tx, recorder, audit.AdminUserRemoved, id, fmt.Sprintf("%s; sessions ended: %d", is.Email, ended), people.Notice{Kind: people.MemberRemoved}); err != nil {
			return err
		}
		if revoked, tokens, err = endGrantsOf(tx, owner, id, revokeTokens, at, recorder); err != nil {
			return err
		}
		removed, err = everMemberIn(tx, owner, id)
		return err
	})
	return removed, revoked, tokens, err
}

func (s People) SetRole(ctx context.Context, owner, id pfid.ID, role people.Role, revokeTokens bool, at time.Time, recorder audit.Recorder) (changed people.Member, revoked int, tokens []pfid.ID, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		is, err := memberFor(tx, owner, id, at, recorder)
		if err != nil {
			return err
		}
		if is.Role != role {
			if role != people.RoleAdmin && !is.MayLoseRights() {
				return people.ErrLastAdmin
			}
			if err := tx.Exec("UPDATE admin_users SET role = ?, updated_at = ? WHERE id = ?", role, stamp(at), id).Error; err != nil {
				return err
			}
			notice := people.Notice{Kind: people.RoleChanged, Role: role}
			if err := recordAndTell(tx, recorder, audit.AdminUserRoleChanged, id, fmt.Sprintf("from %s to %s", is.Role, role), notice); err != nil {
				return err
			}
		}
		if revoked, tokens, err = endGrantsOf(tx, owner, id, revokeTokens, at, recorder); err != nil {
			return err
		}
		changed, err = memberIn(tx, owner, id)
		return err
	})
	return changed, revoked, tokens, err
}

func (s People) EndSessionsOf(ctx context.Context, owner, id pfid.ID, at time.Time, recorder audit.Recorder) (member people.Member, ended int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if member, err = memberFor(tx, owner, id, at, recorder); err != nil {
			return err
		}
		if ended, err = endSessions(tx, id, pfid.ID{}, at, recorder, "all sessions of the member"); err != nil {
			return err
		}
		return endInvitesOf(tx, at, recorder, madeInSession, id)
	})
	return member, ended, err
}

func (s People) EndAllSessions(ctx context.Context, owner, kept pfid.ID, at time.Time, recorder audit.Recorder) (int, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (ended int, err error) {
		if err := checkRight(tx, at, recorder); err != nil {
			return 0, err
		}
		members, err := values[pfid.ID](tx, "SELECT u.id FROM admin_users u WHERE u.account_id = ? AND u.removed_at IS NULL ORDER BY u.id", owner)
		for i := 0; i < len(members) && err == nil; i++ {
			var n int
			if n, err = endSessions(tx, members[i], kept, at, recorder, "all sessions of all members"); err == nil {
				err = endInvitesOf(tx, at, recorder, madeInSession, members[i])
			}
			ended += n
		}
		return ended, err
	})
}

// endSessions ends the sessions of a member, except one, and tells the member. It returns how many were live.
func endSessions(tx *gorm.DB, id, kept pfid.ID, at time.Time, recorder audit.Recorder, detail string) (int, error) {
	ended, err := value[int](tx, "SELECT count(*) FROM sessions t WHERE "+liveSession+" AND t.id IS DISTINCT FROM ?", append(liveAt(id, at), kept)...)
	if err != nil {
		return 0, err
	}
	if err := tx.Exec("DELETE FROM sessions WHERE admin_user_id = ? AND id IS DISTINCT FROM ?", id, kept).Error; err != nil || ended == 0 {
		return 0, err
	}
	return ended, recordAndTell(tx, recorder, audit.SessionEnded, id, fmt.Sprintf("%s: %d", detail, ended), people.Notice{Kind: people.SessionsEnded, SessionID: kept})
}

func (s People) RevokeTokensOf(ctx context.Context, owner, id pfid.ID, at time.Time, recorder audit.Recorder) (member people.Member, revoked int, tokens []pfid.ID, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := checkRight(tx, at, recorder); err != nil {
			return err
		}
		if _, err := everMemberIn(tx, owner, id); err != nil {
			return err
		}
		if revoked, tokens, err = endGrantsOf(tx, owner, id, true, at, recorder); err != nil {
			return err
		}
		member, err = everMemberIn(tx, owner, id)
		return err
	})
	return member, revoked, tokens, err
}

// endGrantsOf revokes the tokens of a member, if asked to, and ends the invites whose maker may not invite any more.
func endGrantsOf(tx *gorm.DB, owner, id pfid.ID, revokeTokens bool, at time.Time, recorder audit.Recorder) (revoked int, tokens []pfid.ID, err error) {
	if revokeTokens {
		if revoked, tokens, err = revokeTokensOf(tx, owner, id, at, recorder); err != nil {
			return 0, nil, err
		}
	}
	return revoked, tokens, endInvites(tx, owner, at, recorder)
}

// rotatedFor selects the tokens k that someone else made and whose current secret a member got by rotating them.
const rotatedFor = "k.rotated_by_admin_user_id = %s AND k.created_by_admin_user_id IS DISTINCT FROM k.rotated_by_admin_user_id AND k.status IN " + live

var liveRotated = "(SELECT count(*) FROM api_tokens k WHERE " + fmt.Sprintf(rotatedFor, "t.id") + ")"

// revokeTokensOf revokes the tokens that a member made, and those whose current secret they got by rotating them: else they
// could go on using them.
func revokeTokensOf(tx *gorm.DB, owner, id pfid.ID, at time.Time, recorder audit.Recorder) (int, []pfid.ID, error) {
	actor, err := actorOf(recorder)
	if err != nil {
		return 0, nil, err
	}
	if actor.AdminUserID.IsZero() && actor.APITokenID.IsZero() { // a command, which may run beside a server
		if err := announceChange(tx); err != nil {
			return 0, nil, err
		}
	}
	rotated, err := values[pfid.ID](tx, "SELECT k.id FROM api_tokens k WHERE "+fmt.Sprintf(rotatedFor, "?"), id)
	if err != nil {
		return 0, nil, err
	}
	ended, err := revokeNow(tx, owner, rotated, at, "with all tokens of the member who rotated it", recorder)
	if err != nil {
		return 0, nil, err
	}
	made, ids, err := moveAll(tx, owner, ofMember, id, token.Revoked, "with all tokens of the member who made it", recorder)
	if made > 0 && ids == nil { // too many
		return made + len(ended), nil, err
	}
	return made + len(ended), append(ids, ended...), err
}

// maker holds the properties that a new resource inherits from its creator.
type maker struct {
	// responsible is the admin user with whose other tokens the resource ends; zero for the command line.
	responsible pfid.ID
	until       time.Time // expiry of the API token; zero if the maker is not a token
}

// memberFor returns a current member for a change that only admins may make.
func memberFor(tx *gorm.DB, owner, id pfid.ID, at time.Time, recorder audit.Recorder) (people.Member, error) {
	if err := checkRight(tx, at, recorder); err != nil {
		return people.Member{}, err
	}
	return memberIn(tx, owner, id)
}

// checkRight is makerIn for a change that is recorded later in its transaction.
func checkRight(tx *gorm.DB, at time.Time, recorder audit.Recorder) error {
	actor, err := actorOf(recorder)
	if err == nil {
		_, err = makerIn(tx, actor, at)
	}
	return err
}

func actorOf(recorder audit.Recorder) (audit.Actor, error) {
	event, err := recorder("", pfid.ID{}, "")
	return event.Actor, err
}

// makerIn refuses a request whose caller has lost the right to it in the meantime: an admin user who was removed or is a
// viewer now, or an API token that has ended or moved, or whose presented secret has ended. Both ids are zero for the
// command line.
func makerIn(tx *gorm.DB, actor audit.Actor, at time.Time) (m maker, err error) {
	if id := actor.APITokenID; !id.IsZero() {
		valid, where, args := false, "", []any{id, stamp(at)}
		if actor.Secret != [32]byte{} {
			where = " AND (t.secret_hash = ? OR EXISTS (SELECT 1 FROM old_secrets o WHERE o.secret_hash = ? AND o.token_id = t.id AND o.ends_at > ?))"
			args = append(args, digest(actor.Secret), digest(actor.Secret), stamp(at))
		}
		err := scan(tx, "SELECT created_by_admin_user_id, expires_at FROM api_tokens t WHERE id = ? AND "+statusNowOfT+" = 'active' AND expires_at > ?"+where, args,
			func(rows *sql.Rows) error {
				valid = true
				return rows.Scan(&m.responsible, (*stamp)(&m.until))
			})
		if err == nil && !valid {
			err = fault.New(fault.BadAuthToken, "This token is not valid any more.")
		}
		return m, err
	}
	adminUser := actor.AdminUserID
	if adminUser.IsZero() {
		return maker{}, nil
	}
	role, err := roleOf(tx, adminUser)
	switch { // else its effect would outlive the right to it
	case err == nil && role == "":
		err = fault.New(fault.NotAuthenticated, "You are not signed in any more.")
	case err == nil && role != people.RoleAdmin:
		err = people.ErrViewer
	}
	return maker{responsible: adminUser}, err
}

// roleOf returns the role of a current member; empty if there is no such member.
func roleOf(tx *gorm.DB, adminUser pfid.ID) (people.Role, error) {
	return value[people.Role](tx, "SELECT role FROM admin_users WHERE id = ? AND removed_at IS NULL", adminUser)
}
