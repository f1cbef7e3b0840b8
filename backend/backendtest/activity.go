package backendtest

import (
	"database/sql"
	"testing"
)

// CheckActivity checks that a database is sound, and that its counters and sizes of activity are those of its spans.
func CheckActivity(t testing.TB, db *sql.DB) {
	t.Helper()
	for query, want := range map[string]string{
		"SELECT bytes - (SELECT COALESCE(SUM(size), 0) FROM agent_spans) FROM activity_size": "0",
		`SELECT count(*) FROM agent_instances i WHERE (pending_spans, active_spans, complete_spans, failed_spans, cancelled_spans) <>
			(SELECT COALESCE(SUM(status = 'pending'), 0), COALESCE(SUM(status = 'active'), 0), COALESCE(SUM(status = 'complete'), 0),
				COALESCE(SUM(status = 'failed'), 0), COALESCE(SUM(status = 'cancelled'), 0) FROM agent_spans WHERE instance = i.number)`: "0",
		"SELECT count(*) FROM pragma_foreign_key_check": "0",
		"PRAGMA integrity_check":                        "ok",
	} {
		var got string
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", query, got, err, want)
		}
	}
}
