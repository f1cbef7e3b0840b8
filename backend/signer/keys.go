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
	Tokens    int // that it signed, or may have signed, and that are neither revoked nor expired
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
		case i < now:
			state = KeyNext
		}
		// The status lists that it signed last still have to be verified when its successor has taken over.
		needed := uses[key.ID] > 0 || at.Before(replacedAt(stored[:i]).Add(token.StatusListLifetime+Lead))
		keys[i] = Key{StoredKey: key, State: state, Published: state == KeySigning || state == KeyNext || state == KeyRetired && needed}
	}
	return keys, nil
}

// replacedAt returns when the first of some later keys began to sign; the zero time if none did.
func replacedAt(later []StoredKey) time.Time {
	for _, key := range slices.Backward(later) {
		if key.WithdrawnAt.IsZero() || key.WithdrawnAt.After(key.SignsFrom) {
			return key.SignsFrom
		}
	}
	return time.Time{}
}

// signing returns which of the keys signs at an instant: of those that are not withdrawn, the one that began last, else
// the one that begins first; -1 if there is none. The keys are sorted by when they begin, latest first.
func signing(keys []StoredKey, at time.Time) int {
	first := -1
	for i, key := range keys {
		if !key.WithdrawnAt.IsZero() {
			continue
		}
		if first = i; !key.SignsFrom.After(at) {
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
		// The last before it that is not withdrawn is the one that signs next.
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
