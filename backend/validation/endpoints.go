// Package validation serves the validation endpoints on raw fasthttp: for gateways, for clients that check their own
// token, and for OAuth. It also publishes what offline verifiers need.
package validation

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/pfid"
	"tokentab/backend/request"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

// Keys reads what the signing keys have signed, and publishes them.
type Keys interface {
	PublicKeys(ctx context.Context) ([]signer.JWK, error)
	// IssuedAt returns the iat of a known secret, in Unix seconds; 0 if it has none.
	IssuedAt(secret []byte) int64
	// AppendIssuer appends the iss and aud of a known secret as JSON members, each with a comma before it.
	AppendIssuer(b, secret []byte) []byte
}

// Parts are the dependencies of Endpoints.
type Parts struct {
	Tokens  *token.Tokens
	Keys    Keys
	Issuer  string // address of this server for clients
	Source  *request.Source
	Log     *answer.FoldedLog
	Running context.Context // ends when requests are cut off
	// RefusedAtAPI is called for each issued token that the management API refused.
	RefusedAtAPI func(c *fasthttp.RequestCtx, refused *token.State, reason, address string)
}

// Endpoints serves the validation endpoints.
type Endpoints struct {
	Parts
	fixed       answer.Fixed
	accepted    *answer.Prepared
	refused     [len(refusals)]*answer.Prepared // by reason
	publicHost  string                          // host and port of the public URL; empty without one
	warnGateway sync.Once
	warnNeeds   misspellings
	warnNeed    sync.Once
	counts      counts
	strangers   *request.Memory // for large bodies of unauthenticated callers
}

// maxStrangerBodies is how many bytes the large bodies of unauthenticated callers may have together.
const maxStrangerBodies = 16 << 20

// New returns the endpoints.
func New(parts Parts) *Endpoints {
	e := &Endpoints{Parts: parts, fixed: answer.NewFixed(parts.Source.AlwaysHTTPS), strangers: request.NewMemory(request.MaxStrangerBody, maxStrangerBodies)}
	e.accepted = e.fixed.Prepare(http.StatusOK)
	for reason, refusal := range refusals {
		e.refused[reason] = e.fixed.PrepareRefusal(refusal)
	}
	if public, err := url.Parse(parts.Source.PublicURL); err == nil {
		e.publicHost = public.Host
		if port := request.UsualPorts[public.Scheme]; public.Host != "" && public.Port() == "" {
			e.publicHost += ":" + port
		}
	}
	return e
}

// Paths of the validation endpoints.
var (
	pathValidate = []byte("/api/v1/validate")
	pathPing     = []byte("/api/v1/ping")
)

// Header names in canonical form, so that responses need no conversion.
var (
	headerTokenID           = []byte("X-Token-Id")
	headerTokenScope        = []byte("X-Token-Scope")
	headerAccountID         = []byte("X-Account-Id")
	headerEnvironmentID     = []byte("X-Environment-Id")
	headerAgentID           = []byte("X-Agent-Id")
	headerAgentDeploymentID = []byte("X-Agent-Deployment-Id")
	headerTokenExpiresAt    = []byte("X-Token-Expires-At")
)

// refusals holds one response per reason. Unknown, forged and malformed secrets all get that of Unknown: only the
// holder of an issued token learns the reason.
var refusals = [...]answer.Refusal{
	token.Unknown:      answer.NewRefusal(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.Unknown], answer.ChallengeInvalid),
	token.IsSuspended:  answer.NewRefusal(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.IsSuspended], answer.ChallengeInvalid+`, error_description="The token is suspended"`),
	token.IsRevoked:    answer.NewRefusal(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.IsRevoked], answer.ChallengeInvalid+`, error_description="The token is revoked"`),
	token.IsExpired:    answer.NewRefusal(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.IsExpired], answer.ChallengeInvalid+`, error_description="The token has expired"`),
	token.IsReplaced:   answer.NewRefusal(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.IsReplaced], answer.ChallengeInvalid+`, error_description="The token was rotated and this secret has ended"`),
	token.Insufficient: answer.NewRefusal(http.StatusForbidden, "not_permitted", "This token does not satisfy the requirements of this request.", answer.ChallengeNone+`, error="insufficient_scope"`),
}

