package backend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

const (
	runWorkers   = 8
	runRequests  = 40 // of each worker, in a round
	runInstances = 4
	runSpans     = 32
)

// reported is a request that an agent or admin sent, and its answer.
type reported struct {
	what           string // such as "create"
	n              int    // number of the instance or span
	path, body     string
	caller         int
	sent, answered int64 // when, counted by all of a round; answered is 0 if the answer was lost
	status         int
	isRepeated     bool // the answer was stored by an earlier request
	answer         struct {
		Details told
		Control *struct {
			Terminate bool
			Reason    string
		}
	}
	text string
}

// told is what an answer says of an instance or span.
type told struct {
	ID                string
	Status            string
	SchemaName        string                     `json:"schema_name"`
	AgentInstanceID   string                     `json:"agent_instance_id"`
	ParentSpanID      string                     `json:"parent_span_id"`
	StartedAt         string                     `json:"started_at"`
	FinishedAt        string                     `json:"finished_at"`
	InsertedAt        string                     `json:"inserted_at"`
	UpdatedAt         string                     `json:"updated_at"`
	TerminationReason string                     `json:"termination_reason"`
	QualityPayloads   map[string]json.RawMessage `json:"quality_payloads"`
	SpanCounts        map[string]int             `json:"span_counts"`
	Payload           json.RawMessage
	ResultPayload     json.RawMessage `json:"result_payload"`
}

// plannedSpan is a span that workers create, each in the same words.
type plannedSpan struct {
	id, key, parent string // the id and key may be empty, but not both
	instance        int
	status, payload string
	result          string // empty for none
	body            string
	caller          int
}

// round is a few instances that workers report to at the same time, each instance and span by several of them.
type round struct {
	t         *testing.T
	p         *backendtest.Program
	seed      uint64
	callers   [2]string // secrets of the deployment and the account token
	agent     string
	instances [runInstances]string // ids
	spans     [runSpans]plannedSpan
	count     atomic.Int64

	mu   sync.Mutex
	all  []*reported
	made map[int]string // ids of the spans whose creation was answered
}

func newRound(t *testing.T, p *backendtest.Program, seed uint64, agent string, callers [2]string) *round {
	r := &round{t: t, p: p, seed: seed, callers: callers, agent: agent, made: map[int]string{}}
	random := rand.New(rand.NewPCG(seed, 0))
	id := func() string {
		made, err := pfid.New(p.Clock.Now(), uint32(random.IntN(pfid.MaxPartition)), strings.NewReader(fmt.Sprintf("%010x", random.Uint64())))
		if err != nil {
			t.Fatal(err)
		}
		return made.String()
	}
	for i := range r.instances {
		r.instances[i] = id()
	}
	for n := range r.spans {
		r.spans[n].id = id() // all, so that any of them can be a parent
	}
	for n := range r.spans {
		s := &r.spans[n]
		s.instance, s.caller = random.IntN(runInstances), n%2
		s.status = []string{"pending", "active", "complete", "failed", "cancelled"}[random.IntN(5)]
		s.payload = fmt.Sprintf(`{"z":%d,"a":[1.50,9007199254740993],"text":%q}`, n, strings.Repeat("é<x> ", random.IntN(200)))
		if s.parent = r.spans[random.IntN(runSpans)].id; random.IntN(3) == 0 {
			s.parent = ""
		}
		body := map[string]any{
			"agent_instance_id": r.instances[s.instance], "schema_name": fmt.Sprint("span:", n), "status": s.status, "payload": json.RawMessage(s.payload), "parent_span_id": nil,
		}
		if s.parent != "" {
			body["parent_span_id"] = s.parent
		}
		if isOver(s.status) && random.IntN(2) == 0 {
			s.result = fmt.Sprintf(`{"of":%d}`, n)
			body["result_payload"] = json.RawMessage(s.result)
		}
		if n%4 != 0 {
			s.key = fmt.Sprint("key-", seed, "-", n/2) // the two callers use the same
			body["idempotency_key"] = s.key
		}
		if n%4 != 1 || s.key == "" {
			body["id"] = s.id
		} else {
			s.id = ""
		}
		s.body = encode(t, map[string]any{"details": body})
	}
	return r
}

func isOver(status string) bool {
	return status == "complete" || status == "failed" || status == "cancelled" || status == "terminated"
}

