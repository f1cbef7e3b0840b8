package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

// network carries a verifier's requests, counts them, and can respond in place of the server.
type network struct {
	fetched   map[string]int
	unchanged int                                        // responses without a body
	instead   func(path string) (body string, err error) // an empty body means: ask the real server
	hangs     bool                                       // never responds
	patience  []time.Duration                            // the timeouts of the requests while it hangs
}

func (n *network) RoundTrip(request *http.Request) (*http.Response, error) {
	n.fetched[request.URL.Path]++
	if n.hangs {
		until, _ := request.Context().Deadline()
		n.patience = append(n.patience, time.Until(until))
		return nil, context.DeadlineExceeded
	}
	if n.instead != nil {
		body, err := n.instead(request.URL.Path)
		if err != nil {
			return nil, err
		}
		if body != "" {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
		}
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusNotModified {
		n.unchanged++
	}
	return response, err
}

func verifierOf(p *backendtest.Program) (*Verifier, *network) {
	n := &network{fetched: map[string]int{}}
	return &Verifier{Issuer: p.URL, Audience: p.URL, Client: &http.Client{Transport: n}, Now: p.Clock.Now}, n
}

func start(t *testing.T) (*backendtest.Program, audit.Actor, token.Listed, string) {
	t.Helper()
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	return p, actor, made, secret
}

// refuses fails the test unless the verifier refuses the token for one of the reasons.
func refuses(t *testing.T, v *Verifier, secret string, reasons ...string) {
	t.Helper()
	claims, err := v.Verify(t.Context(), secret)
	if err == nil || claims != nil || !slices.ContainsFunc(reasons, func(reason string) bool { return strings.Contains(err.Error(), reason) }) {
		t.Errorf("%v %v, want one of %q", claims, err, reasons)
	}
}

func accepts(t *testing.T, v *Verifier, secret string) {
	t.Helper()
	if _, err := v.Verify(t.Context(), secret); err != nil {
		t.Error(err)
	}
}

func TestATokenIsAcceptedOnlyWhileItIsActive(t *testing.T) {
	p, actor, made, secret := start(t)
	verify := func(v *Verifier) (*Claims, error) { return v.Verify(t.Context(), secret) }
	fresh := func() *Verifier { v, _ := verifierOf(p); return v }
	claims, err := verify(fresh())
	if err != nil || claims.ClientID != made.ID.String() || claims.AccountID != actor.AccountID.String() || claims.Scope != "account" {
		t.Fatalf("%+v %v", claims, err)
	}
	for _, move := range []struct {
		change func() (token.Listed, error)
		reason string // why it is refused afterwards
	}{
		{func() (token.Listed, error) { return p.Tokens.Suspend(t.Context(), actor, made.ID) }, "is suspended"},
		{func() (token.Listed, error) { return p.Tokens.Activate(t.Context(), actor, made.ID) }, ""},
		{func() (token.Listed, error) { return p.Tokens.Revoke(t.Context(), actor, made.ID) }, "is revoked"},
		{func() (token.Listed, error) { return p.Tokens.Delete(t.Context(), actor, made.ID) }, "is revoked"},
	} {
		if _, err := move.change(); err != nil {
			t.Fatal(err)
		}
		if move.reason == "" {
			accepts(t, fresh(), secret)
		} else {
			refuses(t, fresh(), secret, move.reason)
		}
	}
	_, secret = p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Hour)})
	p.Clock.Move(time.Hour - time.Second)
	accepts(t, fresh(), secret)
	p.Clock.Move(time.Second)
	refuses(t, fresh(), secret, "expired")
}

func TestAVerifierWhoseClockIsUpToAMinuteBehindAcceptsAFreshToken(t *testing.T) {
	p, _, _, secret := start(t)
	for behind, accepted := range map[time.Duration]bool{time.Second: true, time.Minute: true, time.Minute + 2*time.Second: false} {
		v, _ := verifierOf(p)
		v.Now = func() time.Time { return p.Clock.Now().Add(-behind) }
		if accepted {
			accepts(t, v, secret)
		} else {
			refuses(t, v, secret, "before issued")
		}
	}
}

