package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// running is a program with an account token, a deployment token and one instance, which is pending.
type running struct {
	*backendtest.Program
	t        testing.TB
	manager  backendtest.Header
	agent    backendtest.Header
	instance string
	actor    audit.Actor
}

func startRun(t testing.TB, options ...backendtest.Option) *running {
	t.Helper()
	p := backendtest.Start(t, options...)
	actor, _, secret := p.Deployed()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	r := &running{Program: p, t: t, manager: backendtest.Bearer(manager), agent: backendtest.Bearer(secret), actor: actor}
	r.instance = r.register()
	return r
}

func (r *running) register() string {
	r.t.Helper()
	a := r.post("/agent_instance/register", map[string]any{
		"agent_version": map[string]any{"external_identifier": "1.0.0", "name": "Demo"}, "agent_schema_version": map[string]any{"external_identifier": "s1"},
	})
	return r.ok(a).Text(r.t, "details", "id")
}

func (r *running) post(path string, body any) backendtest.Answer {
	r.t.Helper()
	return r.Call(http.MethodPost, "/api/v1"+path, body, r.agent)
}

func (r *running) ok(a backendtest.Answer) backendtest.Answer {
	r.t.Helper()
	a.Must(r.t, http.StatusOK)
	return a
}

// fields returns the details of an active span, with changes.
func (r *running) fields(changes map[string]any) map[string]any {
	all := map[string]any{"agent_instance_id": r.instance, "schema_name": "agent:llm", "status": "active", "payload": map[string]any{"prompt": "hi"}}
	for name, value := range changes {
		all[name] = value
	}
	return all
}

func (r *running) create(changes map[string]any) backendtest.Answer {
	r.t.Helper()
	return r.post("/agent_spans", backendtest.Details(r.fields(changes)))
}

func (r *running) finish(id string, body any) backendtest.Answer {
	r.t.Helper()
	return r.post("/agent_spans/"+id+"/finish", body)
}

func (r *running) list(query string) backendtest.Answer {
	r.t.Helper()
	return r.ok(r.Call(http.MethodGet, "/api/v1/agent_spans?"+query, nil, r.agent))
}

// counts returns the span_counts of an instance.
func (r *running) counts(instance string) map[string]any {
	r.t.Helper()
	a := r.ok(r.Call(http.MethodGet, "/api/v1/agent_instance/"+instance, nil, r.agent))
	counts, _ := a.Get(r.t, "details", "span_counts").(map[string]any)
	return counts
}

// ids returns the ids of a list, in order.
func ids(t testing.TB, a backendtest.Answer) (all []string) {
	t.Helper()
	list, _ := a.Get(t, "summaries").([]any)
	for _, item := range list {
		span, _ := item.(map[string]any)
		all = append(all, fmt.Sprint(span["id"]))
	}
	return all
}

func TestSpansAreTakenWhateverTheStatusOfTheirInstance(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for _, move := range []string{"", "/start", "/finish"} {
		if move != "" {
			r.ok(r.post("/agent_instance/"+r.instance+move, map[string]any{}))
		}
		a := r.ok(r.create(nil))
		if strings.Contains(a.Body, "control") || !strings.HasSuffix(a.Body, "}\n") {
			t.Errorf("after %q: %s", move, a.Body)
		}
		r.ok(r.finish(a.Text(t, "details", "id"), map[string]any{}))
	}
	if n := r.counts(r.instance); n["total"] != 3.0 || n["complete"] != 3.0 || n["finished"] != 3.0 || n["active"] != 0.0 {
		t.Errorf("counts %v", n)
	}
}

