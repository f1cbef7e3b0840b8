package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/activity"
	"tokentab/backend/backendtest"
	"tokentab/backend/paging"
)

// Each connection asks for a large response again and again, and reads nothing.
func TestLargeResponsesToSlowReadersAreBoundedTogether(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	largest := ofSize(activity.MaxPayload)
	r.ok(r.post("/agent_spans", r.creating(largest, largest)))
	asking := strings.Repeat(fmt.Sprintf("GET /api/v1/agent_spans?agent_instance_id=%s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", r.instance, r.agent.Value), 50)
	list := func() backendtest.Answer {
		return r.Call(http.MethodGet, "/api/v1/agent_spans?agent_instance_id="+r.instance, nil, r.agent)
	}
	var held []net.Conn
	hold := func() {
		c := r.Dial(asking)
		held = append(held, c)
		if line, err := bufio.NewReaderSize(c, 16).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200 ") && !strings.HasPrefix(line, "HTTP/1.1 503 ") {
			t.Fatal(line, err)
		}
	}
	// Responses that are being built, or still fit into buffers of the system, are refused room only for a while. So it is full
	// once ten lists and ten spans in turn are refused.
	var refused backendtest.Answer
	kept := 1.0
	for inTurn := 0; len(held) < 200 && inTurn < 20; {
		if inTurn++; list().Status == http.StatusOK {
			inTurn = 0
			hold()
		}
		inTurn++
		switch refused = r.post("/agent_spans", r.creating(largest, largest)); refused.Status {
		case http.StatusOK:
			kept++
			inTurn = 0
			hold()
		case http.StatusServiceUnavailable:
		default:
			t.Fatal(refused.Status)
		}
	}
	if len(held) >= 200 {
		t.Error("the responses to 200 slow readers are not bounded")
	}
	for what, refused := range map[string]backendtest.Answer{"list": list(), "span": refused} {
		if refused.Status != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") == "" || refused.Header.Get("ETag") != "" {
			t.Errorf("a large %s meanwhile: %d %v", what, refused.Status, refused.Header)
		}
	}
	wantStatus(t, "a small span meanwhile", r.create(nil), http.StatusOK)
	if n := r.counts(r.instance); n["total"] != kept+1 {
		t.Errorf("%v large spans and a small one are kept: %v", kept, n)
	}
	for _, c := range held {
		_ = c.Close()
	}
	for status := list().Status; status != http.StatusOK; status = list().Status { // until the server has seen the connections close
		if status != http.StatusServiceUnavailable {
			t.Fatal(status)
		}
	}
}

// Anyone may ask for the description of the API, and all get the same bytes.
func TestStrangersWhoReadSlowlyTakeNoRoomFromLargeResponses(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	large := ofSize(activity.MaxPayload / 2)
	asking := strings.Repeat("GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 100)
	for range 100 {
		c := r.Dial(asking)
		defer func() { _ = c.Close() }()
		if line, err := bufio.NewReaderSize(c, 16).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200 ") {
			t.Fatal(line, err)
		}
	}
	for range 20 {
		r.ok(r.post("/agent_spans", r.creating(large, large)))
	}
}

func TestAPageEndsEarlyIfItsItemsAreLarge(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	for n := range 40 {
		i := r.register()
		r.ok(r.post("/agent_instance/"+i+"/record_quality", map[string]any{"name": "q", "payload": map[string]any{"n": n, "x": strings.Repeat("x", 60_000)}}))
	}
	for offset, found := 0, 0; found < 41; {
		a := r.ok(r.Call(http.MethodGet, fmt.Sprintf("/api/v1/agent_instance?sorting=inserted_at&pagination[offset]=%d", offset), nil, r.agent))
		n := len(ids(t, a))
		if found += n; n == 0 || len(a.Body) > paging.MaxBytes+100<<10 {
			t.Fatalf("%d instances, and %d bytes", n, len(a.Body))
		}
		next, more := a.Get(t, "pagination", "next_page_offset").(float64)
		if more != (found < 41) || more && int(next) != found {
			t.Fatalf("after %d instances, the next is %v", found, a.Get(t, "pagination"))
		}
		offset = int(next)
	}
}
