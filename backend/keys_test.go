package backend_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/pgtest"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

// kidOf returns the id of the key that signed a JWT.
func kidOf(t *testing.T, signed string) string {
	t.Helper()
	head, _, _ := strings.Cut(signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	return header.Kid
}

func published(p *backendtest.Program, kid string) bool {
	return strings.Contains(p.Call(http.MethodGet, "/.well-known/jwks.json", nil).Body, kid)
}

func accepted(p *backendtest.Program, secret string) bool {
	return p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Status == http.StatusOK
}

func rotate(t *testing.T, p *backendtest.Program) {
	t.Helper()
	if _, err := p.Signer.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Clock.Move(signer.Lead)
}

// listsOver is how long verifiers may rely on a key's last status lists after its successor takes over.
const listsOver = token.StatusListLifetime + signer.Lead

func TestAnOldKeyIsPublishedUntilItsLastTokenHasEnded(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	short, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(48 * time.Hour)})
	rotate(t, p)
	long, second := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	rotate(t, p)
	p.Clock.Move(listsOver)
	old, middle := kidOf(t, first), kidOf(t, second)
	if old == middle || !published(p, old) || !published(p, middle) {
		t.Fatal("a key with tokens is not published")
	}
	p.Clock.Move(short.ExpiresAt.Sub(p.Clock.Now()))
	if published(p, old) || !published(p, middle) {
		t.Error("not just the key whose last token has expired is gone")
	}
	p.Suspend(actor, long.ID)
	if !published(p, middle) {
		t.Error("the key of a token that may be activated again is gone")
	}
	p.Revoke(actor, long.ID)
	if published(p, middle) {
		t.Error("a key all of whose tokens are revoked is published")
	}
	list, err := p.Signer.List(t.Context())
	if err != nil || len(list) != 3 || list[0].State != signer.KeySigning || !list[0].Published || list[2].State != signer.KeyRetired || list[2].Published {
		t.Errorf("%+v %v", list, err)
	}
}

// TestAKeyIsPublishedAsLongAsItsStatusListsHold covers a key that no token needs any more.
func TestAKeyIsPublishedAsLongAsItsStatusListsHold(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	list := strings.TrimPrefix(backendtest.EntryOf(t, secret).URI, p.URL)
	rotate(t, p)
	p.Clock.Move(-time.Millisecond)
	old := kidOf(t, p.Call(http.MethodGet, list, nil).Body)
	p.Revoke(actor, made.ID)
	p.Clock.Move(token.StatusListLifetime)
	if old != kidOf(t, secret) || !published(p, old) {
		t.Error("a status list that still holds can't be verified")
	}
	p.Clock.Move(listsOver)
	if published(p, old) {
		t.Error("the key stays without need")
	}
}

// TestPromise1HoldsForAWithdrawnKey withdraws a key whose tokens are in the cache of verdicts.
func TestPromise1HoldsForAWithdrawnKey(t *testing.T) {
	p := backendtest.Start(t)
	actor, rival := p.Found(), p.Rival()
	_, mine := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, theirs := p.Issue(rival, token.Order{Scope: token.ScopeAccount})
	rotate(t, p)
	_, kept := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	entry := backendtest.EntryOf(t, mine)
	for _, secret := range []string{mine, theirs, kept} {
		if !accepted(p, secret) || p.Listed(entry) != 0 {
			t.Fatal("not good before")
		}
	}
	kid := kidOf(t, mine)
	if n, err := p.WithdrawKey(t.Context(), kid); err != nil || n != 2 {
		t.Fatalf("%d %v", n, err)
	}
	if accepted(p, mine) || accepted(p, theirs) || p.Listed(entry) != 1 || published(p, kid) {
		t.Error("a token of the withdrawn key is accepted, or the key is published")
	}
	if !accepted(p, kept) {
		t.Error("a token of another key ended")
	}
	if n, err := p.WithdrawKey(t.Context(), kid); err != nil || n != 0 {
		t.Errorf("again: %d %v", n, err)
	}
}

func TestPromise9AnInviteEndsWithTheKeyOfItsMaker(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	maker, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	invite := p.Invite(audit.Actor{AccountID: actor.AccountID, APITokenID: maker.ID}, "bob@example.com", people.RoleAdmin)
	if _, err := p.WithdrawKey(t.Context(), kidOf(t, secret)); err != nil {
		t.Fatal(err)
	}
	if found, err := p.People.InviteOf(t.Context(), actor.AccountID, invite.ID); err != nil || found.Status != people.InviteRevoked {
		t.Errorf("the invite is %s (%v)", found.Status, err)
	}
	p.Recorded(audit.AdminUserInviteRevoked, 1)
}

// TestAWithdrawalThatNoServerConfirmedIsNotReportedAsDoneTheNextTime covers a server that hangs, and a command that
// ended before its change was confirmed.
func TestAWithdrawalThatNoServerConfirmedIsNotReportedAsDoneTheNextTime(t *testing.T) {
	pgtest.OnSQLite(t, "servers on Postgres follow the log of changes instead")
	c := config.Config{
		Storage: config.Storage{Data: t.TempDir()},
		Issuing: config.Issuing{MaxTokenLifetime: config.Lifetime(time.Hour)},
		Serving: config.Serving{Listen: "127.0.0.1:0", CacheTokens: 1},
	}
	world := backend.World{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}
	open := func() *backend.Backend {
		b, err := backend.Open(t.Context(), c, world)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
	open()
	c.Listen = ""
	command := open()
	key, err := command.Signer.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Signer.Withdraw(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := command.WithdrawKey(soon, key.ID); err == nil {
		t.Error("the command says that a server has seen what it has not")
	}
}

// TestPromise1AServerLearnsOfEveryChangeThatAnotherProcessMakes uses a process that announces nothing.
func TestPromise1AServerLearnsOfEveryChangeThatAnotherProcessMakes(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	if !accepted(p, secret) {
		t.Fatal("the token is refused")
	}
	c := p.Config
	c.Listen = ""
	other, err := backend.Open(t.Context(), c, backend.World{Now: p.Clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Tokens.Revoke(t.Context(), actor, made.ID); err != nil {
		t.Fatal(err)
	}
	if err := other.AwaitServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if accepted(p, secret) {
		t.Error("the server accepts a token that another process has revoked")
	}
}

// TestWithdrawingTheSigningKeyLeavesOneThatSigns also checks that the key of before does not sign again.
func TestWithdrawingTheSigningKeyLeavesOneThatSigns(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	rotate(t, p)
	_, second := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	list := strings.TrimPrefix(backendtest.EntryOf(t, second).URI, p.URL)
	if kidOf(t, p.Call(http.MethodGet, list, nil).Body) != kidOf(t, second) {
		t.Fatal("the list is signed by another key")
	}
	if _, err := p.WithdrawKey(t.Context(), kidOf(t, second)); err != nil {
		t.Fatal(err)
	}
	_, third := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	fresh := kidOf(t, third)
	if fresh == kidOf(t, first) || fresh == kidOf(t, second) || !published(p, fresh) || !accepted(p, third) {
		t.Error("no new key signs")
	}
	if kid := kidOf(t, p.Call(http.MethodGet, list, nil).Body); kid != fresh {
		t.Error("the status list is not signed anew")
	}
	next, err := p.Signer.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.WithdrawKey(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	if _, fourth := p.Issue(actor, token.Order{Scope: token.ScopeAccount}); kidOf(t, fourth) != next.ID {
		t.Error("the next key does not take over at once")
	}
	if _, err := p.WithdrawKey(t.Context(), "unknown"); err == nil {
		t.Error("an unknown key was withdrawn")
	}
}
