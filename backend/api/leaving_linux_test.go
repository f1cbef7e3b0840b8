package api_test

import (
	"database/sql/driver"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// steps counts the calls of count_step, a function of SQL, and so what a query without an end does.
var steps atomic.Int64

func init() {
	sqlite.MustRegisterScalarFunction("count_step", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return steps.Add(1), nil
	})
}

// TestAReadWhoseClientHasLeftEnds replaces a table by a view without an end. Without a client leaving, the read would end
// after ten seconds.
func TestAReadWhoseClientHasLeftEnds(t *testing.T) {
	pgtest.OnSQLite(t, "a function in Go makes its query endless")
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	p.Exec("ALTER TABLE environments RENAME TO kept_environments")
	p.Exec(`CREATE VIEW environments AS SELECT * FROM kept_environments
		WHERE (WITH RECURSIVE c (x) AS (SELECT count_step() UNION ALL SELECT count_step() FROM c) SELECT count(*) FROM c) > 0`)
	c := p.Dial("GET /api/v1/environment HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\n\r\n")
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for steps.Load() == 0 {
		<-look.C
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	left := time.Now()
	for last := int64(0); last != steps.Load(); <-look.C {
		last = steps.Load()
	}
	if took := time.Since(left); took > 5*time.Second {
		t.Errorf("the read went on for %s", took)
	}
	wantStatus(t, "a read after it", p.Call(http.MethodGet, "/api/v1/agent", nil, backendtest.Bearer(secret)), http.StatusOK)
}
