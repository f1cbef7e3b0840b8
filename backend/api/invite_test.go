package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
)

func invite(t *testing.T, p *backendtest.Program, email string, headers ...backendtest.Header) (id, code string) {
	t.Helper()
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": email}), headers...)
	a.Must(t, http.StatusOK)
	return a.Text(t, "details", "id"), a.Text(t, "details", "token")
}

func showInvite(p *backendtest.Program, code string) backendtest.Answer {
	return p.Call(http.MethodPost, "/api/v1/invite/show", backendtest.Details(map[string]any{"code": code}))
}

func acceptInvite(p *backendtest.Program, code, name, password string) backendtest.Answer {
	return p.Call(http.MethodPost, "/api/v1/invite/accept", backendtest.Details(map[string]any{"code": code, "name": name, "password": password}))
}

func TestAnInviteIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	created := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": " Bob@Example.com ", "account_id": actor.AccountID}), browser...)
	code, path := created.Text(t, "details", "token"), "/api/v1/admin_user_invite/"+created.Text(t, "details", "id")
	end := p.Clock.Now().Add(7 * 24 * time.Hour).Format(wireTime)
	pending := map[string]any{
		"type": "admin_user_invite", "account_id": actor.AccountID, "email": "bob@example.com", "status": "pending", "expired": false,
		"invite_url": p.URL + "/invite#" + code, "expires_at": end, "available_actions": map[string]any{"revoke": true},
	}
	holds(t, "created", created, pending)
	holds(t, "read", p.Call(http.MethodGet, path, nil, browser...), pending)
	if created.Get(t, "mail_sent") != false {
		t.Errorf("a mail was sent: %s", created.Body)
	}
	list := p.Call(http.MethodGet, "/api/v1/admin_user_invite?account_id="+actor.AccountID.String()+"&sorting=-email", nil, browser...)
	if items, _ := list.Get(t, "summaries").([]any); len(items) != 1 || items[0].(map[string]any)["invite_url"] != pending["invite_url"] || items[0].(map[string]any)["token"] != nil {
		t.Errorf("%s", list.Body)
	}
	holds(t, "show", showInvite(p, code), map[string]any{"type": "invite", "email": "bob@example.com", "account_name": "Acme", "expires_at": end})

	refused(t, "no name", acceptInvite(p, code, " ", backendtest.Password), http.StatusUnprocessableEntity, "validation_errors", "name")
	refused(t, "a short password", acceptInvite(p, code, "Bob", "12345678901"), http.StatusUnprocessableEntity, "validation_errors", "password")
	a := acceptInvite(p, code, "Bob", "bobs own password")
	if a.Status != http.StatusOK || a.Text(t, "details", "admin_user", "email") != "bob@example.com" || a.Text(t, "details", "account", "id") != actor.AccountID.String() {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	cookie, _ := backendtest.Cookie(t, a, "session")
	if a := p.Call(http.MethodGet, "/api/v1/admin_user", nil, cookie); a.Get(t, "pagination", "item_count") != 2.0 {
		t.Errorf("%s", a.Body)
	}
	wantStatus(t, "sign-in", p.SignIn("bob@example.com", "bobs own password"), http.StatusOK)
	used := showInvite(p, code)
	refused(t, "show a used one", used, http.StatusNotFound, "not_found", "")
	refused(t, "accept a used one", acceptInvite(p, code, "Eve", backendtest.Password), http.StatusNotFound, "not_found", "")
	holds(t, "used", p.Call(http.MethodGet, path, nil, browser...), map[string]any{"status": "used", "invite_url": nil, "token": nil, "available_actions": map[string]any{"revoke": false}})
	refused(t, "revoke a used one", p.Call(http.MethodPost, path+"/revoke", "", browser...), http.StatusConflict, "invalid_action", "")
	if forged := showInvite(p, "x"); forged.Body != used.Body {
		t.Errorf("a used code answers %s, a forged one %s", used.Body, forged.Body)
	}
	for _, action := range []audit.Action{audit.AdminUserInviteCreated, audit.AdminUserInviteUsed} {
		p.Recorded(action, 1)
	}
	for _, text := range []string{p.Log.String(), dump(t, p)} {
		if strings.Contains(text, code[32:]) {
			t.Error("the code is stored or logged")
		}
	}
}

