package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// found returns the names of the tokens that a query lists, in order.
func found(t *testing.T, p *backendtest.Program, headers []backendtest.Header, query string) (names []string, pagination map[string]any) {
	t.Helper()
	a := p.Call(http.MethodGet, "/api/v1/api_token?"+query, nil, headers...)
	a.Must(t, http.StatusOK)
	list, _ := a.Get(t, "summaries").([]any)
	for _, item := range list {
		name, _ := item.(map[string]any)["name"].(string)
		names = append(names, name)
	}
	pagination, _ = a.Get(t, "pagination").(map[string]any)
	return names, pagination
}

func TestAListIsSearchedFilteredAndCounted(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner, deployed, _ := p.Deployed()
	issue := func(name string, lifetime time.Duration) (token.Listed, string) {
		p.Clock.Move(time.Second)
		return p.Issue(owner, token.Order{Scope: token.ScopeAccount, Name: name, Lifetime: lifetime})
	}
	billing, used := issue("Billing reader", 400*24*time.Hour)
	short, _ := issue("Short", 10*24*time.Hour)
	paused, _ := issue("Paused", 0)
	ended, _ := issue("Ended", 0)
	p.Suspend(owner, paused.ID)
	p.Revoke(owner, ended.ID)
	p.Clock.Move(8 * 24 * time.Hour)
	headers := session(t, p, backendtest.Email)
	if !accepted(p, used) {
		t.Fatal("a token is refused")
	}
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil { // a list does not wait for one that is under way
		t.Fatal(err)
	}
	since := url.QueryEscape(p.Clock.Now().Add(-time.Hour).Format(time.RFC3339))
	for query, want := range map[string][]string{
		"search=ILLING": {"Billing reader"}, "search=" + billing.ID.String(): {"Billing reader"}, "search=" + billing.ID.String()[24:]: {"Billing reader"},
		"search=" + url.QueryEscape("…"+short.Hint): {"Short"}, "search=bot": {""}, "search=" + url.QueryEscape("  "): {"Ended", "Paused", "Short", "Billing reader", ""},
		"search=" + strings.Split(backendtest.Email, "@")[0] + "&token_scope=agent_deployment": {""}, "search=nothing": nil,
		"search=a%0ab": nil, "search=%E2%80%AEa": nil, "search=%ff": nil, "search=%00": nil, "search=%CC%81": nil,
		"token_role=manage": {"Ended", "Paused", "Short", "Billing reader"}, "token_role=read": nil, "token_role=manage&token_scope=agent_deployment": nil,
		"state=active": {"Short", "Billing reader", ""}, "state=suspended": {"Paused"}, "state=revoked": {"Ended"}, "state=expired": nil,
		"expires_within=259200": {"Short"}, "unused_for=604800&live=true": {"Paused", "Short", ""}, "never_used=true&status=active": {"Short", ""},
		"created_after=" + since: nil, "created_before=" + since + "&state=active": {"Short", "Billing reader", ""},
		"environment_id=" + deployed.EnvironmentID.String(): {""}, "creator_left=true": nil,
		"sorting=name": {"", "Billing reader", "Ended", "Paused", "Short"}, "sorting=-last_used_at&status=active": {"Billing reader", "Short", ""},
	} {
		if got, _ := found(t, p, headers, query); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	summary := p.Call(http.MethodGet, "/api/v1/api_token/summary", nil, headers...)
	for field, want := range map[string]float64{"item_count": 5, "active": 3, "suspended": 1, "expired": 0, "revoked": 1, "expiring": 1, "unused": 0} {
		if got := summary.Get(t, "details", field); got != want {
			t.Errorf("%s: %v, want %v", field, got, want)
		}
	}
	p.Clock.Move(3 * 24 * time.Hour)           // Short has expired
	headers = session(t, p, backendtest.Email) // the old one has timed out
	if got, _ := found(t, p, headers, "state=expired"); !slices.Equal(got, []string{"Short"}) {
		t.Errorf("expired are %q", got)
	}
}

func TestPagesByCursorHaveTheNumbersOfPagesByOffset(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	headers := session(t, p, backendtest.Email)
	for i := range 7 {
		p.Clock.Move(time.Second)
		p.Issue(owner, token.Order{Scope: token.ScopeAccount, Name: fmt.Sprint(i)})
	}
	for _, order := range []string{"", "&sorting=name", "&sorting=-expires_at"} {
		cursor := ""
		for offset := 0; offset < 7; offset += 3 {
			byOffset, numbers := found(t, p, headers, fmt.Sprintf("pagination[page_size]=3&pagination[offset]=%d%s", offset, order))
			byCursor, same := found(t, p, headers, "pagination[page_size]=3&pagination[after]="+cursor+order)
			if !slices.Equal(byOffset, byCursor) || fmt.Sprint(numbers) != fmt.Sprint(same) {
				t.Errorf("%q from %d: %q %v by offset, %q %v by cursor", order, offset, byOffset, numbers, byCursor, same)
			}
			cursor, _ = same["next_cursor"].(string)
			if (cursor == "") != (offset == 6) {
				t.Errorf("%q from %d: the next cursor is %q", order, offset, cursor)
			}
		}
	}
}

func TestAWrongFilterIsRefusedByName(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	headers := session(t, p, backendtest.Email)
	for range 2 {
		p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	}
	_, page := found(t, p, headers, "pagination[page_size]=1&sorting=name")
	cursor, _ := page["next_cursor"].(string)
	for query, field := range map[string]string{
		"search=" + strings.Repeat("a", 201): "search", "serch=a": "serch",
		"state=gone": "state", "state=active&status=revoked": "state", "created_after=yesterday": "created_after", "created_before=2026-01-01": "created_before",
		"expires_within=0": "expires_within", "expires_within=soon": "expires_within", "unused_for=-1": "unused_for", "never_used=maybe": "never_used",
		"created_by_api_token_id=x": "created_by_api_token_id", "sorting=hint": "sorting", "pagination[after]=x": "pagination[after]",
		"pagination[after]=" + cursor: "pagination[after]", "sorting=-name&pagination[after]=" + cursor: "pagination[after]",
		"sorting=name&pagination[offset]=1&pagination[after]=" + cursor: "pagination[after]",
	} {
		a := p.Call(http.MethodGet, "/api/v1/api_token?"+query, nil, headers...)
		if query == "serch=a" { // also where no list is asked for
			wantStatus(t, "a summary of "+query, p.Call(http.MethodGet, "/api/v1/api_token/summary?"+query, nil, headers...), http.StatusUnprocessableEntity)
		}
		if errors, _ := a.Get(t, "errors").(map[string]any); a.Status != http.StatusUnprocessableEntity || errors[field] == nil {
			t.Errorf("%s: %d %s, want 422 of %s", query, a.Status, a.Body, field)
		}
	}
}
