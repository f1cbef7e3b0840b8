package validation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tokentab/backend/backendtest"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

// forgeries returns values that are not tokens of this installation; some resemble the secret.
func forgeries(t *testing.T, p *backendtest.Program, secret string) map[string]string {
	t.Helper()
	sign := func(method jwt.SigningMethod, key any, change func(*jwt.Token)) string {
		parsed, _, err := jwt.NewParser().ParseUnverified(secret, jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		kid := parsed.Header["kid"]
		parsed.Method, parsed.Header = method, map[string]any{"alg": method.Alg(), "typ": "at+jwt", "kid": kid}
		if change != nil {
			change(parsed)
		}
		forged, err := parsed.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return forged
	}
	foreignKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwks := p.Call(http.MethodGet, "/.well-known/jwks.json", nil).Body
	parts := strings.Split(secret, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	changed := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), `"exp":`, `"exp":9`, 1)))
	rival := backendtest.Start(t)
	_, rivalSecret := rival.Issue(rival.Found(), token.Order{Scope: token.ScopeAccount})
	return map[string]string{
		"alg none":                  sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"HS256 with the public key": sign(jwt.SigningMethodHS256, []byte(jwks), nil),
		"a foreign key, our kid":    sign(jwt.SigningMethodES256, foreignKey, nil),
		"a changed claim":           parts[0] + "." + changed + "." + parts[2],
		"truncated":                 secret[:len(secret)-1],
		"without its signature":     parts[0] + "." + parts[1] + ".",
		"with something behind":     secret + "A",
		"over-long":                 secret + strings.Repeat("A", 5000),
		"another installation's":    rivalSecret,
		"no JWT":                    "hello",
		"upper case":                strings.ToUpper(secret),
	}
}

func authorization(value string) backendtest.Header {
	return backendtest.Header{Name: "Authorization", Value: value}
}

func TestWhatIsNotOursGetsOneAndTheSameAnswer(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	requests := map[string][]backendtest.Header{
		"wrong scheme":             {authorization("Basic " + secret)},
		"scheme alone":             {authorization("Bearer")},
		"empty token":              {authorization("Bearer ")},
		"no scheme":                {authorization(secret)},
		"two tokens in one header": {authorization("Bearer " + secret + " " + secret)},
		"two tokens with a comma":  {authorization("Bearer " + secret + "," + secret)},
		"two headers":              {backendtest.Bearer(secret), backendtest.Bearer(secret)},
		"quotes":                   {authorization(`Bearer "` + secret + `"`)},
	}
	for name, forged := range forgeries(t, p, secret) {
		requests[name] = []backendtest.Header{backendtest.Bearer(forged)}
	}
	comparable := func(a backendtest.Answer) string {
		h := a.Header.Clone()
		h.Del("Date")
		h.Del("X-Request-Id")
		return fmt.Sprint(a.Status, h, a.Body)
	}
	for _, endpoint := range []string{"/api/v1/ping", "/api/v1/validate", "/api/v1/api_token"} {
		want := p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer("unknown"))
		if want.Status != http.StatusUnauthorized || want.Text(t, "code") != "bad_authtoken" || !strings.Contains(want.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: an unknown token gets %d %v %s", endpoint, want.Status, want.Header, want.Body)
		}
		for name, headers := range requests {
			// Twice, because the second refusal comes from the cache.
			for range 2 {
				if got := p.Call(http.MethodGet, endpoint, nil, headers...); comparable(got) != comparable(want) {
					t.Errorf("%s, %s:\n%s\nwant\n%s", endpoint, name, comparable(got), comparable(want))
				}
			}
		}
		none := p.Call(http.MethodGet, endpoint, nil)
		if none.Status != http.StatusUnauthorized || none.Text(t, "code") != "not_authenticated" || none.Header.Get("WWW-Authenticate") != `Bearer realm="tokentab"` {
			t.Errorf("%s without a credential: %d %v %s", endpoint, none.Status, none.Header, none.Body)
		}
		p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Want(t, endpoint+": the token itself", http.StatusOK)
	}
	for _, headers := range requests {
		for _, h := range headers {
			if value := strings.TrimPrefix(h.Value, "Bearer "); len(value) > 20 && strings.Contains(p.Log.String(), value) {
				t.Errorf("the log holds %q", h.Value)
			}
		}
	}
}

