package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// bulk sends a bulk change of tokens.
func bulk(p *backendtest.Program, headers []backendtest.Header, fields map[string]any) backendtest.Answer {
	return p.Call(http.MethodPost, "/api/v1/api_token/bulk", backendtest.Details(fields), headers...)
}

// outcomes returns the reason for each token in the results of a bulk change, "done" if there is none, by id.
func outcomes(t *testing.T, a backendtest.Answer) map[string]string {
	t.Helper()
	all := map[string]string{}
	results, _ := a.Get(t, "details", "results").([]any)
	last := ""
	for _, item := range results {
		result, _ := item.(map[string]any)
		id, outcome := fmt.Sprint(result["id"]), fmt.Sprint(result["outcome"])
		if result["reason"] != nil {
			outcome = fmt.Sprint(result["reason"])
		}
		if (outcome == "done") != (result["outcome"] == "done") || (outcome == "done") != (result["message"] == nil) || id <= last {
			t.Errorf("a result is %v after %s", result, last)
		}
		all[id], last = outcome, id
	}
	return all
}

// zoo issues a token in each state: active, expired, suspended, of a retired agent, and revoked.
func zoo(t *testing.T, p *backendtest.Program, owner audit.Actor, ofBot token.Listed) (ids, secrets map[string]string) {
	t.Helper()
	ids, secrets = map[string]string{}, map[string]string{}
	must := func(_ token.Listed, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, state := range []string{"active", "expired", "suspended", "revoked"} {
		order := token.Order{Scope: token.ScopeAccount, Name: state}
		if state == "expired" {
			order.Lifetime = time.Minute
		}
		made, secret := p.Issue(owner, order)
		ids[state], secrets[state] = made.ID.String(), secret
		switch state {
		case "suspended":
			must(p.Tokens.Suspend(t.Context(), owner, made.ID))
		case "revoked":
			must(p.Tokens.Revoke(t.Context(), owner, made.ID))
		}
	}
	order := token.Order{Scope: token.ScopeAgentDeployment, AgentID: ofBot.AgentID, EnvironmentID: ofBot.EnvironmentID}
	made, secret := p.Issue(owner, order)
	ids["retired"], secrets["retired"] = made.ID.String(), secret
	must(p.Tokens.Suspend(t.Context(), owner, made.ID))
	must(p.Tokens.Revoke(t.Context(), owner, ofBot.ID))
	must(p.Tokens.Delete(t.Context(), owner, ofBot.ID))
	if _, _, err := p.Agents.Retire(t.Context(), owner, ofBot.AgentID); err != nil {
		t.Fatal(err)
	}
	p.Clock.Move(2 * time.Minute)
	return ids, secrets
}

func TestABulkChangeDoesToEachTokenWhatASingleOneWould(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]map[string]string{
		"suspend":  {"active": "done", "expired": "done", "suspended": "already_suspended", "retired": "already_suspended", "revoked": "already_revoked"},
		"activate": {"active": "already_active", "expired": "already_active", "suspended": "done", "retired": "agent_retired", "revoked": "already_revoked"},
		"revoke":   {"active": "done", "expired": "done", "suspended": "done", "retired": "done", "revoked": "already_revoked"},
		"delete":   {"active": "not_revoked", "expired": "not_revoked", "suspended": "not_revoked", "retired": "not_revoked", "revoked": "done"},
	} {
		for _, by := range []string{"ids", "filter"} {
			t.Run(action+" by "+by, func(t *testing.T) {
				p := backendtest.Start(t)
				owner, ofBot, _ := p.Deployed()
				ids, secrets := zoo(t, p, owner, ofBot)
				headers := session(t, p, backendtest.Email)
				fields := map[string]any{"action": action}
				if by == "filter" {
					fields["filter"] = map[string]any{}
				} else {
					fields["ids"] = []string{ids["revoked"], ids["active"], ids["expired"], ids["suspended"], ids["retired"], ids["active"]}
				}
				done := 0
				for _, outcome := range want {
					if outcome == "done" {
						done++
					}
				}
				counts := map[string]any{"type": "api_token_bulk", "matched": 5, "active": 1, "suspended": 2, "expired": 1, "revoked": 1, "applicable": done, "next": nil}
				statuses := func() (all []string) {
					for _, state := range []string{"active", "expired", "suspended", "retired", "revoked"} {
						a := p.Call(http.MethodGet, "/api/v1/api_token/"+ids[state], nil, headers...)
						status := "gone"
						if a.Status == http.StatusOK {
							status = a.Text(t, "details", "status")
						}
						all = append(all, status)
					}
					return all
				}
				for _, state := range []string{"active", "suspended", "retired"} { // cached from here on
					accepted(p, secrets[state])
				}

				before, events := statuses(), countEvents(t, p)
				fields["dry_run"] = true
				dry := bulk(p, headers, fields)
				holds(t, "dry run", dry, counts)
				holds(t, "dry run", dry, map[string]any{"results": []any{}, "done": 0, "skipped": 0})
				if after := statuses(); !slices.Equal(before, after) || countEvents(t, p) != events {
					t.Errorf("the dry run changed %v to %v", before, after)
				}

				delete(fields, "dry_run")
				a := bulk(p, headers, fields)
				holds(t, "answer", a, counts)
				holds(t, "answer", a, map[string]any{"done": done, "skipped": 5 - done})
				got := outcomes(t, a)
				for state, id := range ids {
					if got[id] != want[state] {
						t.Errorf("%s: %s, want %s", state, got[id], want[state])
					}
				}
				after := statuses()
				status := map[string]string{"suspend": "suspended", "activate": "active", "revoke": "revoked", "delete": "gone"}[action]
				for i, state := range []string{"active", "expired", "suspended", "retired", "revoked"} {
					was := before[i]
					if want[state] == "done" {
						was = status
					}
					if after[i] != was {
						t.Errorf("%s is %s, want %s", state, after[i], was)
					}
					if state != "expired" && accepted(p, secrets[state]) != (was == "active") {
						t.Errorf("%s: accepted is %v, and it is %s", state, was != "active", was)
					}
					list := map[string]byte{"active": 0, "suspended": 2, "revoked": 1, "gone": 1}[was]
					if is := p.Listed(backendtest.EntryOf(t, secrets[state])); is != list {
						t.Errorf("%s: its status list says %d, and it is %s", state, is, was)
					}
				}
				if n := countEvents(t, p) - events; n != done {
					t.Errorf("%d events of %d changes", n, done)
				}
			})
		}
	}
}

