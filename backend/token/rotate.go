package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/unit"
)

// MaxOverlap is the longest time for which a replaced secret stays valid.
const MaxOverlap = 7 * 24 * time.Hour

// selfRotationEvery is how long a token must wait before it rotates itself again. Each rotation leaves a row and a taken
// status entry until the replaced secret expires, and its holder may have no other right to write.
const selfRotationEvery = time.Minute

// Rotation describes a new secret for a token.
type Rotation struct {
	// Overlap is how long the old secret stays valid beside the new one, from 0 to MaxOverlap. It never stays valid beyond
	// its own expiry or the token's new one.
	Overlap   time.Duration
	ExpiresAt time.Time     // of the token from now on; zero for Lifetime from now
	Lifetime  time.Duration // zero for the token's present expiry
}

// NewSecret is what the store keeps of a new secret for an existing token.
type NewSecret struct {
	Hash        Hash
	Hint        string
	KeyID       string
	StatusEntry StatusEntry
	IssuedAt    time.Time
	ExpiresAt   time.Time
	OldEndsAt   time.Time // end of the secret that it replaces; zero to end that now
	Detail      string    // of the event
}

// OldSecret is the secret that the last rotation replaced, while it is still valid. The zero OldSecret is none.
type OldSecret struct {
	Hint   string
	EndsAt time.Time // whole seconds
}

// Rotate gives a token a new secret and returns it with the token. The token keeps its id, name, scope and history. The
// secret is stored nowhere. Once Rotate returns, no validation accepts the old secret after its end.
//
// It returns fault.Validation with the field if the rotation is invalid, fault.InvalidAction if the token is revoked or
// has two secrets already and Overlap is not 0, and fault.NotPermitted if the actor is an API token that is neither this
// token nor its creator: the secret would outlive that token.
func (ts *Tokens) Rotate(ctx context.Context, actor audit.Actor, id pfid.ID, rotation Rotation) (Listed, string, error) {
	at := ts.now().UTC()
	for attempt := 1; ; attempt++ {
		changed, secret, err := ts.rotateOnce(ctx, actor, id, rotation, at)
		if attempt < maxAttempts && (errors.Is(err, ErrEntryTaken) || errors.Is(err, ErrKeyWithdrawn)) {
			continue
		}
		return changed, secret, err
	}
}

func (ts *Tokens) rotateOnce(ctx context.Context, actor audit.Actor, id pfid.ID, rotation Rotation, at time.Time) (Listed, string, error) {
	t, err := ts.store.Token(ctx, actor.AccountID, id)
	if err != nil {
		return Listed{}, "", err
	}
	if err := ts.mayRotate(ctx, actor, id); err != nil {
		return Listed{}, "", err
	}
	decide := func(t Listed) error {
		if actor.APITokenID == id && actor.Secret != (Hash{}) && actor.Secret != t.Hash {
			return fault.New(fault.NotPermitted, "This secret was replaced. Rotate the token with its current secret.")
		}
		if wait := t.RotatedAt.Add(selfRotationEvery).Sub(at); actor.APITokenID == id && wait > 0 && wait <= selfRotationEvery {
			return &fault.Error{Kind: fault.TooManyRequests, RetryAfter: wait, Message: "A token may rotate itself once a minute."}
		}
		return rotation.refusal(&t, at)
	}
	if err := decide(t); err != nil {
		return Listed{}, "", err
	}
	replaced := t.Hash
	to := NewSecret{IssuedAt: at}
	if to.ExpiresAt, err = ts.expiryOf(rotation, actor, &t, at); err != nil {
		return Listed{}, "", err
	}
	to.OldEndsAt = rotation.oldEnd(&t, to.ExpiresAt, at)
	to.Detail = detailOf(&to)
	fresh := t.Token
	fresh.ExpiresAt = to.ExpiresAt
	secret, err := ts.newSecret(ctx, &fresh, at)
	if err != nil {
		return Listed{}, "", err
	}
	to.Hash, to.Hint, to.KeyID, to.StatusEntry = HashOf([]byte(secret)), fresh.Hint, fresh.KeyID, fresh.StatusEntry
	changed, err := ts.store.RotateToken(ctx, actor.AccountID, id, to, func(now Listed) error {
		if now.Hash != replaced {
			return fault.New(fault.InvalidAction, "This API token was rotated at the same time. Read it again.")
		}
		return decide(now)
	}, audit.NewRecorder(at, actor, ts.random))
	ts.rotated(ctx, &t, &to, err)
	if err != nil {
		return Listed{}, "", err
	}
	ts.asOfNow(&changed)
	return changed, secret, nil
}

// rotated makes a rotation of t known, unless err means that nothing was written.
func (ts *Tokens) rotated(ctx context.Context, t *Listed, to *NewSecret, err error) {
	if fault.Refused(err) {
		return
	}
	unit.After(ctx, func(bool) {
		ts.cache.Forget(t.ID)
		if t.OldSecret.EndsAt.IsZero() {
			ts.statusLists.changedIn(t.StatusEntry.List, to.StatusEntry.List)
		} else { // that one ended too, in a list that is unknown here
			ts.statusLists.changed(everyList)
		}
	})
}

// mayRotate refuses API tokens that would learn a secret that does not end with them.
func (ts *Tokens) mayRotate(ctx context.Context, actor audit.Actor, id pfid.ID) error {
	if actor.APITokenID.IsZero() || actor.APITokenID == id {
		return nil
	}
	created, err := ts.store.IsDescendant(ctx, id, actor.APITokenID)
	if err == nil && !created {
		err = fault.New(fault.NotPermitted, "An API token may rotate only itself and tokens that it created. A signed-in admin user may rotate any.")
	}
	return err
}

