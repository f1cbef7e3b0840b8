package backend_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

// never is when a request that was not sent was answered.
const never = math.MaxInt64

// check compares all answers of a round, and what is stored in the end, with what must hold in any order of the requests.
func (r *round) check() {
	r.t.Helper()
	spans := r.stored()
	for i := range r.instances {
		r.checkInstance(i, spans)
	}
	for n := range r.spans {
		r.checkSpan(n, spans)
	}
	if r.t.Failed() {
		r.t.Fatalf("the seed is %d", r.seed)
	}
}

// wrong fails the test for a request.
func (r *round) wrong(e *reported, format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("seed %d, %s %d (%d to %d), %s %s: %d %s: %s", r.seed, e.what, e.n, e.sent, e.answered, e.path, e.body, e.status, e.text, fmt.Sprintf(format, args...))
}

// of returns the requests of some kinds for one instance or span.
func (r *round) of(n int, what ...string) (found []*reported) {
	for _, e := range r.all {
		if e.n == n && slices.Contains(what, e.what) {
			found = append(found, e)
		}
	}
	return found
}

// first returns when the first of some requests was sent, and when the first success was answered.
func first(all []*reported) (sent, answered int64) {
	sent, answered = never, never
	for _, e := range all {
		sent = min(sent, e.sent)
		if e.answered > 0 && e.status == http.StatusOK {
			answered = min(answered, e.answered)
		}
	}
	return sent, answered
}

var rank = map[string]int{"pending": 0, "active": 1, "complete": 2, "failed": 2, "cancelled": 2, "terminated": 2}

func (r *round) checkInstance(n int, spans map[string][]told) {
	r.t.Helper()
	registered, known := first(r.of(n, "register"))
	moves := r.of(n, "register", "start", "finish", "terminate", "record_quality")
	if known == never {
		return
	}
	var answers []*reported
	for _, e := range moves {
		switch {
		case e.answered == 0:
			continue
		case e.status == http.StatusNotFound && e.what != "register" && known > e.sent:
			continue
		case e.status == http.StatusConflict && e.what == "terminate" && r.mayHaveEnded(n, e.answered, e):
			continue
		case e.status != http.StatusOK || registered > e.answered || e.answer.Details.ID != r.instances[n]:
			r.wrong(e, "the instance was first registered at %d and answered at %d", registered, known)
			continue
		case e.isRepeated:
			continue
		}
		answers = append(answers, e)
	}
	last := r.final(n)
	r.checkQualities(n, last)
	answers = append(answers, last)
	for _, e := range answers {
		r.checkEffect(n, e)
		for _, later := range answers {
			a, b := e.answer.Details, later.answer.Details
			if e.answered < later.sent && (rank[a.Status] > rank[b.Status] || isOver(a.Status) && a.Status != b.Status ||
				a.StartedAt != "" && a.StartedAt != b.StartedAt || a.FinishedAt != "" && a.FinishedAt != b.FinishedAt) {
				r.wrong(later, "an earlier answer was at %d: %s", e.answered, e.text)
			}
		}
	}
	counts := map[string]int{}
	for _, s := range spans[r.instances[n]] {
		counts[s.Status]++
		counts["total"]++
	}
	for status, count := range last.answer.Details.SpanCounts {
		if status != "finished" && counts[status] != count {
			r.wrong(last, "there are %v spans", counts)
		}
	}
}

// mayHaveEnded reports whether an instance may have ended before a moment by another request than e.
func (r *round) mayHaveEnded(n int, at int64, e *reported) bool {
	return slices.ContainsFunc(r.of(n, "finish", "terminate"), func(other *reported) bool { return other != e && other.sent < at })
}

// checkEffect checks that an answer shows what its request asked for, and nothing that no request asked for.
func (r *round) checkEffect(n int, e *reported) {
	r.t.Helper()
	d := e.answer.Details
	asked := func(what, text string) bool {
		return text == "" || slices.ContainsFunc(r.of(n, what), func(other *reported) bool {
			return other.sent < e.answered && strings.Contains(other.body, `"`+text+`"`)
		})
	}
	switch {
	case e.what == "start" && (d.Status == "pending" || d.StartedAt == ""),
		e.what == "finish" && !isOver(d.Status),
		e.what == "terminate" && d.Status != "terminated":
		r.wrong(e, "it had no effect")
	case !asked("start", d.StartedAt), !asked("terminate", d.TerminationReason), d.Status != "terminated" && !asked("finish", d.FinishedAt),
		isOver(d.Status) != (d.FinishedAt != ""), (d.Status == "terminated") != (d.TerminationReason != ""):
		r.wrong(e, "no request asked for this")
	}
}

// final reads an instance after all reports.
func (r *round) final(n int) *reported {
	r.t.Helper()
	e := &reported{what: "get", n: n, path: "/agent_instance/" + r.instances[n], sent: never, answered: never}
	a := r.p.Call(http.MethodGet, "/api/v1"+e.path, nil, backendtest.Bearer(r.callers[0]))
	e.status, e.text = a.Status, a.Body
	if err := json.Unmarshal([]byte(a.Body), &e.answer); err != nil || a.Status != http.StatusOK {
		r.wrong(e, "an acknowledged instance is lost")
	}
	return e
}

