package store

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

func TestManyTokensMoveAsFarAsTheirStatusAllows(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := Open(t.Context(), t.TempDir(), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id := func() pfid.ID {
		id, err := pfid.New(at, 7, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	actor := audit.Actor{AccountID: id()}
	founding := account.Founding{
		Account:   account.Account{ID: actor.AccountID, Name: "Acme", Purpose: "business", InsertedAt: at, UpdatedAt: at},
		AdminUser: account.AdminUser{ID: id(), AccountID: actor.AccountID, Email: "a@b.co", InsertedAt: at, UpdatedAt: at},
	}
	if err := s.CreateAccount(t.Context(), founding, true); err != nil {
		t.Fatal(err)
	}
	event := func(action audit.Action) func(pfid.ID) (audit.Event, error) {
		return func(subject pfid.ID) (audit.Event, error) {
			return audit.New(at, actor, action, subject.String(), "", rand.Reader)
		}
	}
	// More than one batch of events, in every status.
	const each = eventBatch
	statuses := []token.Status{token.Active, token.Suspended, token.Revoked}
	var hashes []token.Hash
	for i := range each * len(statuses) {
		made := token.Token{ID: id(), AccountID: actor.AccountID, Scope: token.ScopeAccount, Status: statuses[i%len(statuses)], ExpiresAt: at, InsertedAt: at, UpdatedAt: at}
		hashes = append(hashes, token.HashOf([]byte(fmt.Sprint(i))))
		created, err := event(audit.APITokenCreated)(made.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.InsertToken(t.Context(), made, hashes[i], created, audit.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	all := func(tx *gorm.DB) *gorm.DB { return tx.Where("account_id = ?", actor.AccountID) }
	for _, step := range []struct {
		to           token.Status
		byRetirement bool
		action       audit.Action
		moved        int
	}{
		{token.Suspended, true, audit.APITokenSuspended, each},
		{token.Active, false, audit.APITokenActivated, 2 * each},
		{token.Revoked, false, audit.APITokenRevoked, 2 * each},
		{token.Active, false, audit.APITokenActivated, 0},
		{token.Suspended, true, audit.APITokenSuspended, 0},
	} {
		var moved [][32]byte
		err := s.change(t.Context(), func(tx *gorm.DB) (err error) {
			moved, err = s.moveTokens(tx, all, step.to, step.byRetirement, event(step.action), at.Add(time.Minute))
			return err
		})
		if err != nil || len(moved) != step.moved {
			t.Fatalf("to %s: moved %d, %v; want %d", step.to, len(moved), err, step.moved)
		}
		for _, hash := range moved {
			standing, ok, err := s.FindToken(t.Context(), hash)
			if err != nil || !ok || standing.Status != step.to || !slices.Contains(hashes, token.Hash(hash)) {
				t.Fatalf("to %s: a hash of %v, %v, %v", step.to, standing.Status, ok, err)
			}
		}
		var marked int64
		if err := s.reader.Model(&tokenRow{}).Where("suspended_by_retirement").Count(&marked).Error; err != nil {
			t.Fatal(err)
		}
		if want := step.moved; step.byRetirement && marked != int64(want) || !step.byRetirement && marked != 0 {
			t.Errorf("to %s: %d tokens say that retirement suspended them", step.to, marked)
		}
	}
	for action, want := range map[audit.Action]int64{audit.APITokenSuspended: each, audit.APITokenActivated: 2 * each, audit.APITokenRevoked: 2 * each} {
		var n int64
		if err := s.reader.Model(&auditRow{}).Where("action = ?", action).Count(&n).Error; err != nil || n != want {
			t.Errorf("%s: %d events, %v; want %d", action, n, err, want)
		}
	}
	if _, total, err := s.Tokens(t.Context(), actor.AccountID, token.Filter{}, paging.Page{Size: 1}); err != nil || total != len(hashes) {
		t.Errorf("%d tokens are counted, %v; want %d", total, err, len(hashes))
	}
}
