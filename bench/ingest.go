package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Load of the ingest benchmark beside the spans.
const (
	hotTokens     = 1000
	validations   = 500 // a second
	validateOver  = 4   // connections
	spanNoise     = 490 // random bytes, in hex, in a span of 1 KiB
	bulkSpans     = 50  // in a bulk request
	processTickMS = 10
)

// benchIngest prints how many spans of 1 KiB the program acknowledges in a second, beside the same rows with one commit
// each on the same disk, and how long validations of 1,000 hot tokens take meanwhile and without.
func benchIngest(out io.Writer, program string, during time.Duration) (err error) {
	s, err := newServed(program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if err := fill(s.database(), hotTokens); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	in := &reporter{address: s.address, secret: secret(hotTokens)}
	if err := in.register(); err != nil {
		return err
	}
	if _, err := in.validate(during / 2); err != nil { // fills the cache
		return err
	}
	quiet, err := in.validate(during)
	if err != nil {
		return err
	}
	best := 0.0
	for _, row := range []struct{ connections, items int }{{8, 1}, {32, 1}, {8, bulkSpans}} {
		before, err := processorTime(s.process.Process.Pid)
		if err != nil {
			return err
		}
		sent, err := in.report(row.connections, row.items, during)
		if err != nil {
			return err
		}
		after, err := processorTime(s.process.Process.Pid)
		if err != nil {
			return err
		}
		perSecond := float64(sent) / during.Seconds()
		best = max(best, perSecond)
		sending := "one in a request"
		if row.items > 1 {
			sending = fmt.Sprintf("%d in a bulk request", row.items)
		}
		fmt.Fprintf(out, "%d connections, %s: %.0f spans/s, each with %.0f µs of the server's processor time.\n", row.connections, sending, perSecond, float64((after-before).Microseconds())/float64(sent))
	}
	fmt.Fprintf(out, "Validation, %d a second of %d hot tokens: p50 %v and p99 %v without spans.\n", validations, hotTokens, quiet.at(50), quiet.at(99))
	for _, spans := range []int{1, bulkSpans} {
		busy, err := in.both(spans, during)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "While 8 connections report %d at once: p50 %v and p99 %v (p99 ratio %.2f, goal at most 2).\n", spans, busy.at(50), busy.at(99), float64(busy.at(99))/float64(quiet.at(99)))
	}
	if err := s.end(); err != nil {
		return err
	}
	each, err := commitEach(s.database(), during)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The same rows with one commit each: %.0f/s. The best has %.1f times as many (goal 10).\n", each, best/each)
	return nil
}

// processorTime returns how long a process has run on a core.
func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var skipped string
	var user, system int64
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is %q", pid, text)
	}
	if _, err := fmt.Sscan(strings.Join(fields[10:13], " "), &skipped, &user, &system); err != nil {
		return 0, err
	}
	return time.Duration(user+system) * processTickMS * time.Millisecond, nil
}

// reporter sends spans and validations.
type reporter struct {
	address, secret, instance string
	n                         atomic.Int64 // numbers the spans
}

func (r *reporter) client() *fasthttp.HostClient {
	return &fasthttp.HostClient{Addr: r.address, MaxConns: 1, ReadTimeout: 30 * time.Second, NoDefaultUserAgentHeader: true}
}

// post sends a request and returns the id in the details of its answer.
func (r *reporter) post(c *fasthttp.HostClient, path string, body []byte) (id string, err error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.Header.SetMethod(http.MethodPost)
	request.SetRequestURI("http://" + r.address + "/api/v1" + path)
	request.Header.Set("Authorization", "Bearer "+r.secret)
	request.Header.Set("Accept-Encoding", "gzip, deflate, br") // as official clients do
	request.Header.SetContentType("application/json")
	request.SetBodyRaw(body)
	if err := c.Do(request, response); err != nil {
		return "", err
	}
	if response.StatusCode() != http.StatusOK {
		return "", fmt.Errorf("%s: %d %s", path, response.StatusCode(), response.Body())
	}
	text, err := response.BodyUncompressed()
	if err != nil || path == "/agent_spans" {
		return "", err
	}
	if path == "/bulk" && bytes.Contains(text, []byte(`"status":"error"`)) {
		return "", fmt.Errorf("%s: %s", path, text)
	}
	if path == "/bulk" {
		return "", nil
	}
	var answer struct{ Details struct{ ID string } }
	err = json.Unmarshal(text, &answer)
	return answer.Details.ID, err
}

// register begins an instance of the first agent that fill stored.
func (r *reporter) register() error {
	body := []byte(`{"agent_id":"Agent 0","agent_version":{"external_identifier":"1"}}`)
	id, err := r.post(r.client(), "/agent_instance/register", body)
	r.instance = id
	return err
}

// request returns the path and the body of a request to create spans.
func (r *reporter) request(random *rand.ChaCha8, spans int) (path string, body []byte) {
	if spans == 1 {
		return "/agent_spans", fmt.Appendf(nil, `{"details":{%s},"idempotency_key":"%s-%d"}`, r.span(random), r.instance, r.n.Add(1))
	}
	items := make([][]byte, spans)
	for i := range items {
		items[i] = fmt.Appendf(nil, `{"_type":"agent_spans/create","idempotency_key":"%s-%d",%s}`, r.instance, r.n.Add(1), r.span(random))
	}
	return "/bulk", fmt.Appendf(nil, `{"items":[%s]}`, bytes.Join(items, []byte(",")))
}