func TestSpansOfATerminatedInstanceAreTakenAndTheAgentHearsOfIt(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	earlier := r.ok(r.create(nil)).Text(t, "details", "id")
	r.ok(r.Call(http.MethodPost, "/api/v1/agent_instance/"+r.instance+"/terminate", map[string]any{"reason": "too costly"}, r.manager))
	created := r.ok(r.create(nil))
	for name, a := range map[string]backendtest.Answer{
		"create": created, "finish": r.finish(earlier, map[string]any{}), "finish again": r.finish(earlier, map[string]any{}),
	} {
		if a.Status != http.StatusOK || a.Get(t, "control", "terminate") != true || a.Get(t, "control", "reason") != "too costly" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

func TestSpansCreatedAtOnceAreEachKeptOnce(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	const workers, repeats = 8, 3
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range 5 {
				body := map[string]any{"details": r.fields(nil), "idempotency_key": fmt.Sprintf("key-%d-%d", w, i)}
				var first string
				for range repeats {
					a := r.post("/agent_spans", body)
					if a.Status != http.StatusOK {
						t.Errorf("%d %s", a.Status, a.Body)
						return
					}
					if first == "" {
						first = a.Body
					}
					if a.Body != first {
						t.Errorf("answered %s, then %s", first, a.Body)
					}
				}
			}
		})
	}
	all.Wait()
	if n := r.counts(r.instance); n["total"] != 40.0 || n["active"] != 40.0 {
		t.Errorf("counts %v", n)
	}
	if n := len(ids(t, r.list("agent_instance_id="+r.instance))); n != 40 {
		t.Errorf("%d spans", n)
	}
}

func TestTheSameKeyAtOnceMakesOneSpan(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	body := map[string]any{"details": r.fields(map[string]any{"idempotency_key": "b5327b31-bd4b-40b1-891d-18a86055e494"})}
	var mu sync.Mutex
	answers := map[string]bool{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			a := r.post("/agent_spans", body)
			mu.Lock()
			answers[fmt.Sprint(a.Status, a.Body)] = true
			mu.Unlock()
		})
	}
	all.Wait()
	if n := r.counts(r.instance); len(answers) != 1 || n["total"] != 1.0 {
		t.Errorf("counts %v, answers %v", n, answers)
	}
}

func TestChildrenMayArriveBeforeTheirParentAndOutliveIt(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	parent, err := pfid.Parse("01m8bxfp76w42pgb0000000000000008")
	if err != nil {
		t.Fatal(err)
	}
	child := r.ok(r.create(map[string]any{"parent_span_id": parent.String()})).Text(t, "details", "id")
	made := r.ok(r.create(map[string]any{"id": parent.String()}))
	if made.Text(t, "details", "id") != parent.String() {
		t.Errorf("the chosen id: %s", made.Body)
	}
	r.ok(r.finish(parent.String(), map[string]any{"status": "failed"}))
	a := r.ok(r.finish(child, map[string]any{"result_payload": map[string]any{"text": "ok"}}))
	if a.Text(t, "details", "status") != "complete" || a.Text(t, "details", "parent_span_id") != parent.String() || a.Text(t, "details", "result_payload", "text") != "ok" {
		t.Errorf("the child: %s", a.Body)
	}
}

// Python's SDK names a span by a UUID until it has sent it. If a child is sent first, or after its parent was refused, that UUID
// is the child's parent, and the SDK raises a refusal in the application.
func TestAChildOfASpanThatWasNeverSentIsKeptWithoutAParent(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	unsent := "c4626b8c-3914-4301-b159-dbfd5de6c4b3"
	for _, name := range []string{unsent, strings.ToUpper(unsent)} {
		if a := r.ok(r.create(map[string]any{"parent_span_id": name})); a.Get(t, "details", "parent_span_id") != nil {
			t.Errorf("the child of %s: %s", name, a.Body)
		}
	}
	item := r.fields(map[string]any{"_type": "agent_spans/create", "idempotency_key": "bulk-child-1", "parent_span_id": unsent})
	a := r.ok(r.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{item}}, r.manager))
	if a.Text(t, "outputs", "bulk-child-1", "status") != "success" {
		t.Errorf("in bulk: %s", a.Body)
	}
	for _, name := range []string{unsent + "0", strings.ReplaceAll(unsent, "-", ""), "{" + unsent + "}"} {
		r.create(map[string]any{"parent_span_id": name}).Want(t, name, http.StatusUnprocessableEntity)
	}
}

