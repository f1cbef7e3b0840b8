package web

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// batchTimeout bounds the time for a batch of tokens that all need a database query.
const batchTimeout = 10 * time.Second

var (
	inactive         = []byte(`{"active":false}`)
	needAccountToken = token.Need{Scopes: []token.Scope{token.ScopeAccount}}
)

// introspect answers whether a token is active and whose it is (RFC 7662).
func (s *Server) introspect(c *fasthttp.RequestCtx, form *fasthttp.Args) error {
	account, err := s.introspector(c, form)
	if err != nil {
		return err
	}
	secret, err := tokenOf(form)
	if err != nil {
		return err
	}
	body, err := s.appendIntrospection(make([]byte, 0, 768), c, secret, account)
	if err != nil {
		return err
	}
	s.answerJSON(c, http.StatusOK, body)
	return nil
}

// introspectBatch introspects each token of the form, in order.
func (s *Server) introspectBatch(c *fasthttp.RequestCtx, form *fasthttp.Args) error {
	account, err := s.introspector(c, form)
	if err != nil {
		return err
	}
	// Sequential, so that a batch loads the store no more than any other caller.
	ctx, cancel := context.WithTimeout(s.running, batchTimeout)
	defer cancel()
	body, first := []byte(`{"results":[`), true
	for name, secret := range form.All() {
		if string(name) != "token" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !first {
			body = append(body, ',')
		}
		first = false
		if body, err = s.appendIntrospection(body, c, secret, account); err != nil {
			return err
		}
	}
	if first {
		return errNoToken
	}
	s.answerJSON(c, http.StatusOK, append(body, `]}`...))
	return nil
}

// appendIntrospection appends what the account may know of a token, and records a use of its own tokens. Tokens of
// other accounts look like forgeries to it, and their use is not recorded.
func (s *Server) appendIntrospection(b []byte, c *fasthttp.RequestCtx, secret []byte, account pfid.ID) ([]byte, error) {
	verdict, err := s.Tokens.Check(context.Background(), secret, token.Need{Accounts: []pfid.ID{account}})
	if err != nil {
		return nil, err
	}
	if verdict.Reason != token.Good {
		if verdict.Reason != token.Insufficient { // else it belongs to another account
			s.tokenRefused(c, c.Path(), verdict.Reason, verdict.State)
		}
		return append(b, inactive...), nil
	}
	t := &verdict.State
	b = append(b, `{"active":true,"token_type":"Bearer","scope":"`...)
	b = append(b, t.Scope.String()...)
	b = append(b, `","exp":`...)
	b = strconv.AppendInt(b, t.ExpiresAt, 10)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, t.TokenID.Time().Unix(), 10) // an id holds its token's creation time
	b = appendGivenID(b, "client_id", t.TokenID)
	b = appendGivenID(b, "sub", t.Subject())
	b = s.issuedBy.appendOf(b, secret)
	b = appendGivenID(b, "account_id", t.AccountID)
	b = appendGivenID(b, "environment_id", t.EnvironmentID)
	b = appendGivenID(b, "agent_id", t.AgentID)
	b = appendGivenID(b, "agent_deployment_id", t.AgentDeploymentID)
	return append(b, '}'), nil
}

// appendGivenID appends an id as a JSON member, or nothing for the zero id.
func appendGivenID(b []byte, name string, id pfid.ID) []byte {
	if id.IsZero() {
		return b
	}
	return appendID(b, name, id)
}

// issuedBy is an issuer and audience, encoded for responses and for comparison with the claims of a token.
type issuedBy struct {
	members []byte // for a response
	// A token's claims begin with head, the subject and middle.
	head, middle []byte
}

func newIssuedBy(issuer, audience string) (issuedBy, error) {
	iss, err1 := json.Marshal(issuer)
	aud, err2 := json.Marshal(audience)
	return issuedBy{
		members: fmt.Appendf(nil, `,"iss":%s,"aud":%s`, iss, aud),
		head:    fmt.Appendf(nil, `{"iss":%s,"sub":"`, iss), middle: fmt.Appendf(nil, `","aud":[%s],`, aud),
	}, errors.Join(err1, err2)
}

