package validation

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// batchTimeout bounds the time for a batch of tokens that all need a database query.
const batchTimeout = 10 * time.Second

var (
	inactive         = []byte(`{"active":false}`)
	needAccountToken = token.Need{Scopes: []token.Scope{token.ScopeAccount}}
)

// Challenges of refused clients: those that tried Basic are told of it.
var byBearer, byBasic = []string{answer.ChallengeNone}, []string{challengeBasic, answer.ChallengeNone}

// introspect answers whether a token is active and whose it is (RFC 7662).
func (e *Endpoints) introspect(c *fasthttp.RequestCtx, form *fasthttp.Args) error {
	account, err := e.introspector(c, form)
	if err != nil {
		return err
	}
	secret, err := tokenOf(form)
	if err != nil {
		return err
	}
	text := drafts.Get().(*[maxText]byte)
	defer drafts.Put(text)
	body, err := e.appendIntrospection(context.Background(), text[:0], c, secret, account)
	if err != nil {
		return err
	}
	c.Response.Header.SetContentTypeBytes(answer.TypeJSON)
	c.Response.SetBody(body)
	e.fixed.Send(c, http.StatusOK)
	return nil
}

// introspectBatch introspects each token of the form, in order.
func (e *Endpoints) introspectBatch(c *fasthttp.RequestCtx, form *fasthttp.Args) error {
	account, err := e.introspector(c, form)
	if err != nil {
		return err
	}
	// Sequential, so that a batch loads the store no more than any other caller.
	ctx, cancel := context.WithTimeout(e.Running, batchTimeout)
	defer cancel()
	arrived, err := e.Tokens.Arrive(ctx)
	if err != nil {
		return err
	}
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
		if body, err = e.appendIntrospection(arrived, body, c, secret, account); err != nil {
			return err
		}
	}
	if first {
		return errNoToken
	}
	e.fixed.SendJSON(c, http.StatusOK, append(body, `]}`...))
	return nil
}

// appendIntrospection appends what the account may know of a token, and counts a use of its own tokens, without an address:
// the caller is not the client. Tokens of other accounts look like forgeries to it, and their use is not counted.
func (e *Endpoints) appendIntrospection(ctx context.Context, b []byte, c *fasthttp.RequestCtx, secret []byte, account pfid.ID) ([]byte, error) {
	verdict, err := e.Tokens.Check(ctx, secret, token.Need{Accounts: []pfid.ID{account}})
	e.count(c, atIntrospect, &verdict, err)
	if err != nil {
		return nil, err
	}
	if verdict.Reason != token.Good {
		if verdict.Reason != token.Insufficient { // else it belongs to another account
			e.tokenRefused(c, c.Path(), verdict.Reason, verdict.State)
		}
		return append(b, inactive...), nil
	}
	t := &verdict.State
	b = append(b, `{"active":true,"token_type":"Bearer","scope":"`...)
	b = append(b, t.Scope.String()...)
	b = append(b, `","exp":`...)
	b = strconv.AppendInt(b, t.ExpiresAt, 10)
	b = append(b, `,"iat":`...)
	issued := t.TokenID.Time().Unix() // an id holds its token's creation time
	if t.RotatedAt != 0 {
		issued = e.Keys.IssuedAt(secret)
	}
	b = strconv.AppendInt(b, issued, 10)
	b = appendGivenID(b, "client_id", t.TokenID)
	b = appendGivenID(b, "sub", t.Subject())
	b = e.Keys.AppendIssuer(b, secret)
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

// introspector returns the authenticated account. The client sends an account token as a bearer token, or the token's
// id and the token as client credentials, by HTTP Basic or in the form (RFC 6749, section 2.3.1). It counts the use of the
// token. A nil form is one that is not read yet: then an accepted use is not counted, because the form may name another client.
func (e *Endpoints) introspector(c *fasthttp.RequestCtx, form *fasthttp.Args) (pfid.ID, error) {
	client := readClient(&c.Request.Header)
	var id, secret []byte
	if form != nil {
		id, secret = form.Peek("client_id"), form.Peek("client_secret")
	}
	code, challenges := "invalid_client", byBearer
	switch {
	case client.headers > 1 || client.headers == 1 && len(secret) > 0:
		return pfid.ID{}, invalidRequest("Authenticate in one way only.")
	case len(secret) > 0 && len(id) == 0:
		return pfid.ID{}, invalidRequest("The parameter client_id is missing.")
	case len(secret) > 0:
	case client.headers == 0:
		return pfid.ID{}, &oauthError{http.StatusUnauthorized, code, "Authenticate with an account token.", challenges}
	case client.isBasic:
		challenges = byBasic
		if len(id) > 0 && !bytes.Equal(id, client.id) {
			client.secret = nil
		}
		id, secret = client.id, client.secret
	case client.isBearer:
		code, secret = "invalid_token", client.secret
	default:
		return pfid.ID{}, &oauthError{http.StatusUnauthorized, code, "Authenticate by Basic or Bearer.", byBasic}
	}
	verdict, err := e.Tokens.Judge(context.Background(), secret, needAccountToken)
	if (code == "invalid_client" || len(id) > 0) && !isIDOf(&verdict.State, id) {
		verdict = token.Verdict{} // no use of the token, and its state is not told
	}
	if form != nil || err != nil || verdict.Reason != token.Good {
		e.countUse(c, atClient, &verdict, err, needAccountToken)
	}
	if err != nil {
		return pfid.ID{}, err
	}
	reason := verdict.Reason
	e.tokenRefused(c, c.Path(), reason, verdict.State)
	switch reason {
	case token.Good:
		return verdict.State.AccountID, nil
	case token.Insufficient:
		return pfid.ID{}, &oauthError{http.StatusForbidden, "insufficient_scope", "Only account tokens may do this.", []string{string(refusals[reason].Challenge)}}
	}
	message := badTokenMessages[reason]
	switch {
	case code == "invalid_token":
		challenges = []string{string(refusals[reason].Challenge)}
	case reason == token.Unknown: // one message, so that it does not tell which of the two is wrong
		message = "The client id must be the id of an account token, and the client secret that token."
	}
	return pfid.ID{}, &oauthError{http.StatusUnauthorized, code, message, challenges}
}

// client is what the Authorization headers of a request say about its client.
type client struct {
	headers           int    // how many there are
	isBasic, isBearer bool   // the scheme, if there is one header
	id, secret        []byte // empty if they are missing or malformed; Bearer has no id
}

func readClient(h *fasthttp.RequestHeader) (client client) {
	values := h.PeekAll("Authorization")
	if client.headers = len(values); client.headers != 1 {
		return client
	}
	scheme, credentials, _ := bytes.Cut(values[0], []byte(" "))
	switch {
	case bytes.EqualFold(scheme, []byte("bearer")):
		client.isBearer = true
		client.secret = bytes.TrimLeft(credentials, " ")
	case bytes.EqualFold(scheme, []byte("basic")):
		client.isBasic = true
		client.id, client.secret = basic(credentials)
	}
	return client
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