func TestFinishingAFinishedSpanChangesNothing(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for _, status := range []string{"complete", "failed", "cancelled"} {
		inOne := r.ok(r.create(map[string]any{"status": status, "result_payload": map[string]any{"n": 1}}))
		inTwo := r.ok(r.create(map[string]any{"status": "pending"}))
		ended := r.ok(r.finish(inTwo.Text(t, "details", "id"), map[string]any{"status": status, "timestamp": "2026-03-01T12:00:05.665617+00:00", "result_payload": map[string]any{"n": 1}}))
		if ended.Text(t, "details", "finished_at") != "2026-03-01T12:00:05.665Z" || ended.Text(t, "details", "status") != status {
			t.Errorf("finish: %s", ended.Body)
		}
		for _, first := range []backendtest.Answer{inOne, ended} {
			again := r.finish(first.Text(t, "details", "id"), map[string]any{"status": "failed", "result_payload": map[string]any{"n": 2}})
			if again.Status != http.StatusOK || again.Body != first.Body {
				t.Errorf("%d %s, want %s", again.Status, again.Body, first.Body)
			}
		}
	}
	if n := r.counts(r.instance); n["total"] != 6.0 || n["complete"] != 2.0 || n["failed"] != 2.0 || n["cancelled"] != 2.0 || n["pending"] != 0.0 {
		t.Errorf("counts %v", n)
	}
	for _, body := range []any{nil, "", map[string]any{}, map[string]any{"status": nil, "timestamp": nil, "result_payload": nil}} {
		id := r.ok(r.create(nil)).Text(t, "details", "id")
		if a := r.finish(id, body); a.Status != http.StatusOK || a.Text(t, "details", "status") != "complete" {
			t.Errorf("%v: %d %s", body, a.Status, a.Body)
		}
	}
}

func TestARepeatedCreateGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for name, body := range map[string]map[string]any{
		"the key beside the details":                       {"details": r.fields(nil), "idempotency_key": "k1"},
		"the key in the details, as the Python client has": {"details": r.fields(map[string]any{"idempotency_key": "k2", "sensitive_encoding": "a", "started_at": "2026-03-01T11:59:59.123456Z"})},
	} {
		first := r.ok(r.post("/agent_spans", body))
		id := first.Text(t, "details", "id")
		r.Clock.Move(time.Second)
		r.ok(r.finish(id, map[string]any{"status": "failed", "result_payload": map[string]any{"e": 1}, "sensitive_encoding": "b"}))
		r.Clock.Move(48 * time.Hour)
		again := r.post("/agent_spans", body)
		if again.Status != http.StatusOK || again.Body != first.Body {
			t.Errorf("%s: %d %s, want %s", name, again.Status, again.Body, first.Body)
		}
		body["details"].(map[string]any)["schema_name"] = "another"
		if a := r.post("/agent_spans", body); a.Status != http.StatusConflict || a.Text(t, "code") != "idempotency_key_already_used" {
			t.Errorf("%s, with another request: %d %s", name, a.Status, a.Body)
		}
		other := r.ok(r.Call(http.MethodPost, "/api/v1/agent_spans", body, r.manager))
		if other.Text(t, "details", "id") == id {
			t.Errorf("%s: two callers share a key", name)
		}
	}
	if n := r.counts(r.instance); n["total"] != 4.0 || n["failed"] != 2.0 {
		t.Errorf("counts %v", n)
	}
	for _, key := range []any{"", strings.Repeat("k", 65), 1, []string{"k"}} {
		id := r.ok(r.create(nil)).Text(t, "details", "id")
		for path, body := range map[string]any{
			"/agent_spans": map[string]any{"details": r.fields(nil), "idempotency_key": key}, "/agent_spans/" + id + "/finish": map[string]any{"idempotency_key": key},
		} {
			if a := r.post(path, body); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "idempotency_key") {
				t.Errorf("%s, key %v: %d %s", path, key, a.Status, a.Body)
			}
		}
	}
}

func TestAnIdThatAClientChoseIsTakenOnce(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	const id = "01m8bxfp76w42pgb0000000000000009"
	first := r.ok(r.create(map[string]any{"id": id}))
	if again := r.create(map[string]any{"id": id, "status": "failed"}); again.Status != http.StatusOK || again.Body != first.Body {
		t.Errorf("again: %d %s", again.Status, again.Body)
	}
	if a := r.create(map[string]any{"id": id, "agent_instance_id": r.register()}); a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", "id") == nil {
		t.Errorf("in another instance: %d %s", a.Status, a.Body)
	}
	if n := r.counts(r.instance); n["total"] != 1.0 || n["active"] != 1.0 {
		t.Errorf("counts %v", n)
	}
}

func TestPayloadsComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for _, payload := range []string{
		`{}`, `{"z":1,"a":{"y":[1,2.50,1e400],"b":null}}`, `{"big":123456789012345678901234567890.10}`, `{"text":"<b>\u00e9 ü 𝒳 \\u0000</b>&"}`,
		`{"` + strings.Repeat("long ", 5000) + `":"` + strings.Repeat("x", 50_000) + `"}`,
	} {
		body := fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"s","status":"complete","sensitive_encoding":{"b":1,"a":2},"payload": %s ,"result_payload":%s}}`, r.instance, payload, payload)
		made := r.ok(r.post("/agent_spans", body))
		want := `"payload":` + payload + `,"result_payload":` + payload
		shown := r.list("agent_instance_id=" + r.instance + "&sorting=-inserted_at&pagination[page_size]=1")
		for _, a := range []backendtest.Answer{made, shown} {
			if !strings.Contains(a.Body, want) || !strings.Contains(a.Body, `"sensitive_encoding":{"b":1,"a":2}`) {
				t.Errorf("%.100s came back as %.600s", payload, a.Body)
			}
		}
	}
	a := r.ok(r.post("/agent_spans", fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"s","status":"active","payload":null}}`, r.instance)))
	if !strings.Contains(a.Body, `"payload":{},"result_payload":null,"summary":null`) {
		t.Errorf("no payload: %s", a.Body)
	}
}

func TestSpansAreRefusedWithTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	rival := pfid.ID{1}.String()
	for field, values := range map[string][]any{
		"agent_instance_id":  {nil, "", "x", rival, 7, map[string]any{}},
		"schema_name":        {nil, "", strings.Repeat("n", 256), 7},
		"status":             {nil, "", "done", "terminated", "finished", 1},
		"payload":            {"text", []any{}, 1, true},
		"result_payload":     {map[string]any{}, []any{}},
		"id":                 {"x", strings.ToUpper("01m8bxfp76w42pgb0000000000000009"), 1},
		"parent_span_id":     {"x", 1},
		"started_at":         {"yesterday", 1, "2026-13-01T00:00:00Z"},
		"finished_at":        {"2026-03-01T12:00:00Z", "x"},
		"sensitive_encoding": {strings.Repeat("e", 65<<10)},
	} {
		for _, value := range values {
			a := r.create(map[string]any{field: value})
			errors, _ := a.JSON(t)["errors"].(map[string]any)
			if a.Status != http.StatusUnprocessableEntity || len(errors) != 1 || errors[field] == nil {
				t.Errorf("%s %v: %d %s", field, value, a.Status, a.Body)
			}
		}
	}
	for body, want := range map[string]int{"": 422, "{}": 422, "[]": 422, `"x"`: 422, `{"details":[]}`: 422, `{"details":null}`: 422, "{": 400, "{}{}": 400} {
		wantStatus(t, fmt.Sprintf("%q", body), r.post("/agent_spans", body), want)
	}
	id := r.ok(r.create(nil)).Text(t, "details", "id")
	for field, values := range map[string][]any{
		"status": {"", "active", "pending", "done", 1}, "timestamp": {"x", 1}, "result_payload": {"x", []any{}}, "sensitive_encoding": {strings.Repeat("e", 65<<10)},
	} {
		for _, value := range values {
			if field == "status" && value == "" {
				continue // as if it were missing
			}
			a := r.finish(id, map[string]any{field: value})
			if a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", field) == nil {
				t.Errorf("finish, %s %v: %d %s", field, value, a.Status, a.Body)
			}
		}
	}
	if a := r.finish(rival, map[string]any{}); a.Status != http.StatusNotFound || a.Text(t, "code") != "not_found" {
		t.Errorf("finish of an unknown span: %d %s", a.Status, a.Body)
	}
	if n := r.counts(r.instance); n["total"] != 1.0 || n["active"] != 1.0 {
		t.Errorf("counts %v", n)
	}
}

func TestTheCredentialIsCheckedBeforeASpan(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for _, request := range [][2]string{{"POST", "/agent_spans"}, {"POST", "/agent_spans/x/finish"}, {"GET", "/agent_spans"}, {"POST", "/agent_spans/create_test_spans"}} {
		for _, credential := range []backendtest.Header{{}, backendtest.Bearer("nonsense")} {
			var headers []backendtest.Header
			if credential.Name != "" {
				headers = append(headers, credential)
			}
			wantStatus(t, fmt.Sprintf("%v", request), r.Call(request[0], "/api/v1"+request[1], map[string]any{}, headers...), http.StatusUnauthorized)
		}
	}
}