func TestTheHolderOfARealTokenIsToldWhyItIsRefused(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	suspended, suspendedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	revoked, revokedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, expiredSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Minute)})
	p.Suspend(actor, suspended.ID)
	p.Revoke(actor, revoked.ID)
	p.Clock.Move(time.Minute)
	for why, secret := range map[string]string{"suspended": suspendedSecret, "revoked": revokedSecret, "expired": expiredSecret} {
		for _, endpoint := range []string{"/api/v1/ping", "/api/v1/validate", "/api/v1/account"} {
			a := p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret))
			if a.Status != http.StatusUnauthorized || a.Text(t, "code") != "bad_authtoken" || !strings.Contains(a.Text(t, "message"), why) {
				t.Errorf("%s: %d %s", why, a.Status, a.Body)
			}
		}
	}
}

func TestAGoodAnswerForGatewaysCarriesAllIdentityHeadersAndNoBody(t *testing.T) {
	p := backendtest.Start(t)
	actor, made, secret := p.Deployed()
	_, accountSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	a := p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret))
	want := map[string]string{
		"X-Token-Id": made.ID.String(), "X-Token-Scope": "agent_deployment", "X-Account-Id": made.AccountID.String(),
		"X-Environment-Id": made.EnvironmentID.String(), "X-Agent-Id": made.AgentID.String(),
		"X-Agent-Deployment-Id": made.AgentDeploymentID.String(), "X-Token-Expires-At": made.ExpiresAt.Format(time.RFC3339),
		"Cache-Control": "no-store",
	}
	for name, value := range want {
		if a.Header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, a.Header.Get(name), value)
		}
	}
	if a.Status != http.StatusOK || a.Body != "" {
		t.Errorf("%d %q", a.Status, a.Body)
	}
	a = p.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Header{Name: "X-API-Key", Value: accountSecret})
	for _, name := range []string{"X-Environment-Id", "X-Agent-Id", "X-Agent-Deployment-Id"} {
		if values := a.Header.Values(name); a.Status != http.StatusOK || len(values) != 1 || values[0] != "" {
			t.Errorf("%d, %s: %q, want one empty value", a.Status, name, values)
		}
	}
	details := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret))
	if details.Text(t, "details", "agent_id") != made.AgentID.String() || details.Text(t, "details", "token_type") != "api" || details.Text(t, "status") != "success" {
		t.Errorf("ping: %s", details.Body)
	}
	p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Header{Name: "X-API-Key", Value: accountSecret}).Want(t, "ping takes X-API-Key", http.StatusUnauthorized)
}

func TestAGatewayMaySendAnyMethodAndAnyPath(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "BREW"} {
		for _, path := range []string{"", "/", "/orders/7", "/orders/7?scope=account", "/a%2fb/%2e%2e/c", "//x"} {
			p.Call(method, "/api/v1/validate"+path, nil, backendtest.Bearer(secret)).Want(t, method+" "+path, http.StatusOK)
			p.Call(method, "/api/v1/validate"+path, nil).Want(t, method+" "+path+" without a token", http.StatusUnauthorized)
		}
	}
	p.Call(http.MethodGet, "/api/v1/validatex", nil, backendtest.Bearer(secret)).Want(t, "validatex", http.StatusNotFound)
}

func TestNoPathOfAGatewaysClientLeadsOutOfTheEndpoint(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	for _, path := range []string{"/../../../healthz", "/..%2f..%2f..%2fhealthz", "/%2e%2e/%2e%2e/%2e%2e/healthz", "/./../session", "/..\\..\\..\\healthz", "/../session"} {
		if line := p.StatusLine("GET /api/v1/validate" + path + " HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(line, " 401 ") {
			t.Errorf("%s: %s", path, line)
		}
	}
}

func TestWhatIsTooLargeIsRefusedInTheEnvelope(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	a := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret), backendtest.Header{Name: "X-Filler", Value: strings.Repeat("x", 17<<10)})
	if a.Status != http.StatusRequestHeaderFieldsTooLarge || a.Text(t, "code") != "bad_request" {
		t.Errorf("headers: %d %s", a.Status, a.Body)
	}
	a = p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret), backendtest.Header{Name: "X-Filler", Value: strings.Repeat("x", 12<<10)})
	a.Want(t, "headers below the limit", http.StatusOK)
	a = p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": strings.Repeat("x", 300<<10)}), backendtest.Bearer(secret))
	if a.Status != http.StatusRequestEntityTooLarge || a.Text(t, "code") != "bad_request" {
		t.Errorf("body: %d %s", a.Status, a.Body)
	}
}

