package people

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// ResetStore sets passwords for members who have lost theirs.
type ResetStore interface {
	// ResetPassword replaces the password hash, ends all sessions of the member, and forgets wrong attempts of the given
	// sources and of those from which the member has signed in before, in one transaction.
	ResetPassword(ctx context.Context, account, id pfid.ID, passwordHash string, forget []string, at time.Time, record audit.Recorder) error
}

// CheckNewPassword returns a fault.Validation unless the text can be a password.
func CheckNewPassword(password string) error {
	wrong := fault.Fields{}
	checkPassword(wrong, "password", password)
	return wrong.Err()
}

// ResetPassword sets the password of a member without knowing the present one, ends all of their sessions, and revokes the
// pending invites that they made. Only the command line may call it. Delays after wrong attempts end too, except for
// addresses, which others share.
func (ps *People) ResetPassword(ctx context.Context, user AdminUser, password string) error {
	if err := CheckNewPassword(password); err != nil {
		return err
	}
	hash, err := ps.hashNew(ctx, password)
	if err != nil {
		return err
	}
	at := ps.now().UTC()
	forget := []string{passwordKind + " " + user.ID.String(), emailKind + " " + hashed(user.Email), emailKind + " " + hashed(text.KeptEmail(user.Email))}
	return ps.store.ResetPassword(ctx, user.AccountID, user.ID, hash, forget, at, audit.NewRecorder(at, audit.Actor{AccountID: user.AccountID}, ps.random))
}

// ByEmail returns the current member with an email, of any account. It returns fault.NotFound if there is none, which says what
// to do about an invite to the email: its link may still make one.
func (ps *People) ByEmail(ctx context.Context, email string) (AdminUser, error) {
	user, _, ok, err := ps.store.AdminUserByEmail(ctx, typedEmails(email)...)
	if err != nil || ok {
		return user, err
	}
	isInvited, err := ps.store.IsInvited(ctx, ps.now().UTC(), typedEmails(email)...)
	if err == nil && isInvited {
		err = fault.New(fault.NotFound, "%s has an invite, and has not joined yet. An admin can revoke the invite under Account › Invites, or invite them again with another role, which ends the earlier invite.", email)
	} else if err == nil {
		err = fault.New(fault.NotFound, "There is no admin user with the email %s.", email)
	}
	return user, err
}