// dump is all that the program has stored.
func dump(t *testing.T, p *backendtest.Program) (text string) {
	t.Helper()
	for _, content := range p.Stored() {
		text += string(content)
	}
	return text
}

func TestAnInviteEnds(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	dead := func(what, code string) {
		t.Helper()
		refused(t, what, showInvite(p, code), http.StatusNotFound, "not_found", "")
		refused(t, what, acceptInvite(p, code, "Bob", backendtest.Password), http.StatusNotFound, "not_found", "")
	}
	id, code := invite(t, p, "bob@example.com", browser...)
	path := "/api/v1/admin_user_invite/" + id

	p.Clock.Move(people.InviteLife - time.Millisecond)
	holds(t, "just before its end", showInvite(p, code), nil)
	p.Clock.Move(time.Millisecond)
	browser = session(t, p, backendtest.Email)
	dead("expired", code)
	holds(t, "expired", p.Call(http.MethodGet, path, nil, browser...), map[string]any{"status": "pending", "expired": true, "invite_url": nil, "token": nil, "available_actions": map[string]any{"revoke": true}})
	p.Clock.Move(-time.Hour)

	holds(t, "revoke", p.Call(http.MethodPost, path+"/revoke", "{}", browser...), map[string]any{"status": "revoked", "invite_url": nil, "token": nil})
	dead("revoked", code)
	refused(t, "revoke again", p.Call(http.MethodPost, path+"/revoke", "", browser...), http.StatusConflict, "invalid_action", "")

	_, first := invite(t, p, "bob@example.com", browser...)
	_, second := invite(t, p, "BOB@example.com", browser...)
	dead("replaced by a newer one", first)
	holds(t, "the newer one", showInvite(p, second), nil)
	p.Recorded(audit.AdminUserInviteRevoked, 2)

	flipped := "0"
	if strings.HasSuffix(second[:len(second)-1], flipped) {
		flipped = "1"
	}
	for what, forged := range map[string]string{
		"nothing": "", "its id alone": second[:32], "another mac": first[:32] + second[32:], "a changed end": second[:len(second)-2] + flipped + second[len(second)-1:],
		"more": second + "A", "less": second[:len(second)-1], "upper case": strings.ToUpper(second[:32]) + second[32:], "very long": strings.Repeat("a", 5000),
	} {
		dead(what, forged)
	}
	for what, email := range map[string]any{"nothing": "", "no address": "bob", "two": "a@b.co, c@d.co", "a member": strings.ToUpper(backendtest.Email)} {
		a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": email}), browser...)
		refused(t, what, a, http.StatusUnprocessableEntity, "validation_errors", "email")
	}
	for _, missing := range []string{"/api/v1/admin_user_invite/x", "/api/v1/admin_user_invite/" + actor.AccountID.String()} {
		refused(t, "nowhere", p.Call(http.MethodGet, missing, nil, browser...), http.StatusNotFound, "not_found", "")
		refused(t, "nowhere", p.Call(http.MethodPost, missing+"/revoke", nil, browser...), http.StatusNotFound, "not_found", "")
	}
}

func TestOfManyWhoAcceptAnInviteAtOnceOneJoins(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	issued := p.Invite(actor, "bob@example.com", people.RoleAdmin)
	var wait sync.WaitGroup
	statuses := make(chan int, 4)
	for range cap(statuses) {
		wait.Go(func() { statuses <- acceptInvite(p, issued.Code, "Bob", backendtest.Password).Status })
	}
	wait.Wait()
	close(statuses)
	got := map[int]int{}
	for status := range statuses {
		got[status]++
	}
	if got[http.StatusOK] != 1 || got[http.StatusNotFound] != cap(statuses)-1 {
		t.Errorf("statuses %v", got)
	}
	p.Recorded(audit.AdminUserCreated, 2) // with the founder
}

