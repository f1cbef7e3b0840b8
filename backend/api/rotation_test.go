package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/fault"
	"tokentab/backend/token"
)

const milliseconds = "2006-01-02T15:04:05.000Z"

// rotating is a program with one account token that is rotated.
type rotating struct {
	*backendtest.Program
	t     *testing.T
	actor audit.Actor
	admin []backendtest.Header
	made  token.Listed
	first string // its first secret
}

func newRotating(t *testing.T, options ...backendtest.Option) rotating {
	t.Helper()
	p := backendtest.Start(t, options...)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: "CI", ExpiresAt: p.Clock.Now().Add(30 * 24 * time.Hour)})
	return rotating{p, t, actor, session(t, p, backendtest.Email), made, secret}
}

func (r rotating) rotate(id string, fields map[string]any, headers ...backendtest.Header) backendtest.Answer {
	return r.Call(http.MethodPost, "/api/v1/api_token/"+id+"/rotate", backendtest.Details(fields), headers...)
}

// rotated rotates the token and returns its new secret.
func (r rotating) rotated(overlap int, headers ...backendtest.Header) string {
	r.t.Helper()
	a := r.rotate(r.made.ID.String(), map[string]any{"overlap_seconds": overlap}, headers...)
	a.Must(r.t, http.StatusOK)
	return a.Text(r.t, "token")
}

// reason returns the reason for refusing a secret; Good if it is accepted.
func (r rotating) reason(secret string) token.Reason {
	r.t.Helper()
	v, err := r.Tokens.Check(r.t.Context(), []byte(secret))
	if err != nil {
		r.t.Fatal(err)
	}
	return v.Reason
}

