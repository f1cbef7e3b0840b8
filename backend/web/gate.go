package web

import (
	"bytes"
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

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
	headerChallenge         = []byte("Www-Authenticate")
	contentTypeJSON         = []byte("application/json; charset=utf-8")
)

// Challenges (RFC 6750, section 3). Requests without a credential get no error code (section 3.1).
const (
	challengeNone    = `Bearer realm="tokentab"`
	challengeInvalid = challengeNone + `, error="invalid_token"`
)

// refusal is a prepared response to a refused request.
type refusal struct {
	status    int
	body      []byte
	challenge []byte // WWW-Authenticate; may be empty
}

// refusalOf returns a refusal in the error envelope. Its arguments must need no JSON escaping.
func refusalOf(status int, code, message, challenge string) refusal {
	body := `{"status":"error","code":"` + code + `","message":"` + message + `"}`
	return refusal{status: status, body: []byte(body), challenge: []byte(challenge)}
}

// refusals holds one response per reason. Unknown, forged and malformed secrets all get that of Unknown: only the
// holder of an issued token learns the reason.
var refusals = [...]refusal{
	token.Unknown:      refusalOf(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.Unknown], challengeInvalid),
	token.IsSuspended:  refusalOf(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.IsSuspended], challengeInvalid+`, error_description="The token is suspended"`),
	token.IsRevoked:    refusalOf(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.IsRevoked], challengeInvalid+`, error_description="The token is revoked"`),
	token.IsExpired:    refusalOf(http.StatusUnauthorized, "bad_authtoken", badTokenMessages[token.IsExpired], challengeInvalid+`, error_description="The token has expired"`),
	token.Insufficient: refusalOf(http.StatusForbidden, "not_permitted", "This token does not satisfy the requirements of this request.", challengeNone+`, error="insufficient_scope"`),
}

// badTokenMessages are the messages for refused tokens.
var badTokenMessages = map[token.Reason]string{
	token.Unknown: "This token is not valid.", token.IsSuspended: "Token suspended.", token.IsRevoked: "Token revoked.", token.IsExpired: "Token expired.",
}

var (
	noCredential   = refusalOf(http.StatusUnauthorized, "not_authenticated", "Send an API token as a bearer token.", challengeNone)
	methodNotTaken = refusalOf(http.StatusMethodNotAllowed, "bad_request", "This address does not take that method.", "")
	unreadable     = refusalOf(http.StatusBadRequest, "bad_request", "The request can't be read.", "")
	unknownMethod  = refusalOf(http.StatusNotImplemented, "not_implemented", "This server does not know that method.", "")
	couldNotTell   = refusalOf(http.StatusServiceUnavailable, "unexpected", "The store does not answer right now. Try again.", "")
)

// gate serves the validation endpoints and passes everything else on. It matches the path as it was sent. It refuses a
// # in the target: a fragment belongs to browsers (RFC 9112, section 3.2) and could hide a requirement.
func (s *Server) gate(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		path := c.URI().PathOriginal()
		ambiguous, extended := readLines(&c.Request.Header)
		switch {
		case ambiguous || len(c.URI().Hash()) > 0:
			c.SetConnectionClose()
			s.refuse(c, unreadable)
		case isForGateways(path):
			s.guarded(c, s.validate)
		case extended && s.asksAboutAnother(c):
			s.refuseGateway(c)
		case bytes.Equal(path, pathPing) && (c.IsGet() || c.IsHead()):
			s.guarded(c, s.ping)
		case bytes.Equal(path, pathPing):
			c.Response.Header.Set("Allow", "GET, HEAD")
			s.refuse(c, methodNotTaken)
		case string(path) == pathIntrospect:
			s.oauth(c, formOfOne, s.introspect)
		case string(path) == pathIntrospectBatch:
			s.oauth(c, formOfBatch, s.introspectBatch)
		case string(path) == pathRevoke:
			s.oauth(c, formOfOne, s.revoke)
		case !slices.Contains(fiber.DefaultMethods, string(c.Method())):
			s.refuse(c, unknownMethod)
		case c.IsHead(): // like GET, without the body (RFC 9110, section 9.3.2)
			c.Request.Header.SetMethod(http.MethodGet)
			next(c)
			if c.Response.SkipBody = true; !c.Response.IsBodyStream() {
				c.Response.Header.SetContentLength(len(c.Response.Body()))
			}
		default:
			next(c)
		}
	}
}

func isForGateways(path []byte) bool {
	return bytes.HasPrefix(path, pathValidate) && (len(path) == len(pathValidate) || path[len(pathValidate)] == '/')
}

// guarded answers 503 if the endpoint panics, so that a panic lets no request through and the program continues.
func (s *Server) guarded(c *fasthttp.RequestCtx, endpoint func(*fasthttp.RequestCtx)) {
	defer func() {
		if cause := recover(); cause != nil {
			s.Log.Error("a validation endpoint panicked", "cause", cause, "stack", string(debug.Stack()))
			c.Response.Reset()
			c.SetConnectionClose() // the connection's state is unknown
			s.refuse(c, couldNotTell)
		}
	}()
	endpoint(c)
}

