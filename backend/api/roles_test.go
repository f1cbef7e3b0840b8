package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

func setRole(p *backendtest.Program, who audit.Actor, fields map[string]any, headers ...backendtest.Header) backendtest.Answer {
	return p.Call(http.MethodPost, "/api/v1/admin_user/"+who.AdminUserID.String()+"/set_role", backendtest.Details(fields), headers...)
}

func TestPromise1AChangeOfRoleAppliesFromTheNextRequest(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	adas, bobs := session(t, p, backendtest.Email), session(t, p, "bob@example.com")
	register := func() backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "bot"}), bobs...)
	}
	holds(t, "as an admin", register(), nil)
	holds(t, "demoted", setRole(p, bob, map[string]any{"role": "viewer"}, adas...), map[string]any{"role": "viewer"})
	refused(t, "as a viewer", register(), http.StatusForbidden, "not_permitted", "")
	holds(t, "their session", p.Call(http.MethodGet, "/api/v1/session", nil, bobs...), map[string]any{"admin_user": map[string]any{
		"id": bob.AdminUserID, "email": "bob@example.com", "name": "Bob", "job_title": nil, "role": "viewer",
	}})
	holds(t, "again", setRole(p, bob, map[string]any{"role": "viewer"}, adas...), map[string]any{"role": "viewer"})
	p.Recorded(audit.AdminUserRoleChanged, 1)
	holds(t, "promoted", setRole(p, bob, map[string]any{"role": "admin"}, adas...), map[string]any{"role": "admin"})
	holds(t, "as an admin again", register(), nil)
	refused(t, "an unknown role", setRole(p, bob, map[string]any{"role": "owner"}, adas...), http.StatusUnprocessableEntity, "validation_errors", "role")
	refused(t, "a new admin without tokens", setRole(p, bob, map[string]any{"role": "admin", "revoke_api_tokens": true}, adas...), http.StatusUnprocessableEntity, "validation_errors", "revoke_api_tokens")
}

// TestPromise1ADemotedAdminsRequestsUnderWayChangeNothing demotes an admin while the body of a request arrives, and after
// it was read.
func TestPromise1ADemotedAdminsRequestsUnderWayChangeNothing(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	bobs := session(t, p, "bob@example.com")
	body := `{"details":{"name":"bot"}}`
	conn := p.Dial(fmt.Sprintf("POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s: %s\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		bobs[0].Name, bobs[0].Value, len(body), body[:5]))
	if _, _, err := p.People.SetRole(t.Context(), ada, bob.AdminUserID, people.RoleViewer, false); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(body[5:])); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 403 ") {
		t.Errorf("%s, %v", answer, err)
	}
	for what, change := range map[string]func() error{
		"create a token": func() error {
			_, _, err := p.Tokens.Issue(t.Context(), bob, token.Order{Scope: token.ScopeAccount})
			return err
		},
		"invite": func() error {
			_, err := p.People.Invite(t.Context(), bob, "eve@example.com", people.RoleAdmin)
			return err
		},
		"demote": func() error {
			_, _, err := p.People.SetRole(t.Context(), bob, ada.AdminUserID, people.RoleViewer, false)
			return err
		},
		"promote": func() error {
			_, _, err := p.People.SetRole(t.Context(), bob, bob.AdminUserID, people.RoleAdmin, false)
			return err
		},
		"remove":           func() error { _, _, err := p.People.RemoveMember(t.Context(), bob, ada.AdminUserID, false); return err },
		"revoke tokens":    func() error { _, _, err := p.People.RevokeTokensOf(t.Context(), bob, ada.AdminUserID); return err },
		"end sessions":     func() error { _, _, err := p.People.EndSessionsOf(t.Context(), bob, ada.AdminUserID); return err },
		"redirect notices": func() error { _, _, err := p.Notices.SetWebhook(t.Context(), bob, "https://example.com/"); return err },
	} {
		if err := change(); !errors.Is(err, people.ErrViewer) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPromise9WhatAnAdminSetInMotionEndsWithTheirDemotion(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	adas := session(t, p, backendtest.Email)
	_, secret := p.Issue(bob, token.Order{Scope: token.ScopeAccount})
	theirs := p.Invite(bob, "bobs-other-address@example.com", people.RoleAdmin)
	kept := p.Invite(ada, "grace@example.com", people.RoleViewer)
	invite := func() backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "eve@example.com"}), backendtest.Bearer(secret))
	}
	holds(t, "by their token", invite(), nil)
	a := setRole(p, bob, map[string]any{"role": "viewer"}, adas...)
	holds(t, "demotion", a, map[string]any{"live_api_token_count": 1})
	refused(t, "their invite", acceptInvite(p, theirs.Code, "Bob", backendtest.Password), http.StatusNotFound, "not_found", "")
	p.Recorded(audit.AdminUserInviteRevoked, 2)
	refused(t, "their token invites", invite(), http.StatusForbidden, "not_permitted", "")
	holds(t, "their token", p.Call(http.MethodGet, "/api/v1/agent", nil, backendtest.Bearer(secret)), nil)
	a = setRole(p, bob, map[string]any{"role": "viewer", "revoke_api_tokens": true}, adas...)
	if a.Get(t, "revoked_api_token_count") != 1.0 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	refused(t, "their revoked token", p.Call(http.MethodGet, "/api/v1/agent", nil, backendtest.Bearer(secret)), http.StatusUnauthorized, "bad_authtoken", "")
	holds(t, "another's invite", acceptInvite(p, kept.Code, "Grace", backendtest.Password), nil)
	holds(t, "the guest", p.Call(http.MethodGet, "/api/v1/session", nil, session(t, p, "grace@example.com")...), nil)
	list := p.Call(http.MethodGet, "/api/v1/admin_user?sorting=email", nil, adas...)
	for i, want := range []string{"admin", "viewer", "viewer"} {
		if item := list.Get(t, "summaries").([]any)[i].(map[string]any); item["role"] != want {
			t.Errorf("member %d: %v, want %s", i, item, want)
		}
	}
}

