package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// fillListSQL stores :tokens tokens as an account has them after two years: of 1,000 agents in 4 environments and of 40
// members, 8 of whom have left; one in ten suspended, one in ten revoked, one in eight expired, one in five never used.
const fillListSQL = `
CREATE TEMP TABLE a AS SELECT account_id AS account, substr(id, 11, 6) AS partition FROM environments ORDER BY id LIMIT 1;
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :tokens) SELECT i FROM n;
CREATE TEMP TABLE words AS SELECT key AS i, value AS word FROM json_each('["billing","checkout","search","mail","ledger","invoice","gateway","reports","mobile","import","export","sync","audit","catalog","pricing","backup"]');
CREATE TEMP TABLE p AS SELECT substr(id_of(:first, partition, 0), 1, 16) AS p FROM a;
INSERT INTO environments (id, account_id, name, purpose, inserted_at, updated_at)
	SELECT p || printf('%016d', i), account, 'Region ' || i, 'testing', :now, :now FROM a, p, n WHERE i < 2;
INSERT INTO admin_users (id, account_id, email, name, password_hash, inserted_at, updated_at, removed_at)
	SELECT p || printf('%016d', i), account, 'member' || i || '@example.com', 'Member ' || i, '', :now, :now, CASE WHEN i % 5 = 0 THEN :now END FROM a, p, n WHERE i < 40;
INSERT INTO agents (id, account_id, name, inserted_at, updated_at)
	SELECT p || printf('%016d', n.i), account, word || ' agent ' || n.i, :now, :now FROM a, p, n JOIN words w ON w.i = n.i % 16 WHERE n.i < 1000;
CREATE TEMP TABLE e AS SELECT row_number() OVER (ORDER BY id) - 1 AS i, id FROM environments;
INSERT INTO agent_deployments (id, account_id, agent_id, environment_id, inserted_at, updated_at)
	SELECT p || printf('%016d', n.i * 4 + e.i), account, p || printf('%016d', n.i), e.id, :now, :now FROM a, p, n, e WHERE n.i < 1000;
INSERT OR FAIL INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, agent_id, environment_id, agent_deployment_id,
		created_by_admin_user_id, expires_at, inserted_at, updated_at)
	SELECT id_of(made, partition, x.i), account, CASE WHEN x.i % 4 THEN word || '-' || printf('%06d', x.i * 7919 % 1000000) ELSE '' END,
		secret_hash(x.i), printf('%04x', x.i * 40503 & 65535), scope, CASE WHEN x.i % 10 = 3 THEN 'suspended' WHEN x.i % 10 = 7 THEN 'revoked' ELSE 'active' END,
		CASE scope WHEN 'agent_deployment' THEN p || printf('%016d', agent) END, CASE scope WHEN 'account' THEN NULL ELSE e.id END,
		CASE scope WHEN 'agent_deployment' THEN p || printf('%016d', agent * 4 + e.i) END,
		p || printf('%016d', x.i * 31 % 40), (made + (200 + x.i * 7907 % 700) * 86400000) / 1000 * 1000, made, made
	FROM a, p, (SELECT i, :first + i * ((:now - :first) / :tokens) AS made, i * 104729 % 1000 AS agent,
		CASE i % 20 WHEN 0 THEN 'account' WHEN 1 THEN 'environment' WHEN 2 THEN 'environment' ELSE 'agent_deployment' END AS scope FROM n) x
	JOIN words w ON w.i = x.i * 13 % 16 JOIN e ON e.i = x.i / 3 % 4;
INSERT OR FAIL INTO token_uses (token_id, last_used_at)
	SELECT id, CASE WHEN rowid % 5 THEN inserted_at + (:now - inserted_at) / 1000 * (rowid * 7919 % 1000) END FROM api_tokens
	WHERE id NOT IN (SELECT token_id FROM token_uses) ORDER BY id;
UPDATE accounts SET api_token_count = (SELECT count(*) FROM api_tokens);`

// condition is a query of a list.
type condition struct{ name, query string }

// conditions returns one query of each kind, with the ids of the database.
func conditions(ids map[string]string) (list []condition) {
	day := 86_400
	for _, c := range []condition{
		{"status", "status=suspended"}, {"state active", "state=active"}, {"state expired", "state=expired"},
		{"scope", "token_scope=environment"}, {"environment", "environment_id=" + ids["environment"]}, {"agent", "agent_id=" + ids["agent"]},
		{"creator", "created_by_admin_user_id=" + ids["member"]}, {"creator left", "creator_left=true"},
		{"expires within", fmt.Sprint("expires_within=", 14*day)}, {"unused for", fmt.Sprint("live=true&unused_for=", 90*day)}, {"never used", "never_used=true"},
		{"created between", "created_after=2026-01-10T00:00:00Z&created_before=2026-02-10T00:00:00Z"},
		{"search name", "search=ledger-01"}, {"search letter", "search=e"}, {"search agent", "search=billing+agent+17"}, {"search last four", "search=" + ids["hint"]},
		{"search id", "search=" + ids["token"]}, {"search part of id", "search=" + ids["token"][20:]}, {"search nothing", "search=qqqqqq"},
		{"by created", "sorting=inserted_at"}, {"by expires", "sorting=expires_at"}, {"by -expires", "sorting=-expires_at"},
		{"by last used", "sorting=last_used_at"}, {"by -last used", "sorting=-last_used_at"}, {"by name", "sorting=name"}, {"by -name", "sorting=-name"},
	} {
		list = append(list, condition{c.name, c.query})
	}
	return list
}