// validate is the endpoint for gateways. The status is the verdict, and headers carry the identity. An accepted request
// gets no body, since some proxies can't reuse a connection with an unread one.
func (s *Server) validate(c *fasthttp.RequestCtx) {
	secret, presented := bearer(&c.Request.Header, true)
	if !presented {
		s.refuse(c, noCredential)
		return
	}
	needed := needsPool.Get().(*needs)
	all, misspelt := needed.read(c)
	verdict, err := s.Tokens.Check(context.Background(), secret, all...)
	needsPool.Put(needed)
	if misspelt > 0 {
		s.warnNeeds.log(s.Log, misspelt)
	}
	if err != nil {
		s.cannotTell(c, err)
		return
	}
	if verdict.Reason != token.Good {
		s.tokenRefused(c, pathValidate, verdict.Reason, verdict.State)
		s.refuse(c, refusals[verdict.Reason])
		return
	}
	h, t := &c.Response.Header, &verdict.State
	text := drafts.Get().(*[maxText]byte)
	h.DisableNormalizing() // the names are in canonical form
	h.SetCanonical(headerTokenID, t.TokenID.Append(text[:0]))
	h.SetCanonical(headerTokenScope, append(text[:0], t.Scope.String()...))
	h.SetCanonical(headerAccountID, t.AccountID.Append(text[:0]))
	h.SetCanonical(headerEnvironmentID, t.EnvironmentID.Append(text[:0]))
	h.SetCanonical(headerAgentID, t.AgentID.Append(text[:0]))
	h.SetCanonical(headerAgentDeploymentID, t.AgentDeploymentID.Append(text[:0]))
	h.SetCanonical(headerTokenExpiresAt, time.Unix(t.ExpiresAt, 0).UTC().AppendFormat(text[:0], time.RFC3339))
	drafts.Put(text)
	s.answerNoStore(c, http.StatusOK)
}

// drafts are buffers for response values. fasthttp copies them; without a pool each response would allocate.
var drafts = sync.Pool{New: func() any { return new([maxText]byte) }}

// maxText is the longest text in such a buffer, in bytes: the body of ping.
const maxText = 512

// ping is the endpoint for SDKs, which check their token when they start.
func (s *Server) ping(c *fasthttp.RequestCtx) {
	secret, presented := bearer(&c.Request.Header, false)
	if !presented {
		s.refuse(c, noCredential)
		return
	}
	verdict, err := s.Tokens.Check(context.Background(), secret)
	if err != nil {
		s.cannotTell(c, err)
		return
	}
	if verdict.Reason != token.Good {
		s.tokenRefused(c, pathPing, verdict.Reason, verdict.State)
		s.refuse(c, refusals[verdict.Reason])
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
	b = time.Unix(t.ExpiresAt, 0).UTC().AppendFormat(b, timestampFormat)
	b = append(b, `}}`...)
	c.Response.Header.SetContentTypeBytes(contentTypeJSON)
	c.Response.SetBody(b)
	drafts.Put(text)
	s.answerNoStore(c, http.StatusOK)
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
func (s *Server) cannotTell(c *fasthttp.RequestCtx, err error) {
	s.failed("tokens can't be checked", err)
	c.Response.Header.Set("Retry-After", "1")
	s.refuse(c, couldNotTell)
}

func (s *Server) refuse(c *fasthttp.RequestCtx, r refusal) {
	if len(r.challenge) > 0 {
		c.Response.Header.SetCanonical(headerChallenge, r.challenge)
	}
	c.Response.Header.SetContentTypeBytes(contentTypeJSON)
	c.Response.SetBodyRaw(r.body)
	s.answerNoStore(c, r.status)
}

func (s *Server) answerNoStore(c *fasthttp.RequestCtx, status int) {
	c.Response.Header.DisableNormalizing()
	for _, header := range s.headers {
		c.Response.Header.SetCanonical(header.name, header.value)
	}
	c.Response.SetStatusCode(status)
}

var schemeBearer = []byte("bearer ")

// bearer returns the secret in a request. presented is false if the request carries no credential. Repeated credentials
// and other schemes count as presented, with an empty secret that is never accepted (RFC 6750, section 2.1). Malformed
// secrets are returned unchanged, since no such secret was issued. With keyHeader, X-API-Key is read if Authorization
// is missing.
func bearer(h *fasthttp.RequestHeader, keyHeader bool) (secret []byte, presented bool) {
	switch values := h.PeekAll("Authorization"); len(values) {
	case 0:
	case 1:
		value := values[0]
		if len(value) <= len(schemeBearer) || !bytes.EqualFold(value[:len(schemeBearer)], schemeBearer) {
			return nil, true
		}
		return bytes.TrimLeft(value[len(schemeBearer):], " "), true
	default:
		return nil, true
	}
	if !keyHeader {
		return nil, false
	}
	switch values := h.PeekAll("X-API-Key"); len(values) {
	case 0:
		return nil, false
	case 1:
		return values[0], true
	default:
		return nil, true
	}
}
