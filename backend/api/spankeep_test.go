package api_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/activity"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/pfid"
)

func (r *running) trim() {
	r.t.Helper()
	if err := r.RemoveOldActivity(r.t.Context(), activity.Keep{For: time.Duration(r.Config.ActivityRetention), Most: int64(r.Config.ActivityMax)}); err != nil {
		r.t.Fatal(err)
	}
}

// holds checks how many instances and spans the database has, and that their counted bytes are right.
func (r *running) holds(instances, spans int) {
	r.t.Helper()
	var i, s, counted, bytes int
	err := r.Database().QueryRow(`SELECT (SELECT count(*) FROM agent_instances), (SELECT count(*) FROM agent_spans), (SELECT COALESCE(SUM(activity_bytes), 0) FROM accounts),
		(SELECT COALESCE(SUM(size), 0) FROM agent_spans) + (SELECT COALESCE(SUM(500 + COALESCE(octet_length(qualities), 0)), 0) FROM agent_instances)`).Scan(&i, &s, &counted, &bytes)
	if err != nil || i != instances || s != spans || counted != bytes {
		r.t.Errorf("%d instances, %d spans, %d bytes counted of %d, %v; want %d and %d", i, s, counted, bytes, err, instances, spans)
	}
}

func TestSpansAreRemovedWhenTheyAreTooOldAndThenTheirInstance(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	r.ok(r.post("/agent_spans/create_test_spans", map[string]any{"agent_instance_id": r.instance, "count": 3}))
	r.Clock.Move(20 * 24 * time.Hour)
	r.ok(r.create(nil))
	r.ok(r.create(map[string]any{"status": "failed"}))
	r.Clock.Move(10*24*time.Hour + time.Second)
	r.trim()
	r.holds(1, 2)
	if n := r.counts(r.instance); n["total"] != 2.0 || n["active"] != 1.0 || n["failed"] != 1.0 {
		t.Errorf("counts %v", n)
	}
	r.Clock.Move(20 * 24 * time.Hour)
	r.trim()
	r.holds(0, 0)
	wantStatus(t, "the instance", r.Call(http.MethodGet, "/api/v1/agent_spans?agent_instance_id="+r.instance, nil, r.agent), http.StatusNotFound)
}

func TestAClockThatWasAheadKeepsNoSpanLonger(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	r.Clock.Jump(300 * 24 * time.Hour)
	r.ok(r.create(nil))
	r.Clock.Jump(-300 * 24 * time.Hour)
	r.ok(r.create(nil))
	r.trim()
	r.holds(1, 2)
	r.Clock.Move(31 * 24 * time.Hour)
	r.trim()
	r.holds(0, 0)
}

// largePayload is of 933 kB, which compression makes no smaller.
var largePayload = sync.OnceValue(func() json.RawMessage {
	noise := make([]byte, 700_000)
	_, _ = rand.Read(noise)
	return fmt.Appendf(nil, `{"noise":%q}`, base64.StdEncoding.EncodeToString(noise))
})

// large creates a complete span with the largePayload, without the API, whose passes over it would take most of the time, and
// returns its id.
func (r *running) large() string {
	r.t.Helper()
	id, err := pfid.Parse(r.instance)
	if err != nil {
		r.t.Fatal(err)
	}
	made, err := r.Activity.CreateSpan(r.t.Context(), activity.Scope{AccountID: r.actor.AccountID, Actor: r.actor},
		activity.SpanOrder{InstanceID: id, SchemaName: "s", Status: activity.Complete, Payload: largePayload()})
	if err != nil {
		r.t.Fatal(err)
	}
	return made.ID.String()
}

