package store

import (
	"crypto/rand"
	"regexp"
	"strings"
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

func TestTheTokensOfAKeyAreReadOnceNotForEachOther(t *testing.T) {
	pgtest.OnPostgres(t)
	s, at := opened(t)
	onPostgres(t, at, "INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES ('a', 1, 'a', 'business', 1, 1)",
		"INSERT INTO signing_keys (kid, sealed_private_key, public_key, signs_from, inserted_at) VALUES ('k', '', '', 1, 1)",
		`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at, kid)
			SELECT n, 'a', '', decode(lpad(to_hex(n), 8, '0'), 'hex'), '', 'account', CASE WHEN n < 500 THEN 'revoked' ELSE 'active' END, 1, 1, 1, CASE WHEN n % 2 = 0 THEN 'k' END FROM generate_series(1, 1000) n`, "ANALYZE")
	plan, err := values[string](s.reader, "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) "+someOfKey, map[string]any{"kid": "k", "slack": keySlack, "limit": 1000})
	if err != nil {
		t.Fatal(err)
	}
	repeats := regexp.MustCompile(`loops=(\d+)`)
	for _, step := range plan {
		if found := repeats.FindStringSubmatch(step); found != nil && len(found[1]) > 1 && strings.Contains(step, "api_tokens") {
			t.Errorf("a step runs %s times:\n%s", found[1], strings.Join(plan, "\n"))
		}
	}
}