func TestSpansCanBeListedByTheirTimes(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	var made []string
	for i := range 5 {
		r.Clock.Move(time.Second)
		made = append(made, r.ok(r.create(map[string]any{"started_at": fmt.Sprintf("2026-03-01T12:00:0%dZ", 4-i), "status": []string{"complete", "failed"}[i%2]})).Text(t, "details", "id"))
	}
	second := r.instance
	r.instance = r.register()
	other := r.ok(r.create(map[string]any{"started_at": "2026-03-01T12:00:09Z"})).Text(t, "details", "id")
	agent := fmt.Sprint(r.list("agent_instance_id="+second).Get(t, "summaries").([]any)[0].(map[string]any)["agent_id"])
	order := func(positions ...int) (list []string) {
		for _, i := range positions {
			list = append(list, append(made, other)[i])
		}
		return list
	}
	for query, want := range map[string][]string{
		"":                         order(4, 3, 2, 1, 0),
		"&sorting=inserted_at":     order(0, 1, 2, 3, 4),
		"&sorting=-started_at":     order(0, 1, 2, 3, 4),
		"&sorting=-id":             order(4, 3, 2, 1, 0),
		"&sorting=status":          order(0, 2, 4, 1, 3),
		"&pagination[page_size]=2": order(4, 3),
		"&pagination[page_size]=2&pagination[offset]=4":                              order(0),
		"&start_time=2026-03-01T12:00:03Z":                                           order(1, 0),
		"&start_time=2026-03-01T12:00:01Z&end_time=2026-03-01T12:00:02%2B00:00":      order(3, 2),
		"&end_time=2026-03-01T14:00:00+02:00&include_summaries=true&status=complete": order(4),
		"&start_time=2027-03-01T12:00:01Z":                                           nil,
	} {
		a := r.list("agent_instance_id=" + second + query)
		if got := ids(t, a); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
		if total := a.Get(t, "pagination", "item_count"); !strings.Contains(query, "pagination") && total != float64(len(want)) {
			t.Errorf("%s: %v in all, want %d", query, total, len(want))
		}
	}
	for query, want := range map[string][]string{
		"": order(5, 0, 1, 2, 3, 4), "&sorting=started_at": order(4, 3, 2, 1, 0, 5), "&end_time=2026-03-01T12:00:02Z&include_risk_level=true": order(2, 3, 4),
	} {
		for _, who := range []backendtest.Header{r.agent, r.manager} {
			a := r.ok(r.Call(http.MethodGet, "/api/v1/agent_spans?agent_id="+agent+query, nil, who))
			if got := ids(t, a); fmt.Sprint(got) != fmt.Sprint(want) || a.Get(t, "pagination", "item_count") != float64(len(want)) {
				t.Errorf("agent, %s: %v, want %v", query, got, want)
			}
		}
	}
	for query, want := range map[string]int{
		"": 422, "agent_instance_id=x": 422, "agent_instance_id=" + second + "&start_time=x": 422, "agent_instance_id=" + second + "&sorting=payload": 422,
		"agent_instance_id=" + agent: 404, "agent_id=" + second: 404,
	} {
		wantStatus(t, fmt.Sprintf("%q", query), r.Call(http.MethodGet, "/api/v1/agent_spans?"+query, nil, r.agent), want)
	}
}

