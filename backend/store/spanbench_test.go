package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend/activity"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// run is a database with an account, an agent in two environments and instances.
type run struct {
	*shelf
	scope       activity.Scope
	agent       pfid.ID
	deployments [2]pfid.ID
	instances   []pfid.ID
}

func newRun(tb testing.TB, instances int) *run {
	tb.Helper()
	r := &run{shelf: newShelf(tb)}
	r.scope.AccountID, r.agent = r.actor.AccountID, r.id()
	r.exec("INSERT INTO agents (id, account_id, name, inserted_at, updated_at) VALUES (?, ?, '', 1, 1)", r.agent, r.scope.AccountID)
	for i := range r.deployments {
		environment := r.id()
		r.deployments[i] = r.id()
		r.exec("INSERT INTO environments (id, account_id, name, purpose, inserted_at, updated_at) VALUES (?, ?, '', '', 1, 1)", environment, r.scope.AccountID)
		r.exec("INSERT INTO agent_deployments (id, account_id, agent_id, environment_id, inserted_at, updated_at) VALUES (?, ?, ?, ?, 1, 1)", r.deployments[i], r.scope.AccountID, r.agent, environment)
	}
	for i := range instances {
		r.instance(r.deployments[i%2])
	}
	return r
}

func (r *run) instance(deployment pfid.ID) pfid.ID {
	r.t.Helper()
	id := r.id()
	r.exec(`INSERT INTO agent_instances (account_id, id, agent_id, agent_version_id, environment_id, agent_deployment_id, status, purpose, inserted_at, updated_at)
		SELECT account_id, ?, agent_id, id, environment_id, id, 'active', 'live', ?, ? FROM agent_deployments WHERE id = ?`, id, stamp(now()), stamp(now()), deployment)
	r.instances = append(r.instances, id)
	return id
}

// span returns a span with a payload of about 1 KiB.
func (r *run) span(n int) activity.Span {
	return activity.Span{
		ID: r.id(), AccountID: r.scope.AccountID, InstanceID: r.instances[n%len(r.instances)], ParentID: r.scope.AccountID, SchemaName: "agent:llm", Status: activity.Complete,
		Payload: payload(n), StartedAt: now(), FinishedAt: now(), InsertedAt: now(), UpdatedAt: now(),
	}
}

var words = []string{"what", "is", "the", "weather", "in", "paris", "tomorrow", "if", "flight", "leaves", "at", "noon", "then", "book", "a", "hotel"}

func payload(n int) json.RawMessage {
	text := ""
	for i := 0; len(text) < 900; i++ {
		text += words[(n*31+i*i*7+i*n)%len(words)] + " "
		if i%10 == 0 {
			text += fmt.Sprint(n*i, " ")
		}
	}
	return json.RawMessage(fmt.Sprintf(`{"model":"m-%d","messages":[{"role":"user","content":%q}],"temperature":0.%d,"max_tokens":%d}`, n%3, text[:900], n%10, n))
}

func creation() (c activity.Creation) {
	_, _ = rand.Read(c.Key[:])
	_, _ = rand.Read(c.Hash[:])
	return c
}

// create adds spans. A creation is for a single one.
func (r *run) create(ctx context.Context, scope activity.Scope, spans []activity.Span, creation activity.Creation) ([]activity.Reported, error) {
	reports := make([]activity.SpanReport, len(spans))
	for i, span := range spans {
		reports[i] = activity.SpanReport{Span: span, Creation: creation}
	}
	return r.Activity.ReportSpans(ctx, scope, reports, now())
}

// BenchmarkSpanCreate measures spans of 1 KiB until each is on the disk: one at a time, and by as many as wait together.
func BenchmarkSpanCreate(b *testing.B) {
	for _, atOnce := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d at once", atOnce), func(b *testing.B) {
			r := newRun(b, 10)
			spans := make([]activity.Span, b.N)
			for i := range spans {
				spans[i] = r.span(i)
			}
			b.SetBytes(int64(len(spans[0].Payload)))
			b.ResetTimer()
			r.insert(b.Context(), atOnce, spans)
		})
	}
}

// insert adds spans from several goroutines.
func (r *run) insert(ctx context.Context, atOnce int, spans []activity.Span) {
	var next atomic.Int64
	var done sync.WaitGroup
	for range atOnce {
		done.Go(func() {
			for n := next.Add(1); n <= int64(len(spans)); n = next.Add(1) {
				if _, err := r.create(ctx, r.scope, spans[n-1:n], creation()); err != nil {
					r.t.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
}

// BenchmarkSpans measures the first page and the total of lists of many spans. SPANS is how many, 20,000 if it is not set.
func BenchmarkSpans(b *testing.B) {
	n := 20_000
	if text := os.Getenv("SPANS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	r := newRun(b, max(1, n/100))
	r.instances = append(r.instances[:1:1], r.instances...)
	began := time.Now()
	all := r.instances
	for i := 0; i < n; i += 500 {
		r.instances = []pfid.ID{all[0], all[i/100%len(all)]}[i/500%2:][:1] // the first has half of all
		spans := make([]activity.Span, 500)
		for j := range spans {
			spans[j] = r.span(i + j)
			spans[j].StartedAt = now().Add(time.Duration(i+j) * time.Millisecond)
			if i%2 == 0 {
				spans[j].Status = activity.Failed
			}
		}
		if _, err := r.create(b.Context(), r.scope, spans, activity.Creation{}); err != nil {
			b.Fatal(err)
		}
	}
	pages, _ := value[int](r.reader, "PRAGMA page_count")
	total, _ := value[int](r.reader, "SELECT SUM(activity_bytes) FROM accounts")
	b.Logf("%d spans in %v: the file has %d MiB, the spans count %d MiB", n, time.Since(began).Round(time.Second), pages>>8, total>>20)
	window := activity.SpanFilter{From: now().Add(time.Second), Until: now().Add(24 * time.Hour)}
	for _, list := range []struct {
		name   string
		filter activity.SpanFilter
		page   paging.Page
	}{
		{"instance", activity.SpanFilter{InstanceID: all[0]}, paging.Page{Sort: "started_at"}},
		{"instance by arrival", activity.SpanFilter{InstanceID: all[0]}, paging.Page{Sort: "inserted_at", Descending: true}},
		{"instance, window", activity.SpanFilter{InstanceID: all[0], From: window.From, Until: window.Until}, paging.Page{Sort: "started_at"}},
		{"small instance", activity.SpanFilter{InstanceID: all[len(all)/2]}, paging.Page{Sort: "status"}},
		{"agent", activity.SpanFilter{AgentID: r.agent}, paging.Page{Sort: "started_at", Descending: true}},
		{"agent, window", activity.SpanFilter{AgentID: r.agent, From: window.From, Until: window.Until}, paging.Page{Sort: "started_at", Descending: true}},
	} {
		b.Run(list.name, func(b *testing.B) {
			list.page.Size = 100
			for b.Loop() {
				if _, _, err := r.Activity.Spans(b.Context(), r.scope, list.filter, list.page); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
