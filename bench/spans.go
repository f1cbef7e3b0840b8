package main

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

// Sizes of the benchmark of kept spans.
const (
	keptDays     = 31 // over which the spans arrived
	instanceSize = 100
	listRounds   = 40
)

// spansSQL stores :spans spans of 1 KiB that do not compress, of the first agent that fillSQL stored. They arrived evenly over
// :days days until now.
const spansSQL = `
CREATE TEMP TABLE a AS SELECT account_id AS account, environment_id AS environment, id, agent_id AS agent, substr(id, 1, 16) AS p FROM agent_deployments ORDER BY id LIMIT 1;
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :spans)
	SELECT i, :now - (:spans - i) * (:days * 86400000 / :spans) AS at FROM n;
INSERT INTO agent_instances (number, account_id, id, agent_id, agent_version_id, environment_id, agent_deployment_id, status, purpose, complete_spans, started_at, inserted_at, updated_at)
	SELECT 1 + i / :size, account, p || printf('%016d', i), agent, agent, environment, id, 'active', 'live', MIN(:size, :spans - i), at, at, at FROM a, n WHERE i % :size = 0;
INSERT OR FAIL INTO agent_spans (number, account_id, id, instance, agent_id, schema_name, status, created_status, payload, creation_key, creation_hash, started_at, finished_at, size, inserted_at, updated_at)
	SELECT 1 + i, account, p || printf('%016d', i), 1 + i / :size, agent, 'agent:llm', 'complete', 'complete', CAST('{"n":"' || hex(randomblob(500)) || '"}' AS BLOB),
		randomblob(16), randomblob(16), at, at, 1520, at, at FROM a CROSS JOIN n;
UPDATE accounts SET activity_bytes = 1520 * :spans;`

func fillSpans(path string, spans int) error {
	return fillWith(path, spansSQL, sql.Named("spans", spans), sql.Named("size", instanceSize), sql.Named("days", keptDays), sql.Named("now", time.Now().UnixMilli()))
}

// benchSpans prints what many spans cost: the size of the database, the first pages of lists, and how long validations of
// 1,000 hot tokens take while a day of spans is removed.
func benchSpans(out io.Writer, program string, spans int) (err error) {
	s, err := newServed(program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if err := errors.Join(fill(s.database(), hotTokens), fillSpans(s.database(), spans)); err != nil {
		return err
	}
	info, err := os.Stat(s.database())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d spans of 1 KiB in %d instances: the database has %d MiB.\n", spans, spans/instanceSize, info.Size()>>20)
	if err := s.start("--activity-retention", "60d", "--activity-max", "1TiB"); err != nil {
		return err
	}
	in := &reporter{address: s.address, secret: secret(hotTokens)}
	if err := in.firstPages(out, s.database()); err != nil {
		return err
	}
	if _, err := in.validate(2 * time.Second); err != nil { // fills the cache
		return err
	}
	quiet, err := in.validate(10 * time.Second)
	if err != nil {
		return err
	}
	if err := s.end(); err != nil {
		return err
	}
	began := time.Now()
	if err := s.start("--activity-retention", fmt.Sprintf("%dd", keptDays-1), "--activity-max", "1TiB"); err != nil {
		return err
	}
	removed, busy, err := in.whileRemoved(s.database(), began.AddDate(0, 0, 1-keptDays))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "A day of spans is gone %s after the start. Validation, %d a second of %d hot tokens: p50 %v and p99 %v without, p50 %v and p99 %v meanwhile (p99 ratio %.2f, goal at most 2).\n",
		removed.Sub(began).Round(time.Second), validations, hotTokens, quiet.at(50), quiet.at(99), busy.at(50), busy.at(99), float64(busy.at(99))/float64(quiet.at(99)))
	return nil
}

// whileRemoved validates until the spans before an instant are gone, and returns when that was.
func (r *reporter) whileRemoved(path string, before time.Time) (over time.Time, took times, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return over, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := r.validate(2 * time.Second); err != nil { // fills the cache
		return over, nil, err
	}
	for oldest := int64(0); oldest < before.UnixMilli(); over = time.Now() {
		some, err := r.validate(time.Second)
		if err != nil {
			return over, nil, err
		}
		took = append(took, some...)
		if err := db.QueryRow("SELECT inserted_at FROM agent_spans ORDER BY number LIMIT 1").Scan(&oldest); err != nil {
			return over, nil, err
		}
	}
	return over, took, nil
}

// firstPages prints how long the first pages of lists take.
func (r *reporter) firstPages(out io.Writer, path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return err
	}
	var agent, instance string
	err = db.QueryRow("SELECT agent_id, id FROM agent_instances ORDER BY number DESC LIMIT 1").Scan(&agent, &instance)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	from := time.Now().AddDate(0, 0, -keptDays/2).UTC().Format(time.RFC3339)
	for _, list := range []struct{ what, query string }{
		{"instances of the account", "/agent_instance"},
		{"instances of an agent", "/agent_instance?agent_id=" + agent},
		{"spans of an instance", "/agent_spans?agent_instance_id=" + instance},
		{"spans of an agent", "/agent_spans?agent_id=" + agent},
		{"spans of an agent in half of the time", "/agent_spans?agent_id=" + agent + "&start_time=" + from},
	} {
		var took times
		for range listRounds {
			began := time.Now()
			if err := r.get(list.query); err != nil {
				return err
			}
			took = append(took, time.Since(began))
		}
		fmt.Fprintf(out, "First page of %s: p50 %v, p95 %v (goal at most 20 ms).\n", list.what, took.at(50), took.at(95))
	}
	return nil
}

func (r *reporter) get(path string) error {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI("http://" + r.address + "/api/v1" + path)
	request.Header.Set("Authorization", "Bearer "+r.secret)
	if err := r.client().Do(request, response); err != nil {
		return err
	}
	if response.StatusCode() != http.StatusOK {
		return fmt.Errorf("%s: %d %s", path, response.StatusCode(), response.Body())
	}
	return nil
}