func TestTheOldestSpansMakeRoom(t *testing.T) {
	t.Parallel()
	r := startRun(t, func(c *config.Config, _ *backend.World) { c.ActivityMax = 16 << 20 })
	var made []string
	for range 20 {
		made = append(made, r.large())
	}
	r.trim()
	var bytes int
	if err := r.Database().QueryRow("SELECT SUM(activity_bytes) FROM accounts").Scan(&bytes); err != nil || bytes > 16<<20 || bytes < 15<<20 {
		t.Errorf("%d bytes are left, %v", bytes, err)
	}
	var kept []string
	for offset := 0; ; {
		a := r.list(fmt.Sprintf("agent_instance_id=%s&sorting=inserted_at&pagination[offset]=%d", r.instance, offset))
		page := ids(t, a)
		if n := len(page); n == 0 || n > 1 { // of a MiB
			t.Fatalf("a page of %d spans", n)
		}
		kept = append(kept, page...)
		next, more := a.Get(t, "pagination", "next_page_offset").(float64)
		if !more {
			break
		}
		offset = int(next)
	}
	r.holds(1, len(kept))
	if !slices.Equal(kept, made[len(made)-len(kept):]) {
		t.Errorf("%v are left of %v", kept, made)
	}
}

func TestPromise7NoAccountTakesTheRoomOfAnother(t *testing.T) {
	t.Parallel()
	r := startRun(t, func(c *config.Config, _ *backend.World) { c.ActivityMax = 16 << 20 })
	r.ok(r.post("/agent_spans/create_test_spans", map[string]any{"agent_instance_id": r.instance, "count": 50}))
	rival := &running{Program: r.Program, t: t, actor: r.Rival()}
	_, secret := r.Deploy(rival.actor)
	rival.agent = backendtest.Bearer(secret)
	rival.instance = rival.register()
	wants := func(name string, at *running, least, most float64) {
		t.Helper()
		if n := at.counts(at.instance)["total"].(float64); n < least || n > most {
			t.Errorf("%s: %v spans are left, want %v to %v", name, n, least, most)
		}
	}
	for range 25 {
		rival.large()
	}
	r.trim()
	wants("an account with few spans", r, 50, 50)
	wants("one with many", rival, 17, 17)

	for range 12 {
		r.large()
	}
	r.trim()
	wants("one that outgrew it, without its oldest", r, 6, 11) // 4 MiB go at a time
	wants("the one that had many", rival, 6, 11)
	r.holds(2, r.spans())
}