// appendOf appends a valid token's own iss and aud (RFC 7662, section 2.2), even if the public URL or audience has
// changed since. Offline verifiers see the same values. The store knows the secret, so its claims are genuine.
func (now *issuedBy) appendOf(b, secret []byte) []byte {
	_, rest, _ := bytes.Cut(secret, []byte("."))
	payload, _, _ := bytes.Cut(rest, []byte("."))
	if now.begins(payload) {
		return append(b, now.members...)
	}
	var claims struct {
		Issuer   string   `json:"iss"`
		Audience []string `json:"aud"`
	}
	text, err := base64.RawURLEncoding.DecodeString(string(payload))
	if err != nil || json.Unmarshal(text, &claims) != nil || len(claims.Audience) != 1 {
		return b // no issued token is like this; both members are optional
	}
	then, err := newIssuedBy(claims.Issuer, claims.Audience[0])
	if err != nil {
		return b
	}
	return append(b, then.members...)
}

// begins reports whether a payload begins like those of tokens issued now. Nearly all do, which avoids parsing JSON.
func (now *issuedBy) begins(payload []byte) bool {
	var text [512]byte
	subject := len(now.head)
	middle := subject + pfid.TextSize
	whole := (middle + len(now.middle) + 2) / 3 * 4
	if whole > len(payload) || base64.RawURLEncoding.DecodedLen(whole) > len(text) {
		return false
	}
	n, err := base64.RawURLEncoding.Decode(text[:], payload[:whole])
	return err == nil && bytes.HasPrefix(text[:n], now.head) && bytes.HasPrefix(text[middle:n], now.middle)
}

// introspector returns the authenticated account. The client sends an account token as a bearer token, or the token's
// id and the token as client credentials, by HTTP Basic or in the form (RFC 6749, section 2.3.1).
func (s *Server) introspector(c *fasthttp.RequestCtx, form *fasthttp.Args) (pfid.ID, error) {
	headers := c.Request.Header.PeekAll("Authorization")
	id, secret := form.Peek("client_id"), form.Peek("client_secret")
	var scheme, credentials []byte
	if len(headers) == 1 {
		scheme, credentials, _ = bytes.Cut(headers[0], []byte(" "))
	}
	code, challenges := "invalid_client", []string{challengeNone}
	switch {
	case len(headers) > 1 || len(headers) == 1 && len(secret) > 0:
		return pfid.ID{}, invalidRequest("Authenticate in one way only.")
	case len(secret) > 0 && len(id) == 0:
		return pfid.ID{}, invalidRequest("The parameter client_id is missing.")
	case len(secret) > 0:
	case len(headers) == 0:
		return pfid.ID{}, &oauthError{http.StatusUnauthorized, code, "Authenticate with an account token.", challenges}
	case bytes.EqualFold(scheme, []byte("basic")):
		challenges = []string{challengeBasic, challengeNone}
		user, password := basic(credentials)
		if len(id) > 0 && !bytes.Equal(id, user) {
			password = nil
		}
		id, secret = user, password
	case !bytes.EqualFold(scheme, []byte("bearer")):
		challenges = []string{challengeBasic, challengeNone}
		return pfid.ID{}, &oauthError{http.StatusUnauthorized, code, "Authenticate by Basic or Bearer.", challenges}
	default:
		code = "invalid_token"
		secret, _ = bearer(&c.Request.Header, false)
	}
	verdict, err := s.Tokens.Check(context.Background(), secret, needAccountToken)
	if err != nil {
		return pfid.ID{}, err
	}
	reason := verdict.Reason
	if (code == "invalid_client" || len(id) > 0) && !isIDOf(&verdict.State, id) {
		reason = token.Unknown
	}
	s.tokenRefused(c, c.Path(), reason, verdict.State)
	switch reason {
	case token.Good:
		return verdict.State.AccountID, nil
	case token.Insufficient:
		return pfid.ID{}, &oauthError{http.StatusForbidden, "insufficient_scope", "Only account tokens may do this.", []string{string(refusals[reason].challenge)}}
	}
	if code == "invalid_token" {
		challenges = []string{string(refusals[reason].challenge)}
	}
	return pfid.ID{}, &oauthError{http.StatusUnauthorized, code, badTokenMessages[reason], challenges}
}

func isIDOf(t *token.State, id []byte) bool {
	var text [pfid.TextSize]byte
	return subtle.ConstantTimeCompare(t.TokenID.Append(text[:0]), id) == 1
}

// basic decodes Basic credentials, whose halves are form-encoded. Malformed credentials return empty.
func basic(encoded []byte) (user, password []byte) {
	pair, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(encoded)))
	if err != nil {
		return nil, nil
	}
	left, right, _ := bytes.Cut(pair, []byte(":"))
	id, err1 := url.QueryUnescape(string(left))
	secret, err2 := url.QueryUnescape(string(right))
	if err1 != nil || err2 != nil {
		return nil, nil
	}
	return []byte(id), []byte(secret)
}
