package store

import (
	"slices"
	"testing"

	"tokentab/backend/paging"
	"tokentab/backend/pgtest"
)

func TestAnUpgradePutsDevelopmentBeforeTheProductionThatCameWithIt(t *testing.T) {
	pgtest.OnSQLite(t, "a schema that Postgres never had")
	old := newOlder(t, "00021")
	old.exec("UPDATE accounts SET inserted_at = 1000")
	for _, e := range []struct {
		name, purpose string
		at            int
	}{{"Live", "production", 1000}, {"Development", "development", 1001}, {"Live 2", "production", 2000}, {"Development 2", "development", 2001}} {
		old.exec("INSERT INTO environments (id, account_id, name, purpose, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)", old.id(), old.actor.AccountID, e.name, e.purpose, e.at, e.at)
	}
	s := old.upgraded()
	list, _, err := s.Accounts.Environments(t.Context(), old.actor.AccountID, paging.Page{Size: 10, Sort: "inserted_at"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name)
		if e.UpdatedAt.Before(e.InsertedAt) {
			t.Errorf("%s was updated at %s, before it was made at %s", e.Name, e.UpdatedAt, e.InsertedAt)
		}
	}
	if want := []string{"Development", "Live", "Live 2", "Development 2"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}
