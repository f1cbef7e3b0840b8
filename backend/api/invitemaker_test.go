package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// codeOf returns the code of an invite, as members of the account can see it.
func codeOf(t *testing.T, p *backendtest.Program, actor audit.Actor, i people.Invite) string {
	t.Helper()
	issued, err := p.People.InviteOf(t.Context(), actor.AccountID, i.ID)
	if err != nil || issued.Code == "" {
		t.Fatalf("%+v %v", issued, err)
	}
	return issued.Code
}

// TestPromise9AnInviteEndsWithItsMaker ends makers in every possible way and tries to accept their invites.
func TestPromise9AnInviteEndsWithItsMaker(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	browser := session(t, p, backendtest.Email)
	byToken := func(secret, email string) string {
		a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": email}), backendtest.Bearer(secret))
		a.Must(t, http.StatusOK)
		return a.Text(t, "details", "id")
	}
	post := func(path string, body any) {
		t.Helper()
		p.Call(http.MethodPost, "/api/v1"+path, body, browser...).Must(t, http.StatusOK)
	}
	ends := 0
	for what, end := range map[string]func(maker token.Listed, secret string){
		"revoke":     func(maker token.Listed, _ string) { post("/api_token/"+maker.ID.String()+"/revoke", nil) },
		"its holder": func(_ token.Listed, secret string) { revokeByHolder(t, p, secret) },
		"suspend, then activate": func(maker token.Listed, _ string) {
			post("/api_token/"+maker.ID.String()+"/suspend", nil)
			post("/api_token/"+maker.ID.String()+"/activate", nil)
		},
		"rotation without an overlap": func(maker token.Listed, _ string) {
			post("/api_token/"+maker.ID.String()+"/rotate", backendtest.Details(map[string]any{"overlap_seconds": 0}))
		},
		"the end of its old secret": func(maker token.Listed, _ string) {
			post("/api_token/"+maker.ID.String()+"/rotate", backendtest.Details(map[string]any{"overlap_seconds": 60}))
			post("/api_token/"+maker.ID.String()+"/end_old_secret", nil)
		},
		"its holder, with the old secret": func(maker token.Listed, secret string) {
			post("/api_token/"+maker.ID.String()+"/rotate", backendtest.Details(map[string]any{"overlap_seconds": 60}))
			revokeByHolder(t, p, secret)
		},
		"revoke and delete": func(maker token.Listed, _ string) {
			post("/api_token/"+maker.ID.String()+"/revoke", nil)
			p.Call(http.MethodDelete, "/api/v1/api_token/"+maker.ID.String(), nil, browser...).Must(t, http.StatusOK)
		},
		"all of its member": func(maker token.Listed, _ string) {
			post("/admin_user/"+maker.CreatedByAdminUserID.String()+"/revoke_api_tokens", nil)
		},
		"removal of its member, who keeps it": func(maker token.Listed, _ string) {
			post("/admin_user/"+maker.CreatedByAdminUserID.String()+"/remove", nil)
		},
		"removal of its member, who loses it": func(maker token.Listed, _ string) {
			post("/admin_user/"+maker.CreatedByAdminUserID.String()+"/remove", backendtest.Details(map[string]any{"revoke_api_tokens": true}))
		},
	} {
		ends++
		name := strings.ReplaceAll(strings.ReplaceAll(what, " ", "-"), ",", "")
		maker, secret := p.Issue(p.Join(owner, name+"@example.com"), token.Order{Scope: token.ScopeAccount})
		id := byToken(secret, "guest-of-"+name+"@example.com")
		a := p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+id, nil, browser...)
		holds(t, what, a, map[string]any{"status": "pending", "created_by_api_token_id": maker.ID, "created_by_name": "API token …" + maker.Hint})
		code := a.Text(t, "details", "token")
		holds(t, what, showInvite(p, code), nil)
		end(maker, secret)
		refused(t, what, showInvite(p, code), http.StatusNotFound, "not_found", "")
		refused(t, what, acceptInvite(p, code, "Eve", backendtest.Password), http.StatusNotFound, "not_found", "")
		holds(t, what, p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+id, nil, browser...), map[string]any{"status": "revoked", "token": nil})
		p.Recorded(audit.AdminUserInviteRevoked, ends)
	}
}

func revokeByHolder(t *testing.T, p *backendtest.Program, secret string) {
	t.Helper()
	response, err := http.Post(p.URL+"/oauth/revoke", "application/x-www-form-urlencoded", strings.NewReader("token="+secret))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	_ = response.Body.Close()
}