// TestAnAccountAlwaysHasAnAdmin lets two admins demote or remove each other and themselves at the same time.
func TestAnAccountAlwaysHasAnAdmin(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	viewer := p.JoinAs(ada, "viewer@example.com", people.RoleViewer)
	first := ada
	for round := range backendtest.Rounds(200) {
		second := p.Join(first, fmt.Sprintf("bob%d@example.com", round))
		demote := func(by, who audit.Actor) error {
			_, _, err := p.People.SetRole(t.Context(), by, who.AdminUserID, people.RoleViewer, false)
			return err
		}
		remove := func(by, who audit.Actor) error {
			_, _, err := p.People.RemoveMember(t.Context(), by, who.AdminUserID, false)
			return err
		}
		machine := audit.Actor{AccountID: ada.AccountID} // the command line
		changes := [][2]func() error{
			{func() error { return demote(first, second) }, func() error { return demote(second, first) }},
			{func() error { return remove(first, second) }, func() error { return remove(second, first) }},
			{func() error { return demote(first, first) }, func() error { return remove(second, second) }},
			{func() error { return demote(machine, first) }, func() error { return remove(machine, second) }},
		}[round%4]
		var both sync.WaitGroup
		var errs [2]error
		for i, change := range changes {
			both.Go(func() { errs[i] = change() })
		}
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("round %d: %v; %v", round, errs[0], errs[1])
		}
		for _, err := range errs {
			if kind := fault.KindOf(err); err != nil && kind != fault.InvalidAction && kind != fault.NotPermitted && kind != fault.NotAuthenticated {
				t.Errorf("round %d: %v", round, err)
			}
		}
		members, _, err := p.People.Members(t.Context(), ada.AccountID, "", paging.Page{Size: 1000, Sort: "inserted_at"})
		if err != nil {
			t.Fatal(err)
		}
		admins := 0
		for _, m := range members {
			if m.Role == people.RoleAdmin {
				admins++
				first = audit.Actor{AccountID: m.AccountID, AdminUserID: m.ID}
				if m.MayLoseRights() {
					t.Errorf("round %d: the only admin may be removed", round)
				}
			}
		}
		if admins != 1 {
			t.Fatalf("round %d: %d admins", round, admins)
		}
	}
	for what, err := range map[string]error{
		"demoted": func() error {
			_, _, err := p.People.SetRole(t.Context(), first, first.AdminUserID, people.RoleViewer, false)
			return err
		}(),
		"removed": func() error {
			_, _, err := p.People.RemoveMember(t.Context(), first, first.AdminUserID, false)
			return err
		}(),
	} {
		if !errors.Is(err, people.ErrLastAdmin) {
			t.Errorf("the last admin is %s: %v", what, err)
		}
	}
	if _, _, err := p.People.RemoveMember(t.Context(), first, viewer.AdminUserID, false); err != nil {
		t.Errorf("a viewer can't be removed: %v", err)
	}
}

