package store

import (
	"crypto/rand"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// TestTokensOfOlderDataAreAttributedToTheirKey opens data whose tokens don't name the key that signed them.
func TestTokensOfOlderDataAreAttributedToTheirKey(t *testing.T) {
	pgtest.OnSQLite(t, "a schema that Postgres never had")
	old := newOlder(t, "00010")
	account := old.actor.AccountID
	day := 24 * time.Hour
	start := now().Add(-900 * day)
	for kid, at := range map[string]time.Time{"a": start, "b": start.Add(100 * day), "c": start.Add(200 * day)} {
		old.exec("INSERT INTO signing_keys (kid, sealed_private_key, public_key, inserted_at) VALUES (?, x'', x'', ?)", kid, at.UnixMilli())
	}
	signed := func(after time.Duration, status string, end time.Time) pfid.ID {
		id := old.id()
		secret := token.HashOf(id[:])
		old.exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, 'abcd', 'account', ?, ?, ?, 1)`, id, account, secret[:], status, end.UnixMilli(), start.Add(after).UnixMilli())
		return id
	}
	const lead = 10 * time.Minute
	far := now().Add(day)
	wanted := map[pfid.ID]string{
		signed(time.Second, "active", far):                          "a",
		signed(100*day+lead-3*time.Minute, "suspended", far):        "a",
		signed(100*day+lead-time.Minute, "active", far):             "", // a or b
		signed(100*day+lead+time.Minute, "active", far):             "", // a or b
		signed(100*day+lead+3*time.Minute, "active", now().Add(-1)): "b",
		signed(200*day+lead+3*time.Minute, "active", far):           "c",
		signed(200*day+lead+3*time.Minute, "revoked", far):          "",
	}
	s := old.upgraded()
	for id, want := range wanted {
		var got string
		if err := s.reader.Raw("SELECT COALESCE(kid, '') FROM api_tokens WHERE id = ?", id).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	uses, err := s.Keys.KeyUses(t.Context(), now(), true)
	if err != nil || uses["a"] != 4 || uses["b"] != 2 || uses["c"] != 1 {
		t.Errorf("%v %v", uses, err)
	}
	recorder := func(pfid.ID) audit.Recorder { return audit.NewRecorder(now(), old.actor, rand.Reader) }
	total := 0
	for range 3 {
		revoked, _, err := s.Keys.RevokeSomeOfKey(t.Context(), "b", 2, now(), recorder)
		if err != nil {
			t.Fatal(err)
		}
		total += revoked
	}
	if uses, err = s.Keys.KeyUses(t.Context(), now(), true); err != nil || uses["a"] != 2 || uses["b"] != 0 || uses["c"] != 1 || total != 3 {
		t.Errorf("%v, %d revoked, %v", uses, total, err)
	}
}