func TestAnEmailJoinsOneTeamOnly(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, rival := p.Found(), p.Rival()
	ours := p.Invite(actor, "bob@example.com", people.RoleAdmin)
	theirs := p.Invite(rival, "bob@example.com", people.RoleAdmin)
	holds(t, "an invite of another account", showInvite(p, ours.Code), map[string]any{"account_name": "Acme"})
	if a := acceptInvite(p, theirs.Code, "Bob", backendtest.Password); a.Text(t, "details", "account", "name") != "Rival" {
		t.Fatalf("%s", a.Body)
	}
	refused(t, "the second", acceptInvite(p, ours.Code, "Bob", backendtest.Password), http.StatusConflict, "invalid_action", "")
	if i, err := p.People.InviteOf(t.Context(), actor.AccountID, ours.ID); err != nil || i.Status != people.InvitePending {
		t.Errorf("a refused accept used the invite up: %+v %v", i, err)
	}
}

func TestAnInvitesAddressIsThePublicOne(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.PublicURL = "https://tokens.example.com" })
	p.Found()
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), session(t, p, backendtest.Email)...)
	if got := a.Text(t, "details", "invite_url"); !strings.HasPrefix(got, "https://tokens.example.com/invite#") {
		t.Errorf("%s", got)
	}
}

// outbox accepts mails, or fails.
type outbox struct {
	mu    sync.Mutex
	mails []string
	err   error
}

func (o *outbox) Send(_ context.Context, _, to, subject, text string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, to+"\n"+subject+"\n"+text)
	return o.err
}

func TestAnInviteIsMailedAndAFailingMailServerLosesNone(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	sent := &outbox{}
	p.Web.API.Mail = sent
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "bob@example.com"}), browser...)
	if a.Get(t, "mail_sent") != true || len(sent.mails) != 1 {
		t.Fatalf("%d mails, %s", len(sent.mails), a.Body)
	}
	for _, part := range []string{"bob@example.com\n", "Acme", a.Text(t, "details", "invite_url"), "8 March 2026, 12:00 UTC"} {
		if !strings.Contains(sent.mails[0], part) {
			t.Errorf("no %q in %s", part, sent.mails[0])
		}
	}
	sent.err = errors.New("no route to host")
	a = p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "eve@example.com"}), browser...)
	holds(t, "with a failing server", a, map[string]any{"status": "pending"})
	if a.Get(t, "mail_sent") != false || !strings.Contains(p.Log.String(), "no route to host") || strings.Contains(p.Log.String(), a.Text(t, "details", "token")) {
		t.Errorf("%s\n%s", a.Body, p.Log.String())
	}
	holds(t, "and its code", showInvite(p, a.Text(t, "details", "token")), map[string]any{"email": "eve@example.com"})
}

// TestAnInviteOfAClockThatWasAheadIsExpired covers an invite that would otherwise be valid far too long.
func TestAnInviteOfAClockThatWasAheadIsExpired(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"an hour": time.Hour, "years": 14 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			p.Found()
			p.Clock.Move(ahead)
			id, code := invite(t, p, "bob@example.com", session(t, p, backendtest.Email)...)
			showInvite(p, code).Must(t, http.StatusOK)
			p.Clock.Move(-ahead)
			browser := session(t, p, backendtest.Email)
			refused(t, "show", showInvite(p, code), http.StatusNotFound, "not_found", "")
			refused(t, "accept", acceptInvite(p, code, "Bob", backendtest.Password), http.StatusNotFound, "not_found", "")
			ended := map[string]any{"status": "pending", "expired": true, "invite_url": nil, "token": nil}
			holds(t, "read", p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+id, nil, browser...), ended)
			list := p.Call(http.MethodGet, "/api/v1/admin_user_invite", nil, browser...)
			if items, _ := list.Get(t, "summaries").([]any); len(items) != 1 || items[0].(map[string]any)["expired"] != true {
				t.Errorf("%s", list.Body)
			}
			_, fresh := invite(t, p, "bob@example.com", browser...)
			holds(t, "replaced", p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+id, nil, browser...), map[string]any{"status": "revoked"})
			wantStatus(t, "a new one", acceptInvite(p, fresh, "Bob", backendtest.Password), http.StatusOK)
		})
	}
}

func TestAnInviteOfAClockThatWasSecondsAheadIsAccepted(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	made := p.Invite(actor, "bob@example.com", people.RoleAdmin)
	p.Clock.Move(-people.InviteTolerance)
	wantStatus(t, "the request", acceptInvite(p, made.Code, "Bob", backendtest.Password), http.StatusOK)
}
