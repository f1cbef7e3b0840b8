package account

import (
	"context"
	"errors"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// ErrNotFirst means that an account exists already.
var ErrNotFirst = errors.New("there is an account already")

// Limits of text fields, in characters. Passwords are only checked for length; MaxPassword keeps hashing cheap.
const (
	MinPassword    = 12
	MaxPassword    = 256
	maxName        = 100
	maxDescription = 1000
)

// Founder describes a new account and its first admin user.
type Founder struct {
	AccountName string
	Email       string
	Name        string // may be empty
	Password    string
}

// Founding is a new account with everything that it starts with.
type Founding struct {
	Account      Account
	AdminUser    AdminUser
	PasswordHash string
	Environments []Environment
	Events       []audit.Event
}

// Found creates the first account of the installation, its first admin user, and the environments Development and
// Production. It returns fault.Validation if a field is invalid, fault.InvalidAction if there is an account already,
// and fault.Unavailable if too many people are signing in. address is the network address of the client.
func (as *Accounts) Found(ctx context.Context, founder Founder, address string) (AdminUser, error) {
	founding, err := as.prepare(ctx, founder, address)
	if err != nil {
		return AdminUser{}, err
	}
	err = as.store.CreateAccount(ctx, founding, true)
	if errors.Is(err, ErrNotFirst) {
		return AdminUser{}, fault.New(fault.InvalidAction, "This installation is set up already.")
	}
	return founding.AdminUser, err
}

// Create creates another account in the same way as Found. Only the command line may call it.
func (as *Accounts) Create(ctx context.Context, founder Founder) (AdminUser, error) {
	founding, err := as.prepare(ctx, founder, "")
	if err != nil {
		return AdminUser{}, err
	}
	return founding.AdminUser, as.store.CreateAccount(ctx, founding, false)
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

func (as *Accounts) prepare(ctx context.Context, founder Founder, address string) (Founding, error) {
	founder, err := founder.normalized()
	if err != nil {
		return Founding{}, err
	}
	hash, err := as.hashNew(ctx, founder.Password)
	if err != nil {
		return Founding{}, err
	}
	at := as.now().UTC()
	partition, err := pfid.NewPartition(as.random)
	if err != nil {
		return Founding{}, err
	}
	var ids [4]pfid.ID
	for i := range ids {
		if ids[i], err = pfid.New(at, partition, as.random); err != nil {
			return Founding{}, err
		}
	}
	f := Founding{
		Account:      Account{ID: ids[0], Name: founder.AccountName, Purpose: "business", OrganisationName: founder.AccountName, InsertedAt: at, UpdatedAt: at},
		AdminUser:    AdminUser{ID: ids[1], AccountID: ids[0], Email: founder.Email, Name: founder.Name, InsertedAt: at, UpdatedAt: at},
		PasswordHash: hash,
	}
	// Lists show the newest first, and clients that must choose take the first one. Development is the safe choice.
	f.Environments = []Environment{
		{ID: ids[2], AccountID: ids[0], Name: "Production", Purpose: "production", InsertedAt: at, UpdatedAt: at},
		{ID: ids[3], AccountID: ids[0], Name: "Development", Purpose: "development", InsertedAt: at.Add(time.Millisecond), UpdatedAt: at.Add(time.Millisecond)},
	}
	actor := audit.Actor{AccountID: ids[0], AdminUserID: ids[1], Address: address}
	for _, did := range []struct {
		action  audit.Action
		subject pfid.ID
		detail  string
	}{
		{audit.AccountCreated, ids[0], founder.AccountName},
		{audit.AdminUserCreated, ids[1], founder.Email},
		{audit.EnvironmentCreated, ids[2], f.Environments[0].Name},
		{audit.EnvironmentCreated, ids[3], f.Environments[1].Name},
	} {
		event, err := audit.New(at, actor, did.action, did.subject.String(), did.detail, as.random)
		if err != nil {
			return Founding{}, err
		}
		f.Events = append(f.Events, event)
	}
	return f, nil
}

func checkPassword(wrong fault.Fields, field, password string) {
	text.NewPassword(wrong, field, password, MinPassword, MaxPassword)
}