func TestWhatIsNotSignedByTheIssuerForThisAudienceIsRefused(t *testing.T) {
	p, actor, _, secret := start(t)
	jwks := p.Call(http.MethodGet, "/.well-known/jwks.json", nil).Body
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parsed, parts, err := jwt.NewParser().ParseUnverified(secret, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	forged := func(method jwt.SigningMethod, key any, kid any) string {
		t.Helper()
		forged := jwt.NewWithClaims(method, parsed.Claims)
		forged.Header["typ"], forged.Header["kid"] = "at+jwt", kid
		text, err := forged.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	kid := parsed.Header["kid"]
	withoutList, _, err := p.Signer.Sign(t.Context(), token.Claims{
		ClientID: actor.AccountID, Subject: actor.AccountID, AccountID: actor.AccountID, Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	tampered := base64.RawURLEncoding.EncodeToString(bytes.Replace(payload, []byte(`"scope":"account"`), []byte(`"scope":"accounT"`), 1))
	v, n := verifierOf(p)
	for name, c := range map[string]struct{ secret, reason string }{
		"tampered":                  {parts[0] + "." + tampered + "." + parts[2], "signature is invalid"},
		"alg none":                  {forged(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid), "signing method none is invalid"},
		"HS256 with the public key": {forged(jwt.SigningMethodHS256, []byte(jwks), kid), "signing method HS256 is invalid"},
		"a foreign key, our kid":    {forged(jwt.SigningMethodES256, foreign, kid), "signature is invalid"},
		"a foreign key, its kid":    {forged(jwt.SigningMethodES256, foreign, "theirs"), "no such key"},
		"no kid":                    {forged(jwt.SigningMethodES256, foreign, nil), "no such key"},
		"a status list":             {p.Call(http.MethodGet, "/status-lists/1", nil).Body, "the type is not at+jwt"},
		"no status list":            {withoutList, "names no status list"},
		"nothing":                   {"", "malformed"},
		"no JWT":                    {"hello", "malformed"},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, v, c.secret, c.reason) })
	}
	if n.fetched["/.well-known/jwks.json"] != 1 || len(n.fetched) != 1 {
		t.Errorf("forged tokens made the verifier fetch %v", n.fetched)
	}
	v.Audience = "https://another.example"
	refuses(t, v, secret, "audience")
	other, _ := verifierOf(p)
	other.Issuer = strings.Replace(p.URL, "127.0.0.1", "localhost", 1)
	refuses(t, other, secret, "issuer")
}

func TestAChangeIsSeenWithinTheTTLOfTheListAndTheListIsFetchedOnceInIt(t *testing.T) {
	p, actor, made, secret := start(t)
	v, n := verifierOf(p)
	accepts(t, v, secret)
	p.Suspend(actor, made.ID)
	p.Clock.Move(token.StatusListTTL - time.Second)
	accepts(t, v, secret)
	if n.fetched["/status-lists/1"] != 1 {
		t.Errorf("%v", n.fetched)
	}
	p.Clock.Move(time.Second)
	refuses(t, v, secret, "is suspended")
	refuses(t, v, secret, "is suspended")
	if n.fetched["/status-lists/1"] != 2 || n.fetched["/.well-known/jwks.json"] != 1 {
		t.Errorf("%v", n.fetched)
	}
}

func TestAListThatCannotBeRenewedHoldsUntilItExpiresAndNoLonger(t *testing.T) {
	p, _, _, secret := start(t)
	v, n := verifierOf(p)
	accepts(t, v, secret)
	n.instead = func(string) (string, error) { return "", errors.New("the network is down") }
	p.Clock.Move(token.StatusListTTL)
	accepts(t, v, secret)
	accepts(t, v, secret)
	if n.fetched["/status-lists/1"] != 2 {
		t.Errorf("it tried %d times at once", n.fetched["/status-lists/1"]-1)
	}
	p.Clock.Move(token.StatusListLifetime - token.StatusListTTL - time.Second)
	for range 3 { // the kept keys still work
		refuses(t, v, withKeyID(t, secret, "made-up"), "the network is down", "no such key")
	}
	if n.fetched["/.well-known/jwks.json"] != 2 {
		t.Errorf("keys that can't be had were asked for %d times at once", n.fetched["/.well-known/jwks.json"]-1)
	}
	accepts(t, v, secret)
	p.Clock.Move(time.Second)
	refuses(t, v, secret, "the network is down")
	late, n := verifierOf(p)
	n.instead = func(path string) (string, error) {
		if strings.HasPrefix(path, "/status-lists/") {
			return "", errors.New("the network is down")
		}
		return "", nil
	}
	refuses(t, late, secret, "the network is down")
}

func TestWhereSomethingIsAtHandNothingNewerIsWaitedForLong(t *testing.T) {
	p, _, _, secret := start(t)
	v, n := verifierOf(p)
	accepts(t, v, secret)
	n.hangs = true
	p.Clock.Move(keysKept)
	accepts(t, v, secret)
	p.Clock.Move(retryAfter)
	refuses(t, v, withKeyID(t, secret, "made-up"), "deadline exceeded")
	for _, patient := range n.patience {
		if patient <= 0 || patient > time.Second {
			t.Errorf("it would wait for %s", patient)
		}
	}
}

func TestOneFetchServesAllCallersWhileAListDoesNotComeAndNoOtherCallWaits(t *testing.T) {
	for _, part := range []string{"/status-lists/", "/.well-known/jwks.json"} {
		t.Run(part, func(t *testing.T) {
			p, _, _, secret := start(t)
			v, n := verifierOf(p)
			asked, released := make(chan struct{}, 100), make(chan struct{})
			n.instead = func(path string) (string, error) {
				if !strings.HasPrefix(path, part) {
					return "", nil
				}
				asked <- struct{}{}
				<-released
				return "", errors.New("the network is down")
			}
			var callers sync.WaitGroup
			for range 4 {
				callers.Go(func() { refuses(t, v, secret, "the network is down") })
			}
			<-asked
			refuses(t, v, "hello", "malformed")
			if part == "/status-lists/" {
				refuses(t, v, withKeyID(t, secret, "made-up"), "no such key")
			}
			impatient, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := v.Verify(impatient, secret); !errors.Is(err, context.Canceled) {
				t.Errorf("a call that was cancelled: %v", err)
			}
			close(released)
			callers.Wait()
			p.Clock.Move(retryAfter - time.Nanosecond)
			refuses(t, v, secret, "the network is down")
			if len(asked) > 0 {
				t.Errorf("it was asked for %d times more", len(asked))
			}
			n.instead = nil
			p.Clock.Move(time.Nanosecond)
			accepts(t, v, secret)
		})
	}
}

func TestACallThatIsCancelledEndsNoFetchForOthers(t *testing.T) {
	p, _, _, secret := start(t)
	v, n := verifierOf(p)
	asked, released := make(chan struct{}), make(chan struct{})
	n.instead = func(path string) (string, error) {
		if strings.HasPrefix(path, "/status-lists/") {
			close(asked)
			<-released
		}
		return "", nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := v.Verify(ctx, secret)
		first <- err
	}()
	<-asked
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled one: %v", err)
	}
	close(released)
	accepts(t, v, secret)
	if n.fetched["/status-lists/1"] != 1 {
		t.Errorf("%v", n.fetched)
	}
}