func TestADeploymentTokenReachesTheSpansOfItsDeploymentOnly(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	mine := r.ok(r.create(nil))
	agent := mine.Text(t, "details", "agent_id")
	environments := r.ok(r.Call(http.MethodGet, "/api/v1/environment", nil, r.manager)).Get(t, "summaries").([]any)
	elsewhere := environments[1].(map[string]any)["id"]
	a := r.ok(r.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "agent_deployment", "agent_id": agent, "environment_id": elsewhere}), r.manager))
	second := backendtest.Bearer(a.Text(t, "token"))
	for what, a := range map[string]backendtest.Answer{
		"create": r.Call(http.MethodPost, "/api/v1/agent_spans", backendtest.Details(r.fields(nil)), second),
		"finish": r.Call(http.MethodPost, "/api/v1/agent_spans/"+mine.Text(t, "details", "id")+"/finish", nil, second),
		"list":   r.Call(http.MethodGet, "/api/v1/agent_spans?agent_instance_id="+r.instance, nil, second),
		"test":   r.Call(http.MethodPost, "/api/v1/agent_spans/create_test_spans", map[string]any{"agent_instance_id": r.instance}, second),
	} {
		if want := map[string]int{"create": 422, "finish": 404, "list": 404, "test": 422}[what]; a.Status != want {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	for query, want := range map[string]float64{"": 0, "&start_time=2020-01-01T00:00:00Z": 0} {
		if n := r.ok(r.Call(http.MethodGet, "/api/v1/agent_spans?agent_id="+agent+query, nil, second)).Get(t, "pagination", "item_count"); n != want {
			t.Errorf("%q: %v spans", query, n)
		}
	}
	for _, whole := range []backendtest.Header{r.agent, r.manager} {
		if n := r.ok(r.Call(http.MethodGet, "/api/v1/agent_spans?agent_id="+agent, nil, whole)).Get(t, "pagination", "item_count"); n != 1.0 {
			t.Errorf("%v spans", n)
		}
	}
}

func TestTestSpansAreMadeByTheNumber(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for count, want := range map[any]int{nil: 1, 3: 3, 100: 100} {
		body := map[string]any{"agent_instance_id": r.instance}
		if count != nil {
			body["count"] = count
		}
		a := r.ok(r.post("/agent_spans/create_test_spans", body))
		spans, _ := a.Get(t, "details", "spans").([]any)
		if len(spans) != want || spans[0].(map[string]any)["schema_name"] != "test" || spans[0].(map[string]any)["status"] != "complete" {
			t.Errorf("%v: %.300s", count, a.Body)
		}
	}
	for _, body := range []map[string]any{{}, {"agent_instance_id": r.instance, "count": 0}, {"agent_instance_id": r.instance, "count": 101}, {"agent_instance_id": r.instance, "parent_span_id": "x"}} {
		wantStatus(t, fmt.Sprintf("%v", body), r.post("/agent_spans/create_test_spans", body), http.StatusUnprocessableEntity)
	}
	if n := r.counts(r.instance); n["complete"] != 104.0 {
		t.Errorf("counts %v", n)
	}
}

func TestSpansCanBeSentInBulk(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	create := r.fields(map[string]any{"_type": "agent_spans/create", "idempotency_key": "bulk-create-1"})
	a := r.ok(r.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{create}}, r.manager))
	id := a.Text(t, "outputs", "bulk-create-1", "details", "id")
	a = r.ok(r.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{
		create,
		map[string]any{"_type": "agent_spans/finish", "idempotency_key": "bulk-finish-1", "agent_span_id": id, "status": "failed", "result_payload": map[string]any{"n": json.Number("12345678901234567890")}},
		map[string]any{"_type": "agent_spans/list", "idempotency_key": "bulk-list-1", "agent_instance_id": r.instance},
		map[string]any{"_type": "agent_spans/create_test_spans", "idempotency_key": "bulk-test-1", "agent_instance_id": r.instance, "count": 2},
		map[string]any{"method": "POST", "path": "/agent_spans", "body": backendtest.Details(r.fields(nil))},
	}}, r.manager))
	if a.Text(t, "outputs", "bulk-create-1", "details", "id") != id || a.Text(t, "outputs", "bulk-finish-1", "details", "status") != "failed" || !strings.Contains(a.Body, `{"n":12345678901234567890}`) ||
		a.Get(t, "outputs", "bulk-list-1", "pagination", "item_count") != 1.0 {
		t.Errorf("%s", a.Body)
	}
	if n := r.counts(r.instance); n["total"] != 4.0 {
		t.Errorf("counts %v: %s", n, a.Body)
	}
}