// publishedKey returns a function that finds the published key of a JWT by its kid.
func publishedKey(t *testing.T, p *backendtest.Program) jwt.Keyfunc {
	t.Helper()
	var set struct {
		Keys []struct{ Kid, X, Y, Kty, Crv, Alg string }
	}
	if err := json.Unmarshal([]byte(p.Call(http.MethodGet, "/.well-known/jwks.json", nil).Body), &set); err != nil {
		t.Fatal(err)
	}
	return func(unverified *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.Kid == unverified.Header["kid"] {
				x, _ := base64.RawURLEncoding.DecodeString(k.X)
				y, _ := base64.RawURLEncoding.DecodeString(k.Y)
				return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
			}
		}
		return nil, fmt.Errorf("no key %v", unverified.Header["kid"])
	}
}

func TestASecretVerifiesWithThePublishedKeys(t *testing.T) {
	p := backendtest.Start(t)
	_, made, secret := p.Deployed()
	parsed, err := jwt.Parse(secret, publishedKey(t, p), jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(p.URL), jwt.WithAudience(p.URL), jwt.WithExpirationRequired(), jwt.WithTimeFunc(p.Clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := parsed.Claims.(jwt.MapClaims)
	for name, want := range map[string]string{
		"sub": made.AgentID.String(), "client_id": made.ID.String(), "scope": "agent_deployment", "account_id": made.AccountID.String(),
		"agent_id": made.AgentID.String(), "environment_id": made.EnvironmentID.String(), "agent_deployment_id": made.AgentDeploymentID.String(),
	} {
		if claims[name] != want {
			t.Errorf("%s: %v, want %s", name, claims[name], want)
		}
	}
	if parsed.Header["typ"] != "at+jwt" {
		t.Errorf("typ %v", parsed.Header["typ"])
	}
	if jti, err := base64.RawURLEncoding.DecodeString(fmt.Sprint(claims["jti"])); err != nil || len(jti) != 16 {
		t.Errorf("jti %v", claims["jti"])
	}
	if exp, err := claims.GetExpirationTime(); err != nil || !exp.Equal(made.ExpiresAt) {
		t.Errorf("exp %v, want %v", exp, made.ExpiresAt)
	}
}

func TestAfterARotationNewTokensUseTheNewKeyAndOldOnesStayGood(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, before := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Clock.Move(time.Second)
	if _, err := p.Signer.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, soon := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	if strings.Split(before, ".")[0] != strings.Split(soon, ".")[0] {
		t.Error("the new key signs before everybody can know it")
	}
	p.Clock.Move(signer.Lead)
	_, after := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	if strings.Split(before, ".")[0] == strings.Split(after, ".")[0] {
		t.Error("the key did not change")
	}
	if n := strings.Count(p.Call(http.MethodGet, "/.well-known/jwks.json", nil).Body, `"kid"`); n != 2 {
		t.Errorf("%d keys are published", n)
	}
	for _, secret := range []string{before, after} {
		p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Want(t, "the request", http.StatusOK)
	}
}

func TestAMistypedAddressOfTheEndpointLetsNobodyIn(t *testing.T) {
	p := backendtest.Start(t, backendtest.WithUI(fstest.MapFS{"index.html": {Data: []byte("page")}}))
	p.Found()
	for _, target := range []string{"//api/v1/validate", "/API/v1/validate", "/validate", "/x/api/v1/validate", "/api%2fv1/validate", "/foo/../api/v1/validate", "/auth", "/api/v1", "/api"} {
		line := p.StatusLine("GET " + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nonsense\r\nAccept: text/html\r\n\r\n")
		if strings.Contains(line, " 200 ") {
			t.Errorf("%s: %s", target, line)
		}
	}
	for _, header := range []string{"X-Forwarded-Uri", "X-Forwarded-Method"} {
		p.Call(http.MethodGet, "/", nil, backendtest.Header{Name: header, Value: "/orders"}).Want(t, "a gateway that asks the page with "+header, http.StatusForbidden)
	}
}

func TestAnUnknownMethodGetsTheEnvelopeToo(t *testing.T) {
	p := backendtest.Start(t)
	if a := p.Call("BREW", "/api/v1/agent", nil); a.Status != http.StatusNotImplemented || a.Text(t, "code") != "not_implemented" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestARequestThatIsSmuggledBehindAnotherIsNotAnswered(t *testing.T) {
	p := backendtest.Start(t)
	hidden := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, method := range []string{"POST ", "GET "} {
		for _, path := range []string{"/api/v1/ping", "/api/v1/validate", "/oauth/introspect", "/oauth/introspect/batch", "/oauth/revoke", "/healthz"} {
			all := p.UntilClosed(method + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden)
			if n := strings.Count(all, "HTTP/1.1 "); n != 1 {
				t.Errorf("%s%s: %d answers:\n%s", method, path, n, all)
			}
		}
	}
}

// A gateway may announce its client's body, and keep it.
func TestTheEndpointsWaitForNoBody(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	hidden := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, line := range []string{
		"GET /api/v1/validate/orders?scope=account", "HEAD /api/v1/validate", "POST /api/v1/validate", "BREW /api/v1/validate/",
		"GET /api/v1/validate?scope=account", "GET http://x/api/v1/validate", "GET /api/v1/ping",
	} {
		for _, length := range []string{"Content-Length: 7", "Content-Length: 9999999", "Transfer-Encoding: chunked", "Content-Length: 7\r\nExpect: 100-continue"} {
			for _, body := range []string{"", "zz", hidden} {
				all := p.UntilClosed(line + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\n" + length + "\r\n\r\n" + body)
				all = strings.TrimPrefix(all, "HTTP/1.1 100 Continue\r\n\r\n")
				if strings.Count(all, "HTTP/1.1 ") != 1 || !strings.HasPrefix(all, "HTTP/1.1 200 ") || !strings.Contains(all, "\r\nConnection: close\r\n") {
					t.Errorf("%s, %s, %q: answered\n%s", line, length, body, all)
				}
			}
		}
	}
}

func TestWhoSendsABodyThatNobodyReadsStillGetsTheAnswer(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for range 20 {
		for _, size := range []int64{100, 100 << 10, 4 << 20} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				for _, length := range []int64{size, -1} { // -1 is in chunks
					request, err := http.NewRequestWithContext(t.Context(), method, p.URL+"/api/v1/validate", io.LimitReader(zeros{}, size))
					if err != nil {
						t.Fatal(err)
					}
					request.ContentLength = length
					request.Header.Set("Authorization", "Bearer "+secret)
					answer, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Fatalf("%s with %d bytes (%d): %v", method, size, length, err)
					}
					if answer.Body.Close(); answer.StatusCode != http.StatusOK {
						t.Errorf("%s with %d bytes (%d): %d", method, size, length, answer.StatusCode)
					}
				}
			}
		}
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// The end of such a body is ambiguous (RFC 9112, section 6.3).
func TestABodyOfUnknownLengthIsRefusedAndEndsTheConnection(t *testing.T) {
	p := backendtest.Start(t)
	for _, method := range []string{"GET ", "POST "} {
		for _, path := range []string{"/api/v1/ping", "/api/v1/validate", "/oauth/revoke", "/healthz"} {
			for _, lines := range []string{
				"transfer-encoding: identity", "Transfer-Encoding:\t Identity ", "Content-Length: 5\r\nTransfer-Encoding: identity", "Transfer-Encoding: identity\r\nContent-Length: 0",
				"Transfer-Encoding: chunked\r\nContent-Length: 36", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: xchunked",
				"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding:", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding : chunked", "Transfer-Encoding:\r\n chunked",
				"Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1, 1", "Content-Length: +1", "Content-Length: 0x1", "Content-Length: -1", "Content-Length : 5",
				"Accept: a\r\n folded", "Accept: a\r\n\tTransfer-Encoding: chunked", "Accept: a\nTransfer-Encoding: chunked", "Accept: a\n", "Accept: a\rTransfer-Encoding: chunked",
			} {
				all := p.UntilClosed(method + path + " HTTP/1.1\r\n" + lines + "\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
				if strings.Count(all, "HTTP/1.1 ") != 1 || !strings.HasPrefix(all, "HTTP/1.1 400 ") {
					t.Errorf("%s%s with %q: answered\n%s", method, path, lines, all)
				}
			}
		}
	}
}

func TestAnEmptyBodyInChunksIsReadAsAnyOther(t *testing.T) {
	p := backendtest.Start(t)
	all := p.UntilClosed("POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(all, "HTTP/1.1 405 ") || strings.Count(all, "HTTP/1.1 ") != 2 {
		t.Errorf("answered\n%s", all)
	}
}

// A fragment, which could hold a requirement, is not parsed, and neither is a query with a control character.
func TestATargetWithAFragmentOrAControlCharacterIsRefused(t *testing.T) {
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, target := range []string{"/api/v1/validate/orders#1?scope=agent_deployment", "/api/v1/validate?a#&scope=agent_deployment", "/api/v1/ping#a", "/healthz#a",
		"/api/v1/validate?scope=\x1c", "/api/v1/validate?scope=agent_deployment&a=\x7f", "/api/v1/validate/\x01?scope=agent_deployment"} {
		all := p.UntilClosed("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + secret + "\r\n\r\n")
		if !strings.HasPrefix(all, "HTTP/1.1 400 ") {
			t.Errorf("%s: answered\n%s", target, all)
		}
	}
}
