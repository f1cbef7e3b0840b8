package backend_test

import (
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

// keyClock rotates keys and issues tokens with a clock that was wrong.
type keyClock struct {
	*backendtest.Program
	t     *testing.T
	actor audit.Actor
}

// begin starts a program whose clock is wrong by an offset when its first key is made.
func begin(t *testing.T, wrong time.Duration) keyClock {
	t.Helper()
	clock := backendtest.NewClock()
	clock.Move(wrong)
	p := backendtest.StartIn(t, t.TempDir(), clock)
	clock.Move(-wrong)
	return keyClock{p, t, p.Found()}
}

func (k keyClock) rotateWrongBy(wrong time.Duration) string {
	k.t.Helper()
	k.Clock.Move(wrong)
	defer k.Clock.Move(-wrong)
	key, err := k.Signer.Rotate(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	return key.ID
}

// signs returns the id of the signing key. It must be published, and the only one that is listed as signing.
func (k keyClock) signs(when string) string {
	k.t.Helper()
	_, secret := k.Issue(k.actor, token.Order{Scope: token.ScopeAccount})
	kid := kidOf(k.t, secret)
	list, err := k.Signer.List(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	for _, key := range list {
		if (key.State == signer.KeySigning) != (key.ID == kid) {
			k.t.Errorf("%s: %s is %s, and %s signs", when, key.ID, key.State, kid)
		}
	}
	if !published(k.Program, kid) {
		k.t.Errorf("%s: the key that signs is not published", when)
	}
	return kid
}

// live returns the tokens of the account.
func (k keyClock) live() (ids []pfid.ID) {
	k.t.Helper()
	found, err := k.Tokens.List(k.t.Context(), k.actor.AccountID, token.Filter{}, paging.Page{Size: 100})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, listed := range found.Tokens {
		ids = append(ids, listed.ID)
	}
	return ids
}

func (k keyClock) key(kid string) signer.Key {
	k.t.Helper()
	list, err := k.Signer.List(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	for _, key := range list {
		if key.ID == kid {
			return key
		}
	}
	k.t.Fatalf("no key %s", kid)
	return signer.Key{}
}

var wrongBy = map[string]time.Duration{"ahead": 14 * 365 * 24 * time.Hour, "an hour ahead": time.Hour, "behind": -14 * 365 * 24 * time.Hour, "an hour behind": -time.Hour}

func TestTheFirstKeySignsUntilTheNextIsKnownWhateverTheClockSaidWhenItWasMade(t *testing.T) {
	for name, wrong := range wrongBy {
		t.Run(name, func(t *testing.T) {
			k := begin(t, wrong)
			first := k.signs("at first")
			second := k.rotateWrongBy(0)
			k.Clock.Move(signer.Lead - time.Millisecond)
			if k.signs("before the next is known") != first || !published(k.Program, second) {
				t.Error("the next key signs before verifiers know it, or they can't")
			}
			k.Clock.Move(time.Millisecond)
			if k.signs("from then on") != second || !published(k.Program, first) {
				t.Error("the next key does not sign, or the first is gone with its tokens")
			}
			k.Clock.Move(max(0, wrong) + time.Hour)
			if k.signs("when the wrong time has come") != second {
				t.Error("the first key signs again")
			}
		})
	}
}

func TestRotatingAgainHealsARotationByAWrongClock(t *testing.T) {
	for name, wrong := range wrongBy {
		t.Run(name, func(t *testing.T) {
			k := begin(t, 0)
			first := k.signs("at first")
			k.Clock.Move(24 * time.Hour)
			second := k.rotateWrongBy(wrong)
			signs := first
			if wrong < 0 {
				signs = second
			}
			if kid := k.signs("after it"); kid != signs {
				t.Errorf("%s signs", kid)
			}
			if next := k.key(second); next.Ahead != (wrong > 0) || wrong > 0 && next.State != signer.KeyNext {
				t.Errorf("the second key is %s, ahead %v", next.State, next.Ahead)
			}
			third := k.rotateWrongBy(0)
			if kid := k.signs("before the third is known"); kid != signs {
				t.Errorf("%s signs", kid)
			}
			k.Clock.Move(signer.Lead)
			if k.signs("from then on") != third || !published(k.Program, first) || k.key(second).State != signer.KeyRetired || k.key(second).Ahead {
				t.Errorf("not healed: the second key is %s", k.key(second).State)
			}
			for _, tok := range k.live() {
				k.Revoke(k.actor, tok)
			}
			k.Clock.Move(listsOver)
			if published(k.Program, first) || published(k.Program, second) {
				t.Error("a key that nothing needs is published")
			}
			k.Clock.Move(max(0, wrong))
			if k.signs("when the wrong time has come") != third {
				t.Error("not the newest key signs")
			}
		})
	}
}

func TestTokensOfAKeyThatSignedWhileTheClockWasAheadKeepItPublished(t *testing.T) {
	const ahead = 14 * 365 * 24 * time.Hour
	k := begin(t, 0)
	k.Clock.Move(ahead)
	second := k.rotateWrongBy(0)
	k.Clock.Move(signer.Lead)
	if k.signs("while it is ahead") != second {
		t.Fatal("the new key does not sign")
	}
	k.Clock.Move(-ahead)
	third := k.rotateWrongBy(0)
	k.Clock.Move(signer.Lead + listsOver)
	if k.signs("later") != third || !published(k.Program, second) {
		t.Error("the tokens of the second key can't be verified")
	}
}

// TestAKeyThatHadToSignAtOnceSignsAlsoIfTheClockWasAhead withdraws the signing key while the clock is ahead. Once the
// clock is right, no older key may sign again.
func TestAKeyThatHadToSignAtOnceSignsAlsoIfTheClockWasAhead(t *testing.T) {
	const ahead = 14 * 365 * 24 * time.Hour
	for name, withNext := range map[string]bool{"a new one": false, "the next one": true} {
		t.Run(name, func(t *testing.T) {
			k := begin(t, 0)
			oldest := k.signs("at first")
			rotate(t, k.Program)
			second := k.signs("after a rotation")
			k.Clock.Move(ahead)
			if withNext {
				k.rotateWrongBy(0)
			}
			if _, err := k.WithdrawKey(t.Context(), second); err != nil {
				t.Fatal(err)
			}
			fresh := k.signs("while it is ahead")
			k.Clock.Move(-ahead)
			if kid := k.signs("when it is right"); kid != fresh || kid == oldest || kid == second {
				t.Errorf("%s signs, not %s", kid, fresh)
			}
			next := k.rotateWrongBy(0)
			k.Clock.Move(signer.Lead)
			if k.signs("after another rotation") != next {
				t.Error("rotating has no effect")
			}
		})
	}
}