// Some clients send the fields of every typed item in details, with the method and path of the route beside them.
func TestTheFieldsOfABulkItemMayBeInDetails(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	item := func(kind, key string, details, beside map[string]any) map[string]any {
		all := map[string]any{"_type": kind, "idempotency_key": key, "method": "POST", "path": "/api/v1/agent_spans", "details": details}
		maps.Copy(all, beside)
		return all
	}
	created := r.ok(r.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{item("agent_spans/create", "details-create", r.fields(nil), nil)}}, r.manager))
	span := map[string]any{"agent_span_id": created.Text(t, "outputs", "details-create", "details", "id")}
	a := r.ok(r.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{
		item("agent_spans/finish", "details-finish", map[string]any{"status": "failed", "timestamp": "2026-01-31T00:00:00Z", "result_payload": map[string]any{"x": 1}}, span),
		item("agent_spans/create_test_spans", "details-test", map[string]any{"agent_instance_id": r.instance, "count": 2}, nil),
		item("agent_instances/finish", "details-end", map[string]any{"status": "failed"}, map[string]any{"agent_instance_id": r.instance}),
		item("pfids/generate", "details-ids", map[string]any{"count": 3}, nil),
		item("agent_instances/list", "details-list", map[string]any{"status": "active"}, nil),
	}}, r.manager))
	if finished := []any{a.Get(t, "outputs", "details-finish", "details", "status"), a.Get(t, "outputs", "details-finish", "details", "finished_at"), a.Get(t, "outputs", "details-finish", "details", "result_payload", "x")}; !slices.Equal(finished, []any{"failed", "2026-01-31T00:00:00.000Z", 1.0}) {
		t.Errorf("the span: %v, %s", finished, a.Body)
	}
	ids, _ := a.Get(t, "outputs", "details-ids", "details", "pfids").([]any)
	if a.Text(t, "outputs", "details-end", "details", "status") != "failed" || len(ids) != 3 || r.counts(r.instance)["total"] != 3.0 {
		t.Errorf("the others: %s", a.Body)
	}
	if listed, ok := a.Get(t, "outputs", "details-list", "summaries").([]any); !ok || len(listed) != 0 {
		t.Errorf("the list of active instances: %s", a.Body)
	}
}

