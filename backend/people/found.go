package people

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Limits of text fields, in characters. Passwords are only checked for length; MaxPassword keeps hashing cheap.
const (
	MinPassword = 12
	MaxPassword = 256
	maxName     = 100
)

// Founder describes a new account and its first admin user.
type Founder struct {
	AccountName string
	Email       string
	Name        string // may be empty
	Password    string
}

// Found creates the first account of the installation with its environments, and its first admin user. It returns
// fault.Validation if a field is invalid, fault.InvalidAction if there is an account already, and fault.Unavailable if
// too many people are signing in. address is the network address of the client.
func (ps *People) Found(ctx context.Context, founder Founder, address string) (AdminUser, error) {
	return ps.found(ctx, founder, address, true)
}

// FoundAnother creates another account in the same way as Found. Only the command line may call it.
func (ps *People) FoundAnother(ctx context.Context, founder Founder) (AdminUser, error) {
	return ps.found(ctx, founder, "", false)
}

// Check returns a fault.Validation that names each invalid field; nil if there is none.
func (f Founder) Check() error {
	_, err := f.normalized()
	return err
}

func (f Founder) normalized() (Founder, error) {
	wrong := fault.Fields{}
	f.AccountName = text.Line(wrong, "account_name", f.AccountName, 1, maxName)
	f.Name = text.Line(wrong, "name", f.Name, 0, maxName)
	f.Email = text.Email(wrong, "email", f.Email)
	checkPassword(wrong, "password", f.Password)
	return f, wrong.Err()
}

func (ps *People) found(ctx context.Context, founder Founder, address string, first bool) (AdminUser, error) {
	founder, err := founder.normalized()
	if err != nil {
		return AdminUser{}, err
	}
	hash, err := ps.hashNew(ctx, founder.Password)
	if err != nil {
		return AdminUser{}, err
	}
	at := ps.now().UTC()
	partition, err := pfid.NewPartition(ps.random)
	if err != nil {
		return AdminUser{}, err
	}
	var ids [2]pfid.ID
	for i := range ids {
		if ids[i], err = pfid.New(at, partition, ps.random); err != nil {
			return AdminUser{}, err
		}
	}
	user := AdminUser{ID: ids[1], AccountID: ids[0], Email: founder.Email, Name: founder.Name, Role: RoleAdmin, InsertedAt: at, UpdatedAt: at}
	actor := audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID, Address: address}
	event, err := audit.New(at, actor, audit.AdminUserCreated, user.ID.String(), user.Email, ps.random)
	if err != nil {
		return AdminUser{}, err
	}
	return user, ps.store.Together(ctx, func(ctx context.Context) error {
		if err := ps.accounts.Create(ctx, at, actor, founder.AccountName, first); err != nil {
			return err
		}
		return ps.store.InsertAdminUser(ctx, user, hash, event)
	})
}

func checkPassword(wrong fault.Fields, field, password string) {
	text.NewPassword(wrong, field, password, MinPassword, MaxPassword)
}
