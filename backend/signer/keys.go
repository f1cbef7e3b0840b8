package signer

import (
	"context"
	"slices"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/token"
)

// KeyState is the role of a signing key.
type KeyState string

// The states of a key.
const (
	KeyNext      KeyState = "next"      // published, and signs later
	KeySigning   KeyState = "signing"   // signs new tokens and status lists
	KeyRetired   KeyState = "retired"   // no longer signs; published while tokens or status lists may need it
	KeyWithdrawn KeyState = "withdrawn" // never signs again; its tokens have ended
)

// Key is a signing key together with its state and use.
type Key struct {
	StoredKey
	State     KeyState
	Published bool
	Ahead     bool // made while the clock was ahead, so it would sign too late; rotating again replaces it
	Tokens    int  // that it signed or may have signed, and that are neither revoked nor expired
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

// keys is like List, without the number of tokens.
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
		// Verifiers may still hold status lists that it signed just before its successor took over.
		needed := uses[key.ID] > 0 || at.Before(replacedAt(stored[:i]).Add(token.StatusListLifetime+Lead))
		keys[i] = Key{
			StoredKey: key, State: state, Published: state == KeySigning || state == KeyNext || state == KeyRetired && needed,
			Ahead: state == KeyNext && key.SignsFrom.After(at.Add(Lead+clockTolerance)),
		}
	}
	return keys, nil
}

// clockTolerance is how far the clock may have been ahead when a key was made.
const clockTolerance = time.Minute

// takesOver reports whether the last of keys, sorted newest first, begins to sign before every newer one.
func takesOver(keys []StoredKey) bool {
	last := len(keys) - 1
	for _, newer := range keys[:last] {
		if newer.WithdrawnAt.IsZero() && !newer.SignsFrom.After(keys[last].SignsFrom) {
			return false
		}
	}
	return true
}

// replacedAt returns when the first of the newer keys began or will begin to sign; the zero time if none does.
func replacedAt(newer []StoredKey) (at time.Time) {
	for _, key := range newer {
		signed := key.WithdrawnAt.IsZero() || key.WithdrawnAt.After(key.SignsFrom)
		if signed && (at.IsZero() || key.SignsFrom.Before(at)) {
			at = key.SignsFrom
		}
	}
	return at
}

// signing returns the index of the key that signs at an instant; -1 if there is none. keys must be sorted newest
// first. The newest key that has begun and is not withdrawn signs, or else the oldest that is not withdrawn. Newest
// means made last, whatever its times say: a key made by a wrong clock could otherwise sign years late, or never.
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

// Withdrawal is the decision on how to withdraw a key.
type Withdrawal struct {
	Already     bool // the key is withdrawn already; write nothing
	Event       audit.Event
	Promote     string     // id of the existing key that takes over; empty for none
	Replacement *StoredKey // the new key that takes over; nil for none
	Replaced    audit.Event
}

// Withdraw takes a key out of use: it stops signing, is no longer published, and its private key is destroyed. If it
// was the signing key, the next one takes over immediately, or a new one if there is none. Its tokens are not
// changed. Withdrawing it again changes nothing. Withdraw returns fault.NotFound if there is no such key.
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
		// The next newer key that is not withdrawn takes over.
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