// countEvents counts the audit events of changes of tokens.
func countEvents(t *testing.T, p *backendtest.Program) (n int) {
	t.Helper()
	err := p.Database().QueryRow("SELECT count(*) FROM audit_events WHERE action LIKE 'api_token.%' AND action <> 'api_token.created'").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// plant writes copies of a token, with ids of their own that follow in order, until there are n of them.
func plant(t *testing.T, p *backendtest.Program, like token.Listed, n int) {
	t.Helper()
	hash := "randomblob(32)"
	if pgtest.Wanted() {
		hash = "sha256(convert_to(CAST(i AS TEXT), 'UTF8'))"
	}
	_, err := p.Database().Exec(`WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?1)
		INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, created_by_admin_user_id, expires_at, inserted_at, updated_at)
		SELECT substr(id, 1, 16) || 'zz' || substr(CAST(1000000000000000 + i AS TEXT), 3), account_id, 'planted', `+hash+`, 'abcd', token_scope, status, created_by_admin_user_id, expires_at, inserted_at, updated_at
		FROM api_tokens, k WHERE id = ?2`, n, like.ID)
	if err != nil {
		t.Fatal(err)
	}
	p.Exec("UPDATE accounts SET api_token_count = (SELECT count(*) FROM api_tokens)")
}

func TestAFilterCoversEachTokenOnceInBatchesWhileOthersAreCreated(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	first, _ := p.Issue(owner, token.Order{Scope: token.ScopeAccount, Name: "first"})
	own, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount, Name: "own"})
	plant(t, p, first, 1200)
	fields := map[string]any{"action": "suspend", "filter": map[string]any{"state": "active"}, "after": nil}
	seen, sizes, last := map[string]int{}, []int{}, ""
	for range 10 {
		a := bulk(p, []backendtest.Header{backendtest.Bearer(secret)}, fields)
		a.Must(t, http.StatusOK)
		results, _ := a.Get(t, "details", "results").([]any)
		for _, item := range results {
			last = fmt.Sprint(item.(map[string]any)["id"])
			seen[last]++
		}
		sizes = append(sizes, len(results))
		p.Clock.Move(time.Second)
		p.Issue(owner, token.Order{Scope: token.ScopeAccount, Name: "late"})
		if fields["after"] = a.Get(t, "details", "next"); fields["after"] == nil {
			break
		}
	}
	if last != own.ID.String() {
		t.Errorf("the caller's own token is not the last one")
	}
	if fmt.Sprint(sizes) != "[500 500 204]" || len(seen) != 1204 { // with two of those created meanwhile
		t.Errorf("batches of %v, of %d tokens", sizes, len(seen))
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s comes %d times", id, times)
		}
	}
	p.Recorded(audit.APITokenSuspended, len(seen))
	if accepted(p, secret) {
		t.Error("the caller's own token is accepted")
	}
	if names, page := found(t, p, session(t, p, backendtest.Email), "state=active"); page["item_count"] != 1.0 || names[0] != "late" {
		t.Errorf("active are %v", names)
	}
}

