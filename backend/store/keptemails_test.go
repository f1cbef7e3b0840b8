package store

import (
	"testing"

	"tokentab/backend/pgtest"
)

func TestPromise8EmailsOfEarlierVersionsGetTheOneFormAndBothOfTwoThatCollideStay(t *testing.T) {
	pgtest.OnSQLite(t, "a schema that Postgres never had")
	old := newOlder(t, "00008")
	emails := map[string]string{
		"ada@bücher.example": "ada@xn--bcher-kva.example", "bob@example.com": "bob@example.com", "zoe\u0308@example.com": "zoë@example.com",
		"eve@xn--bcher-kva.example": "eve@xn--bcher-kva.example", "eve@bücher.example": "eve@bücher.example", "user@localhost": "user@localhost",
	}
	of := map[string]string{}
	for email := range emails {
		of[email] = old.id().String()
		old.exec("INSERT INTO admin_users (id, account_id, email, password_hash, inserted_at, updated_at) VALUES (?, ?, ?, '', 1, 1)", of[email], old.actor.AccountID, email)
	}
	s := old.upgraded()
	for email, kept := range emails {
		user, _, ok, err := s.People.AdminUserByEmail(t.Context(), email, kept)
		if err != nil || !ok || user.ID.String() != of[email] || user.Email != kept {
			t.Errorf("%s: %v %v %v", email, user, ok, err)
		}
	}
}
