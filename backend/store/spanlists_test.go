package store

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/activity"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
)

// fill adds n complete spans without content to the first instance.
func (r *run) fill(n int) {
	r.t.Helper()
	r.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO agent_spans (account_id, id, instance, agent_id, schema_name, status, created_status, payload, started_at, size, inserted_at, updated_at)
		SELECT a.account_id, substr(a.id, 1, 24) || substr(CAST(100000000 + i AS TEXT), 2), a.number, a.agent_id, 's', 'complete', 'complete', CAST('{}' AS `+blob()+`), CAST(? AS BIGINT) + i, 600, CAST(? AS BIGINT) + i, CAST(? AS BIGINT) + i
		FROM n, agent_instances a WHERE a.id = ?`, n, stamp(now()), stamp(now()), stamp(now()), r.instances[0])
	r.exec("UPDATE agent_instances SET complete_spans = ? WHERE id = ?", n, r.instances[0])
}

func TestLongListsOfSpansAreSortedByAnIndexOnly(t *testing.T) {
	r := newRun(t, 2)
	r.fill(maxSorted + 1)
	since := now().Add(5 * time.Second)
	for _, list := range []struct {
		filter activity.SpanFilter
		sorts  []string
		total  int
	}{
		{activity.SpanFilter{InstanceID: r.instances[0]}, []string{"started_at", "inserted_at"}, maxSorted + 1},
		{activity.SpanFilter{InstanceID: r.instances[0], From: since}, []string{"started_at"}, maxSorted + 1 - 4999},
		{activity.SpanFilter{AgentID: r.agent}, []string{"started_at"}, maxSorted + 1},
		{activity.SpanFilter{AgentID: r.agent, From: since, Until: since.Add(time.Second)}, []string{"started_at"}, 1001},
	} {
		for _, sort := range []string{"started_at", "inserted_at", "id", "status", "finished_at"} {
			page := paging.Page{Sort: sort, Size: 2, Offset: 3}
			spans, total, err := r.Activity.Spans(t.Context(), r.scope, list.filter, page)
			isShort := list.total <= maxSorted
			if taken := slices.Contains(list.sorts, sort); !taken && !isShort {
				if fault.KindOf(err) != fault.Validation {
					t.Errorf("%+v by %s: %v", list.filter, sort, err)
				}
				continue
			} else if err != nil || len(spans) != 2 || total != list.total {
				t.Errorf("%+v by %s: %d spans of %d, %v", list.filter, sort, len(spans), total, err)
				continue
			} else if taken {
				r.usesAnIndex(list.filter, page)
			}
		}
	}
}

// usesAnIndex checks that a page is read in the order of an index.
func (r *run) usesAnIndex(filter activity.SpanFilter, page paging.Page) {
	r.t.Helper()
	if pgtest.Wanted() {
		return // the plans of Postgres follow from statistics, which the tests have none of
	}
	l, err := spansOf(r.reader, r.scope, filter)
	order, err2 := l.orderBy(page, 0)
	if err := errors.Join(err, err2); err != nil {
		r.t.Fatal(err)
	}
	where, args := window(filter)
	var plan []string
	err = scan(r.reader, "EXPLAIN QUERY PLAN SELECT t.number FROM "+l.from+where+" ORDER BY "+order, append(l.args, args...), func(rows *sql.Rows) error {
		var id, parent, unused int
		var step string
		err := rows.Scan(&id, &parent, &unused, &step)
		plan = append(plan, step)
		return err
	})
	if all := strings.Join(plan, "; "); err != nil || !strings.Contains(all, "INDEX agent_spans_by_") || strings.Contains(all, "TEMP B-TREE") {
		r.t.Errorf("%+v by %s: %s, %v", filter, page.Sort, all, err)
	}
}

func TestAnAgentsSpansLeaveOutOtherDeploymentsOfTheScope(t *testing.T) {
	r := newRun(t, 2)
	for n := range 3 { // two in the first instance, one in the second, which has another deployment
		if _, err := r.create(t.Context(), r.scope, []activity.Span{r.span(n)}, creation()); err != nil {
			t.Fatal(err)
		}
	}
	for want, scope := range map[int]activity.Scope{
		3: r.scope, 2: {AccountID: r.scope.AccountID, DeploymentID: r.deployments[0]}, 1: {AccountID: r.scope.AccountID, DeploymentID: r.deployments[1]},
		0: {AccountID: r.scope.AccountID, DeploymentID: pfid.ID{1}},
	} {
		for _, filter := range []activity.SpanFilter{{AgentID: r.agent}, {AgentID: r.agent, From: now()}} {
			spans, total, err := r.Activity.Spans(t.Context(), scope, filter, paging.Page{Sort: "started_at", Size: 10})
			if err != nil || len(spans) != want || total != want {
				t.Errorf("%+v: %d spans of %d, %v; want %d", filter, len(spans), total, err, want)
			}
		}
	}
}