func TestTheOwnTokenMayBeAmongTheIDsOfABulkChange(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	own, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	other, theirs := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	a := bulk(p, []backendtest.Header{backendtest.Bearer(secret)}, map[string]any{"action": "revoke", "ids": []any{own.ID, other.ID}})
	holds(t, "revoke", a, map[string]any{"done": 2, "skipped": 0})
	if accepted(p, secret) || accepted(p, theirs) {
		t.Error("a revoked token is accepted")
	}
}

func TestABulkChangeEndsTheInvitesOfItsTokens(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	made, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	invite := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), backendtest.Bearer(secret))
	headers := session(t, p, backendtest.Email)
	holds(t, "suspend", bulk(p, headers, map[string]any{"action": "suspend", "ids": []any{made.ID}}), map[string]any{"done": 1})
	path := "/api/v1/admin_user_invite/" + invite.Text(t, "details", "id")
	holds(t, "the invite", p.Call(http.MethodGet, path, nil, headers...), map[string]any{"status": "revoked"})
}

func TestARepeatedBulkChangeReplaysItsAnswer(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	headers := session(t, p, backendtest.Email)
	made, _ := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	for _, fields := range []map[string]any{
		{"action": "suspend", "ids": []any{made.ID}, "idempotency_key": "one"},
		{"action": "activate", "filter": map[string]any{"state": "suspended"}, "idempotency_key": "two"},
	} {
		first := bulk(p, headers, fields)
		again := bulk(p, headers, fields)
		holds(t, "again", again, map[string]any{"done": 1})
		if again.Header.Get("Idempotent-Replayed") != "true" || fmt.Sprint(again.JSON(t)) != fmt.Sprint(first.JSON(t)) {
			t.Errorf("%s, then %s", first.Body, again.Body)
		}
	}
	p.Recorded(audit.APITokenSuspended, 1)
	p.Recorded(audit.APITokenActivated, 1)
	refused(t, "another request", bulk(p, headers, map[string]any{"action": "revoke", "ids": []any{made.ID}, "idempotency_key": "one"}), http.StatusConflict, "idempotency_key_already_used", "")
}

