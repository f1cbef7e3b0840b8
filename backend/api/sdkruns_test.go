package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// recording is one situation, with what each client sent and was answered.
type recording struct {
	What    string
	Clients map[string]struct{ Exchanges []exchange }
}

type exchange struct {
	InFlight int `json:"in_flight_on_arrival"`
	Request  struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
	}
	Answer struct {
		Status int // 0 if the connection was cut before the answer
		Body   map[string]any
	}
}

func (e exchange) is(method, pattern string) bool {
	matches, _ := filepath.Match("/api/v1/"+pattern, e.Request.Path)
	return e.Request.Method == method && matches
}

// TestOfficialClientsAreAnsweredAsRecorded replays runs of the official SDKs. Requests overlap as they did. Ids that the
// recorded server chose are replaced by those that this one chooses.
func TestOfficialClientsAreAnsweredAsRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/sdk-runs/*.json")
	if err != nil || len(files) != 9 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	p := backendtest.Start(t)
	actor, deployed, deployment := p.Deployed()
	_, account := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		for _, client := range slices.Sorted(maps.Keys(r.Clients)) {
			for scope, secret := range map[string]string{"account": account, "deployment": deployment} {
				t.Run(filepath.Base(file)+" "+client+" "+scope, func(t *testing.T) {
					run := replay{t: t, p: p, secret: secret, account: account, ids: map[string]string{recordedAgent: deployed.AgentID.String()}}
					run.all(r.Clients[client].Exchanges)
				})
			}
		}
	}
}

// recordedAgent is the agent of all recordings.
const recordedAgent = "01m8bx4bvvw42pgbzcrh5nn9d5bc1yt5"

type replay struct {
	t               *testing.T
	p               *backendtest.Program
	secret, account string

	overlaps bool // some requests are under way at the same time

	mu      sync.Mutex
	ids     map[string]string // by the recorded id
	flying  int
	changed sync.Cond
}

var recordedID = regexp.MustCompile(`[0-7][0-9a-hjkmnp-tv-z]{31}`)

func (r *replay) all(exchanges []exchange) {
	r.changed.L = &r.mu
	made := map[string]bool{} // the ids that the recorded server chose
	for _, e := range exchanges {
		if id, ok := idIn(e); ok {
			made[id] = true
		}
		r.overlaps = r.overlaps || e.InFlight > 1
	}
	var done sync.WaitGroup
	terminated := false
	for i, e := range exchanges {
		if e.Answer.Status == http.StatusServiceUnavailable {
			continue // the recorded server's own
		}
		if reason := reasonIn(e); reason != "" && !terminated {
			r.terminate(reason, exchanges[:i])
			terminated = true
		}
		r.mu.Lock()
		for r.flying >= max(1, e.InFlight) || !r.knows(e, made) {
			r.changed.Wait()
		}
		r.flying++
		r.mu.Unlock()
		done.Go(func() {
			r.send(e, terminated)
			r.mu.Lock()
			r.flying--
			r.mu.Unlock()
			r.changed.Broadcast()
		})
	}
	done.Wait()
}

// reasonIn returns why the instance was terminated, if the answer says that it was.
func reasonIn(e exchange) string {
	control, _ := e.Answer.Body["control"].(map[string]any)
	details, _ := e.Answer.Body["details"].(map[string]any)
	for _, reason := range []any{control["reason"], details["termination_reason"]} {
		if text, ok := reason.(string); ok {
			return text
		}
	}
	return ""
}

func idIn(e exchange) (string, bool) {
	details, _ := e.Answer.Body["details"].(map[string]any)
	id, ok := details["id"].(string)
	return id, ok
}

// knows reports whether the ids that a request names, and that the server chose, are known.
func (r *replay) knows(e exchange, made map[string]bool) bool {
	for _, id := range recordedID.FindAllString(e.Request.Path+string(e.Request.Body), -1) {
		if made[id] && r.ids[id] == "" {
			return false
		}
	}
	return true
}

// mapped replaces recorded ids that are known.
func (r *replay) mapped(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return recordedID.ReplaceAllStringFunc(text, func(id string) string {
		if known := r.ids[id]; known != "" {
			return known
		}
		return id
	})
}

// terminate ends the instance as an admin does, after all earlier requests.
func (r *replay) terminate(reason string, before []exchange) {
	r.mu.Lock()
	for r.flying > 0 {
		r.changed.Wait()
	}
	r.mu.Unlock()
	for _, e := range before {
		if id, ok := idIn(e); ok && e.is(http.MethodPost, "agent_instance/register") {
			a := r.p.Call(http.MethodPost, "/api/v1/agent_instance/"+r.mapped(id)+"/terminate", map[string]any{"reason": reason}, backendtest.Bearer(r.account))
			wantStatus(r.t, "terminate", a, http.StatusOK)
			return
		}
	}
	r.t.Error("there is no instance to terminate")
}

func (r *replay) send(e exchange, terminated bool) {
	headers := []backendtest.Header{backendtest.Bearer(r.secret)}
	for name, value := range e.Request.Headers {
		headers = append(headers, backendtest.Header{Name: http.CanonicalHeaderKey(name), Value: value})
	}
	var body any
	if text := string(e.Request.Body); text != "" && text != "null" {
		body = r.mapped(text)
	}
	what := e.Request.Method + " " + e.Request.Path
	a := r.p.Call(e.Request.Method, r.mapped(e.Request.Path), body, headers...)
	want := e.Answer.Status
	if want == 0 || want == http.StatusConflict {
		// A cut answer, whose retry follows; and conflicts that end the telemetry of a client, or that one takes for success
		// and another for a failure.
		want = http.StatusOK
	}
	if a.Status != want {
		r.t.Errorf("%s: %d %s; want %d", what, a.Status, a.Body, want)
		return
	}
	if id, ok := idIn(e); ok {
		given := a.Text(r.t, "details", "id")
		r.mu.Lock()
		if known, ok := r.ids[id]; ok && known != given {
			r.t.Errorf("%s: made %s again as %s", what, known, given)
		}
		r.ids[id] = given
		r.mu.Unlock()
	}
	if e.Answer.Status == http.StatusOK {
		if details, _ := e.Answer.Body["details"].(map[string]any); details["type"] == "agent_instance" && (r.overlaps || terminated) {
			// Requests that overlap may be carried out in any order, and the recorded server let clients finish what was
			// terminated.
			details["status"], details["quality_payloads"] = nil, nil
		}
		r.compare(what, e.Answer.Body, a.JSON(r.t))
	}
	if control := a.Get(r.t, "control"); (control != nil) != (terminated && strings.HasPrefix(e.Request.Path, "/api/v1/agent_spans")) {
		r.t.Errorf("%s: control %v", what, control)
	}
}

// compare checks that an answer has each member of the recorded one, with a value of its type, and the same value unless
// the server chose it.
func (r *replay) compare(at string, recorded, answered any) {
	switch want := recorded.(type) {
	case map[string]any:
		got, ok := answered.(map[string]any)
		if !ok {
			r.t.Errorf("%s: %v instead of an object", at, answered)
			return
		}
		for name, value := range want {
			if _, has := got[name]; !has {
				r.t.Errorf("%s: no %s", at, name)
			}
			r.compare(at+" "+name, value, got[name])
		}
	case string:
		got, ok := answered.(string)
		isChosen := recordedID.MatchString(want) || strings.HasSuffix(at, "_at")
		if !ok || !isChosen && got != want {
			r.t.Errorf("%s: %v; recorded %v", at, answered, want)
		}
	case nil: // may be known here
	default:
		if fmt.Sprint(answered) != fmt.Sprint(want) {
			r.t.Errorf("%s: %v; recorded %v", at, answered, want)
		}
	}
}