// checkQualities checks that the last payload of each name is kept.
func (r *round) checkQualities(n int, last *reported) {
	r.t.Helper()
	writes := map[string][]*reported{}
	for _, e := range r.of(n, "record_quality") {
		name := e.body[len(`{"name":"`):][:2]
		if writes[name] = append(writes[name], e); e.status == http.StatusOK && last.answer.Details.QualityPayloads[name] == nil {
			r.wrong(last, "the quality %s is lost", name)
		}
	}
	for name, payload := range last.answer.Details.QualityPayloads {
		answered := int64(-1)
		for _, e := range writes[name] { // the latest moment at which this payload may have been written
			if strings.Contains(e.body, string(payload)) {
				if answered = max(answered, e.answered); e.answered == 0 {
					answered = never
				}
			}
		}
		for _, e := range writes[name] {
			if e.status == http.StatusOK && e.sent > answered {
				r.wrong(e, "the quality is the earlier %s", payload)
			}
		}
	}
}

// stored lists all spans of a round by the ids of their instances.
func (r *round) stored() map[string][]told {
	r.t.Helper()
	all := map[string][]told{}
	for i, id := range r.instances {
		if _, known := first(r.of(i, "register")); known == never {
			continue
		}
		var list struct{ Summaries []told }
		a := r.p.Call(http.MethodGet, "/api/v1/agent_spans?pagination[limit]=100&agent_instance_id="+id, nil, backendtest.Bearer(r.callers[1]))
		if err := json.Unmarshal([]byte(a.Body), &list); err != nil || a.Status != http.StatusOK {
			r.t.Fatal(a.Status, a.Body)
		}
		all[id] = list.Summaries
	}
	return all
}

func (r *round) checkSpan(n int, spans map[string][]told) {
	r.t.Helper()
	plan := &r.spans[n]
	creates := r.of(n, "create")
	firstSent, made := first(creates)
	_, registered := first(r.of(plan.instance, "register"))
	var created, finished *reported
	for _, e := range creates {
		switch {
		case e.answered == 0 || e.status == http.StatusUnprocessableEntity && registered > e.sent:
		case e.status != http.StatusOK:
			r.wrong(e, "the instance was registered at %d", registered)
		case created == nil:
			created = e
			r.checkCreated(plan, e)
		case show(r.t, e) != show(r.t, created):
			r.wrong(e, "the first answer was %s", created.text)
		}
		r.checkControl(plan.instance, e)
	}
	for _, e := range r.of(n, "finish span") {
		switch {
		case e.answered == 0 || e.status == http.StatusNotFound && made > e.sent:
		case e.status != http.StatusOK || firstSent > e.answered:
			r.wrong(e, "the span was created at %d", made)
		case finished == nil:
			finished = e
		case show(r.t, e) != show(r.t, finished):
			r.wrong(e, "the first answer was %s", finished.text)
		}
		r.checkControl(plan.instance, e)
	}
	for _, e := range r.of(n, "other with key", "other with id") {
		want := http.StatusConflict
		if e.what == "other with id" {
			want = http.StatusUnprocessableEntity
		}
		if e.answered > 0 && e.status != want {
			r.wrong(e, "want %d", want)
		}
	}
	r.checkStored(n, created, finished, spans)
}

// show returns what an answer says of a span.
func show(t *testing.T, e *reported) string { return encode(t, e.answer.Details) }

func (r *round) checkCreated(plan *plannedSpan, e *reported) {
	r.t.Helper()
	d, result := e.answer.Details, plan.result
	if result == "" {
		result = "null"
	}
	if d.AgentInstanceID != r.instances[plan.instance] || d.Status != plan.status || string(d.Payload) != plan.payload || string(d.ResultPayload) != result ||
		d.ParentSpanID != plan.parent || plan.id != "" && d.ID != plan.id || isOver(d.Status) != (d.FinishedAt != "") || d.UpdatedAt != d.InsertedAt {
		r.wrong(e, "it is not what was sent")
	}
}

// checkControl checks that exactly the spans of terminated instances carry the control.
func (r *round) checkControl(instance int, e *reported) {
	r.t.Helper()
	if e.answered == 0 || e.status != http.StatusOK {
		return
	}
	stops := r.of(instance, "terminate")
	if e.answer.Control != nil {
		if !e.answer.Control.Terminate || !slices.ContainsFunc(stops, func(stop *reported) bool {
			return stop.sent < e.answered && strings.Contains(stop.body, `"`+e.answer.Control.Reason+`"`)
		}) {
			r.wrong(e, "the instance was not terminated for this")
		}
		return
	}
	for _, stop := range stops {
		if stop.status == http.StatusOK && stop.answered > 0 && stop.answered < e.sent {
			r.wrong(e, "it does not say that the instance was terminated at %d", stop.answered)
		}
	}
}

// checkStored checks that a span is stored once, as its last answer said.
func (r *round) checkStored(n int, created, finished *reported, spans map[string][]told) {
	r.t.Helper()
	var rows []told
	for _, list := range spans {
		for _, s := range list {
			if s.SchemaName == fmt.Sprint("span:", n) {
				rows = append(rows, s)
			} else if !strings.HasPrefix(s.SchemaName, "span:") {
				r.t.Errorf("seed %d: a span that must not exist: %+v", r.seed, s)
			}
		}
	}
	if created == nil {
		return // at most one row, which a lost answer may have left: the key or id is unique
	}
	if len(rows) != 1 {
		r.wrong(created, "there are %d such spans", len(rows))
		return
	}
	row := encode(r.t, rows[0])
	switch {
	case finished != nil && row != show(r.t, finished):
		r.wrong(finished, "stored is %s", row)
	case finished == nil && rows[0].Status == created.answer.Details.Status && row != show(r.t, created):
		r.wrong(created, "stored is %s", row)
	case finished == nil && rows[0].Status != created.answer.Details.Status && !slices.ContainsFunc(r.of(n, "finish span"), func(e *reported) bool {
		return e.answered == 0 && strings.Contains(e.body, `"`+rows[0].FinishedAt+`"`)
	}):
		r.wrong(created, "no request asked for %s", row)
	}
}
