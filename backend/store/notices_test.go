package store

import (
	"strings"
	"testing"
	"time"

	"tokentab/backend/notice"
	"tokentab/backend/pgtest"
)

// TestAnIndexAloneFindsTheTokensThatExpire covers accounts with a million tokens, which are asked about every few seconds.
func TestAnIndexAloneFindsTheTokensThatExpire(t *testing.T) {
	pgtest.OnSQLite(t, "the plan of its optimizer")
	s := open(t, t.TempDir(), now)
	defer s.Close()
	w := notice.Window{After: now(), Until: now().Add(time.Hour)}
	rows, err := s.reader.Raw("EXPLAIN QUERY PLAN SELECT 1 FROM api_tokens t WHERE t.account_id = ? AND t.status <> 'revoked' AND "+inWindow, append([]any{"a"}, valuesOf(w)...)...).Rows()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if got := strings.Join(plan, "; "); got != "SEARCH t USING COVERING INDEX api_tokens_by_expiry (account_id=? AND expires_at>? AND expires_at<?)" {
		t.Error(got)
	}
}