// spans returns how many there are.
func (r *running) spans() (n int) {
	r.t.Helper()
	if err := r.Database().QueryRow("SELECT count(*) FROM agent_spans").Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestTheOpenSpanOfARunningInstanceOutlastsOlderAndNewerOnes(t *testing.T) {
	t.Parallel()
	r := startRun(t, func(c *config.Config, _ *backend.World) { c.ActivityMax = 16 << 20 })
	r.ok(r.post("/agent_instance/"+r.instance+"/start", map[string]any{}))
	root := r.ok(r.create(nil)).Text(t, "details", "id")
	for range 20 {
		r.large()
	}
	r.trim()
	if n := r.counts(r.instance); n["active"] != 1.0 || n["complete"] == 20.0 || n["complete"] == 0.0 {
		t.Errorf("beyond the most bytes: %v", n)
	}
	r.Clock.Move(30*24*time.Hour - 30*time.Minute) // the worker, which trims too, must find no old span before the next report
	r.ok(r.create(map[string]any{"status": "complete"}))
	r.Clock.Move(40 * time.Minute)
	r.trim()
	r.holds(1, 2)
	r.ok(r.finish(root, nil))
	r.trim()
	r.holds(1, 1)

	left := r.ok(r.create(nil)).Text(t, "details", "id") // whose instance then falls silent
	r.Clock.Move(31 * 24 * time.Hour)
	r.trim()
	r.holds(0, 0)
	wantStatus(t, "the request", r.finish(left, nil), http.StatusNotFound)
}

func TestWhatIsReportedDuringARemovalKeepsItsTime(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	bounds := func(context.Context) (earliest, latest time.Time, err error) {
		return r.Clock.Now(), r.Clock.Now(), nil
	}
	reported := false
	err := r.Activity.Trim(t.Context(), activity.Keep{For: 30 * 24 * time.Hour, Most: 1 << 30}, bounds, func() {
		if !reported {
			reported = true
			r.Clock.Move(10 * time.Minute)
			r.ok(r.create(nil))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	instance := r.ok(r.Call(http.MethodGet, "/api/v1/agent_instance/"+r.instance, nil, r.manager))
	at, err := time.Parse(time.RFC3339, instance.Text(t, "details", "updated_at"))
	if now := r.Clock.Now(); err != nil || now.Sub(at) > time.Minute {
		t.Errorf("the instance reported last at %s, and it is %s: %v", at, now, err)
	}
}

// A removal looks at the clock before its transaction begins.
func TestAnInstanceThatReportsDuringARemovalCountsAsRunning(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	r.ok(r.create(nil))
	for range 20 {
		r.large()
	}
	bounds := func(context.Context) (earliest, latest time.Time, err error) {
		return r.Clock.Now().Add(-time.Second), r.Clock.Now().Add(-time.Second), nil
	}
	if err := r.Activity.Trim(t.Context(), activity.Keep{For: 30 * 24 * time.Hour, Most: 16 << 20}, bounds, func() {}); err != nil {
		t.Fatal(err)
	}
	if n := r.counts(r.instance); n["active"] != 1.0 || n["complete"] == 20.0 || n["complete"] == 0.0 {
		t.Errorf("%v", n)
	}
}

func TestOpenSpansOfARunningInstanceDoNotPileUp(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	r.ok(r.create(nil))
	many := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5200)
		INSERT INTO agent_spans (account_id, id, instance, agent_id, schema_name, status, created_status, payload, size, started_at, inserted_at, updated_at)
		SELECT account_id, substr(id, 1, 20) || (100000 + i), instance, agent_id, schema_name, status, created_status, payload, size, started_at, inserted_at, updated_at
		FROM agent_spans CROSS JOIN n`
	for _, change := range []string{many, "UPDATE agent_instances SET active_spans = 5201", "UPDATE accounts SET activity_bytes = 500 + (SELECT SUM(size) FROM agent_spans)"} {
		r.Exec(change)
	}
	r.Clock.Move(31 * 24 * time.Hour)
	r.ok(r.create(nil))
	r.trim()
	if n := r.counts(r.instance)["active"].(float64); n < 4000 || n >= 5000 {
		t.Errorf("%v are left", n)
	}
}

func TestSpansGoWithTheAgentDeploymentOrEnvironmentThatIsDeleted(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"agent", "agent_deployment", "environment"} {
		r := startRun(t)
		r.ok(r.post("/agent_spans/create_test_spans", map[string]any{"agent_instance_id": r.instance, "count": 100}))
		span := r.ok(r.create(nil))
		var id string
		if err := r.Database().QueryRow("SELECT " + kind + "_id FROM agent_instances").Scan(&id); err != nil {
			t.Fatal(err)
		}
		r.ok(r.Call(http.MethodDelete, "/api/v1/"+kind+"/"+id+"", nil, r.manager))
		r.agent = r.manager
		wantStatus(t, kind+", create", r.create(nil), http.StatusUnprocessableEntity)
		wantStatus(t, kind+", finish", r.finish(span.Text(t, "details", "id"), nil), http.StatusNotFound)
		wantStatus(t, kind+", list", r.Call(http.MethodGet, "/api/v1/agent_spans?agent_instance_id="+r.instance, nil, r.manager), http.StatusNotFound)
		if kind != "agent" {
			for _, window := range []string{"", "&start_time=2020-01-01T00:00:00Z"} {
				a := r.ok(r.Call(http.MethodGet, "/api/v1/agent_spans?agent_id="+span.Text(t, "details", "agent_id")+window, nil, r.manager))
				if a.Get(t, "pagination", "item_count") != 0.0 {
					t.Errorf("%s, list of the agent: %s", kind, a.Body)
				}
			}
		}
		r.trim()
		r.holds(0, 0)
	}
}

func TestSpansGoWithTheirAccount(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for range 4 {
		r.ok(r.post("/agent_spans/create_test_spans", map[string]any{"agent_instance_id": r.instance, "count": 100}))
	}
	r.instance = r.register()
	r.ok(r.create(nil))
	session, _ := backendtest.Cookie(t, r.SignIn(backendtest.Email, backendtest.Password), "session")
	var account string
	if err := r.Database().QueryRow("SELECT account_id FROM agent_instances").Scan(&account); err != nil {
		t.Fatal(err)
	}
	origin := backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}
	r.ok(r.Call(http.MethodDelete, "/api/v1/account/"+account, backendtest.Details(map[string]any{"current_password": backendtest.Password, "name": "Acme"}), session, origin))
	if err := r.Tokens.FinishMoves(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.holds(0, 0)
}

// versions returns the external identifiers of the agent's versions and schema versions, oldest first.
func (r *running) versions() (versions, schemas []string) {
	r.t.Helper()
	agent := r.ok(r.Call(http.MethodGet, "/api/v1/agent", nil, r.manager)).JSON(r.t)["summaries"].([]any)[0].(map[string]any)["id"]
	list := func(path string) (found []string) {
		a := r.ok(r.Call(http.MethodGet, fmt.Sprintf("/api/v1/%s?agent_id=%s&sorting=inserted_at", path, agent), nil, r.manager))
		for _, item := range a.JSON(r.t)["summaries"].([]any) {
			found = append(found, item.(map[string]any)["external_identifier"].(string))
		}
		return found
	}
	return list("agent_version"), list("agent_schema_version")
}

// runAs registers an instance with a version and a schema version of its own.
func (r *running) runAs(name string) (instance string) {
	r.t.Helper()
	r.Clock.Move(time.Second)
	return r.ok(r.post("/agent_instance/register", map[string]any{
		"agent_version": map[string]any{"external_identifier": name}, "agent_schema_version": map[string]any{"external_identifier": "auto-" + name},
	})).Text(r.t, "details", "id")
}

func TestVersionsThatRunsRegisteredGoWithTheLastThatRefersToThem(t *testing.T) {
	t.Parallel()
	r := startRun(t) // registers 1.0.0 with s1
	agent := r.ok(r.Call(http.MethodGet, "/api/v1/agent", nil, r.manager)).JSON(t)["summaries"].([]any)[0].(map[string]any)["id"]
	r.Clock.Move(time.Second) // the lists are in the order of time
	byHand := map[string]any{"agent_id": agent, "external_identifier": "by hand"}
	for _, path := range []string{"/agent_version", "/agent_schema_version"} {
		r.ok(r.Call(http.MethodPost, "/api/v1"+path, backendtest.Details(byHand), r.manager))
	}
	r.runAs("a")
	long := r.runAs("long")
	r.runAs("b")
	r.runAs("current")
	r.Clock.Move(20 * 24 * time.Hour)
	r.ok(r.post("/agent_instance/"+long+"/start", "{}"))
	is := func(versions, schemas []string) {
		t.Helper()
		r.trim()
		if v, s := r.versions(); !slices.Equal(v, versions) || !slices.Equal(s, schemas) {
			t.Errorf("versions %v and schema versions %v are left, want %v and %v", v, s, versions, schemas)
		}
	}
	is([]string{"1.0.0", "by hand", "a", "long", "b", "current"}, []string{"s1", "by hand", "auto-a", "auto-long", "auto-b", "auto-current"})
	r.Clock.Move(11 * 24 * time.Hour)
	is([]string{"by hand", "long", "current"}, []string{"by hand", "auto-long", "auto-current"})
	r.Clock.Move(20 * 24 * time.Hour)
	is([]string{"by hand", "current"}, []string{"by hand", "auto-current"})
	again := r.runAs("a")
	is([]string{"by hand", "a"}, []string{"by hand", "auto-a"})
	if a := r.ok(r.Call(http.MethodGet, "/api/v1/agent_instance/"+again+"/agent_context", nil, r.agent)); a.Text(t, "agent_context", "body") == "" {
		t.Error(a.Body)
	}
	r.holds(1, 0)
}
