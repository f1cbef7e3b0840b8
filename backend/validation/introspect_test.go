package validation_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/paging"
	"tokentab/backend/token"
)

const notActive = `{"active":false}`

func introspect(t *testing.T, p *backendtest.Program, secret string, headers ...backendtest.Header) backendtest.Answer {
	t.Helper()
	a := p.PostForm("/oauth/introspect", backendtest.Form("token", secret), headers...)
	if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
	}
	return a
}

// claimsOf decodes the claims of a secret.
func claimsOf(t *testing.T, secret string) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(secret, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return backendtest.Answer{Body: string(text)}.JSON(t)
}

func TestAnIntrospectionSaysWhatTheTokenItselfClaims(t *testing.T) {
	p := backendtest.Start(t)
	actor, made, deployment := p.Deployed()
	_, environment := p.Issue(actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: made.EnvironmentID})
	p.Clock.Move(1234 * time.Millisecond)
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for _, secret := range []string{manager, environment, deployment} {
		want := claimsOf(t, secret)
		audience, _ := want["aud"].([]any)
		want["active"], want["token_type"], want["aud"] = true, "Bearer", audience[0]
		delete(want, "jti")
		delete(want, "status") // only in the secret, for offline verifiers
		got := introspect(t, p, secret, backendtest.Bearer(manager)).JSON(t)
		if !maps.Equal(got, want) {
			t.Errorf("%v\nwant\n%v", got, want)
		}
	}
}

func TestAnIntrospectionNamesTheIssuerAndAudienceThatATokenWasIssuedWith(t *testing.T) {
	folder, clock := t.TempDir(), backendtest.NewClock()
	under := func(url, audience string) *backendtest.Program {
		return backendtest.StartIn(t, folder, clock, func(c *config.Config, _ *backend.World) { c.PublicURL, c.Audience = url, audience })
	}
	p := under("", "")
	actor := p.Found()
	_, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Stop()
	secrets := []string{first}
	for _, now := range []struct{ url, audience string }{
		{"https://tokens.example.com", ""}, {"https://tokens.example.com", `the "shop"`}, {"https://tokens.example.org", `the "shop"`}, {"", ""},
	} {
		p = under(now.url, now.audience)
		_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		secrets = append(secrets, secret)
		for i, secret := range secrets {
			claims := claimsOf(t, secret)
			audience, _ := claims["aud"].([]any)
			got := introspect(t, p, secret, backendtest.Bearer(first)).JSON(t)
			if got["active"] != true || got["iss"] != claims["iss"] || got["aud"] != audience[0] {
				t.Errorf("under %v token %d: %v; it claims %v", now, i, got, claims)
			}
		}
		p.Stop()
	}
}

func TestAnAudienceOfItsOwnIsNamedInIntrospections(t *testing.T) {
	const audience = `the "shop"`
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.Audience = audience })
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	if a := introspect(t, p, manager, backendtest.Bearer(manager)); a.Text(t, "aud") != audience || a.Text(t, "iss") != p.URL {
		t.Error(a.Body)
	}
}

func TestWhatIsNotGoodIsInactiveAndNothingMore(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	suspended, suspendedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	revoked, revokedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, expiredSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Minute)})
	rival := p.Rival()
	neighbour, neighbourSecret := p.Issue(rival, token.Order{Scope: token.ScopeAccount})
	p.Suspend(actor, suspended.ID)
	p.Revoke(actor, revoked.ID)
	p.Clock.Move(time.Minute)
	bad := forgeries(t, p, manager)
	maps.Copy(bad, map[string]string{"suspended": suspendedSecret, "revoked": revokedSecret, "expired": expiredSecret, "a neighbour's": neighbourSecret, "control characters": "\x00\xff\n"})
	for name, secret := range bad {
		for range 2 { // the second time from the cache
			if a := introspect(t, p, secret, backendtest.Bearer(manager)); a.Body != notActive {
				t.Errorf("%s: %s", name, a.Body)
			}
		}
	}
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if now, err := p.Tokens.Get(t.Context(), rival.AccountID, neighbour.ID); err != nil || !now.LastUsedAt.IsZero() {
		t.Errorf("an account can make its neighbour's token look used: %v %v", now.LastUsedAt, err)
	}
}