func encode(t *testing.T, body any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// next chooses a request.
func (r *round) next(random *rand.Rand) *reported {
	i, n := random.IntN(runInstances), random.IntN(runSpans)
	at := r.p.Clock.Now().Add(time.Duration(random.IntN(1_000_000)) * time.Millisecond).Format("2006-01-02T15:04:05.000Z")
	status := []string{"complete", "failed", "cancelled"}[random.IntN(3)]
	instance := func(what, body string, caller int) *reported {
		return &reported{what: what, n: i, path: "/agent_instance/" + r.instances[i] + "/" + what, body: body, caller: caller}
	}
	caller := random.IntN(2)
	switch chance := random.IntN(100); {
	case chance < 10:
		body := map[string]any{"id": r.instances[i], "agent_version": map[string]string{"external_identifier": fmt.Sprint(r.seed, "-", i%2)}, "agent_schema_version": map[string]string{"external_identifier": "s"}}
		if caller == 1 {
			body["agent_id"] = r.agent
		}
		if i%2 == 0 {
			body["idempotency_key"] = fmt.Sprint("register-", r.instances[i])
		}
		return &reported{what: "register", n: i, path: "/agent_instance/register", body: encode(r.t, body), caller: caller}
	case chance < 17:
		return instance("start", fmt.Sprintf(`{"timestamp":%q,"idempotency_key":"start"}`, at), caller)
	case chance < 20:
		return instance("finish", fmt.Sprintf(`{"timestamp":%q,"status":%q}`, at, status), caller)
	case chance < 21:
		return instance("terminate", fmt.Sprintf(`{"reason":"at %s"}`, at), 1)
	case chance < 28:
		return instance("record_quality", fmt.Sprintf(`{"name":"q%d","payload":{"v":%d}}`, random.IntN(3), random.Uint64()), caller)
	case chance < 65:
		s := &r.spans[n]
		return &reported{what: "create", n: n, path: "/agent_spans", body: s.body, caller: s.caller}
	case chance < 75: // a key or id that was used
		return r.misuse(random, n)
	default:
		id := r.idOf(n)
		if id == "" {
			return r.next(random)
		}
		body := fmt.Sprintf(`{"timestamp":%q,"status":%q}`, at, status)
		if random.IntN(2) == 0 {
			body = fmt.Sprintf(`{"timestamp":%q,"status":%q,"result_payload":{"b":%d,"a":null}}`, at, status, random.Uint64())
		}
		return &reported{what: "finish span", n: n, path: "/agent_spans/" + id + "/finish", body: body, caller: caller}
	}
}

// misuse is a request that uses the key or id of a span for another one.
func (r *round) misuse(random *rand.Rand, n int) *reported {
	s := &r.spans[n]
	r.mu.Lock()
	_, isMade := r.made[n]
	r.mu.Unlock()
	other := (s.instance + 1) % runInstances
	switch {
	case !isMade:
		return r.next(random)
	case s.key != "":
		return &reported{what: "other with key", n: n, path: "/agent_spans", body: strings.Replace(s.body, `"span:`, `"other:`, 1), caller: s.caller}
	}
	return &reported{what: "other with id", n: n, path: "/agent_spans", body: strings.Replace(s.body, r.instances[s.instance], r.instances[other], 1), caller: s.caller}
}

// idOf returns the id of a span; empty if only the server knows it.
func (r *round) idOf(n int) string {
	if r.spans[n].id != "" {
		return r.spans[n].id
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made[n]
}

// run lets all workers report, and then repeats each request whose answers were all lost.
func (r *round) run() {
	var workers sync.WaitGroup
	for w := range runWorkers {
		workers.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
			defer client.CloseIdleConnections()
			random := rand.New(rand.NewPCG(r.seed, uint64(w)+1))
			for range runRequests {
				e := r.next(random)
				if random.IntN(4) == 0 {
					e = r.again(random, e)
				}
				switch random.IntN(10) {
				case 0:
					r.sendAndLeave(e)
				case 1: // the answer is lost on the way
					lost := *e
					r.send(client, &lost)
					e.sent = lost.sent
					r.keep(e)
				default:
					r.send(client, e)
					r.keep(e)
				}
			}
		})
	}
	workers.Wait()
	answered := map[string]bool{}
	for _, e := range r.all {
		if e.answered > 0 {
			answered[e.path+e.body] = true
		}
	}
	for _, e := range r.all {
		if e.answered == 0 && !answered[e.path+e.body] {
			repeated := &reported{what: e.what, n: e.n, path: e.path, body: e.body, caller: e.caller}
			r.send(http.DefaultClient, repeated)
			r.keep(repeated)
		}
	}
}

// again returns an earlier request of any worker, or e if there is none.
func (r *round) again(random *rand.Rand, e *reported) *reported {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		return e
	}
	old := r.all[random.IntN(len(r.all))]
	return &reported{what: old.what, n: old.n, path: old.path, body: old.body, caller: old.caller}
}

func (r *round) keep(e *reported) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
	if e.what == "create" && e.answered > 0 && e.status == http.StatusOK {
		r.made[e.n] = e.answer.Details.ID
	}
}

func (r *round) send(client *http.Client, e *reported) {
	r.p.Clock.Move(time.Millisecond)
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.p.URL+"/api/v1"+e.path, strings.NewReader(e.body))
	if err != nil {
		r.t.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+r.callers[e.caller])
	request.Header.Set("Content-Type", "application/json")
	e.sent = r.count.Add(1)
	response, err := client.Do(request)
	if err != nil {
		r.t.Error(err)
		return
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode == http.StatusOK {
		err = json.Unmarshal(text, &e.answer)
	}
	if err != nil {
		r.t.Errorf("%v: %s", err, text)
	}
	e.status, e.text, e.isRepeated = response.StatusCode, string(text), response.Header.Get("Idempotent-Replayed") != ""
	e.answered = r.count.Add(1)
}

// sendAndLeave sends a request and closes the connection before the answer.
func (r *round) sendAndLeave(e *reported) {
	e.sent = r.count.Add(1)
	r.keep(e)
	c, err := net.Dial("tcp", strings.TrimPrefix(r.p.URL, "http://"))
	if err == nil {
		_, err = fmt.Fprintf(c, "POST /api/v1%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			e.path, r.callers[e.caller], len(e.body), e.body)
		_ = c.Close()
	}
	if err != nil {
		r.t.Error(err)
	}
}

func TestAgentsThatReportAtOnceRepeatAndLoseAnswersDoubleAndLoseNothing(t *testing.T) {
	p := backendtest.Start(t)
	actor, deployed, secret := p.Deployed()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	rounds := make([]*round, backendtest.Rounds(50))
	for i := range rounds {
		rounds[i] = newRound(t, p, uint64(i)+1, deployed.AgentID.String(), [2]string{secret, manager})
		rounds[i].run()
	}
	folder, clock := p.Folder, p.Clock
	p.Stop() // also ends the requests whose clients left
	if log := p.Log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("the program logged errors: %s", log)
	}
	p = backendtest.StartIn(t, folder, clock)
	for _, r := range rounds {
		r.p = p
		r.check()
	}
	backendtest.CheckActivity(t, p.Database())
}
