package store

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/idempotency"
	"tokentab/backend/pfid"
)

func TestOldIdempotencyKeysAreRemovedInSmallSteps(t *testing.T) {
	s := open(t, t.TempDir(), now)
	defer s.Close()
	account := pfid.ID{1}
	at := now()
	err := s.change(t.Context(), func(tx *gorm.DB) error {
		return execAll(tx, []string{
			"INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES (?1, 1, 'a', 'business', 1, 1)",
			`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
				INSERT INTO idempotency_keys (account_id, idempotency_key, request_hash, status, answer, inserted_at) SELECT ?1, 'old ' || i, x'00', 200, '', 1 FROM n`,
		}, account)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{151, 52, 3, 4} {
		if err := s.Answers.KeepKey(t.Context(), idempotency.Caller{AccountID: account}, string(rune('a'+want%26)), idempotency.Entry{At: at}, at.Add(-24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		left, err := read(t.Context(), s.db, func(tx *gorm.DB) (int, error) { return value[int](tx, "SELECT count(*) FROM idempotency_keys") })
		if err != nil || left != want {
			t.Errorf("%d entries are left, want %d; %v", left, want, err)
		}
	}
}
