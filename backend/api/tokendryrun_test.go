package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// rows returns how many events there are, and the status of a token.
func rows(t *testing.T, p *backendtest.Program, id string) (state string) {
	t.Helper()
	var events int
	var status string
	if err := p.Database().QueryRow("SELECT (SELECT count(*) FROM audit_events), COALESCE((SELECT status FROM api_tokens WHERE id = ?), 'gone')", id).Scan(&events, &status); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(status, " ", events)
}

func TestADryRunOfEachActionShowsWhoWouldNoticeAndChangesNothing(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Issue(audit.Actor{AccountID: actor.AccountID, APITokenID: made.ID}, token.Order{Scope: token.ScopeAccount})
	for range 3 {
		p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret))
	}
	path := "/api/v1/api_token/" + made.ID.String()
	suspend, revoke, remove := [2]string{http.MethodPost, path + "/suspend"}, [2]string{http.MethodPost, path + "/revoke"}, [2]string{http.MethodDelete, path}
	for _, step := range []struct {
		status token.Status
		change func() error
		want   map[[2]string]int
	}{
		{token.Active, func() error { return nil }, map[[2]string]int{suspend: 200, revoke: 200, remove: 409}},
		{token.Suspended, func() error { _, err := p.Tokens.Suspend(t.Context(), actor, made.ID); return err }, map[[2]string]int{suspend: 409, revoke: 200, remove: 409}},
		{token.Revoked, func() error { _, err := p.Tokens.Revoke(t.Context(), actor, made.ID); return err }, map[[2]string]int{suspend: 409, revoke: 409, remove: 200}},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		before := rows(t, p, made.ID.String())
		for action, want := range step.want {
			for _, body := range []any{nil, map[string]any{"idempotency_key": "try-" + step.status.String() + action[0] + action[1][len(action[1])-4:]}} {
				a := p.Call(action[0], action[1]+"?dry_run=true", body, backendtest.Bearer(manager))
				wantStatus(t, fmt.Sprintf("%s, %v", step.status, action), a, want)
				if now := rows(t, p, made.ID.String()); body == nil && now != before {
					t.Errorf("%s, %v: the dry run made %s of %s", step.status, action, now, before)
				}
				if a.Status != http.StatusOK {
					continue
				}
				run := a.Get(t, "dry_run").(map[string]any)
				hour, addresses := run["last_hour"].(map[string]any), run["addresses"].([]any)
				if hour["accepted"] != 3.0 || run["last_used_at"] == nil || len(addresses) != 1 || a.Text(t, "details", "status") != step.status.String() {
					t.Errorf("%s, %v: %s", step.status, action, a.Body)
				}
			}
		}
		a := p.Call(http.MethodPost, path+"/revoke?dry_run=true&with_descendants=true", nil, backendtest.Bearer(manager))
		if a.Status != http.StatusOK || a.Get(t, "revoked_descendant_count") != 1.0 {
			t.Errorf("%s, revoke with descendants: %d %s", step.status, a.Status, a.Body)
		}
	}
	for _, action := range [][2]string{suspend, revoke} { // in the wrong place it must not be ignored
		for _, body := range []any{map[string]any{"dry_run": true}, backendtest.Details(map[string]any{"dry_run": true})} {
			wantStatus(t, fmt.Sprintf("%v with dry_run in the body", action), p.Call(action[0], action[1], body, backendtest.Bearer(manager)), http.StatusUnprocessableEntity)
		}
	}
}

func TestADryRunOfManyCountsThoseThatWereUsedLately(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	var ids []any
	for _, ago := range []time.Duration{-1, 0, 30 * time.Minute, 2 * time.Hour, 23 * time.Hour, 25 * time.Hour} {
		made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: "counted"})
		ids = append(ids, made.ID)
		if ago >= 0 {
			p.Clock.Move(-ago)
			p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret))
			p.Clock.Move(ago)
		}
	}
	for name, which := range map[string]map[string]any{"ids": {"ids": ids}, "filter": {"filter": map[string]any{"search": "counted"}}} {
		which["action"], which["dry_run"] = "revoke", true
		a := p.Call(http.MethodPost, "/api/v1/api_token/bulk", backendtest.Details(which), backendtest.Bearer(manager))
		if a.Status != http.StatusOK || a.Get(t, "details", "used_last_hour") != 2.0 || a.Get(t, "details", "used_last_day") != 4.0 {
			t.Errorf("by %s: %d %s", name, a.Status, a.Body)
		}
	}
}

func TestTheEventsOfATokenSayWhoDidWhatNewestFirst(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/api_token/" + made.ID.String()
	for _, action := range []string{"suspend", "activate", "revoke"} {
		p.Clock.Move(time.Minute)
		p.Call(http.MethodPost, path+"/"+action, nil, backendtest.Bearer(manager)).Must(t, http.StatusOK)
	}
	var got []string
	for offset := 0; offset < 4; offset += 2 {
		a := p.Call(http.MethodGet, fmt.Sprintf("%s/events?pagination[page_size]=2&pagination[offset]=%d", path, offset), nil, backendtest.Bearer(manager))
		if a.Status != http.StatusOK || a.Get(t, "pagination", "item_count") != 4.0 {
			t.Fatal(a.Status, a.Body)
		}
		for _, e := range a.Get(t, "summaries").([]any) {
			event := e.(map[string]any)
			got = append(got, fmt.Sprint(event["action"], " by ", event["actor_name"], " from ", event["actor_address"]))
		}
	}
	by := " by API token …" + manager[len(manager)-4:] + " from 127.0.0.1"
	want := []string{"api_token.revoked" + by, "api_token.activated" + by, "api_token.suspended" + by, "api_token.created by Ada from <nil>"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the events are\n%v, want\n%v", got, want)
	}
	p.Call(http.MethodDelete, path, nil, backendtest.Bearer(manager)).Must(t, http.StatusOK)
	wantStatus(t, "the events of a deleted token", p.Call(http.MethodGet, path+"/events", nil, backendtest.Bearer(manager)), http.StatusNotFound)
}
