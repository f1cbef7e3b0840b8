package store

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokentab/backend/activity"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
)

// register adds n instances to a deployment.
func (r *run) register(deployment, n int, status activity.Status) {
	r.t.Helper()
	r.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO agent_instances (account_id, id, agent_id, agent_version_id, environment_id, agent_deployment_id, status, purpose, inserted_at, updated_at)
		SELECT account_id, substr(?, 1, 24) || substr(CAST(100000000 + i AS TEXT), 2), agent_id, id, environment_id, id, ?, 'live', ?, ? FROM n, agent_deployments WHERE id = ?`,
		n, r.id(), status, stamp(now()), stamp(now()), r.deployments[deployment])
}

func TestInstancesOfADeletedDeploymentAreNotCounted(t *testing.T) {
	r := newRun(t, 0)
	r.register(0, 2, activity.Active)
	r.register(1, 3, activity.Active)
	for _, want := range []int{5, 2} {
		counts, err := r.Activity.InstanceCounts(t.Context(), r.scope.AccountID, r.agent)
		hourly := 0
		err2 := r.Activity.HourlyInstances(t.Context(), r.scope.AccountID, r.agent, now().Add(-time.Hour), func(_ int, _ activity.Status, n int) { hourly += n })
		_, listed, err3 := r.Activity.Instances(t.Context(), r.scope, activity.InstanceFilter{AgentID: r.agent}, paging.Page{Size: 1})
		if counts[activity.Active] != want || hourly != want || listed != want || err != nil || err2 != nil || err3 != nil {
			t.Errorf("%v in all, %d by hour, %d listed, want %d: %v %v %v", counts, hourly, listed, want, err, err2, err3)
		}
		r.exec("UPDATE agent_deployments SET deleted_at = 1 WHERE id = ?", r.deployments[1])
	}
}

func TestLongListsOfInstancesAreCountedToALimitAndSortedByAnIndex(t *testing.T) {
	r := newRun(t, 0)
	r.register(0, paging.MaxCounted+5, activity.Complete)
	r.register(1, 7, activity.Failed)
	for _, list := range []struct {
		filter activity.InstanceFilter
		page   paging.Page
		total  int
	}{
		{activity.InstanceFilter{}, paging.Page{}, paging.MaxCounted + 1},
		{activity.InstanceFilter{AgentID: r.agent}, paging.Page{Sort: "inserted_at", Offset: paging.MaxCounted}, paging.MaxCounted + 3},
		{activity.InstanceFilter{AgentID: r.agent}, paging.Page{Offset: paging.MaxCounted + 10}, paging.MaxCounted + 12},
		{activity.InstanceFilter{Status: activity.Failed}, paging.Page{Sort: "status"}, 7},
		{activity.InstanceFilter{AgentID: r.agent, Status: activity.Failed}, paging.Page{}, 7},
		{activity.InstanceFilter{DeploymentID: r.deployments[0], Status: activity.Complete}, paging.Page{}, paging.MaxCounted + 1},
		{activity.InstanceFilter{DeploymentID: r.deployments[0]}, paging.Page{Sort: "started_at"}, -1},
	} {
		list.page.Size = 2
		found, total, err := r.Activity.Instances(t.Context(), r.scope, list.filter, list.page)
		if list.total < 0 {
			if fault.KindOf(err) != fault.Validation {
				t.Errorf("%+v: %v", list, err)
			}
			continue
		}
		if err != nil || total != list.total || len(found) != 2 {
			t.Errorf("%+v: %d of %d, %v", list, len(found), total, err)
		}
		if pgtest.Wanted() {
			continue // the plans of Postgres follow from statistics, which the tests have none of
		}
		where, args, err := instancesOf(r.reader, r.scope, list.filter)
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		err = scan(r.reader, "EXPLAIN QUERY PLAN SELECT t.number FROM agent_instances t"+where+" ORDER BY t.number", args, func(rows *sql.Rows) error {
			var id, parent, unused int
			var step string
			err := rows.Scan(&id, &parent, &unused, &step)
			steps = append(steps, step)
			return err
		})
		if plan := strings.Join(steps, "; "); err != nil || !strings.Contains(plan, "COVERING INDEX") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v: %s, %v", list.filter, plan, err)
		}
	}
}

func TestAnAgentKeepsSoManyRegisteredVersions(t *testing.T) {
	r := newRun(t, 0)
	version := func(number, registered int) {
		r.exec("INSERT INTO agent_versions (id, account_id, agent_id, external_identifier, external_identifier_repeats, registered, inserted_at, updated_at) VALUES (?, ?, ?, ?, 0, ?, ?, 1)",
			r.id(), r.scope.AccountID, r.agent, strconv.Itoa(number), registered > 0, number)
	}
	left := func() string {
		t.Helper()
		list, err := values[string](r.reader, "SELECT external_identifier FROM agent_versions ORDER BY inserted_at")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(list, " ")
	}
	for number := range 6 {
		version(number, min(1, number)) // the oldest was made by hand
	}
	r.exec("UPDATE agent_deployments SET current_version_id = (SELECT id FROM agent_versions WHERE inserted_at = 2) WHERE id = ?", r.deployments[0])
	if err := removeVersionsBeyond(r.writer, r.agent, 3, r.id()); err != nil || left() != "0 2 4 5" {
		t.Errorf("%s are left, %v", left(), err)
	}
}

func TestAnAgentKeepsSoManyBytesOfRegisteredSchemas(t *testing.T) {
	r := newRun(t, 0)
	schema := func(number, registered int) pfid.ID {
		id := r.id()
		r.exec("INSERT INTO agent_schema_versions (id, account_id, agent_id, external_identifier, external_identifier_repeats, schemas, registered, inserted_at) VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
			id, r.scope.AccountID, r.agent, strconv.Itoa(number), `"`+strings.Repeat("x", 998)+`"`, registered > 0, number)
		return id
	}
	version := func(schema pfid.ID, number, registered int) (id pfid.ID) {
		id = r.id()
		r.exec("INSERT INTO agent_versions (id, account_id, agent_id, agent_schema_version_id, external_identifier, external_identifier_repeats, registered, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?, 1)",
			id, r.scope.AccountID, r.agent, schema, strconv.Itoa(number), registered > 0, number)
		return id
	}
	version(schema(0, 0), 0, 1) // the schema was made by hand
	version(schema(1, 1), 1, 0) // and the version here
	current := version(schema(2, 1), 2, 1)
	shared := schema(3, 1)
	version(shared, 3, 1)
	version(shared, 4, 1)
	for number := 5; number <= 7; number++ {
		version(schema(number, 1), number, 1)
	}
	schema(8, 1) // new, and has no version yet
	r.exec("UPDATE agent_deployments SET current_version_id = ? WHERE id = ?", current, r.deployments[0])
	for _, step := range []struct {
		bytes   int
		schemas string
	}{{7000, "0 1 2 3 5 6 7 8"}, {4000, "0 1 2 5 6 7 8"}, {2999, "0 1 2 7 8"}, {0, "0 1 2 8"}} {
		if err := removeSchemasBeyond(r.writer, r.agent, step.bytes); err != nil {
			t.Fatal(err)
		}
		left, err := values[string](r.reader, "SELECT external_identifier FROM agent_schema_versions ORDER BY inserted_at")
		if got := strings.Join(left, " "); err != nil || got != step.schemas {
			t.Errorf("within %d bytes %s are left, %v; want %s", step.bytes, got, err, step.schemas)
		}
	}
	if left, err := value[int](r.reader, "SELECT count(*) FROM agent_versions"); err != nil || left != 3 {
		t.Errorf("%d versions are left, %v", left, err)
	}
	environment, err := value[pfid.ID](r.reader, "SELECT environment_id FROM agent_deployments WHERE id = ?", r.deployments[0])
	if err != nil {
		t.Fatal(err)
	}
	large := schema(9, 1)
	version(large, 9, 1)
	r.exec("UPDATE agent_schema_versions SET schemas = ? WHERE id = ?", `"`+strings.Repeat("x", activity.MostSchemaBytes)+`"`, large)
	_, err = r.Activity.RegisterInstance(t.Context(), r.scope, activity.Instance{ID: r.id(), AccountID: r.scope.AccountID, Status: activity.Pending, InsertedAt: now(), UpdatedAt: now()}, activity.Registration{
		Agent: r.agent.String(), EnvironmentID: environment, Version: activity.RegisteredVersion{ExternalIdentifier: "10"}, Purpose: "live",
		Schema: &activity.RegisteredSchema{ExternalIdentifier: "10", Schemas: map[string]json.RawMessage{"span_schemas": json.RawMessage("{}")}},
	}, func() (pfid.ID, error) { return r.id(), nil }, audit.NewRecorder(now(), r.actor, rand.Reader))
	if n, err2 := value[int](r.reader, "SELECT count(*) FROM agent_schema_versions WHERE id = ?", large); err != nil || err2 != nil || n != 0 {
		t.Errorf("a registration left %d schemas beyond the size, %v, %v", n, err, err2)
	}
}

func TestAReportOfATokenThatEndedMeanwhileChangesNothing(t *testing.T) {
	r := newRun(t, 1)
	scope := r.scope
	scope.Actor = audit.Actor{AccountID: scope.AccountID, APITokenID: r.id()} // it was admitted, and is gone
	made, err := r.create(t.Context(), r.scope, []activity.Span{r.span(0)}, creation())
	if err != nil {
		t.Fatal(err)
	}
	again := creation()
	for name, report := range map[string]func() error{
		"create": func() error {
			_, err := r.create(t.Context(), scope, []activity.Span{r.span(1)}, again)
			return err
		},
		"finish": func() error {
			_, err := r.Activity.ReportSpans(t.Context(), scope, []activity.SpanReport{{Span: activity.Span{ID: made[0].ID}, Finish: &activity.SpanFinish{Status: activity.Failed, At: now()}}}, now())
			return err
		},
		"start": func() error {
			_, err := r.Activity.ChangeInstance(t.Context(), scope, r.instances[0], 0, func(i *activity.Instance) ([]string, error) {
				i.Status = activity.Complete
				return []string{"status"}, nil
			})
			return err
		},
		"terminate": func() error {
			_, err := r.Activity.TerminateInstance(t.Context(), scope, r.instances[0], func(i *activity.Instance) error {
				i.Status = activity.Terminated
				return nil
			}, audit.NewRecorder(now(), scope.Actor, rand.Reader))
			return err
		},
		"register": func() error {
			_, err := r.Activity.RegisterInstance(t.Context(), scope, activity.Instance{ID: r.id(), AccountID: scope.AccountID, InsertedAt: now()},
				activity.Registration{Agent: r.agent.String()}, func() (pfid.ID, error) { return r.id(), nil }, audit.NewRecorder(now(), scope.Actor, rand.Reader))
			return err
		},
	} {
		if err := report(); fault.KindOf(err) != fault.BadAuthToken {
			t.Errorf("%s: %v", name, err)
		}
	}
	i, err := r.Activity.Instance(t.Context(), r.scope, r.instances[0])
	if err != nil || i.Status != activity.Active || i.Spans != (activity.SpanCounts{Complete: 1}) {
		t.Errorf("%+v, %v", i, err)
	}
}