func TestARotatedTokenKeepsEverythingButItsSecret(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	path := "/api/v1/api_token/" + r.made.ID.String()
	before := r.Call(http.MethodGet, path, nil, r.admin...).JSON(t)["details"].(map[string]any)
	r.Clock.Move(time.Hour + 300*time.Millisecond)
	a := r.rotate(r.made.ID.String(), map[string]any{"overlap_seconds": 3600}, r.admin...)
	second := a.Text(t, "token")
	if second == "" || second == r.first || kindOf(t, second) != kindOf(t, r.first) {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	ends := r.Clock.Now().Add(time.Hour).Truncate(time.Second)
	for key, was := range before {
		want := was
		switch key {
		case "hint":
			want = second[len(second)-4:]
		case "rotated_at", "updated_at":
			want = r.Clock.Now().Format(milliseconds)
		}
		if got := a.Get(t, "details", key); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	want := map[string]any{"old_secret": map[string]any{"hint": before["hint"], "ends_at": ends.Format(milliseconds)}}
	holds(t, "rotated", a, want)
	holds(t, "read again", r.Call(http.MethodGet, path, nil, r.admin...), want)
	list := r.Call(http.MethodGet, "/api/v1/api_token?search="+second[len(second)-4:], nil, r.admin...)
	if list.Get(t, "pagination", "item_count") != 1.0 || strings.Contains(list.Body, second) {
		t.Errorf("found by its new hint: %s", list.Body)
	}
	r.Recorded(audit.APITokenRotated, 1)
	if got := r.Call(http.MethodGet, "/api/v1/api_token", nil, r.admin...).Get(t, "pagination", "item_count"); got != 1.0 {
		t.Errorf("%v tokens", got)
	}
	for _, secret := range []string{r.first, second} {
		if got := r.reason(secret); got != token.Good {
			t.Errorf("in the overlap: %v", got)
		}
	}
	r.Clock.Move(ends.Sub(r.Clock.Now()))
	if r.reason(r.first) != token.IsReplaced || r.reason(second) != token.Good {
		t.Errorf("after the overlap: %v %v", r.reason(r.first), r.reason(second))
	}
	if again := r.Call(http.MethodGet, path, nil, r.admin...); strings.Contains(again.Body, "old_secret") {
		t.Errorf("after the overlap: %s", again.Body)
	}
	ping := r.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(r.first))
	if ping.Status != http.StatusUnauthorized || ping.Text(t, "code") != "bad_authtoken" || !strings.Contains(ping.Text(t, "message"), "rotated") {
		t.Errorf("the holder of the old secret is told %d %s", ping.Status, ping.Body)
	}
}

// kindOf returns the header of a JWT without its key.
func kindOf(t *testing.T, secret string) string {
	t.Helper()
	head, _, _ := strings.Cut(secret, ".")
	return head
}

func TestAnOldSecretEndsAtTheFirstOfItsLimits(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	const day = 24 * time.Hour
	for what, c := range map[string]struct {
		lifetime time.Duration
		fields   map[string]any
		ends     time.Duration
	}{
		"its overlap":                 {30 * day, map[string]any{"overlap_seconds": 7 * 86400}, 7 * day},
		"its own expiry":              {day, map[string]any{"overlap_seconds": 7 * 86400, "expires_in": 30 * 86400}, day},
		"the new expiry of its token": {30 * day, map[string]any{"overlap_seconds": 7 * 86400, "expires_in": 3600}, time.Hour},
	} {
		made, secret := r.Issue(r.actor, token.Order{Scope: token.ScopeAccount, Lifetime: c.lifetime})
		end := r.Clock.Now().Add(c.ends).Truncate(time.Second)
		a := r.rotate(made.ID.String(), c.fields, r.admin...)
		if got := a.Get(t, "details", "old_secret", "ends_at"); got != end.Format(milliseconds) {
			t.Errorf("%s: %v, want %s", what, got, end)
		}
		validate := r.Call(http.MethodGet, "/api/v1/validate", nil, backendtest.Bearer(secret))
		if got := validate.Header.Get("X-Token-Expires-At"); validate.Status != http.StatusOK || got != end.Format(time.RFC3339) {
			t.Errorf("%s: gateways are told %d %q", what, validate.Status, got)
		}
	}
}

func TestOneTokenHasAtMostTwoSecrets(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	second := r.rotated(3600, r.admin...)
	refused(t, "with a third secret", r.rotate(r.made.ID.String(), map[string]any{"overlap_seconds": 60}, r.admin...), http.StatusConflict, "invalid_action", "")
	third := r.rotated(0, r.admin...) // ends both
	if r.reason(r.first) != token.IsReplaced || r.reason(second) != token.IsReplaced || r.reason(third) != token.Good {
		t.Errorf("%v %v %v", r.reason(r.first), r.reason(second), r.reason(third))
	}
	fourth := r.rotated(60, r.admin...)
	r.Clock.Move(time.Minute)
	if fifth := r.rotated(60, r.admin...); r.reason(third) != token.IsReplaced || r.reason(fourth) != token.Good || r.reason(fifth) != token.Good {
		t.Error("the end of an overlap did not make room for the next")
	}
}

func TestAnOldSecretCanBeEndedBeforeItsOverlapIsOver(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	path := "/api/v1/api_token/" + r.made.ID.String() + "/end_old_secret"
	refused(t, "without one", r.Call(http.MethodPost, path, nil, r.admin...), http.StatusConflict, "invalid_action", "")
	second := r.rotated(3600, r.admin...)
	if r.reason(r.first) != token.Good {
		t.Fatal("no overlap")
	}
	a := r.Call(http.MethodPost, path, nil, r.admin...)
	if a.Status != http.StatusOK || strings.Contains(a.Body, "old_secret") || r.reason(r.first) != token.IsReplaced || r.reason(second) != token.Good {
		t.Errorf("%d %s, then %v %v", a.Status, a.Body, r.reason(r.first), r.reason(second))
	}
	r.Recorded(audit.OldSecretEnded, 1)
	// A clock that goes back must not bring it back.
	r.Clock.Move(-12 * time.Hour)
	r.Tokens.ForgetAll()
	if r.reason(r.first) != token.IsReplaced {
		t.Errorf("after the clock went back: %v", r.reason(r.first))
	}
	refused(t, "again", r.Call(http.MethodPost, path, nil, r.admin...), http.StatusConflict, "invalid_action", "")
}

func TestARevokedTokenShowsNoOldSecret(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	r.rotated(3600, r.admin...)
	path := "/api/v1/api_token/" + r.made.ID.String()
	revoked := r.Call(http.MethodPost, path+"/revoke", nil, r.admin...)
	for what, a := range map[string]backendtest.Answer{"the revoke": revoked, "the token": r.Call(http.MethodGet, path, nil, r.admin...), "the list": r.Call(http.MethodGet, "/api/v1/api_token", nil, r.admin...)} {
		if a.Status != http.StatusOK || strings.Contains(a.Body, "old_secret") {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
}

func TestARevokeWithAnOldSecretEndsOnlyThatSecret(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	second := r.rotated(3600, r.admin...)
	for range 2 {
		wantStatus(t, "the request", r.PostForm("/oauth/revoke", backendtest.Form("token", r.first)), http.StatusOK)
		if r.reason(r.first) != token.IsReplaced || r.reason(second) != token.Good {
			t.Errorf("%v %v", r.reason(r.first), r.reason(second))
		}
	}
	third := r.rotated(60, r.admin...)
	r.PostForm("/oauth/revoke", backendtest.Form("token", r.first))
	if r.reason(second) != token.Good {
		t.Error("an ended secret ended the one that is old now")
	}
	r.PostForm("/oauth/revoke", backendtest.Form("token", third))
	if r.reason(second) != token.IsRevoked || r.reason(third) != token.IsRevoked {
		t.Errorf("after revoking the current secret: %v %v", r.reason(second), r.reason(third))
	}
}

func TestEveryChangeOfARotatedTokenReachesBothSecrets(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	second := r.rotated(3600, r.admin...)
	both := func(what string, want token.Reason) {
		t.Helper()
		if a, b := r.reason(r.first), r.reason(second); a != want || b != want {
			t.Errorf("%s: %v %v, want %v", what, a, b, want)
		}
		for _, secret := range []string{r.first, second} {
			listed := r.Listed(backendtest.EntryOf(t, secret))
			if is := map[byte]token.Reason{0: token.Good, 1: token.IsRevoked, 2: token.IsSuspended}[listed]; is != want && want != token.Unknown {
				t.Errorf("%s: listed as %d", what, listed)
			}
		}
	}
	both("rotated", token.Good)
	for _, step := range []struct {
		action string
		want   token.Reason
	}{{"suspend", token.IsSuspended}, {"activate", token.Good}, {"revoke", token.IsRevoked}} {
		r.Call(http.MethodPost, "/api/v1/api_token/"+r.made.ID.String()+"/"+step.action, nil, r.admin...).Must(t, http.StatusOK)
		both(step.action, step.want)
	}
	refused(t, "a revoked token", r.rotate(r.made.ID.String(), map[string]any{"overlap_seconds": 0}, r.admin...), http.StatusConflict, "invalid_action", "")
	r.Call(http.MethodDelete, "/api/v1/api_token/"+r.made.ID.String(), nil, r.admin...)
	both("deleted", token.Unknown)
	r.Tokens.ForgetAll()
	for _, secret := range []string{r.first, second} {
		if got := r.Listed(backendtest.EntryOf(t, secret)); got != 1 {
			t.Errorf("deleted, it is listed as %d", got)
		}
	}
}

func TestAHolderRotatesOnlyItsOwnTokenWithItsPresentSecret(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, first := p.Deployed()
	_, other := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	r := rotating{p, t, actor, session(t, p, backendtest.Email), made, first}
	second := r.rotated(3600, backendtest.Bearer(first))
	fields := map[string]any{"overlap_seconds": 0}
	refused(t, "with the old secret", r.rotate(made.ID.String(), fields, backendtest.Bearer(first)), http.StatusForbidden, "not_permitted", "")
	refused(t, "an account token that did not create it", r.rotate(made.ID.String(), fields, backendtest.Bearer(other)), http.StatusForbidden, "not_permitted", "")
	refused(t, "with another lesser token", r.rotate(r.made.AccountID.String(), fields, backendtest.Bearer(second)), http.StatusForbidden, "not_permitted", "")
	r.Clock.Move(time.Minute)
	third := r.rotated(0, backendtest.Bearer(second))
	refused(t, "with an ended secret", r.rotate(made.ID.String(), fields, backendtest.Bearer(second)), http.StatusUnauthorized, "bad_authtoken", "")
	if r.reason(third) != token.Good {
		t.Errorf("%v", r.reason(third))
	}
	// Promise 9: a token that is ended with its descendants ends all secrets that it got.
	child, _ := createToken(t, p, []backendtest.Header{backendtest.Bearer(other)})
	wantStatus(t, "its own descendant", r.rotate(child, fields, backendtest.Bearer(other)), http.StatusOK)
}

func TestATokenRotatesItselfOnceAMinute(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	second := r.rotated(0, backendtest.Bearer(r.first))
	a := r.rotate(r.made.ID.String(), map[string]any{"overlap_seconds": 0}, backendtest.Bearer(second))
	if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "60" || r.reason(second) != token.Good {
		t.Errorf("%d %s, Retry-After %s", a.Status, a.Body, a.Header.Get("Retry-After"))
	}
	third := r.rotated(0, r.admin...) // an admin may do it at any time
	r.Clock.Move(time.Minute)
	if fourth := r.rotated(0, backendtest.Bearer(third)); r.reason(fourth) != token.Good {
		t.Errorf("a minute later: %v", r.reason(fourth))
	}
}

// TestPromise1ASecretThatEndsWhileItsRequestArrivesChangesNothing sends the last byte of a request after the end of its
// secret. A thief could otherwise keep requests open and take the token over after the owner has rotated it.
func TestPromise1ASecretThatEndsWhileItsRequestArrivesChangesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, body string }{
		{"/api_token/ID/rotate", `{"details":{"overlap_seconds":0}}`},
		{"/api_token", `{"details":{"token_scope":"account"}}`},
		{"/admin_user_invite", `{"details":{"email":"thief@example.com"}}`},
		{"/api_token/ID/revoke", `{"details":{"with_descendants":true}}`},
	} {
		r := newRotating(t)
		path := strings.Replace(c.path, "ID", r.made.ID.String(), 1)
		last := len(c.body) - 1
		conn := r.Dial(fmt.Sprintf("POST /api/v1%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			path, r.first, len(c.body), c.body[:last]))
		second := r.rotated(0, r.admin...)
		if _, err := conn.Write([]byte(c.body[last:])); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
			t.Errorf("%s: %s, %v", c.path, answer, err)
		}
		if r.reason(second) != token.Good {
			t.Errorf("%s: the owner's secret is refused: %v", c.path, r.reason(second))
		}
	}
}

// TestPromise1NoTransactionIsBegunByASecretThatHasEnded is the same for the last instant, after the body was read.
func TestPromise1NoTransactionIsBegunByASecretThatHasEnded(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	thief := audit.Actor{AccountID: r.made.AccountID, APITokenID: r.made.ID, Secret: token.HashOf([]byte(r.first))}
	if _, _, err := r.Tokens.Issue(t.Context(), thief, token.Order{Scope: token.ScopeAccount}); err != nil {
		t.Fatal(err)
	}
	r.rotated(60, r.admin...)
	if _, _, err := r.Tokens.Rotate(t.Context(), thief, r.made.ID, token.Rotation{}); fault.KindOf(err) != fault.NotPermitted {
		t.Errorf("an old secret rotates its token: %v", err)
	}
	if _, _, err := r.Tokens.Issue(t.Context(), thief, token.Order{Scope: token.ScopeAccount}); err != nil {
		t.Errorf("in its overlap: %v", err)
	}
	r.Clock.Move(time.Minute)
	if _, _, err := r.Tokens.Issue(t.Context(), thief, token.Order{Scope: token.ScopeAccount}); fault.KindOf(err) != fault.BadAuthToken {
		t.Errorf("an ended secret creates a token: %v", err)
	}
}

func TestPromise9AMemberWhoIsRemovedKeepsNoSecretThatTheyGotByRotating(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	bob := r.Join(r.actor, "bob@example.com")
	got := r.rotated(3600, session(t, r.Program, "bob@example.com")...)
	member := r.Call(http.MethodGet, "/api/v1/admin_user/"+bob.AdminUserID.String(), nil, r.admin...)
	if member.Get(t, "details", "live_api_token_count") != 1.0 {
		t.Errorf("not counted: %s", member.Body)
	}
	a := r.Call(http.MethodPost, "/api/v1/admin_user/"+bob.AdminUserID.String()+"/remove", backendtest.Details(map[string]any{"revoke_api_tokens": true}), r.admin...)
	if a.Status != http.StatusOK || a.Get(t, "revoked_api_token_count") != 1.0 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if r.reason(got) != token.IsRevoked || r.reason(r.first) != token.IsRevoked {
		t.Errorf("%v %v", r.reason(got), r.reason(r.first))
	}
	r.Recorded(audit.APITokenRevoked, 1)
}

func TestARotationMayMoveTheExpiry(t *testing.T) {
	t.Parallel()
	r := newRotating(t, func(c *config.Config, _ *backend.World) { c.MaxTokenLifetime = config.Lifetime(100 * 24 * time.Hour) })
	r.Clock.Move(437 * time.Millisecond) // expiries are whole seconds, the times of rotations are not
	id, day := r.made.ID.String(), 24*time.Hour
	at := func(in time.Duration) string { return r.Clock.Now().Add(in).Truncate(time.Second).Format(milliseconds) }
	r.Clock.Move(10 * day)
	r.admin = session(t, r.Program, backendtest.Email)
	holds(t, "unchanged", r.rotate(id, map[string]any{"overlap_seconds": 0}, r.admin...), map[string]any{"expires_at": at(20 * day)})
	a := r.rotate(id, map[string]any{"overlap_seconds": 0, "expires_in": 90 * 86400}, r.admin...)
	holds(t, "renewed", a, map[string]any{"expires_at": at(90 * day)})
	for what, fields := range map[string]map[string]any{
		"beyond the maximum": {"overlap_seconds": 0, "expires_at": at(101 * day)}, "in the past": {"overlap_seconds": 0, "expires_at": at(-day)},
		"the zero time": {"overlap_seconds": 0, "expires_at": "0001-01-01T00:00:00Z"},
	} {
		refused(t, what, r.rotate(id, fields, r.admin...), http.StatusUnprocessableEntity, "validation_errors", "expires_at")
	}
	refused(t, "both", r.rotate(id, map[string]any{"overlap_seconds": 0, "expires_at": at(day), "expires_in": 60}, r.admin...), http.StatusUnprocessableEntity, "validation_errors", "expires_in")
	for _, overlap := range []any{-1, 604801, "1h", nil, 0.5} {
		a := r.rotate(id, map[string]any{"overlap_seconds": overlap}, r.admin...)
		if a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", "overlap_seconds") == nil {
			t.Errorf("overlap %v: %d %s", overlap, a.Status, a.Body)
		}
	}
	refused(t, "no overlap", r.rotate(id, map[string]any{}, r.admin...), http.StatusUnprocessableEntity, "validation_errors", "overlap_seconds")
	// The holder gets at most the lifetime that its secret was issued with, however often it asks.
	secret := a.Text(t, "token")
	r.Clock.Move(30 * day)
	refused(t, "longer than its own", r.rotate(id, map[string]any{"overlap_seconds": 0, "expires_in": 91 * 86400}, backendtest.Bearer(secret)), http.StatusUnprocessableEntity, "validation_errors", "expires_in")
	a = r.rotate(id, map[string]any{"overlap_seconds": 0, "expires_in": 90 * 86400}, backendtest.Bearer(secret))
	holds(t, "as long as its own", a, map[string]any{"expires_at": at(90 * day)})
	r.Clock.Move(90 * day)
	r.admin = session(t, r.Program, backendtest.Email)
	refused(t, "an expired token", r.rotate(id, map[string]any{"overlap_seconds": 0}, r.admin...), http.StatusUnprocessableEntity, "validation_errors", "expires_at")
	renewed := r.rotate(id, map[string]any{"overlap_seconds": 3600, "expires_in": 86400}, r.admin...)
	if renewed.Status != http.StatusOK || strings.Contains(renewed.Body, "old_secret") || r.reason(renewed.Text(t, "token")) != token.Good || r.reason(a.Text(t, "token")) == token.Good {
		t.Errorf("an expired token with a new expiry: %d %s", renewed.Status, renewed.Body)
	}
}

func TestARepeatedRotationWithAKeyChangesNothingAndShowsNoSecret(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	fields := map[string]any{"overlap_seconds": 0, "idempotency_key": "rotate-once"}
	first := r.rotate(r.made.ID.String(), fields, r.admin...)
	again := r.rotate(r.made.ID.String(), fields, r.admin...)
	if again.Status != http.StatusOK || again.Header.Get("Idempotent-Replayed") != "true" || strings.Contains(again.Body, first.Text(t, "token")) {
		t.Errorf("%d %s", again.Status, again.Body)
	}
	if r.reason(first.Text(t, "token")) != token.Good {
		t.Errorf("%v", r.reason(first.Text(t, "token")))
	}
	r.Recorded(audit.APITokenRotated, 1)
}

func TestIntrospectionTellsWhenTheSecretWasIssuedAndWhenItEnds(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	_, reader := r.Issue(r.actor, token.Order{Scope: token.ScopeAccount})
	r.Clock.Move(time.Hour)
	rotated := r.Clock.Now()
	second := r.rotated(600, r.admin...)
	r.Clock.Move(time.Minute)
	for secret, want := range map[string][2]time.Time{
		r.first: {r.made.InsertedAt, rotated.Add(10 * time.Minute)}, second: {rotated, r.made.ExpiresAt},
	} {
		a := r.PostForm("/oauth/introspect", backendtest.Form("token", secret), backendtest.Bearer(reader))
		if a.Get(t, "active") != true || a.Get(t, "iat") != float64(want[0].Unix()) || a.Get(t, "exp") != float64(want[1].Unix()) || a.Text(t, "client_id") != r.made.ID.String() {
			t.Errorf("%s, want iat %d and exp %d", a.Body, want[0].Unix(), want[1].Unix())
		}
	}
}
