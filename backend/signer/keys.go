package signer

import (
	"context"
	"slices"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/token"
)

// KeyState says what a signing key is for.
type KeyState string

// The states of a key.
const (
	KeyNext      KeyState = "next"      // is published, and signs later
	KeySigning   KeyState = "signing"   // signs
	KeyRetired   KeyState = "retired"   // signed, and is published as long as something needs it
	KeyWithdrawn KeyState = "withdrawn" // never signs again, and ended its tokens
)

// Key is a signing key as people see it.
type Key struct {
	StoredKey
	State     KeyState
	Published bool
	Ahead     bool // was made by a clock that was ahead, and signs too late: another rotation takes its place
	Tokens    int  // that it signed, or may have signed, and that are neither revoked nor expired
}

// List returns all signing keys, newest first.
func (s *Signer) List(ctx context.Context) ([]Key, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := s.store.KeyUses(ctx, s.now().UTC(), true)
	for i := range keys {
		keys[i].Tokens = uses[keys[i].ID]
	}
	return keys, err
}

// keys returns all keys, newest first, without the number of their tokens.
func (s *Signer) keys(ctx context.Context) ([]Key, error) {
	at := s.now().UTC()
	stored, err := s.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := s.store.KeyUses(ctx, at, false)
	if err != nil {
		return nil, err
	}
	now := signing(stored, at)
	keys := make([]Key, len(stored))
	for i, key := range stored {
		state := KeyRetired
		switch {
		case !key.WithdrawnAt.IsZero():
			state = KeyWithdrawn
		case i == now:
			state = KeySigning
		case i < now && takesOver(stored[:i+1]):
			state = KeyNext
		}
		// The status lists that it signed last still have to be verified when its successor has taken over.
		needed := uses[key.ID] > 0 || at.Before(replacedAt(stored[:i]).Add(token.StatusListLifetime+Lead))
		keys[i] = Key{
			StoredKey: key, State: state, Published: state == KeySigning || state == KeyNext || state == KeyRetired && needed,
			Ahead: state == KeyNext && key.SignsFrom.After(at.Add(Lead+clockTolerance)),
		}
	}
	return keys, nil
}

// clockTolerance is how far a clock may have been ahead when a key was made.
const clockTolerance = time.Minute

// takesOver reports whether the last of the keys, which are sorted newest first, signs before a newer one does.
func takesOver(keys []StoredKey) bool {
	last := len(keys) - 1
	for _, newer := range keys[:last] {
		if newer.WithdrawnAt.IsZero() && !newer.SignsFrom.After(keys[last].SignsFrom) {
			return false
		}
	}
	return true
}

// replacedAt returns when the first of some newer keys began or begins to sign; the zero time if none does.
func replacedAt(newer []StoredKey) (at time.Time) {
	for _, key := range newer {
		signed := key.WithdrawnAt.IsZero() || key.WithdrawnAt.After(key.SignsFrom)
		if signed && (at.IsZero() || key.SignsFrom.Before(at)) {
			at = key.SignsFrom
		}
	}
	return at
}

// signing returns which of the keys, which are sorted newest first, signs at an instant; -1 if there is none. It is the
// newest that has begun and is not withdrawn, else the oldest. Their order is that in which they were made: by their
// times, one that a wrong clock made could sign years later, or never.
func signing(keys []StoredKey, at time.Time) int {
	first := -1
	for i, key := range keys {
		if !key.WithdrawnAt.IsZero() {
			continue
		}
		if first = i; key.AtOnce || !key.SignsFrom.After(at) {
			break
		}
	}
	return first
}

// Withdrawal is how a key is withdrawn.
type Withdrawal struct {
	Already     bool // nothing is left to write
	Event       audit.Event
	Promote     string     // id of the key that signs from now on; empty if none has to
	Replacement *StoredKey // the new key that signs from now on; nil if none has to
	Replaced    audit.Event
}

// Withdraw takes a key out of use: it signs nothing more, is not published any more, and its private key is destroyed. If
// it is the signing key, the next one signs at once, or a new one if there is none. Its tokens are not touched.
// Withdrawing it again changes nothing. An unknown key is a fault.NotFound.
func (s *Signer) Withdraw(ctx context.Context, kid string) error {
	at := s.now().UTC()
	return s.store.WithdrawSigningKey(ctx, kid, at, func(keys []StoredKey) (w Withdrawal, err error) {
		i := slices.IndexFunc(keys, func(key StoredKey) bool { return key.ID == kid })
		if i < 0 {
			return w, fault.New(fault.NotFound, "There is no signing key %s; tokentab keys list shows all.", kid)
		}
		if w.Already = !keys[i].WithdrawnAt.IsZero(); w.Already {
			return w, nil
		}
		if w.Event, err = audit.New(at, audit.Actor{}, audit.SigningKeyWithdrawn, kid, "", s.random); err != nil {
			return w, err
		}
		if i != signing(keys, at) {
			return w, nil
		}
		// The next newer one that is not withdrawn signs next.
		for next := i - 1; next >= 0; next-- {
			if keys[next].WithdrawnAt.IsZero() {
				w.Promote = keys[next].ID
				return w, nil
			}
		}
		fresh, event, err := s.newKey(at, at)
		w.Replacement, w.Replaced = &fresh, event
		return w, err
	})
}