// span returns the fields of a span of 1 KiB that does not compress.
func (r *reporter) span(random *rand.ChaCha8) []byte {
	var noise [spanNoise]byte
	_, _ = random.Read(noise[:])
	return fmt.Appendf(nil, `"agent_instance_id":"%s","schema_name":"agent:llm","status":"active","payload":{"n":%d,"noise":"%x"}`, r.instance, r.n.Load(), noise)
}

// report sends requests with so many spans each over some connections, each as soon as the one before it was acknowledged,
// and returns how many spans were.
func (r *reporter) report(connections, spans int, during time.Duration) (sent int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	var all sync.WaitGroup
	errs := make([]error, connections)
	var acknowledged atomic.Int64
	for i := range connections {
		all.Go(func() {
			c, random := r.client(), rand.NewChaCha8([32]byte{byte(i), byte(connections)})
			defer c.CloseIdleConnections()
			for ctx.Err() == nil && errs[i] == nil {
				path, body := r.request(random, spans)
				_, errs[i] = r.post(c, path, body)
				acknowledged.Add(int64(spans))
			}
		})
	}
	all.Wait()
	return acknowledged.Load(), errors.Join(errs...)
}

// times are those of requests.
type times []time.Duration

// at sorts the times and returns a percentile.
func (t times) at(percentile int) time.Duration {
	slices.Sort(t)
	return t[min(len(t)-1, len(t)*percentile/100)].Round(time.Microsecond)
}

// validate calls validations in a process of its own, so that they don't wait for what this one does.
func (r *reporter) validate(during time.Duration) (took times, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(self, "validate", r.address, strconv.FormatInt(during.Milliseconds(), 10)).Output()
	if err != nil {
		return nil, fmt.Errorf("validations: %w", err)
	}
	return took, json.Unmarshal(out, &took)
}

// validate sends validations at a fixed rate, and returns how long each took from when it was due.
func validate(address string, during time.Duration) (times, error) {
	var all sync.WaitGroup
	var took [validateOver]times
	var errs [validateOver]error
	began := time.Now()
	for i := range validateOver {
		all.Go(func() {
			c := (&reporter{address: address}).client()
			defer c.CloseIdleConnections()
			request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			request.SetRequestURI("http://" + address + "/api/v1/validate")
			for n := i; ; n += validateOver {
				due := began.Add(time.Duration(n) * time.Second / validations)
				if due.Sub(began) > during {
					return
				}
				time.Sleep(time.Until(due))
				request.Header.Set("Authorization", "Bearer "+secret(n%hotTokens))
				if err := c.Do(request, response); err != nil || response.StatusCode() != http.StatusOK {
					errs[i] = fmt.Errorf("a validation was answered %d (%w)", response.StatusCode(), err)
					return
				}
				took[i] = append(took[i], time.Since(due))
			}
		})
	}
	all.Wait()
	return slices.Concat(took[:]...), errors.Join(errs[:]...)
}

// both is validate while 8 connections report, with so many spans in a request.
func (r *reporter) both(spans int, during time.Duration) (took times, err error) {
	reported := make(chan error, 1)
	go func() {
		_, err := r.report(8, spans, during+time.Second)
		reported <- err
	}()
	time.Sleep(time.Second / 2)
	took, err = r.validate(during)
	return took, errors.Join(err, <-reported)
}

// commitEach writes what the program wrote for a span into its database, with a commit each, and returns how many a second.
func commitEach(path string, during time.Duration) (perSecond float64, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return 0, err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	n := 0
	began := time.Now()
	random := rand.NewChaCha8([32]byte{})
	for ; time.Since(began) < during; n++ {
		var noise [spanNoise]byte
		_, _ = random.Read(noise[:])
		if err := commitOne(db, n, fmt.Sprintf(`{"n":%d,"noise":"%x"}`, n, noise)); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

func commitOne(db *sql.DB, n int, payload string) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after the commit
	now := time.Now().UnixMilli()
	key := bytes.Repeat(fmt.Appendf(nil, "%08x", n*2654435761&0xffffffff), 2)
	_, err = tx.Exec(`INSERT INTO agent_spans (account_id, instance, agent_id, schema_name, status, created_status, size, started_at, inserted_at, updated_at, id, payload, creation_key, creation_hash)
		SELECT account_id, instance, agent_id, schema_name, status, created_status, size, ?1, ?1, ?1, ?2, ?3, ?4, ?4 FROM agent_spans LIMIT 1`, now, fmt.Sprintf("%032d", n), payload, key)
	if err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE agent_instances SET active_spans = active_spans + 1, updated_at = ? WHERE number = (SELECT instance FROM agent_spans LIMIT 1)", now); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE accounts SET activity_bytes = activity_bytes + ?", len(payload)); err != nil {
		return err
	}
	return tx.Commit()
}