func TestAListThatIsStillTheSameIsNotSentAgain(t *testing.T) {
	p, actor, made, secret := start(t)
	v, n := verifierOf(p)
	for range 5 {
		accepts(t, v, secret)
		p.Clock.Move(token.StatusListTTL)
	}
	if n.fetched["/status-lists/1"] != 5 || n.unchanged != 4 {
		t.Errorf("of %d answers %d told that it is the same", n.fetched["/status-lists/1"], n.unchanged)
	}
	p.Suspend(actor, made.ID)
	refuses(t, v, secret, "is suspended")
}

// withKeyID replaces the key id in a token's header.
func withKeyID(t *testing.T, secret, id string) string {
	t.Helper()
	_, rest, _ := strings.Cut(secret, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"at+jwt","kid":"`+id+`"}`)) + "." + rest
}

func TestAListThatIsNotTheIssuersOwnSaysNothing(t *testing.T) {
	p, _, _, secret := start(t)
	pack := func(entries []byte) string {
		var packed bytes.Buffer
		w := zlib.NewWriter(&packed)
		if _, err := w.Write(entries); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(packed.Bytes())
	}
	all := pack(make([]byte, token.StatusListSize/4))
	sign := func(change func(*token.StatusListClaims)) string {
		at := p.Clock.Now()
		claims := token.StatusListClaims{Number: 1, IssuedAt: at, ExpiresAt: at.Add(time.Hour), TTL: time.Minute, Bits: 2, List: all}
		change(&claims)
		list, err := p.Signer.SignStatusList(t.Context(), claims)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	good := sign(func(*token.StatusListClaims) {})
	_, parts, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ list, reason string }{
		"another list":       {sign(func(c *token.StatusListClaims) { c.Number = 2 }), "subject"},
		"an expired list":    {sign(func(c *token.StatusListClaims) { c.ExpiresAt = p.Clock.Now() }), "expired"},
		"without a ttl":      {sign(func(c *token.StatusListClaims) { c.TTL = 0 }), "has no ttl"},
		"strange entries":    {sign(func(c *token.StatusListClaims) { c.Bits = 3 }), "unsupported size"},
		"too short":          {sign(func(c *token.StatusListClaims) { c.List = pack(nil) }), "no such entry"},
		"an unknown status":  {sign(func(c *token.StatusListClaims) { c.List = pack(bytes.Repeat([]byte{0xff}, token.StatusListSize/4)) }), "unknown status 3"},
		"not packed":         {sign(func(c *token.StatusListClaims) { c.List = "AAAA" }), "zlib"},
		"a token":            {secret, "the type is not statuslist+jwt"},
		"a tampered list":    {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), "signature is invalid"},
		"an empty answer":    {" ", "malformed"},
		"a list that is one": {good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v, n := verifierOf(p)
			n.instead = func(path string) (string, error) {
				if strings.HasPrefix(path, "/status-lists/") {
					return c.list, nil
				}
				return "", nil
			}
			if c.reason == "" {
				accepts(t, v, secret)
			} else {
				refuses(t, v, secret, c.reason)
			}
		})
	}
}

func TestTheProgramPrintsTheClaimsOrTheReason(t *testing.T) {
	p := backendtest.Start(t, func(_ *config.Config, w *backend.World) { w.Now = time.Now })
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	var out strings.Builder
	if err := run([]string{p.URL, p.URL}, strings.NewReader(secret+"\n"), &out); err != nil || !strings.Contains(out.String(), `"scope":"account"`) {
		t.Errorf("%s %v", out.String(), err)
	}
	if err := run([]string{p.URL, "https://another.example"}, strings.NewReader(secret), io.Discard); err == nil || !strings.Contains(err.Error(), "audience") {
		t.Errorf("%v", err)
	}
	if err := run([]string{p.URL}, strings.NewReader(secret), io.Discard); err == nil || !strings.Contains(err.Error(), "usage: offline ISSUER AUDIENCE") {
		t.Errorf("%v", err)
	}
}

// TestWithdrawingAKeyEndsWhatARestoreForgot restores a backup from before a token was issued, so no list can revoke it.
func TestWithdrawingAKeyEndsWhatARestoreForgot(t *testing.T) {
	folder, clock := t.TempDir(), backendtest.NewClock()
	publicURL := func(c *config.Config, _ *backend.World) { c.PublicURL = "https://tokens.example.com" }
	path := filepath.Join(folder, "tokentab.db")
	p := backendtest.StartIn(t, folder, clock, publicURL)
	actor := p.Found()
	back, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Stop()
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p = backendtest.StartIn(t, folder, clock, publicURL)
	_, forgotten := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Revoke(actor, back.ID)
	p.Stop()
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	p = backendtest.StartIn(t, folder, clock, publicURL)
	there, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	v := &Verifier{Issuer: "https://tokens.example.com", Audience: "https://tokens.example.com", Client: &http.Client{Transport: to{there}}, Now: clock.Now}
	for _, s := range []string{secret, forgotten} {
		if _, err := v.Verify(t.Context(), s); err != nil {
			t.Fatalf("a restore alone ends it: %v", err)
		}
	}
	keys, err := p.Signer.List(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if _, err := p.WithdrawKey(t.Context(), keys[0].ID); err != nil {
		t.Fatal(err)
	}
	clock.Move(keysKept)
	_, fresh := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	if _, err := v.Verify(t.Context(), fresh); err != nil {
		t.Errorf("a new token: %v", err)
	}
	for _, s := range []string{secret, forgotten} {
		refuses(t, v, s, "the issuer has no such key")
	}
}

// to sends each request to another host.
type to struct{ host *url.URL }

func (r to) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Scheme, request.URL.Host = r.host.Scheme, r.host.Host
	return http.DefaultTransport.RoundTrip(request)
}
