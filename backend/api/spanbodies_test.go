package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/activity"
)

// ofSize returns a JSON object of n bytes.
func ofSize(n int) string { return `{"x":"` + strings.Repeat("x", n-len(`{"x":""}`)) + `"}` }

func (r *running) creating(payload, result string) string {
	return fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"s","status":"complete","payload":%s,"result_payload":%s}}`, r.instance, payload, result)
}

func TestPayloadsOfOneMiBAreTaken(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	largest := ofSize(activity.MaxPayload)
	made := r.ok(r.post("/agent_spans", r.creating(largest, largest)))
	if n := len(made.Body); n < 2*activity.MaxPayload {
		t.Errorf("the answer has %d bytes", n)
	}
	active := r.ok(r.create(nil)).Text(t, "details", "id")
	r.ok(r.finish(active, `{"result_payload":  `+largest+`}`))
	first := r.list("agent_instance_id=" + r.instance) // each is larger than a page
	rest := r.list("agent_instance_id=" + r.instance + "&pagination[offset]=1")
	if len(ids(t, first)) != 1 || len(ids(t, rest)) != 1 || first.Get(t, "pagination", "next_page_offset") != 1.0 {
		t.Errorf("%.300s, then %.300s", first.Body, rest.Body)
	}
	wide := strings.Replace(ofSize(activity.MaxPayload-100), ":", strings.Repeat(" ", 1000)+":", 1) // white space does not count
	r.ok(r.post("/agent_spans", r.creating(wide, "null")))
}

func TestALargerPayloadIsRefusedWithItsLimitAndTheConnectionGoesOn(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	tooLarge := ofSize(activity.MaxPayload + 1)
	active := r.ok(r.create(nil)).Text(t, "details", "id")
	for name, request := range map[string]struct{ path, body, field string }{
		"payload":        {"/agent_spans", r.creating(tooLarge, "{}"), "payload"},
		"result_payload": {"/agent_spans", r.creating("{}", tooLarge), "result_payload"},
		"finish":         {"/agent_spans/" + active + "/finish", `{"result_payload":` + tooLarge + `}`, "result_payload"},
		"both":           {"/agent_spans", r.creating(ofSize(3<<20), ofSize(3<<20)), "payload"},
		"much larger":    {"/agent_spans", r.creating(ofSize(20<<20), "{}"), "payload"},
		"large finish":   {"/agent_spans/" + active + "/finish", `{"result_payload":` + ofSize(5<<20) + `}`, "payload"},
		"bulk":           {"/bulk", `{"items":[` + ofSize(5<<20) + `]}`, "items"},
		"schemas":        {"/agent_instance/register", `{"agent_version":{"external_identifier":"1"},"agent_schema_version":` + ofSize(300<<10) + `}`, "agent_schema_version"},
	} {
		for _, framed := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(request.body), request.body), fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(request.body), request.body)} {
			all := r.UntilClosed("POST /api/v1" + request.path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: " + r.agent.Value + "\r\n" + framed +
				"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(all, "HTTP/1.1 422 ") || strings.Count(all, "HTTP/1.1 ") != 2 || !strings.Contains(all, `"`+request.field+`":["`) || !strings.Contains(all, "iB") {
				t.Errorf("%s: answered %.600s", name, all)
			}
		}
	}
	if n := r.counts(r.instance); n["total"] != 1.0 || n["active"] != 1.0 {
		t.Errorf("counts %v", n)
	}
}

func TestALargeSpanNeedsACredentialBeforeItIsRead(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for _, length := range []int{1, 300 << 10, 60 << 20, 65 << 20} {
		for _, path := range []string{"/agent_spans", "/bulk", "/agent_instance/register"} {
			line := r.StatusLine(fmt.Sprintf("POST /api/v1%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, length))
			if !strings.HasPrefix(line, "HTTP/1.1 401 ") {
				t.Errorf("%s, %d bytes: %s", path, length, line)
			}
		}
	}
}

func TestASpanThatIsTakenAloneIsTakenInBulk(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	item := strings.Replace(r.creating(ofSize(activity.MaxPayload), ofSize(activity.MaxPayload)), `{"details":{`, `{"_type":"agent_spans/create","idempotency_key":"a-large-span",`, 1)
	item = strings.TrimSuffix(item, "}")
	for range 2 {
		a := r.ok(r.post("/bulk", `{"items":[`+item+`]}`))
		if a.Get(t, "outputs", "a-large-span", "status") != "success" {
			t.Fatalf("%.600s", a.Body)
		}
	}
	if n := r.counts(r.instance); n["total"] != 1.0 {
		t.Errorf("counts %v", n)
	}
}

// Each connection sends most of a large body and then waits.
func TestLargeSpansOfAllConnectionsTogetherAreBounded(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	body := r.creating(ofSize(activity.MaxPayload), ofSize(activity.MaxPayload))
	var held []io.Closer
	answers := make(chan string, 12)
	for range cap(answers) {
		c := r.Dial(fmt.Sprintf("POST /api/v1/agent_spans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", r.agent.Value, len(body), body[:len(body)-100]))
		held = append(held, c)
		go func() {
			line, _ := bufio.NewReader(c).ReadString('\n')
			answers <- line
		}()
	}
	if line := <-answers; !strings.HasPrefix(line, "HTTP/1.1 503 ") {
		t.Errorf("the first answer: %s", line)
	}
	wantStatus(t, "a small span meanwhile", r.create(nil), http.StatusOK)
	for _, c := range held {
		_ = c.Close()
	}
	for { // until the server has seen the connections close
		if a := r.post("/agent_spans", body); a.Status == http.StatusOK {
			break
		} else if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
}