// badTokenMessages are the messages for refused tokens.
var badTokenMessages = map[token.Reason]string{
	token.Unknown: "This token is not valid.", token.IsSuspended: "Token suspended.", token.IsRevoked: "Token revoked.", token.IsExpired: "Token expired.",
	token.IsReplaced: "Token rotated: this secret has ended.",
}

var (
	noCredential = answer.NewRefusal(http.StatusUnauthorized, "not_authenticated", "Send an API token as a bearer token.", answer.ChallengeNone)
	couldNotTell = answer.NewRefusal(http.StatusServiceUnavailable, "unexpected", "The store does not answer right now. Try again.", "")
)

// Serve answers a request to a validation endpoint. It returns false for other requests. extended reports that a header
// name starts with X-, as those of proxies do.
func (e *Endpoints) Serve(c *fasthttp.RequestCtx, extended bool) bool {
	path := c.URI().PathOriginal()
	if isTimed(c) {
		c.Time() // reads the clock, which counts.add compares with
	}
	switch {
	case isForGateways(path):
		e.guarded(c, func(c *fasthttp.RequestCtx) { e.validate(c, extended) })
	case extended && e.RefuseGateway(c), bytes.Equal(path, pathPing) && e.refuseNeeds(c):
	case bytes.Equal(path, pathPing) && (c.IsGet() || c.IsHead()):
		e.guarded(c, e.ping)
	case bytes.Equal(path, pathPing):
		c.Response.Header.Set("Allow", "GET, HEAD")
		e.fixed.Refuse(c, answer.MethodNotTaken)
	case string(path) == pathIntrospect:
		e.oauth(c, formOfOne, e.introspect)
	case string(path) == pathIntrospectBatch:
		e.oauth(c, formOfBatch, e.introspectBatch)
	case string(path) == pathRevoke:
		e.Source.Identify(c)
		e.oauth(c, formOfOne, e.revoke)
	default:
		return false
	}
	return true
}

func isForGateways(path []byte) bool {
	return bytes.HasPrefix(path, pathValidate) && (len(path) == len(pathValidate) || path[len(pathValidate)] == '/')
}

// below returns the path below the endpoint for gateways.
func below(c *fasthttp.RequestCtx) []byte {
	path, _ := bytes.CutPrefix(c.URI().PathOriginal(), pathValidate)
	return path
}

// IgnoresBody reports whether the endpoint at this path reads no body.
func IgnoresBody(path []byte) bool { return isForGateways(path) || bytes.Equal(path, pathPing) }

// guarded answers 503 if the endpoint panics, so that a panic lets no request through and the program continues.
func (e *Endpoints) guarded(c *fasthttp.RequestCtx, endpoint func(*fasthttp.RequestCtx)) {
	defer func() {
		if cause := recover(); cause != nil {
			id := e.Source.Identify(c)
			e.Log.Error("a validation endpoint panicked", "request_id", id, "cause", cause, "stack", string(debug.Stack()))
			c.Response.Reset()
			request.SetID(c, id)
			c.SetConnectionClose() // the connection's state is unknown
			e.fixed.Refuse(c, couldNotTell)
		}
	}()
	endpoint(c)
}

// validate is the endpoint for gateways. The status is the verdict, and headers carry the identity. An accepted request
// gets no body, since some proxies can't reuse a connection with an unread one.
func (e *Endpoints) validate(c *fasthttp.RequestCtx, extended bool) {
	secret, presented := bearer(&c.Request.Header, true)
	if !presented {
		e.counts.add(c, atValidate, missing)
		e.fixed.Refuse(c, noCredential)
		return
	}
	verdict, misspelt, err := e.judge(c, secret, extended)
	if misspelt > 0 {
		e.warnNeeds.log(e.Log.Logger, misspelt)
	}
	if err != nil {
		e.cannotTell(c, err)
		return
	}
	if verdict.Reason != token.Good {
		e.tokenRefused(c, pathValidate, verdict.Reason, verdict.State)
		e.refused[verdict.Reason].Send(c)
		return
	}
	e.accepted.Send(c)
	h, t := &c.Response.Header, &verdict.State
	var text [64]byte // which fasthttp copies
	h.SetCanonical(headerTokenID, t.TokenID.Append(text[:0]))
	h.SetCanonical(headerTokenScope, append(text[:0], t.Scope.String()...))
	h.SetCanonical(headerAccountID, t.AccountID.Append(text[:0]))
	h.SetCanonical(headerEnvironmentID, t.EnvironmentID.Append(text[:0]))
	h.SetCanonical(headerAgentID, t.AgentID.Append(text[:0]))
	h.SetCanonical(headerAgentDeploymentID, t.AgentDeploymentID.Append(text[:0]))
	h.SetCanonical(headerTokenExpiresAt, time.Unix(t.ExpiresAt, 0).UTC().AppendFormat(text[:0], time.RFC3339))
}