func TestAWrongBulkChangeNamesItsFieldAndChangesNothing(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	made, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	id := `"` + made.ID.String() + `"`
	headers := session(t, p, backendtest.Email)
	for details, field := range map[string]string{
		`{"ids":[` + id + `]}`:                                                       "action",
		`{"action":"end","ids":[` + id + `]}`:                                        "action",
		`{"action":"Revoke","ids":[` + id + `]}`:                                     "action",
		`{"action":"revoke"}`:                                                        "ids",
		`{"action":"revoke","ids":[]}`:                                               "ids",
		`{"action":"revoke","ids":` + id + `}`:                                       "ids",
		`{"action":"revoke","ids":[` + id + `],"filter":{}}`:                         "filter",
		`{"action":"revoke","ids":[` + id + `,"x"]}`:                                 "ids[1]",
		`{"action":"revoke","ids":[""]}`:                                             "ids[0]",
		`{"action":"revoke","ids":[` + id + `],"after":` + id + `}`:                  "after",
		`{"action":"revoke","ids":[` + strings.Repeat(id+",", 500) + id + `]}`:       "ids",
		`{"action":"revoke","filter":null}`:                                          "ids",
		`{"action":"revoke","filter":[]}`:                                            "filter",
		`{"action":"revoke","filter":{},"after":"x"}`:                                "after",
		`{"action":"revoke","filter":{"staus":"active"}}`:                            "filter.staus",
		`{"action":"revoke","filter":{"anything":1}}`:                                "filter.anything",
		`{"action":"revoke","filter":{"state":"gone"}}`:                              "filter.state",
		`{"action":"revoke","filter":{"state":"active","status":"revoked"}}`:         "filter.state",
		`{"action":"revoke","filter":{"agent_id":"x"}}`:                              "filter.agent_id",
		`{"action":"revoke","filter":{"created_before":"yesterday"}}`:                "filter.created_before",
		`{"action":"revoke","filter":{"unused_for":0}}`:                              "filter.unused_for",
		`{"action":"revoke","filter":{"live":"yes"}}`:                                "filter.live",
		`{"action":"revoke","filter":{"search":"` + strings.Repeat("a", 201) + `"}}`: "filter.search",
		`{"action":"revoke","filter":{"agent_id":""}}`:                               "filter.agent_id",
		`{"action":"revoke","filter":{"agent_id":null}}`:                             "filter.agent_id",
		`{"action":"revoke","filter":{"search":"\u00a0 …"}}`:                         "filter.search",
		`{"action":"revoke","filter":{"search":"…"}}`:                                "filter.search",
		`{"action":"revoke","filter":{"state":""}}`:                                  "filter.state",
		`{"action":"revoke","filter":{"live":false}}`:                                "filter.live",
		`{"action":"revoke","filter":{"expires_within":null}}`:                       "filter.expires_within",
		`{"action":"revoke","filter":{"created_after":""}}`:                          "filter.created_after",
		`{"action":"revoke","filter":{},"dryrun":true}`:                              "dryrun",
		`{"action":"revoke","filter":{},"preview":true}`:                             "preview",
		`{"action":"revoke","filter":{},"dry_run":"true"}`:                           "dry_run",
	} {
		namesField(t, details, p.Call(http.MethodPost, "/api/v1/api_token/bulk", `{"details":`+details+`}`, headers...), field)
	}
	for body, field := range map[string]string{
		`{"action":"revoke","ids":[` + id + `]}`:                            "action",
		`{"details":{"action":"revoke","ids":[` + id + `]},"dry_run":true}`: "dry_run",
		`{"details":{"action":"revoke","ids":[` + id + `]},"preview":true}`: "preview",
		`{"details":[]}`: "details",
	} {
		namesField(t, body, p.Call(http.MethodPost, "/api/v1/api_token/bulk", body, headers...), field)
	}
	namesField(t, "query", p.Call(http.MethodPost, "/api/v1/api_token/bulk?dry_run=true", `{"details":{"action":"revoke","ids":[`+id+`]}}`, headers...), "dry_run")
	if !accepted(p, secret) || countEvents(t, p) != 0 {
		t.Error("a refused request changed the token")
	}
	_, ofEnvironment := p.Issue(owner, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: p.Environment(owner)})
	refused(t, "not a manager", bulk(p, []backendtest.Header{backendtest.Bearer(ofEnvironment)}, map[string]any{"action": "revoke", "filter": map[string]any{}}), http.StatusForbidden, "not_permitted", "")
}

func TestABulkChangeLeavesATokenThatWasUsedAfterItWasSelected(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	_, unused := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	late, used := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	if err := p.Tokens.Prepare(t.Context(), owner.AccountID); err != nil {
		t.Fatal(err)
	}
	if !accepted(p, used) { // which the index does not know yet
		t.Fatal("a token is refused")
	}
	result, err := p.Tokens.ChangeMany(t.Context(), owner, token.Bulk{Action: token.ToRevoke, Filter: &token.Filter{NeverUsed: true}})
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range result.Outcomes {
		if want := map[bool]string{true: "no_longer_matches"}[outcome.ID == late.ID]; outcome.Skipped.Code != want {
			t.Errorf("%s is skipped as %q, want %q", outcome.ID, outcome.Skipped.Code, want)
		}
	}
	if !accepted(p, used) || accepted(p, unused) {
		t.Error("a token that was used just now is revoked as never used, or another one is not")
	}
}
