package store

import (
	"testing"
	"time"

	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// TestPromise8TokensOfOlderDataStillSayWhoSuspendedOrRevokedThem opens data in which only audit events say it.
func TestPromise8TokensOfOlderDataStillSayWhoSuspendedOrRevokedThem(t *testing.T) {
	pgtest.OnSQLite(t, "the migration of Postgres is another one")
	old := newOlder(t, "00032")
	account, ada, maker := old.actor.AccountID, old.id(), old.id()
	apiToken := func(status string) pfid.ID {
		id := old.id()
		hash := token.HashOf(id[:])
		old.exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, 'abcd', 'account', ?, 9, 1, 5)`, id, account, hash[:], status)
		return id
	}
	sequence := 0
	event := func(of pfid.ID, action string, at int, user, by pfid.ID, reason string) {
		sequence++
		old.exec(`INSERT INTO audit_events (id, account_id, action, subject_id, actor_admin_user_id, actor_api_token_id, actor_address, detail, inserted_at, sequence, reason)
			VALUES (?, ?, ?, ?, ?, ?, '', '', ?, ?, ?)`, old.id(), account, "api_token."+action, of, user, by, at, sequence, reason)
	}
	var none pfid.ID
	suspended, revoked, forgotten, active := apiToken("suspended"), apiToken("revoked"), apiToken("revoked"), apiToken("active")
	event(suspended, "suspended", 2, none, maker, "first")
	event(suspended, "activated", 3, ada, none, "")
	event(suspended, "suspended", 4, ada, none, "again")
	event(active, "suspended", 2, ada, none, "")
	event(active, "activated", 3, ada, none, "")
	event(revoked, "suspended", 3, ada, none, "odd")
	event(revoked, "revoked", 4, none, maker, "leaked")
	s := old.upgraded()
	for id, want := range map[pfid.ID]token.StatusChange{
		suspended: {At: time.UnixMilli(4).UTC(), AdminUserID: ada, Reason: "again"},
		revoked:   {At: time.UnixMilli(4).UTC(), APITokenID: maker, Reason: "leaked"},
		forgotten: {At: time.UnixMilli(5).UTC()},
		active:    {},
	} {
		if got, err := s.Tokens.Token(t.Context(), account, id); err != nil || got.Changed != want {
			t.Errorf("a token that is %v: %+v %v, want %+v", got.Status, got.Changed, err, want)
		}
	}
}
