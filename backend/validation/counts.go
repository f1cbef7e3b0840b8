package validation

import (
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/metrics"
	"tokentab/backend/token"
)

// endpoint is where a credential was presented.
type endpoint uint8

const (
	atValidate endpoint = iota
	atPing
	atIntrospect // tokens that were introspected
	atClient     // credentials of the clients that introspect
	atAPI        // bearer tokens of the management API
	endpoints
)

var endpointNames = [endpoints]string{atValidate: "validate", atPing: "ping", atIntrospect: "introspect", atClient: "introspect_client", atAPI: "api"}

// outcome is a token.Reason, or one of the outcomes after them.
type outcome uint8

const (
	missing  = outcome(token.Insufficient) + 1 + iota // no credential
	failed                                            // the store could not tell
	outcomes = failed + 1
)

var outcomeNames = [outcomes]string{
	token.Unknown: "unknown", token.Good: "valid", token.IsSuspended: "suspended", token.IsRevoked: "revoked", token.IsExpired: "expired",
	token.IsReplaced: "replaced", token.Insufficient: "insufficient", missing: "missing", failed: "error",
}

// countShards is a power of two. Connections spread over the shards, so that processors seldom write to the same one.
const countShards = 8

// timedEvery is a power of two: of so many requests of a connection, the first is timed. Reading the clock for each one would
// cost more than counting it.
const timedEvery = 16

func isTimed(c *fasthttp.RequestCtx) bool { return c.ConnRequestNum()%timedEvery == 1 }

// counts counts validations. The zero value is ready.
type counts struct {
	shards [countShards]struct {
		n [endpoints][outcomes]atomic.Uint64
		_ [64]byte // keeps two shards apart in the processor's cache
	}
	took metrics.Histogram
	// revocations are the requests to revoke a token (RFC 7009), whether there was something to revoke or not.
	revocations, failedRevocations atomic.Uint64
}

// add counts a validation of a request.
func (s *counts) add(c *fasthttp.RequestCtx, at endpoint, o outcome) {
	s.shards[c.ConnID()%countShards].n[at][o].Add(1)
	if isTimed(c) && at <= atPing {
		s.took.Observe(time.Since(c.Time()))
	}
}

// EachCount calls add for each endpoint and verdict, also for those with no validations.
func (e *Endpoints) EachCount(add func(n uint64, endpoint, verdict string)) {
	for at, name := range endpointNames {
		for o, verdict := range outcomeNames {
			var n uint64
			for i := range e.counts.shards {
				n += e.counts.shards[i].n[at][o].Load()
			}
			add(n, name, verdict)
		}
	}
}

// EachRevocation calls add for each result of requests to revoke a token (RFC 7009).
func (e *Endpoints) EachRevocation(add func(n uint64, result string)) {
	add(e.counts.revocations.Load(), "done")
	add(e.counts.failedRevocations.Load(), "error")
}

// Took returns how long some of the requests to validate and ping took, from their headers to the verdict: the first of
// each sixteen of a connection.
func (e *Endpoints) Took() *metrics.Histogram { return &e.counts.took }