// TestNoResponseToAViewerOrAReadTokenHoldsASecret looks through every list and record that they can get.
func TestNoResponseToAViewerOrAReadTokenHoldsASecret(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	p.JoinAs(ada, "viewer@example.com", people.RoleViewer)
	invite := p.Invite(ada, "bob@example.com", people.RoleAdmin)
	_, hook, err := p.Notices.SetWebhook(t.Context(), ada, "https://example.com/hook")
	if err != nil {
		t.Fatal(err)
	}
	made, read := p.Issue(ada, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	for caller, headers := range map[string][]backendtest.Header{"viewer": session(t, p, "viewer@example.com"), "token": {backendtest.Bearer(read)}} {
		for _, path := range []string{"admin_user_invite", "admin_user_invite/" + invite.ID.String(), "account/" + ada.AccountID.String() + "/webhook", "api_token", "api_token/" + made.ID.String(), "admin_user", "session"} {
			a := p.Call(http.MethodGet, "/api/v1/"+path, nil, headers...)
			if caller == "viewer" && a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", path, a.Status, a.Body)
			}
			for _, secret := range []string{invite.Code, hook, read} {
				if strings.Contains(a.Body, secret[len(secret)-30:]) {
					t.Errorf("a %s sees a secret at %s: %s", caller, path, a.Body)
				}
			}
		}
	}
	a := p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+invite.ID.String(), nil, session(t, p, backendtest.Email)...)
	holds(t, "an admin", a, map[string]any{"token": invite.Code, "role": "admin"})
}

func TestItemsOfABulkRequestPassTheChecksOfTheirRoutes(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	p.JoinAs(ada, "viewer@example.com", people.RoleViewer)
	_, read := p.Issue(ada, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	for caller, headers := range map[string][]backendtest.Header{"viewer": session(t, p, "viewer@example.com"), "token": {backendtest.Bearer(read)}} {
		a := p.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{
			map[string]any{"method": "GET", "path": "/agent"},
			map[string]any{"method": "POST", "path": "/agent", "body": map[string]any{"details": map[string]any{"name": "bot"}}},
		}}, headers...)
		items, _ := a.Get(t, "details", "items").([]any)
		if len(items) != 2 || items[0].(map[string]any)["status"] != 200.0 || items[1].(map[string]any)["status"] != 403.0 {
			t.Errorf("%s: %d %s", caller, a.Status, a.Body)
		}
	}
	p.Recorded(audit.AgentCreated, 0)
}

func TestAReadTokenKeepsItsRole(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	adas := session(t, p, backendtest.Email)
	create := func(fields map[string]any) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(fields), adas...)
	}
	made := create(map[string]any{"token_scope": "account", "token_role": "read"})
	holds(t, "create", made, map[string]any{"token_role": "read"})
	id, secret := made.Text(t, "details", "id"), backendtest.Bearer(made.Text(t, "token"))
	holds(t, "the default", create(map[string]any{"token_scope": "account"}), map[string]any{"token_role": "manage"})
	holds(t, "null", create(map[string]any{"token_scope": "account", "token_role": nil}), map[string]any{"token_role": "manage"})
	scoped := map[string]any{"token_scope": "environment", "environment_id": p.Environment(ada)}
	if a := create(scoped); a.Status != http.StatusOK || strings.Contains(a.Body, "token_role") {
		t.Errorf("another scope: %d %s", a.Status, a.Body)
	}
	scoped["token_role"] = "read"
	refused(t, "read of another scope", create(scoped), http.StatusUnprocessableEntity, "validation_errors", "token_role")
	refused(t, "unknown", create(map[string]any{"token_scope": "account", "token_role": "write"}), http.StatusUnprocessableEntity, "validation_errors", "token_role")

	rotated := p.Call(http.MethodPost, "/api/v1/api_token/"+id+"/rotate", backendtest.Details(map[string]any{"overlap_seconds": 60}), secret)
	holds(t, "rotated by itself", rotated, map[string]any{"token_role": "read"})
	for what, bearer := range map[string]backendtest.Header{"old": secret, "new": backendtest.Bearer(rotated.Text(t, "token"))} {
		refused(t, what, p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), bearer), http.StatusForbidden, "not_permitted", "")
		holds(t, what, p.Call(http.MethodGet, "/api/v1/api_token/"+id, nil, bearer), map[string]any{"token_role": "read"})
		wantStatus(t, what+" introspects", p.PostForm("/oauth/introspect", backendtest.Form("token", made.Text(t, "token")), bearer), http.StatusOK)
	}
}

