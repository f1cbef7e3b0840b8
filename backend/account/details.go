package account

import (
	"context"
	"net/url"
	"strings"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/text"
)

// Limits of text fields, in characters.
const (
	maxName        = 100
	maxDescription = 1000
	maxWebsite     = 500
)

// Change is a change of an account. Nil fields stay unchanged.
type Change struct {
	Name, Purpose, OrganisationName, Website *string
}

// Update changes the actor's account. A personal account loses its organisation name; any other must have one. Update
// returns fault.Validation if a field is invalid.
func (as *Accounts) Update(ctx context.Context, actor audit.Actor, change Change) (Account, error) {
	at := as.now().UTC()
	return as.store.UpdateAccount(ctx, actor.AccountID, func(a *Account) (audit.Event, error) {
		wrong := fault.Fields{}
		if change.Name != nil {
			a.Name = text.Line(wrong, "name", *change.Name, 1, maxName)
		}
		if change.Purpose != nil {
			a.Purpose = *change.Purpose
			checkPurpose(wrong, a.Purpose, AccountPurposes)
		}
		if change.OrganisationName != nil {
			a.OrganisationName = *change.OrganisationName
		}
		if a.Purpose == Personal {
			a.OrganisationName = ""
		} else {
			a.OrganisationName = text.Line(wrong, "organisation_name", a.OrganisationName, 1, maxName)
		}
		if change.Website != nil {
			a.Website = checkWebsite(wrong, *change.Website)
		}
		if err := wrong.Err(); err != nil {
			return audit.Event{}, err
		}
		a.UpdatedAt = at
		return audit.New(at, actor, audit.AccountUpdated, a.ID.String(), a.Name, as.random)
	})
}

// checkWebsite allows only http and https, because the page links to it.
func checkWebsite(wrong fault.Fields, address string) string {
	address = text.Line(wrong, "website", address, 0, maxWebsite)
	if address == "" {
		return ""
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		wrong.Add("website", "must be an address such as https://example.com")
	}
	return address
}

// Contents is the number of each kind of resource in an account, all of which Delete removes.
type Contents struct {
	AdminUsers   int
	Environments int
	Agents       int
	APITokens    int
}

// Delete permanently removes the actor's account and everything in it except the audit events, and returns it as it
// was. name must be the account's name, to prevent mistakes; otherwise Delete returns fault.Validation. Once it
// returns, no validation accepts a token of the account.
func (as *Accounts) Delete(ctx context.Context, actor audit.Actor, name string) (Account, error) {
	at := as.now().UTC()
	deleted, err := as.store.DeleteAccount(ctx, actor.AccountID, func(a Account) (audit.Event, error) {
		if text.Composed(strings.TrimSpace(name)) != text.Composed(a.Name) {
			return audit.Event{}, fault.Field("name", "is not the name of this account")
		}
		return audit.New(at, actor, audit.AccountDeleted, a.ID.String(), a.Name, as.random)
	})
	as.verdicts.Invalidate(ctx, actor.AccountID, nil, err)
	return deleted, err
}
