package backendtest

import (
	"database/sql"
	"testing"

	"tokentab/backend/pgtest"
)

// CheckActivity checks that a database is sound, and that its counters and sizes of activity are those of its spans.
func CheckActivity(t testing.TB, db *sql.DB) {
	t.Helper()
	queries := map[string]string{
		`SELECT count(*) FROM accounts a WHERE activity_bytes <> (SELECT COALESCE(SUM(size), 0) FROM agent_spans WHERE account_id = a.id)
			+ (SELECT COALESCE(SUM(500 + COALESCE(octet_length(qualities), 0)), 0) FROM agent_instances WHERE account_id = a.id)`: "0",
		`SELECT count(*) FROM agent_instances i WHERE (pending_spans, active_spans, complete_spans, failed_spans, cancelled_spans) <>
			(SELECT COALESCE(SUM(CASE WHEN status = 'pending' THEN 1 END), 0), COALESCE(SUM(CASE WHEN status = 'active' THEN 1 END), 0), COALESCE(SUM(CASE WHEN status = 'complete' THEN 1 END), 0),
				COALESCE(SUM(CASE WHEN status = 'failed' THEN 1 END), 0), COALESCE(SUM(CASE WHEN status = 'cancelled' THEN 1 END), 0) FROM agent_spans WHERE instance = i.number)`: "0",
	}
	if !pgtest.Wanted() {
		queries["SELECT count(*) FROM pragma_foreign_key_check"], queries["PRAGMA integrity_check"] = "0", "ok"
	}
	for query, want := range queries {
		var got string
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", query, got, err, want)
		}
	}
}