func TestTokensCreateNoTokensIfTheServerForbidsIt(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.TokensMayCreateTokens = false })
	ada := p.Found()
	maker, secret := p.Issue(ada, token.Order{Scope: token.ScopeAccount})
	theirs, _ := p.Issue(audit.Actor{AccountID: ada.AccountID, APITokenID: maker.ID}, token.Order{Scope: token.ScopeAccount})
	bearer := backendtest.Bearer(secret)
	rotation := backendtest.Details(map[string]any{"overlap_seconds": 60})
	order := backendtest.Details(map[string]any{"token_scope": "account"})
	refused(t, "create", p.Call(http.MethodPost, "/api/v1/api_token", order, bearer), http.StatusForbidden, "not_permitted", "")
	refused(t, "rotate another", p.Call(http.MethodPost, "/api/v1/api_token/"+theirs.ID.String()+"/rotate", rotation, bearer), http.StatusForbidden, "not_permitted", "")
	item := p.Call(http.MethodPost, "/api/v1/bulk", map[string]any{"items": []any{map[string]any{"method": "POST", "path": "/api_token", "body": order}}}, bearer)
	if items, _ := item.Get(t, "details", "items").([]any); items[0].(map[string]any)["status"] != 403.0 {
		t.Errorf("in bulk: %s", item.Body)
	}
	p.Recorded(audit.APITokenCreated, 2)
	p.Recorded(audit.APITokenRotated, 0)
	holds(t, "rotate itself", p.Call(http.MethodPost, "/api/v1/api_token/"+maker.ID.String()+"/rotate", rotation, bearer), nil)
	holds(t, "an admin creates", p.Call(http.MethodPost, "/api/v1/api_token", order, session(t, p, backendtest.Email)...), nil)
}

// invites invites someone in each of the sessions, and returns a check of the statuses that the invites then have.
func invites(t *testing.T, p *backendtest.Program, sessions ...[]backendtest.Header) (have func(statuses ...string)) {
	t.Helper()
	var paths []string
	for i, session := range sessions {
		order := backendtest.Details(map[string]any{"email": fmt.Sprintf("guest%d@example.com", i), "role": "admin"})
		a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", order, session...)
		holds(t, "an invite", a, nil)
		paths = append(paths, "/api/v1/admin_user_invite/"+a.Text(t, "details", "id"))
	}
	return func(statuses ...string) {
		t.Helper()
		for i, path := range paths {
			holds(t, "the invite of session "+strconv.Itoa(i), p.Call(http.MethodGet, path, nil, session(t, p, backendtest.Email)...), map[string]any{"status": statuses[i]})
		}
	}
}

func TestAnAdminEndsAllSessionsOfAMember(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	adas, bobs, others := session(t, p, backendtest.Email), session(t, p, "bob@example.com"), session(t, p, "bob@example.com")
	end := func() backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/admin_user/"+bob.AdminUserID.String()+"/end_sessions", nil, adas...)
	}
	pending := invites(t, p, adas, bobs)
	holds(t, "ended", end(), map[string]any{"count": 2})
	for _, browser := range [][]backendtest.Header{bobs, others} {
		refused(t, "afterwards", p.Call(http.MethodGet, "/api/v1/agent", nil, browser...), http.StatusUnauthorized, "not_authenticated", "")
	}
	holds(t, "none left", end(), map[string]any{"count": 0})
	holds(t, "Ada's own", p.Call(http.MethodGet, "/api/v1/agent", nil, adas...), nil)
	pending("pending", "revoked") // one who had stolen Bob's session may have made it
}

func TestAnAdminEndsAllSessionsOfAllMembersButTheirOwn(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	p.Join(ada, "bob@example.com")
	adas, elsewhere, bobs := session(t, p, backendtest.Email), session(t, p, backendtest.Email), session(t, p, "bob@example.com")
	end := func() backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/account/"+ada.AccountID.String()+"/end_sessions", nil, adas...)
	}
	pending := invites(t, p, elsewhere, bobs)
	holds(t, "ended", end(), map[string]any{"count": 2})
	for _, browser := range [][]backendtest.Header{elsewhere, bobs} {
		refused(t, "afterwards", p.Call(http.MethodGet, "/api/v1/agent", nil, browser...), http.StatusUnauthorized, "not_authenticated", "")
	}
	holds(t, "none left", end(), map[string]any{"count": 0})
	holds(t, "Ada's own", p.Call(http.MethodGet, "/api/v1/agent", nil, adas...), nil)
	pending("revoked", "revoked")
	p.Recorded(audit.SessionEnded, 2) // one for each member
	notices, _ := p.Call(http.MethodGet, "/api/v1/session", nil, session(t, p, "bob@example.com")...).Get(t, "details", "notices").([]any)
	if len(notices) != 1 || notices[0].(map[string]any)["kind"] != "sessions_ended" {
		t.Errorf("Bob hears %v", notices)
	}
}
