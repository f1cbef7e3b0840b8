package web_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// BenchmarkSpanReports measures creates of spans of 1 KiB, from the parsed request to the response, by as many callers
// at once.
func BenchmarkSpanReports(b *testing.B) {
	p := backendtest.Start(b)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"bot","external_identifier":"bot"}}`, backendtest.Bearer(secret))
	instance := p.Call(http.MethodPost, "/api/v1/agent_instance/register", `{"agent_id":"bot","agent_version":{"external_identifier":"1"}}`, backendtest.Bearer(secret)).Text(b, "details", "id")
	handler := p.Web.Handler()
	var n atomic.Int64
	for _, callers := range []int{8, 32} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			noise := make([]byte, 500)
			_, _ = rand.Read(noise)
			text := hex.EncodeToString(noise)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					var c fasthttp.RequestCtx
					for left.Add(-1) >= 0 {
						c.Request.Reset()
						c.Response.Reset()
						c.Request.Header.SetMethod(http.MethodPost)
						c.Request.SetRequestURI("/api/v1/agent_spans")
						c.Request.Header.Set("Authorization", "Bearer "+secret)
						c.Request.Header.SetContentType("application/json")
						c.Request.SetBodyString(fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"s","status":"active","payload":{"n":%d,"noise":%q}},"idempotency_key":"key-%d"}`, instance, n.Load(), text, n.Add(1)))
						handler(&c)
						if c.Response.StatusCode() != http.StatusOK {
							b.Errorf("%s", c.Response.Body())
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "spans/s")
		})
	}
}
