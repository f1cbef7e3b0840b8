package main

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/store"
)

// ingestConnections is how many connections report spans at the same time.
const ingestConnections = 8

// ingest reports the spans of one instance, and keeps what was acknowledged. A span's number is part of its idempotency key.
type ingest struct {
	t                testing.TB
	secret, instance string

	mu    sync.Mutex
	sent  int
	spans map[int]*ingested
}

// ingested is a span that was sent. The status is empty until its creation was acknowledged, and "active or complete"
// while it is being finished.
type ingested struct{ id, status, payload string }

// newIngest registers an instance of the agent.
func newIngest(t testing.TB, s *server, secret, agent string) *ingest {
	t.Helper()
	body := fmt.Sprintf(`{"agent_id":%q,"agent_version":{"external_identifier":"1"},"agent_schema_version":{"external_identifier":"1"}}`, agent)
	status, made, err := s.call(http.MethodPost, "/api/v1/agent_instance/register", secret, body)
	if err != nil || status != http.StatusOK {
		t.Fatal(status, made, err)
	}
	return &ingest{t: t, secret: secret, instance: made["details"].(map[string]any)["id"].(string), spans: map[int]*ingested{}}
}

// createAgent creates an agent and returns its id.
func createAgent(t testing.TB, s *server, secret string) string {
	t.Helper()
	status, made, err := s.call(http.MethodPost, "/api/v1/agent", secret, `{"details":{"name":"bot"}}`)
	if err != nil || status != http.StatusOK {
		t.Fatal(status, made, err)
	}
	return made["details"].(map[string]any)["id"].(string)
}

// next returns a new span with 1 KiB that does not compress.
func (in *ingest) next() (n int, span *ingested) {
	in.mu.Lock()
	defer in.mu.Unlock()
	n = in.sent
	in.sent++
	random := rand.New(rand.NewPCG(uint64(n), 1))
	noise := make([]byte, 500)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	span = &ingested{payload: fmt.Sprintf(`{"n":%d,"noise":%q}`, n, hex.EncodeToString(noise))}
	in.spans[n] = span
	return n, span
}

func (in *ingest) acknowledge(span *ingested, id, status string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	span.id, span.status = id, status
}

// acknowledged returns how many spans were acknowledged.
func (in *ingest) acknowledged() (n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, span := range in.spans {
		if span.status != "" {
			n++
		}
	}
	return n
}

// create sends a span, perhaps again.
func (in *ingest) create(s *server, client *http.Client, n int, span *ingested) (status int, err error) {
	body := fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"s","status":"active","payload":%s},"idempotency_key":"%s-%d"}`, in.instance, span.payload, in.instance, n)
	status, id, err := in.post(s, client, "/agent_spans", body)
	if err == nil && status == http.StatusOK {
		in.acknowledge(span, id, "active")
	}
	return status, err
}

// finish finishes a span.
func (in *ingest) finish(s *server, client *http.Client, span *ingested) (status int, err error) {
	in.acknowledge(span, span.id, "active or complete") // the request may come to nothing, or its answer may
	status, id, err := in.post(s, client, "/agent_spans/"+span.id+"/finish", `{"result_payload":{"ok":true}}`)
	if err == nil && status == http.StatusOK {
		in.acknowledge(span, id, "complete")
	}
	return status, err
}

func (in *ingest) post(s *server, client *http.Client, path, body string) (status int, id string, err error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+in.secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var answer struct {
		Status  string
		Details struct{ ID string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, "", err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, "", err
	}
	if isOK := response.StatusCode == http.StatusOK; isOK != (answer.Status == "success") {
		in.t.Errorf("%d with the status %s", response.StatusCode, answer.Status)
	}
	return response.StatusCode, answer.Details.ID, nil
}

// run reports spans over all connections, and finishes half of them, until goesOn returns false for an answer. Like a
// client, it sends a span that was refused again.
func (in *ingest) run(s *server, goesOn func(connection, status int, err error) bool) {
	var all sync.WaitGroup
	for connection := range ingestConnections {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
			defer client.CloseIdleConnections()
			for {
				n, span := in.next()
				for isCreated := false; !isCreated; {
					status, err := in.create(s, client, n, span)
					if !goesOn(connection, status, err) {
						return
					}
					isCreated = err == nil && status == http.StatusOK
				}
				if n%2 == 0 {
					continue
				}
				if status, err := in.finish(s, client, span); !goesOn(connection, status, err) {
					return
				}
			}
		})
	}
	all.Wait()
}

// check sends what was not acknowledged again, and checks that the server has each span once, as it was acknowledged.
func (in *ingest) check(s *server) {
	in.t.Helper()
	for n, span := range in.spans {
		if span.status != "" {
			continue
		}
		if status, err := in.create(s, http.DefaultClient, n, span); err != nil || status != http.StatusOK {
			in.t.Fatalf("span %d is sent again: %d %v", n, status, err)
		}
	}
	found := 0
	for next := any(float64(0)); next != nil; {
		status, list, err := s.call(http.MethodGet, fmt.Sprintf("/api/v1/agent_spans?agent_instance_id=%s&pagination[limit]=100&pagination[offset]=%v", in.instance, next), in.secret, "")
		if err != nil || status != http.StatusOK {
			in.t.Fatal(status, list, err)
		}
		for _, item := range list["summaries"].([]any) {
			row := item.(map[string]any)
			payload, _ := row["payload"].(map[string]any)
			n := int(payload["n"].(float64))
			want := in.spans[n]
			if want == nil || row["id"] != want.id || !strings.Contains(want.status, row["status"].(string)) ||
				fmt.Sprintf(`{"n":%d,"noise":%q}`, n, payload["noise"]) != want.payload || (row["result_payload"] != nil) != (row["status"] == "complete") {
				in.t.Errorf("span %d is %v, and was acknowledged as %+v", n, row, want)
			}
			found++
		}
		next = list["pagination"].(map[string]any)["next_page_offset"]
	}
	if found != len(in.spans) {
		in.t.Errorf("there are %d spans of %d", found, len(in.spans))
	}
}

// openDatabase opens the database of a server beside it.
func openDatabase(t *testing.T, folder string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestPromise2EverySpanThatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	folder, manager := setUp(t)
	random := rand.New(rand.NewPCG(1, 2))
	agent := ""
	for round := range max(3, backendtest.Rounds(50)) {
		s := serveIn(t, folder)
		if agent == "" {
			agent = createAgent(t, s, manager)
		}
		in := newIngest(t, s, manager, agent)
		killAfter := 1 + random.IntN(300)
		kill := sync.OnceFunc(func() { _ = s.process.Process.Kill() })
		in.run(s, func(_, status int, err error) bool {
			if err == nil && status != http.StatusOK {
				t.Errorf("round %d: a request is answered %d", round, status)
			}
			if in.acknowledged() >= killAfter {
				kill()
			}
			return err == nil && status == http.StatusOK
		})
		kill()
		_ = s.process.Wait()
		if n := in.acknowledged(); n < killAfter {
			t.Fatalf("round %d: the server ended after %d of %d spans", round, n, killAfter)
		}
		s = serveIn(t, folder)
		in.check(s)
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		backendtest.CheckActivity(t, openDatabase(t, folder))
	}
}
