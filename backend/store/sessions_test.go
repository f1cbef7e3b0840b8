package store

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

func TestNoSessionStartsAfterANewPasswordOrARemoval(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := open(t, t.TempDir(), func() time.Time { return at })
	defer s.Close()
	id := func() pfid.ID {
		id, err := pfid.New(at, 7, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	owner := account.Account{ID: id(), Name: "Acme", Purpose: "business", InsertedAt: at, UpdatedAt: at}
	user := people.AdminUser{ID: id(), AccountID: owner.ID, Email: "a@b.co", Role: people.RoleAdmin, InsertedAt: at, UpdatedAt: at}
	if err := s.Accounts.InsertAccount(t.Context(), owner, nil, nil, true); err != nil {
		t.Fatal(err)
	}
	recorder := func(action audit.Action, subject pfid.ID, detail string) (audit.Event, error) {
		return audit.New(at, audit.Actor{AccountID: owner.ID, AdminUserID: user.ID}, action, subject.String(), detail, rand.Reader)
	}
	joined, err := recorder(audit.AdminUserCreated, user.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.People.InsertAdminUser(t.Context(), user, "first", joined); err != nil {
		t.Fatal(err)
	}
	colleague := user
	colleague.ID, colleague.Email = id(), "c@b.co"
	if joined, err = recorder(audit.AdminUserCreated, colleague.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.People.InsertAdminUser(t.Context(), colleague, "first", joined); err != nil {
		t.Fatal(err)
	}
	sessions := byte(0)
	begins := func(passwordHash string) bool {
		t.Helper()
		began, err := recorder(audit.SessionCreated, user.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		session := people.Session{ID: id(), AdminUser: user, InsertedAt: at, LastSeenAt: at, ExpiresAt: at.Add(time.Hour)}
		sessions++
		accountName, err := s.People.InsertSession(t.Context(), people.SessionStart{Hash: people.SessionHash{sessions}, Session: session, PasswordHash: passwordHash, Event: began})
		ok := err == nil
		if !ok && !errors.Is(err, people.ErrWrongSignIn) {
			t.Fatal(err)
		}
		if ok && accountName != owner.Name {
			t.Errorf("the session's account is called %q", accountName)
		}
		found, is, err := s.People.Session(t.Context(), people.SessionHash{sessions})
		if err != nil || is != ok || found.AccountName != accountName {
			t.Errorf("said %v, but is %v, %v", ok, is, err)
		}
		return ok
	}
	if !begins("first") || !begins("") {
		t.Error("a session with the right password did not begin")
	}
	if err := s.People.ChangePassword(t.Context(), user.ID, pfid.ID{}, "first", "second", at, recorder, people.Settlement{}); err != nil {
		t.Fatal(err)
	}
	if err := s.People.ChangePassword(t.Context(), user.ID, pfid.ID{}, "first", "third", at, recorder, people.Settlement{}); !errors.Is(err, people.ErrWrongPassword) {
		t.Errorf("a caller who only knows the former password changes it: %v", err)
	}
	if begins("first") || !begins("second") {
		t.Error("the password that counts is not the new one")
	}
	if _, _, _, err := s.People.RemoveMember(t.Context(), owner.ID, user.ID, false, at, recorder); err != nil {
		t.Fatal(err)
	}
	if begins("second") || begins("") {
		t.Error("a session of a removed member began")
	}
}