func TestPromise9AnInviteEndsWithTheMemberWhoMadeIt(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	bob := p.Join(owner, "bob@example.com")
	guest := p.Invite(bob, "bobs-other-address@example.com", people.RoleAdmin)
	kept := p.Invite(owner, "grace@example.com", people.RoleAdmin)
	_, secret := p.Issue(bob, token.Order{Scope: token.ScopeAccount})
	if _, _, err := p.People.RemoveMember(t.Context(), owner, bob.AdminUserID, false); err != nil {
		t.Fatal(err)
	}
	refused(t, "theirs", acceptInvite(p, guest.Code, "Bob", backendtest.Password), http.StatusNotFound, "not_found", "")
	p.Recorded(audit.AdminUserInviteRevoked, 1)
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), backendtest.Bearer(secret))
	refused(t, "a token of theirs that lives on invites", a, http.StatusForbidden, "not_permitted", "")
	holds(t, "another member's", acceptInvite(p, kept.Code, "Grace", backendtest.Password), nil)
}

// TestPromise9AnInviteEndsWithThePasswordOfItsMaker covers invites that a thief made in a session.
func TestPromise9AnInviteEndsWithThePasswordOfItsMaker(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	p.Join(owner, "bob@example.com")
	_, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	n := 0
	invite := func(who ...backendtest.Header) string {
		t.Helper()
		n++
		a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": fmt.Sprintf("guest%d@example.com", n)}), who...)
		a.Must(t, http.StatusOK)
		return a.Text(t, "details", "id")
	}
	status := func(id string) string {
		t.Helper()
		return p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+id, nil, backendtest.Bearer(secret)).Text(t, "details", "status")
	}
	bob := session(t, p, "bob@example.com")
	byOwner, byToken := invite(session(t, p, backendtest.Email)...), invite(backendtest.Bearer(secret))
	changed, reset := invite(bob...), ""
	p.Call(http.MethodPost, "/api/v1/session/password", backendtest.Details(map[string]any{"current_password": backendtest.Password, "new_password": "another long password"}), bob...).Must(t, http.StatusOK)
	reset = invite(bob...)
	if status(changed) != "revoked" || status(reset) != "pending" {
		t.Errorf("after the change: %s, then %s", status(changed), status(reset))
	}
	user, err := p.People.ByEmail(t.Context(), "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.People.ResetPassword(t.Context(), user, "yet another long password"); err != nil {
		t.Fatal(err)
	}
	if status(reset) != "revoked" || status(byOwner) != "pending" || status(byToken) != "pending" {
		t.Errorf("after the reset: %s; by others %s, %s", status(reset), status(byOwner), status(byToken))
	}
	p.Recorded(audit.AdminUserInviteRevoked, 2)
}

// TestPromise9AnInviteEndsWhenItsTokenExpires covers an end without a write.
// endsInAnHour fails the test unless an invite can be accepted for an hour and no longer.
func endsInAnHour(t *testing.T, p *backendtest.Program, code string) {
	t.Helper()
	p.Clock.Move(time.Hour - time.Millisecond)
	holds(t, "before", showInvite(p, code), nil)
	p.Clock.Move(time.Millisecond)
	refused(t, "after", showInvite(p, code), http.StatusNotFound, "not_found", "")
	refused(t, "after", acceptInvite(p, code, "Eve", backendtest.Password), http.StatusNotFound, "not_found", "")
}

func TestPromise9AnInviteEndsWhenItsTokenExpires(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	maker, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Hour)})
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), backendtest.Bearer(secret))
	holds(t, "create", a, map[string]any{"expires_at": maker.ExpiresAt.Format(wireTime)})
	invites, _, err := p.People.Invites(t.Context(), owner.AccountID, paging.Page{Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	code := codeOf(t, p, owner, invites[0].Invite)
	endsInAnHour(t, p, code)
}

func TestPromise9AnInviteEndsWhenItsTokenExpiresEarlierAfterARotation(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	maker, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(30 * 24 * time.Hour)})
	made := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), backendtest.Bearer(secret))
	made.Must(t, http.StatusOK)
	invites, _, err := p.People.Invites(t.Context(), owner.AccountID, paging.Page{Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	code := codeOf(t, p, owner, invites[0].Invite)
	p.Call(http.MethodPost, "/api/v1/api_token/"+maker.ID.String()+"/rotate",
		backendtest.Details(map[string]any{"overlap_seconds": 60, "expires_in": 3600}), backendtest.Bearer(secret)).Must(t, http.StatusOK)
	a := p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+made.Text(t, "details", "id"), nil, session(t, p, backendtest.Email)...)
	holds(t, "listed", a, map[string]any{"expires_at": p.Clock.Now().Add(time.Hour).Format(wireTime)})
	endsInAnHour(t, p, code)
}