func TestSpansInBulkAreKeptUpToTheFirstThatFails(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	create := func(key string, more map[string]any) map[string]any {
		fields := r.fields(map[string]any{"_type": "agent_spans/create", "idempotency_key": key, "payload": json.RawMessage(`{"b": 1, "a": {"z": "<&>", "y": 2.50}}`)})
		maps.Copy(fields, more)
		return fields
	}
	bulk := func(items ...any) backendtest.Answer {
		t.Helper()
		return r.ok(r.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": items}, r.manager))
	}
	generated, _ := r.ok(r.Call(http.MethodPost, "/api/v1/pfid/generate", `{"count":3}`, r.manager)).Get(t, "details", "pfids").([]any)
	chosen, nowhere, other := generated[0].(string), generated[1].(string), generated[2].(string)
	finish := func(id string) map[string]any {
		return map[string]any{"method": "POST", "path": "/agent_spans/" + id + "/finish", "body": map[string]any{"result_payload": json.RawMessage(`{"d":1,"c":2}`)}}
	}
	first := bulk(create("bulk-1111", nil), create("bulk-2222", map[string]any{"id": chosen}), finish(chosen), finish(nowhere), create("bulk-3333", nil))
	items, _ := first.Get(t, "details", "items").([]any)
	if n := r.counts(r.instance); n["total"] != 2.0 || n["complete"] != 1.0 || n["active"] != 1.0 {
		t.Errorf("counts %v", n)
	}
	if len(items) != 2 || items[0].(map[string]any)["status"] != 200.0 || items[1].(map[string]any)["status"] != 404.0 || first.Get(t, "outputs", "bulk-3333") != nil {
		t.Errorf("%s", first.Body)
	}
	if strings.Count(first.Body, `"payload":{"b":1,"a":{"z":"\u003c\u0026\u003e","y":2.50}}`) != 3 || !strings.Contains(first.Body, `"result_payload":{"d":1,"c":2}`) {
		t.Errorf("payloads are not as they were sent: %s", first.Body)
	}
	again := bulk(create("bulk-1111", nil), finish(chosen), create("bulk-4444", map[string]any{"status": "nothing"}))
	if again.Text(t, "outputs", "bulk-1111", "details", "id") != first.Text(t, "outputs", "bulk-1111", "details", "id") || again.Text(t, "outputs", "bulk-4444", "code") != "validation_errors" {
		t.Errorf("%s", again.Body)
	}
	if n := r.counts(r.instance); n["total"] != 2.0 {
		t.Errorf("repeated items count again: %v", n)
	}
	foreign := bulk(create("bulk-5555", nil), create("bulk-6666", map[string]any{"account_id": other}), create("bulk-7777", nil))
	if foreign.Text(t, "outputs", "bulk-6666", "code") != "not_found" || foreign.Get(t, "outputs", "bulk-7777") != nil {
		t.Errorf("an item names another account: %s", foreign.Body)
	}
}

func TestBodiesThatClientsCouldNotReadBackAreRefused(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	nested := func(levels int) string {
		return fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"agent:llm","status":"active","payload":{"}\"[{":%s%s}}}`,
			r.instance, strings.Repeat("[", levels-3), strings.Repeat("]", levels-3))
	}
	deep := r.post("/agent_spans", json.RawMessage(nested(1001)))
	if deep.Status != http.StatusUnprocessableEntity || !strings.Contains(string(deep.Body), `"body":["may be nested at most 1000 levels deep"]`) {
		t.Errorf("1001 levels: %d %s", deep.Status, deep.Body)
	}
	r.ok(r.post("/agent_spans", json.RawMessage(nested(1000))))

	quality := "/agent_instance/" + r.instance + "/record_quality"
	for _, bad := range []string{"\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"} {
		for path, body := range map[string]string{
			"/agent_spans": `{"details":{"agent_instance_id":"` + r.instance + `","schema_name":"agent:llm","status":"active","payload":{"a":"` + bad + `"}}}`,
			quality:        `{"name":"u","payload":{"a":"` + bad + `"}}`,
			"/bulk":        `{"items":[{"_type":"agent_instance/record_quality","id":"` + r.instance + `","name":"` + bad + `"}]}`,
		} {
			a := r.post(path, body)
			if a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `"body":["must be UTF-8"]`) {
				t.Errorf("%q at %s: %d %s", bad, path, a.Status, a.Body)
			}
		}
	}
}

func TestTimesOfAgentsCanBeWrittenInUTC(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for _, bad := range []string{"9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+23:59", "0000-06-01T00:00:00Z", "0001-01-01T00:00:00+01:00"} {
		for field, a := range map[string]backendtest.Answer{
			"timestamp":  r.post("/agent_instance/"+r.instance+"/start", map[string]any{"timestamp": bad}),
			"started_at": r.create(map[string]any{"started_at": bad}),
		} {
			if a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", field) == nil {
				t.Errorf("%s as %s: %d %s", bad, field, a.Status, a.Body)
			}
		}
	}
	for sent, shown := range map[string]string{"9999-12-31T23:59:59Z": "9999-12-31T23:59:59.000Z", "0001-01-01T00:00:01Z": "0001-01-01T00:00:01.000Z"} {
		if got := r.ok(r.create(map[string]any{"started_at": sent})).Text(t, "details", "started_at"); got != shown {
			t.Errorf("%s is shown as %s", sent, got)
		}
	}
}

func TestReportsMayHoldAnyUnknownNames(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	r.ok(r.create(map[string]any{"schema_names": "x", "stauts": "y", "Payloads": 1}))
	id := r.ok(r.create(nil)).Text(t, "details", "id")
	r.ok(r.finish(id, `{"statuses":1,"timestmp":"x","result_payloads":2}`))
	r.ok(r.post("/agent_instance/"+r.instance+"/start", `{"timestamps":"never"}`))
	r.ok(r.post("/agent_instance/"+r.instance+"/finish", `{"reasons":"x","stats":1}`))
}

func TestASchemaNameIsSeenAsItIs(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for _, name := range []string{`a\nb`, `\u001b[2J`, `a\u0085`, `a\u202eb`, `a\u200bb`, `\u200b`, `a\u2028b`, `a\u2066b`, `a\u00adb`, `a\udb40\udc41b`, `\ud800`, `  `} {
		if a := r.create(map[string]any{"schema_name": json.RawMessage(`"` + name + `"`)}); a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", "schema_name") == nil {
			t.Errorf("%q: %d %s", name, a.Status, a.Body)
		}
	}
}
