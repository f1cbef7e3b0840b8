package people

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// Role says what an admin user may do. Any value that is not one of the roles gives no rights.
type Role string

// The roles.
const (
	RoleAdmin  Role = "admin"  // sees and changes everything
	RoleViewer Role = "viewer" // sees everything except secrets, and changes only their own profile, password and sessions
)

// ParseRole reads the wire word; ok is false for any other text.
func ParseRole(text string) (role Role, ok bool) {
	role = Role(text)
	return role, role == RoleAdmin || role == RoleViewer
}

// ErrLastAdmin means that a change would leave an account without an admin.
var ErrLastAdmin = fault.New(fault.InvalidAction, "This is the last admin of the account. Make another member an admin first.")

// ErrViewer means that the actor may look at the account, but not change it.
var ErrViewer = fault.New(fault.NotPermitted, "You can view this account, but not change it. Ask an admin.")

// SetRole changes the role of a member. If the member is a viewer then, their pending invites end. With revokeTokens it
// also revokes the live API tokens that they made, and returns how many; once it returns, no validation accepts those. It
// returns fault.InvalidAction for the last admin. If the member has the role already, it writes no event.
func (ps *People) SetRole(ctx context.Context, actor audit.Actor, id pfid.ID, role Role, revokeTokens bool) (Member, int, error) {
	wrong := fault.Fields{}
	if _, ok := ParseRole(string(role)); !ok {
		wrong.Add("role", "must be admin or viewer")
	}
	if role == RoleAdmin && revokeTokens {
		wrong.Add("revoke_api_tokens", "must be omitted for the role admin")
	}
	if err := wrong.Err(); err != nil {
		return Member{}, 0, err
	}
	at := ps.now().UTC()
	changed, revoked, ended, err := ps.store.SetRole(ctx, actor.AccountID, id, role, revokeTokens, at, audit.NewRecorder(at, actor, ps.random))
	ps.invalidate(ctx, actor.AccountID, revoked, ended, err)
	return changed, revoked, err
}