// TestAcceptanceChecksTheMakerAgain ends makers directly in the database.
func TestAcceptanceChecksTheMakerAgain(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	bob := p.Join(owner, "bob@example.com")
	for what, statement := range map[string]string{
		"a suspended token":    "UPDATE api_tokens SET status = 'suspended' WHERE id = ?",
		"a token that is gone": "DELETE FROM api_tokens WHERE id = ?",
		"a removed member":     "UPDATE admin_users SET removed_at = 1 WHERE id = (SELECT created_by_admin_user_id FROM api_tokens WHERE id = ?)",
	} {
		maker, _ := p.Issue(bob, token.Order{Scope: token.ScopeAccount})
		issued := p.Invite(audit.Actor{AccountID: owner.AccountID, APITokenID: maker.ID}, "eve@example.com", people.RoleAdmin)
		holds(t, what, showInvite(p, issued.Code), nil)
		p.Exec(statement, maker.ID)
		refused(t, what, showInvite(p, issued.Code), http.StatusNotFound, "not_found", "")
		refused(t, what, acceptInvite(p, issued.Code, "Eve", backendtest.Password), http.StatusNotFound, "not_found", "")
		if what == "a removed member" {
			_, _ = p.Database().Exec("UPDATE admin_users SET removed_at = NULL WHERE id = ?", bob.AdminUserID)
		}
	}
}

// TestNoResponseToATokenHoldsAnInvitesCode looks through every response that a token can get about invites.
func TestNoResponseToATokenHoldsAnInvitesCode(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner := p.Found()
	_, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	bearer, browser := backendtest.Bearer(secret), session(t, p, backendtest.Email)
	var texts []string
	call := func(method, path string, body any, headers ...backendtest.Header) backendtest.Answer {
		t.Helper()
		a := p.Call(method, "/api/v1"+path, body, append(headers, bearer)...)
		a.Must(t, http.StatusOK)
		texts = append(texts, a.Body)
		return a
	}
	order := map[string]any{"details": map[string]any{"email": "bob@example.com"}, "idempotency_key": "k1"}
	created := call(http.MethodPost, "/admin_user_invite", order)
	holds(t, "created", created, map[string]any{"type": "admin_user_invite", "email": "bob@example.com", "status": "pending", "invite_url": nil, "token": nil})
	id := created.Text(t, "details", "id")
	call(http.MethodPost, "/admin_user_invite", order)
	call(http.MethodGet, "/admin_user_invite", nil, browser[0]) // a session beside the token changes nothing
	call(http.MethodGet, "/admin_user_invite/"+id, nil)
	call(http.MethodPost, "/bulk", map[string]any{"items": []any{
		map[string]any{"_type": "admin_user_invites/list", "idempotency_key": "bulk-list"},
		map[string]any{"_type": "admin_user_invites/create", "idempotency_key": "bulk-create", "email": "carol@example.com"},
		map[string]any{"_type": "admin_user_invites/show", "idempotency_key": "bulk-show", "id": id},
	}})
	a := p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+id, nil, browser...)
	code := a.Text(t, "details", "token")
	holds(t, "the link on the Invites page", a, map[string]any{"invite_url": p.URL + "/invite#" + code})
	call(http.MethodPost, "/admin_user_invite/"+id+"/revoke", "{}")
	for _, text := range texts {
		if strings.Contains(text, code[32:]) || strings.Contains(text, "/invite#") || !strings.Contains(text, "admin_user_invite") {
			t.Errorf("a token sees %s", text)
		}
	}
}

func TestAnInviteThatATokenMakesIsMailed(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	sent := &outbox{}
	p.Web.API.Mail = sent
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), backendtest.Bearer(secret))
	if a.Get(t, "mail_sent") != true || len(sent.mails) != 1 || !strings.Contains(sent.mails[0], "/invite#"+a.Text(t, "details", "id")) {
		t.Errorf("%s %v", a.Body, sent.mails)
	}
}
