package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Imported is a token of another system. Its clients keep their secret, which only they know: it may be any bearer value of up
// to MaxSecret bytes.
type Imported struct {
	Order           // Lifetime is not used
	ID      pfid.ID // kept if it is of the account and unused; may be zero
	Hash    Hash
	KeyID   string // of the key of this installation that signed the secret; empty if none did
	Hint    string // up to four characters; may be empty
	Status  Status // Active or Suspended
	Created time.Time
}

// KeyElsewhere is the KeyID of imported tokens whose secret no key of this installation signed.
const KeyElsewhere = "elsewhere"

// CheckImported checks a token as Issue checks an order, and trims its name. Shorten reduces an expiry beyond the longest
// lifetime instead of refusing it. It does not look whether agent and environment exist.
func (ts *Tokens) CheckImported(i *Imported, shorten bool) error {
	at := ts.now().UTC()
	i.ExpiresAt = i.ExpiresAt.UTC().Truncate(time.Second)
	if latest := at.Add(ts.lifetimes.Max).Truncate(time.Second); shorten && i.ExpiresAt.After(latest) {
		i.ExpiresAt = latest
	}
	if i.Created.IsZero() || i.Created.After(at) {
		i.Created = at
	}
	wrong := fault.Fields{}
	if err := ts.checkOrder(&i.Order, at); err != nil {
		failed, ok := errors.AsType[*fault.Error](err)
		if !ok {
			return err
		}
		wrong = failed.Fields
	}
	switch i.Hash {
	case Hash{}:
		wrong.Add("hash", "must be the SHA-256 of the secret, as 64 hexadecimal digits")
	case HashOf(nil):
		wrong.Add("hash", "must not be the SHA-256 of an empty text")
	}
	if i.Status != Active && i.Status != Suspended {
		wrong.Add("status", "must be active or suspended")
	}
	i.Hint = text.Line(wrong, "hint", i.Hint, 0, hintSize)
	return wrong.Err()
}

// Import writes tokens that CheckImported accepted, and skips those whose secret is known. Call it in one transaction. It
// returns how many it wrote. They have no entry in a status list: their secrets name none of this installation.
func (ts *Tokens) Import(ctx context.Context, actor audit.Actor, list []Imported) (made int, err error) {
	at := ts.now().UTC()
	for _, i := range list {
		_, known, err := ts.store.FindToken(ctx, i.Hash)
		if err != nil {
			return made, err
		}
		if known {
			continue
		}
		if err := ts.importOne(ctx, actor, i, at); err != nil {
			return made, err
		}
		made++
	}
	return made, nil
}

func (ts *Tokens) importOne(ctx context.Context, actor audit.Actor, i Imported, at time.Time) error {
	t, deployed, err := ts.ordered(ctx, actor, i.Order, at)
	if err != nil {
		return err
	}
	t.Hint, t.Status, t.InsertedAt, t.KeyID = i.Hint, i.Status, i.Created, cmp.Or(i.KeyID, KeyElsewhere)
	if t.ID, err = ts.importedID(ctx, actor.AccountID, i.ID, at); err != nil {
		return err
	}
	if t.Scope == ScopeEnvironment {
		if err := ts.store.Environment(ctx, t.AccountID, t.EnvironmentID); err != nil {
			return err
		}
	}
	detail := fmt.Sprintf("imported, %s, expires %s", t.described(), t.ExpiresAt.Format(time.RFC3339))
	event, err := audit.New(at, actor, audit.APITokenCreated, t.ID.String(), detail, ts.random)
	if err != nil {
		return err
	}
	return ts.store.InsertToken(ctx, t, i.Hash, event, deployed)
}

// importedID returns the wanted id if it is of the account and no token has it, otherwise a new one.
func (ts *Tokens) importedID(ctx context.Context, account, wanted pfid.ID, at time.Time) (pfid.ID, error) {
	if !wanted.IsZero() && wanted.Partition() == account.Partition() {
		has, err := ts.store.TokensByID(ctx, []pfid.ID{wanted})
		if err != nil || len(has) == 0 {
			return wanted, err
		}
	}
	return pfid.New(at, account.Partition(), ts.random)
}

// Each calls f with all tokens of an account, oldest first, some at a time.
func (ts *Tokens) Each(ctx context.Context, account pfid.ID, f func([]Listed) error) error {
	for after := (Entry{}); ; {
		entries, err := ts.store.Entries(ctx, account, after, MostChanged)
		if err != nil || len(entries) == 0 {
			return err
		}
		ids := make([]pfid.ID, len(entries))
		for i, e := range entries {
			ids[i] = e.ID
		}
		after = entries[len(entries)-1]
		list, err := ts.store.TokensByID(ctx, ids)
		if err != nil {
			return err
		}
		for i := range list {
			ts.asOfNow(&list[i])
		}
		if err := f(list); err != nil {
			return err
		}
	}
}