// refusal returns why the token can't be rotated like this, or nil.
func (r *Rotation) refusal(t *Listed, at time.Time) error {
	if t.AgentRetired && t.Status != Revoked {
		return fault.New(fault.InvalidAction, "The agent of this API token is retired, so it can't be rotated.")
	}
	if !t.Actions().Rotate {
		return fault.New(fault.InvalidAction, "A revoked API token can't be rotated; it can only be deleted.")
	}
	if r.Overlap > 0 && t.OldSecret.EndsAt.After(at) {
		return fault.New(fault.InvalidAction, "This API token already has two secrets. End the old one first, or rotate with an overlap of 0, which ends both.")
	}
	return nil
}

// expiryOf returns the token's expiry after the rotation. A token that rotates itself gets at most the lifetime that its
// secret was issued with: a token of an hour can't turn itself into one of a year.
func (ts *Tokens) expiryOf(r Rotation, actor audit.Actor, t *Listed, at time.Time) (time.Time, error) {
	wrong := fault.Fields{}
	if r.Overlap < 0 || r.Overlap > MaxOverlap {
		wrong.Add("overlap_seconds", "must be from 0 to %d", int(MaxOverlap/time.Second))
	}
	field, expiry := "expires_at", r.ExpiresAt
	if r.Lifetime != 0 {
		field, expiry = "expires_in", at.Add(r.Lifetime)
	}
	expiry = expiry.Truncate(time.Second) // a zero time stays zero
	latest, limit := at.Add(ts.lifetimes.Max), "the longest lifetime allowed here"
	if actor.APITokenID == t.ID {
		// Expiries are whole seconds.
		if own := at.Truncate(time.Second).Add(t.ExpiresAt.Sub(t.SecretIssuedAt().Truncate(time.Second))); own.Before(latest) {
			latest, limit = own, "since a token may renew itself only for as long as its secret was issued for"
		}
	}
	switch {
	case expiry.IsZero() && !t.ExpiresAt.After(at):
		wrong.Add(field, "is required, because this token has expired")
	case expiry.IsZero():
		if expiry = t.ExpiresAt; expiry.After(at.Add(ts.lifetimes.Max)) { // the maximum was lowered
			expiry = at.Add(ts.lifetimes.Max)
		}
	case !expiry.After(at):
		wrong.Add(field, "must be in the future")
	case expiry.After(latest):
		wrong.Add(field, "must not be after %s, %s", latest.Truncate(time.Second).Format(time.RFC3339), limit)
	}
	return expiry.UTC().Truncate(time.Second), wrong.Err()
}

// oldEnd returns when the current secret of a token ends; zero for now.
func (r *Rotation) oldEnd(t *Listed, expiry, at time.Time) time.Time {
	end := at.Add(r.Overlap).Truncate(time.Second)
	for _, limit := range []time.Time{t.ExpiresAt, expiry} {
		if limit.Before(end) {
			end = limit
		}
	}
	if r.Overlap == 0 || !end.After(at) {
		return time.Time{}
	}
	return end
}

func detailOf(to *NewSecret) string {
	old := "ended at once"
	if !to.OldEndsAt.IsZero() {
		old = "ends " + to.OldEndsAt.Format(time.RFC3339)
	}
	return fmt.Sprintf("expires %s; old secret %s", to.ExpiresAt.Format(time.RFC3339), old)
}

// SecretIssuedAt returns when the token's current secret was issued.
func (t Token) SecretIssuedAt() time.Time {
	if t.RotatedAt.IsZero() {
		return t.InsertedAt
	}
	return t.RotatedAt
}

// EndOldSecret ends the secret that the last rotation replaced, before its overlap is over. Once it returns, every
// validation refuses that secret. It returns fault.InvalidAction if the token has only one valid secret.
func (ts *Tokens) EndOldSecret(ctx context.Context, actor audit.Actor, id pfid.ID) (Listed, error) {
	at := ts.now().UTC()
	changed, err := ts.store.EndOldSecret(ctx, actor.AccountID, id, func(t Listed) error {
		if !t.OldSecret.EndsAt.After(at) {
			return fault.New(fault.InvalidAction, "This API token has no old secret that is still valid.")
		}
		return nil
	}, audit.NewRecorder(at, actor, ts.random))
	ts.Invalidate(ctx, actor.AccountID, []pfid.ID{id}, err)
	ts.asOfNow(&changed)
	return changed, err
}

// overlapTolerance is how far in the future an overlap may have begun, before the clock counts as one that was ahead. A clock that is
// up to an hour behind, as after the start of a machine, looks the same: it must not end overlaps early.
const overlapTolerance = time.Hour

// CorrectOverlaps lets each overlap that began by a clock that was ahead begin at latest, the latest time that it may be now, and
// returns how many there were. Otherwise an old secret would be valid for years, and its token could not be rotated with an overlap.
func (ts *Tokens) CorrectOverlaps(ctx context.Context, latest time.Time) (corrected int, err error) {
	for {
		tokens, err := ts.store.CorrectOverlaps(ctx, latest.Add(overlapTolerance), latest, func(account pfid.ID) audit.Recorder {
			return audit.NewRecorder(ts.now(), audit.Actor{AccountID: account}, ts.random)
		})
		for _, id := range tokens {
			ts.Forget(id)
		}
		if corrected += len(tokens); err != nil || len(tokens) == 0 {
			return corrected, err
		}
	}
}