// judge checks a secret against the requirements of a request. misspelt is as in needs.read.
func (e *Endpoints) judge(c *fasthttp.RequestCtx, secret []byte, extended bool) (verdict token.Verdict, misspelt int, err error) {
	if !extended && len(c.URI().QueryString()) == 0 && len(below(c)) < 2 { // there are none
		verdict, err = e.check(context.Background(), c, atValidate, secret)
		return verdict, 0, err
	}
	needed := needsPool.Get().(*needs)
	defer needsPool.Put(needed)
	all := unmet
	if !hasLongQuery(c.URI()) || !e.isRefused(context.Background(), secret) {
		all, misspelt = needed.read(c)
	}
	verdict, err = e.check(context.Background(), c, atValidate, secret, all...)
	return verdict, misspelt, err
}

// drafts are buffers for response values. fasthttp copies them; without a pool each response would allocate.
var drafts = sync.Pool{New: func() any { return new([maxText]byte) }}

// maxText is the usual length, in bytes, of the longest text in such a buffer: the body of an introspection. A long issuer takes
// more, and another buffer.
const maxText = 768

// ping is the endpoint for SDKs, which check their token when they start.
func (e *Endpoints) ping(c *fasthttp.RequestCtx) {
	secret, presented := bearer(&c.Request.Header, false)
	if !presented {
		e.counts.add(c, atPing, missing)
		e.fixed.Refuse(c, noCredential)
		return
	}
	verdict, err := e.check(context.Background(), c, atPing, secret)
	if err != nil {
		e.cannotTell(c, err)
		return
	}
	if verdict.Reason != token.Good {
		e.tokenRefused(c, pathPing, verdict.Reason, verdict.State)
		e.refused[verdict.Reason].Send(c)
		return
	}
	t := &verdict.State
	text := drafts.Get().(*[maxText]byte)
	b := append(text[:0], `{"status":"success","details":{"token_type":"api","token_id":"`...)
	b = t.TokenID.Append(b)
	b = append(b, `","token_scope":"`...)
	b = append(b, t.Scope.String()...)
	b = append(b, `","account_id":"`...)
	b = t.AccountID.Append(b)
	b = append(b, '"')
	b = appendID(b, "environment_id", t.EnvironmentID)
	b = appendID(b, "agent_id", t.AgentID)
	b = appendID(b, "agent_deployment_id", t.AgentDeploymentID)
	b = append(b, `,"expires_at":`...)
	b = time.Unix(t.ExpiresAt, 0).UTC().AppendFormat(b, answer.TimeFormat)
	b = append(b, `}}`...)
	e.accepted.Send(c)
	c.Response.Header.SetContentTypeBytes(answer.TypeJSON)
	c.Response.SetBody(b)
	drafts.Put(text)
}

func appendID(b []byte, name string, id pfid.ID) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	if id.IsZero() {
		return append(b, `":null`...)
	}
	b = append(b, `":"`...)
	b = id.Append(b)
	return append(b, '"')
}

// cannotTell answers 503 and logs the cause, folded, since every request fails while the store is down.
func (e *Endpoints) cannotTell(c *fasthttp.RequestCtx, err error) {
	e.Log.Failed("tokens can't be checked", err, slog.String("request_id", e.Source.Identify(c)))
	c.Response.Header.Set("Retry-After", "1")
	e.fixed.Refuse(c, couldNotTell)
}
