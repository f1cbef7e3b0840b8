package backend_test

import (
	"net/http"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// TestPromise1HoldsForAReplacedSecretAtEveryEndpoint rotates a token again and again, ends the old secret in each of three
// ways, and looks at every endpoint for a use of it that begins later and is accepted.
func TestPromise1HoldsForAReplacedSecretAtEveryEndpoint(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for name, accepts := range map[string]func(secret string) bool{
		"the check": func(secret string) bool {
			v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{})
			if err != nil {
				t.Error(err)
			}
			return v.Reason == token.Good
		},
		"ping":         func(secret string) bool { return accepted(p, secret) },
		"gateways":     func(secret string) bool { return getWith(p, "/api/v1/validate/some/path", secret) },
		"bearer":       func(secret string) bool { return getWith(p, "/api/v1/api_token", secret) },
		"introspect":   func(secret string) bool { return isActive(t, p, manager, secret) },
		"status lists": func(secret string) bool { return p.Listed(backendtest.EntryOf(t, secret)) == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			made, old := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			for round := range backendtest.Rounds(60) {
				var g gate
				stop := hammer(t, 8, &g, func() bool { return accepts(old) })
				overlap := []time.Duration{0, time.Minute, time.Minute}[round%3]
				_, next, err := p.Tokens.Rotate(t.Context(), actor, made.ID, token.Rotation{Overlap: overlap})
				if err != nil {
					t.Fatal(err)
				}
				if overlap > 0 && !accepts(old) {
					t.Error("the old secret is refused in its overlap")
				}
				switch round % 3 {
				case 1:
					if _, err := p.Tokens.EndOldSecret(t.Context(), actor, made.ID); err != nil {
						t.Fatal(err)
					}
				case 2:
					p.Clock.Move(overlap)
				}
				g.close()
				if accepts(old) || !accepts(next) {
					t.Errorf("round %d: after its end the old secret is accepted, or the new one is not", round)
				}
				if checks, wrong := stop(); wrong > 0 {
					t.Errorf("round %d: %d of %d accepts began after the end of the secret", round, wrong, checks)
				}
				old = next
			}
		})
	}
}

func getWith(p *backendtest.Program, path, secret string) bool {
	return p.Call(http.MethodGet, path, nil, backendtest.Bearer(secret)).Status == http.StatusOK
}

// TestAWithdrawnKeyEndsTheOldSecretsThatItSigned checks that a rotation away from a stolen key is no way around its
// withdrawal, and that it is a way to keep the token.
func TestAWithdrawnKeyEndsTheOldSecretsThatItSigned(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	rotate(t, p)
	rotated, second, err := p.Tokens.Rotate(t.Context(), actor, made.ID, token.Rotation{Overlap: 24 * time.Hour})
	if err != nil || kidOf(t, second) == kidOf(t, first) {
		t.Fatal(err)
	}
	p.Clock.Move(listsOver)
	if !published(p, kidOf(t, first)) || !accepted(p, first) {
		t.Error("the key of the old secret is not published any more in its overlap")
	}
	invite := p.Invite(audit.Actor{AccountID: actor.AccountID, APITokenID: made.ID}, "bob@example.com", people.RoleAdmin)
	if revoked, err := p.WithdrawKey(t.Context(), kidOf(t, first)); err != nil || revoked != 0 {
		t.Errorf("%d tokens were revoked, %v", revoked, err)
	}
	if accepted(p, first) || !accepted(p, second) {
		t.Errorf("the old secret is accepted: %v, the new one: %v", accepted(p, first), accepted(p, second))
	}
	if got := p.Listed(backendtest.EntryOf(t, first)); got != 1 {
		t.Errorf("the old secret is listed as %d", got)
	}
	if now, err := p.Tokens.Get(t.Context(), actor.AccountID, rotated.ID); err != nil || now.Status != token.Active || now.OldSecret != (token.OldSecret{}) {
		t.Errorf("%+v %v", now.OldSecret, err)
	}
	if found, err := p.People.InviteOf(t.Context(), actor.AccountID, invite.ID); err != nil || found.Status != people.InviteRevoked {
		t.Errorf("the invite that the old secret may have made is %s, %v", found.Status, err)
	}
}

func TestAKeyIsPublishedUntilTheLastOldSecretThatItSignedHasEnded(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	rotate(t, p)
	if _, _, err := p.Tokens.Rotate(t.Context(), actor, made.ID, token.Rotation{Overlap: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	p.Clock.Move(23 * time.Hour)
	if !published(p, kidOf(t, first)) {
		t.Error("offline verifiers can't verify the old secret in its overlap")
	}
	p.Clock.Move(time.Hour)
	if published(p, kidOf(t, first)) {
		t.Error("the key is still published")
	}
}
