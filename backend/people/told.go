package people

import (
	"context"
	"time"

	"tokentab/backend/pfid"
)

// NoticeKind says what a member is told about.
type NoticeKind string

// The kinds of notices.
const (
	PasswordChanged NoticeKind = "password_changed"
	RoleChanged     NoticeKind = "role_changed"
	SessionsEnded   NoticeKind = "sessions_ended"
	MemberRemoved   NoticeKind = "member_removed" // by mail only
)

// Notice tells a member that their password, role, sessions or membership were changed (OWASP ASVS 5.0, 6.3.7).
type Notice struct {
	ID          pfid.ID // that of the audit event
	AdminUserID pfid.ID // who is told
	AccountID   pfid.ID
	Kind        NoticeKind
	Role        Role // the new one, for RoleChanged
	// ActorID is the admin user who made the change, and ActorName their name or else their email. Both are empty for the
	// command line.
	ActorID   pfid.ID
	ActorName string
	Address   string // network address of the actor; empty for the command line
	// SessionID is the session that made the change; zero for none. Its page is not told.
	SessionID  pfid.ID
	InsertedAt time.Time
}

// RemovalKept is how long a removed member's own notice is kept, longer than its mail is tried.
const RemovalKept = 48 * time.Hour

// MaxNotices is how many notices of a member are kept, the newest ones.
const MaxNotices = 20

// ToldStore keeps notices. The methods that change passwords, roles and sessions write them.
type ToldStore interface {
	// DismissNotice returns fault.NotFound if the member has no such notice, or has dismissed it.
	DismissNotice(ctx context.Context, user, id pfid.ID) (Notice, error)
}

// DismissNotice ends the showing of a notice to the member of the session. It returns fault.NotFound for any other.
func (ps *People) DismissNotice(ctx context.Context, session Session, id pfid.ID) (Notice, error) {
	return ps.store.DismissNotice(ctx, session.AdminUser.ID, id)
}