// benchList prints the 95th percentile of the time to the first page of a list, for each condition and each pair of them.
func benchList(out io.Writer, program string, tokens, rounds int) (err error) {
	s, err := newServed(program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if err := s.start(); err != nil {
		return err
	}
	secret, err := exec.Command(program, "token", "create", "--scope", "account", "--expires-in", "90d", "--name", "bench", "--data", s.data).Output()
	if err != nil {
		return err
	}
	if err := s.end(); err != nil {
		return err
	}
	began := time.Now()
	ids, err := fillList(s.database(), tokens)
	if err != nil {
		return err
	}
	info, err := os.Stat(s.database())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d tokens stored in %s: %d bytes of the database for each.\n", tokens, time.Since(began).Round(time.Second), info.Size()/int64(tokens))
	if err := s.start(); err != nil {
		return err
	}
	l := lister{address: s.address, secret: strings.TrimSpace(string(secret))}
	took, _, err := l.get("")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The first list after the start took %s, ", took.Round(time.Millisecond))
	began = time.Now()
	for _, _, err = l.get("sorting=name"); errors.Is(err, errUnavailable); _, _, err = l.get("sorting=name") {
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the first one that reads all tokens %s.\n", time.Since(began).Round(100*time.Millisecond))
	all := conditions(ids)
	worst := time.Duration(0)
	fmt.Fprint(out, "\nMilliseconds to the first page, 95th percentile of ", rounds, " requests; a condition with itself is the condition alone.\n\n| |")
	for i := range all {
		fmt.Fprintf(out, " %d |", i+1)
	}
	fmt.Fprintln(out, "\n| --- |"+strings.Repeat(" ---: |", len(all)))
	for i, a := range all {
		fmt.Fprintf(out, "| %d %s |", i+1, a.name)
		for j, b := range all {
			query := a.query + "&" + b.query
			if i == j {
				query = a.query
			}
			if j < i || i != j && conflict(a, b) {
				fmt.Fprint(out, " |")
				continue
			}
			p95, err := l.p95(query, rounds)
			if err != nil {
				return err
			}
			worst = max(worst, p95)
			fmt.Fprintf(out, " %.0f |", float64(p95.Microseconds())/1000)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "\nThe slowest took %.1f ms (goal: 50).\n", float64(worst.Microseconds())/1000)
	return l.pages(out, rounds)
}

// conflict reports whether two conditions set the same parameter.
func conflict(a, b condition) bool {
	one, _ := url.ParseQuery(a.query)
	other, _ := url.ParseQuery(b.query)
	for name := range one {
		if other.Has(name) || name == "state" && other.Has("status") || name == "status" && other.Has("state") {
			return true
		}
	}
	return false
}

// pages compares the first page with page 1,000 by cursor, in two orders.
func (l lister) pages(out io.Writer, rounds int) error {
	for _, sorting := range []string{"-inserted_at", "name"} {
		query := "pagination[page_size]=50&sorting=" + sorting
		first, err := l.p95(query, rounds)
		if err != nil {
			return err
		}
		next := ""
		for range 999 {
			_, page, err := l.get(query + next)
			if err != nil {
				return err
			}
			if page.Pagination.NextCursor == "" {
				return errors.New("the list has fewer than 1000 pages")
			}
			next = "&pagination[after]=" + page.Pagination.NextCursor
		}
		last, err := l.p95(query+next, rounds)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "By %s: page 1 takes %.1f ms, page 1,000 by cursor %.1f ms.\n", sorting, float64(first.Microseconds())/1000, float64(last.Microseconds())/1000)
	}
	return nil
}

// errUnavailable means that the server is still reading the tokens.
var errUnavailable = errors.New("503")

type lister struct{ address, secret string }

type listPage struct {
	Summaries  []json.RawMessage
	Pagination struct {
		NextCursor string `json:"next_cursor"`
	}
}

func (l lister) p95(query string, rounds int) (time.Duration, error) {
	times := make([]time.Duration, rounds)
	for i := range times {
		var err error
		if times[i], _, err = l.get(query); err != nil {
			return 0, err
		}
	}
	slices.Sort(times)
	return times[(rounds*95+99)/100-1], nil
}

func (l lister) get(query string) (took time.Duration, page listPage, err error) {
	if !strings.Contains(query, "page_size") {
		query += "&pagination[page_size]=50"
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+l.address+"/api/v1/api_token?"+query, nil)
	if err != nil {
		return 0, page, err
	}
	request.Header.Set("Authorization", "Bearer "+l.secret)
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, page, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	took = time.Since(began)
	if err == nil && response.StatusCode == http.StatusServiceUnavailable {
		err = errUnavailable
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", query, response.StatusCode, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	return took, page, err
}

// fillList stores tokens in the database at path, which no other process may have open, and returns ids for conditions.
func fillList(path string, tokens int) (map[string]string, error) {
	now := time.Now()
	err := fillWith(path, fillListSQL, sql.Named("tokens", tokens), sql.Named("now", now.UnixMilli()), sql.Named("first", now.AddDate(-2, 0, 0).UnixMilli()))
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for name, query := range map[string]string{
		"environment": "SELECT max(environment_id) FROM api_tokens", "agent": "SELECT max(agent_id) FROM api_tokens", "member": "SELECT max(created_by_admin_user_id) FROM api_tokens",
		"token": "SELECT id FROM api_tokens WHERE rowid = " + fmt.Sprint(tokens/2), "hint": "SELECT hint FROM api_tokens WHERE rowid = " + fmt.Sprint(tokens/2),
	} {
		var id string
		err = errors.Join(err, db.QueryRow(query).Scan(&id))
		ids[name] = id
	}
	return ids, errors.Join(err, db.Close())
}