func TestAnIntrospectionCountsAsUseOfBothTokens(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	introspect(t, p, secret, backendtest.Bearer(manager))
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	all, err := p.Tokens.List(t.Context(), actor.AccountID, token.Filter{}, paging.Page{Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range all.Tokens {
		if !listed.LastUsedAt.Equal(p.Clock.Now()) {
			t.Errorf("%s was last used at %s", listed.ID, listed.LastUsedAt)
		}
	}
}

func TestOnlyHoldersOfAnAccountTokenMayIntrospect(t *testing.T) {
	p := backendtest.Start(t)
	actor, made, deployment := p.Deployed()
	client, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	other, otherSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	suspended, suspendedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Suspend(actor, suspended.ID)
	id, asked := client.ID.String(), backendtest.Form("token", otherSecret)
	const bearerNone, basicNone = `Bearer realm="tokentab"`, `Basic realm="tokentab"`
	bearerBad := bearerNone + `, error="invalid_token"`
	h := func(headers ...backendtest.Header) []backendtest.Header { return headers }
	for _, path := range []string{"/oauth/introspect", "/oauth/introspect/batch"} {
		for name, c := range map[string]struct {
			body    string
			headers []backendtest.Header
		}{
			"bearer":                      {asked, h(backendtest.Bearer(secret))},
			"bearer that names its id":    {asked + "&" + backendtest.Form("client_id", id), h(backendtest.Bearer(secret))},
			"basic":                       {asked, h(basicAuth(id, secret))},
			"basic, all encoded":          {asked, h(authorization("Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+strings.ReplaceAll(secret, ".", "%2E")))))},
			"basic that names its id too": {asked + "&" + backendtest.Form("client_id", id), h(basicAuth(id, secret))},
			"form":                        {asked + "&" + backendtest.Form("client_id", id, "client_secret", secret), nil},
			"form, with other parameters": {asked + "&" + backendtest.Form("client_id", id, "client_secret", secret, "resource", "a", "resource", "b"), nil},
		} {
			if a := p.PostForm(path, c.body, c.headers...); a.Status != http.StatusOK || !strings.Contains(a.Body, `"client_id":"`+other.ID.String()) {
				t.Errorf("%s, %s: %d %s", path, name, a.Status, a.Body)
			}
		}
		for name, c := range map[string]struct {
			body       string
			headers    []backendtest.Header
			status     int
			code       string
			challenges []string
		}{
			"no one":                     {asked, nil, 401, "invalid_client", []string{bearerNone}},
			"an id alone":                {asked + "&" + backendtest.Form("client_id", id), nil, 401, "invalid_client", []string{bearerNone}},
			"a session's cookie":         {asked, h(backendtest.Header{Name: "Cookie", Value: "tokentab_session=x"}), 401, "invalid_client", []string{bearerNone}},
			"an API key":                 {asked, h(backendtest.Header{Name: "X-API-Key", Value: secret}), 401, "invalid_client", []string{bearerNone}},
			"unknown":                    {asked, h(backendtest.Bearer("unknown")), 401, "invalid_token", []string{bearerBad}},
			"another scheme":             {asked, h(authorization("Digest " + secret)), 401, "invalid_client", []string{basicNone, bearerNone}},
			"no scheme":                  {asked, h(authorization(secret)), 401, "invalid_client", []string{basicNone, bearerNone}},
			"an empty header":            {asked, h(authorization("")), 401, "invalid_client", []string{basicNone, bearerNone}},
			"bearer, nothing":            {asked, h(authorization("Bearer")), 401, "invalid_token", []string{bearerBad}},
			"suspended":                  {asked, h(backendtest.Bearer(suspendedSecret)), 401, "invalid_token", []string{bearerBad + `, error_description="The token is suspended"`}},
			"bearer with another id":     {asked + "&" + backendtest.Form("client_id", other.ID.String()), h(backendtest.Bearer(secret)), 401, "invalid_token", []string{bearerBad}},
			"bearer of a deployment":     {asked, h(backendtest.Bearer(deployment)), 403, "insufficient_scope", []string{bearerNone + `, error="insufficient_scope"`}},
			"basic of a deployment":      {asked, h(basicAuth(made.ID.String(), deployment)), 403, "insufficient_scope", []string{bearerNone + `, error="insufficient_scope"`}},
			"basic, unknown":             {asked, h(basicAuth(id, "unknown")), 401, "invalid_client", []string{basicNone, bearerNone}},
			"basic, another id":          {asked, h(basicAuth(other.ID.String(), secret)), 401, "invalid_client", []string{basicNone, bearerNone}},
			"basic, no id":               {asked, h(basicAuth("", secret)), 401, "invalid_client", []string{basicNone, bearerNone}},
			"basic, two ids":             {asked + "&" + backendtest.Form("client_id", other.ID.String()), h(basicAuth(id, secret)), 401, "invalid_client", []string{basicNone, bearerNone}},
			"basic, suspended":           {asked, h(basicAuth(suspended.ID.String(), suspendedSecret)), 401, "invalid_client", []string{basicNone, bearerNone}},
			"basic, no base64":           {asked, h(authorization("Basic " + id + ":" + secret)), 401, "invalid_client", []string{basicNone, bearerNone}},
			"basic, badly encoded":       {asked, h(authorization("basic JXp6OiV6eg==")), 401, "invalid_client", []string{basicNone, bearerNone}},
			"basic, nothing":             {asked, h(authorization("Basic ")), 401, "invalid_client", []string{basicNone, bearerNone}},
			"form, another id":           {asked + "&" + backendtest.Form("client_id", other.ID.String(), "client_secret", secret), nil, 401, "invalid_client", []string{bearerNone}},
			"form, unknown":              {asked + "&" + backendtest.Form("client_id", id, "client_secret", "unknown"), nil, 401, "invalid_client", []string{bearerNone}},
			"form, no id":                {asked + "&" + backendtest.Form("client_secret", secret), nil, 400, "invalid_request", nil},
			"form and bearer":            {asked + "&" + backendtest.Form("client_id", id, "client_secret", secret), h(backendtest.Bearer(secret)), 400, "invalid_request", nil},
			"form and basic":             {asked + "&" + backendtest.Form("client_id", id, "client_secret", secret), h(basicAuth(id, secret)), 400, "invalid_request", nil},
			"two headers":                {asked, h(backendtest.Bearer(secret), backendtest.Bearer(secret)), 400, "invalid_request", nil},
			"two headers of two schemes": {asked, h(backendtest.Bearer(secret), basicAuth(id, secret)), 400, "invalid_request", nil},
		} {
			a := p.PostForm(path, c.body, c.headers...)
			failsWith(t, path+", "+name, a, c.status, c.code, "")
			isSent := strings.HasPrefix(name, "basic, ") || strings.HasPrefix(name, "form, ")
			if told := strings.Contains(a.Body, "must be the id of an account token"); told != (isSent && c.status == 401 && name != "basic, suspended") {
				t.Errorf("%s, %s: %s", path, name, a.Body)
			}
			if got := a.Header.Values("WWW-Authenticate"); !slices.Equal(got, c.challenges) {
				t.Errorf("%s, %s: challenges %q, want %q", path, name, got, c.challenges)
			}
		}
	}
	if strings.Contains(p.Log.String(), secret[len(secret)-40:]) {
		t.Error("the log holds a secret")
	}
}

func TestABatchAnswersWhatEachTokenWouldGetAlone(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, neighbour := p.Issue(p.Rival(), token.Order{Scope: token.ScopeAccount})
	revoked, revokedSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Revoke(actor, revoked.ID)
	batch := func(secrets ...string) backendtest.Answer {
		return p.PostForm("/oauth/introspect/batch", url.Values{"token": secrets, "token_type_hint": {"access_token"}}.Encode(), backendtest.Bearer(manager))
	}
	// Each unknown value is as long as a token, and new.
	full := make([]string, 1000)
	for i := range full {
		full[i] = fmt.Sprintf("%s%04d", manager[:len(manager)-4], i)
	}
	full[0], full[500], full[501], full[502], full[999] = manager, revokedSecret, neighbour, manager, manager
	for _, secrets := range [][]string{{manager}, {"unknown"}, full} {
		a := batch(secrets...)
		var got struct{ Results []json.RawMessage }
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != http.StatusOK || len(got.Results) != len(secrets) || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d tokens: %d %v, %d results, %v", len(secrets), a.Status, a.Header, len(got.Results), err)
		}
		good := introspect(t, p, manager, backendtest.Bearer(manager)).Body
		for i, result := range got.Results {
			want := notActive
			if secrets[i] == manager {
				want = good
			}
			if string(result) != want {
				t.Errorf("%d of %d: %s, want %s", i, len(secrets), result, want)
			}
		}
	}
	failsWith(t, "none", batch(), http.StatusBadRequest, "invalid_request", "token is missing")
	failsWith(t, "one too many", batch(append(full, manager)...), http.StatusBadRequest, "invalid_request", "up to 1000 times")
	failsWith(t, "far too many", batch(slices.Repeat([]string{"x"}, 5000)...), http.StatusBadRequest, "invalid_request", "up to 1000 times")
	failsWith(t, "an empty one between", batch(manager, "", manager), http.StatusBadRequest, "invalid_request", "no value")
}

func TestAnIntrospectionThatCannotTellSaysSo(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	exec := func(statement string) {
		t.Helper()
		p.Exec(statement)
	}
	down := func(name string, a backendtest.Answer) {
		t.Helper()
		failsWith(t, name, a, http.StatusServiceUnavailable, "temporarily_unavailable", "store")
		if a.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %v", name, a.Header)
		}
	}
	exec("ALTER TABLE api_tokens RENAME TO gone")
	down("the caller's token", p.PostForm("/oauth/introspect", backendtest.Form("token", secret), backendtest.Bearer(manager)))
	down("a token to revoke", p.PostForm("/oauth/revoke", backendtest.Form("token", secret)))
	exec("ALTER TABLE gone RENAME TO api_tokens")
	introspect(t, p, manager, backendtest.Bearer(manager)) // from here on the caller's token is in the cache
	exec("ALTER TABLE api_tokens RENAME TO gone")
	down("the token", p.PostForm("/oauth/introspect", backendtest.Form("token", secret), backendtest.Bearer(manager)))
	down("a batch", p.PostForm("/oauth/introspect/batch", backendtest.Form("token", manager, "token", secret), backendtest.Bearer(manager)))
	exec("ALTER TABLE gone RENAME TO api_tokens")
	if a := introspect(t, p, secret, backendtest.Bearer(manager)); a.Get(t, "active") != true {
		t.Errorf("the failure was remembered: %s", a.Body)
	}
	exec("ALTER TABLE audit_events RENAME TO gone")
	down("no record of a revocation", p.PostForm("/oauth/revoke", backendtest.Form("token", secret)))
	exec("ALTER TABLE gone RENAME TO audit_events")
	if a := introspect(t, p, secret, backendtest.Bearer(manager)); a.Get(t, "active") != true {
		t.Errorf("a revocation without a record took effect: %s", a.Body)
	}
}
