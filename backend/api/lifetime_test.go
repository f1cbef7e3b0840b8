package api_test

import (
	"net/http"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

func TestALifetimeIsCountedByTheClockOfTheServer(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.MaxTokenLifetime = config.Lifetime(12 * time.Hour) })
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	create := func(fields map[string]any) backendtest.Answer {
		fields["token_scope"] = "account"
		return p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(fields), backendtest.Bearer(manager))
	}
	p.Clock.Move(700 * time.Millisecond)
	for seconds, life := range map[int]time.Duration{1: time.Second, 90 * 60: 90 * time.Minute, 12 * 60 * 60: 12 * time.Hour} {
		want := p.Clock.Now().Add(life).Truncate(time.Second).Format("2006-01-02T15:04:05.000Z")
		holds(t, life.String(), create(map[string]any{"expires_in": seconds}), map[string]any{"expires_at": want})
	}
	for what, fields := range map[string]map[string]any{
		"more than the maximum": {"expires_in": 12*60*60 + 1}, "nothing": {"expires_in": 0}, "less": {"expires_in": -5}, "a text": {"expires_in": "12h"},
		"both": {"expires_in": 60, "expires_at": p.Clock.Now().Add(time.Minute).Format(time.RFC3339)},
	} {
		a := create(fields)
		if a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", "expires_in") == nil {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	holds(t, "none", create(map[string]any{"expires_in": nil}), map[string]any{"expires_at": p.Clock.Now().Add(12 * time.Hour).Truncate(time.Second).Format("2006-01-02T15:04:05.000Z")})
	session := p.Call(http.MethodGet, "/api/v1/session", nil)
	holds(t, "the session", session, map[string]any{"max_token_lifetime": 43200.0, "default_token_lifetime": 43200.0})
}
