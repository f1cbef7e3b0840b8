package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
)

// told returns the kinds of the notices that a page shows, newest first, and the id of the newest.
func told(t *testing.T, p *backendtest.Program, browser []backendtest.Header) (kinds, id string) {
	t.Helper()
	list, _ := p.Call(http.MethodGet, "/api/v1/session", nil, browser...).Get(t, "details", "notices").([]any)
	var all []string
	for _, n := range list {
		all = append(all, n.(map[string]any)["kind"].(string))
	}
	if len(list) > 0 {
		id = list[0].(map[string]any)["id"].(string)
	}
	return strings.Join(all, " "), id
}

// TestMembersAreToldWhenTheirPasswordRoleOrSessionsChange covers OWASP ASVS 5.0, 6.3.7.
func TestMembersAreToldWhenTheirPasswordRoleOrSessionsChange(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	ada.Address = "192.0.2.10"
	bob := p.Join(ada, "bob@example.com")
	box := &outbox{err: errors.New("no route to host")}
	p.Notices.Mail, p.Notices.Origin = box, "https://tokens.example.com"
	run := func() {
		t.Helper()
		if err := p.SendNotices(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := session(t, p, "bob@example.com")
	if _, _, err := p.People.SetRole(t.Context(), ada, bob.AdminUserID, people.RoleViewer, false); err != nil {
		t.Fatal(err)
	}
	kinds, id := told(t, p, first)
	if kinds != "role_changed" {
		t.Errorf("after a change of role: %q", kinds)
	}
	// A mail server that fails delays nothing, and the mail comes later.
	run()
	run()
	if len(box.mails) != 1 {
		t.Errorf("%d tries without a pause", len(box.mails))
	}
	box.err = nil
	p.Clock.Move(5 * time.Minute)
	run()
	run()
	if len(box.mails) != 2 || box.mails[1] != "bob@example.com\nYour role in Acme is now viewer on Tokentab\nThe role of bob@example.com in Acme is now viewer. It was changed on 1 March 2026, 12:00 UTC by Ada from 192.0.2.10.\n\n"+
		"If this was not expected, ask another admin of the account.\n\nTokentab of Acme: https://tokens.example.com\n" {
		t.Errorf("%q", box.mails)
	}

	dismiss := func(browser []backendtest.Header) backendtest.Answer {
		return p.Call(http.MethodDelete, "/api/v1/session/notice/"+id, nil, browser...)
	}
	refused(t, "another's", dismiss(session(t, p, backendtest.Email)), http.StatusNotFound, "not_found", "")
	holds(t, "dismissed", dismiss(first), map[string]any{"kind": "role_changed", "role": "viewer", "by_name": "Ada", "by_oneself": false, "address": "192.0.2.10"})
	refused(t, "twice", dismiss(first), http.StatusNotFound, "not_found", "")

	// The page that makes a change knows of it. Others are told.
	changed := p.Call(http.MethodPost, "/api/v1/session/password", backendtest.Details(map[string]any{"current_password": backendtest.Password, "new_password": "another long password"}), first...)
	if list, _ := changed.Get(t, "details", "notices").([]any); len(list) != 0 {
		t.Errorf("the page that changed the password is told: %s", changed.Body)
	}
	if kinds, _ := told(t, p, first); kinds != "" {
		t.Errorf("the page that changed the password is told of %s", kinds)
	}
	second := p.SignIn("bob@example.com", "another long password")
	cookie, _ := backendtest.Cookie(t, second, "session")
	if list, _ := second.Get(t, "details", "notices").([]any); len(list) != 1 || list[0].(map[string]any)["kind"] != "password_changed" {
		t.Errorf("a new session: %s", second.Body)
	}
	p.Clock.Move(time.Second) // notices are ordered by time
	if _, _, err := p.People.EndSessionsOf(t.Context(), ada, bob.AdminUserID); err != nil {
		t.Fatal(err)
	}
	user, err := p.People.ByEmail(t.Context(), " Bob@Example.com ")
	if err != nil {
		t.Fatal(err)
	}
	p.Clock.Move(time.Second)
	if err := p.People.ResetPassword(t.Context(), user, backendtest.Password); err != nil {
		t.Fatal(err)
	}
	refused(t, "an ended session", p.Call(http.MethodGet, "/api/v1/agent", nil, cookie), http.StatusUnauthorized, "not_authenticated", "")
	if kinds, _ := told(t, p, session(t, p, "bob@example.com")); kinds != "password_changed sessions_ended password_changed" {
		t.Errorf("after a reset: %q", kinds)
	}
	run()
	if len(box.mails) != 5 || !strings.Contains(strings.Join(box.mails, "\n"), "The password of bob@example.com was changed on 1 March 2026, 12:05 UTC on the command line of the server.") {
		t.Errorf("%q", box.mails)
	}
	if kinds, _ := told(t, p, session(t, p, backendtest.Email)); kinds != "" {
		t.Errorf("Ada is told of %s", kinds)
	}
	p.Recorded(audit.PasswordChanged, 2)
	// Old ones go, and so do those of a member who left.
	for range people.MaxNotices {
		for _, role := range []people.Role{people.RoleAdmin, people.RoleViewer} {
			if _, _, err := p.People.SetRole(t.Context(), ada, bob.AdminUserID, role, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := func(want int) {
		t.Helper()
		var n int
		if err := p.Database().QueryRow("SELECT count(*) FROM member_notices").Scan(&n); err != nil || n != want {
			t.Errorf("%d notices are kept, %v; want %d", n, err, want)
		}
	}
	kept(people.MaxNotices)
	if _, _, err := p.People.RemoveMember(t.Context(), ada, bob.AdminUserID, false); err != nil {
		t.Fatal(err)
	}
	kept(1) // for the mail
	box.mails = nil
	run()
	run()
	if len(box.mails) != 1 || !strings.HasPrefix(box.mails[0], "bob@example.com\nYou were removed from Acme on Tokentab\nbob@example.com was removed from Acme on 1 March 2026, 12:05 UTC by Ada from 192.0.2.10.\n\nYou can't sign in any more.") {
		t.Errorf("%q", box.mails)
	}
	p.Clock.Move(people.RemovalKept)
	if err := p.RemoveEnded(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept(0)
}

func TestAResetPasswordEndsTheDelaysOfItsOwner(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	for range 6 {
		p.SignIn(backendtest.Email, "wrong password")
	}
	refused(t, "before", p.SignIn(backendtest.Email, backendtest.Password), http.StatusTooManyRequests, "not_permitted", "")
	user, err := p.People.ByEmail(t.Context(), backendtest.Email)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.People.ResetPassword(t.Context(), user, "another long password"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := p.Database().QueryRow("SELECT count(*) FROM sign_in_failures WHERE source LIKE 'email %'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d delays of the email are left, %v", n, err)
	}
}
