package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// mailInvite invites an email and says whether the answer tells of a mail. It fails unless the invite was made.
func mailInvite(t *testing.T, p *backendtest.Program, email string, headers ...backendtest.Header) bool {
	t.Helper()
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": email}), headers...)
	holds(t, email, a, map[string]any{"status": "pending"})
	return a.Get(t, "mail_sent") == true
}

func TestAMailboxGetsAFewInvitesOfAnAccountADay(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	browser := session(t, p, backendtest.Email)
	_, secret := p.Issue(ada, token.Order{Scope: token.ScopeAccount})
	callers := [][]backendtest.Header{browser, {backendtest.Bearer(secret)}}
	sent := &outbox{}
	p.Web.API.Mail = sent
	others := []string{"bob_x@example.com", "bob@example.net", "bo@example.com", "bobby@example.com", "b_b+1@example.com", "+1@example.com", "+2@example.com", "+3@example.com", "+4@example.com", "+5@example.com", "+6@example.com"}
	for i, email := range []string{"bob@example.com", "bob+1@example.com", "Bob+1@Example.com", "bob+a+b@example.com", "bob@example.com"} {
		if !mailInvite(t, p, email, callers[i%2]...) {
			t.Errorf("invite %d: not mailed", i+1)
		}
	}
	for i, email := range []string{"bob@example.com", "bob+9@example.com"} {
		if mailInvite(t, p, email, callers[i]...) {
			t.Errorf("%s: mailed", email)
		}
	}
	if len(sent.mails) != people.MaxInviteMails {
		t.Errorf("%d mails", len(sent.mails))
	}
	for _, email := range others {
		if !mailInvite(t, p, email, browser...) {
			t.Errorf("%s: not mailed", email)
		}
	}
	_, rival := p.Issue(p.Rival(), token.Order{Scope: token.ScopeAccount})
	if !mailInvite(t, p, "bob@example.com", backendtest.Bearer(rival)) {
		t.Error("another account learns of the mails of this one")
	}
	p.Clock.Move(24*time.Hour + time.Second)
	if !mailInvite(t, p, "bob@example.com", session(t, p, backendtest.Email)...) {
		t.Error("a day later: not mailed")
	}
}

func TestAMailThatTheServerDidNotTakeDoesNotCount(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	sent := &outbox{err: errors.New("no route to host")}
	p.Web.API.Mail = sent
	for range 2 * people.MaxInviteMails {
		if mailInvite(t, p, "bob@example.com", browser...) {
			t.Fatal("mailed")
		}
	}
	sent.err = nil
	for i := range people.MaxInviteMails {
		if !mailInvite(t, p, "bob@example.com", browser...) {
			t.Errorf("invite %d: not mailed once the server works", i+1)
		}
		sent.err = errors.New("no route to host")
		mailInvite(t, p, "bob@example.com", browser...)
		sent.err = nil
	}
	if mailInvite(t, p, "bob@example.com", browser...) {
		t.Error("the failed ones took the marks of the others back")
	}
}

// silent is a mail server that takes mails and does not say so.
type silent struct{ taken int }

func (s *silent) Send(context.Context, string, string, string, string) error {
	s.taken++
	return context.DeadlineExceeded
}

// busy is a mail server that takes a mail after it has called a function.
type busy func()

func (b busy) Send(context.Context, string, string, string, string) error {
	b()
	return nil
}

func TestAMailThatMayHaveArrivedCounts(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	server := &silent{}
	p.Web.API.Mail = server
	for range 2 * people.MaxInviteMails {
		mailInvite(t, p, "bob@example.com", browser...)
	}
	if server.taken != people.MaxInviteMails {
		t.Errorf("%d mails", server.taken)
	}
}

func TestAnInviteSaysThatItsMailMayStillArrive(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	invite := func(email, key string, sent, mayArrive bool) {
		t.Helper()
		body := map[string]any{"idempotency_key": key, "details": map[string]any{"email": email}}
		a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", body, backendtest.Bearer(secret))
		a.Must(t, http.StatusOK)
		if a.Get(t, "mail_sent") != sent || a.Get(t, "mail_may_arrive") != mayArrive {
			t.Errorf("%s: %s", key, a.Body)
		}
	}
	invite("a@example.com", "no mail server", false, false)
	p.Web.API.Mail = &outbox{}
	invite("b@example.com", "taken", true, false)
	p.Web.API.Mail = &outbox{err: errors.New("no such mailbox")}
	invite("c@example.com", "refused", false, false)
	p.Web.API.Mail = &silent{}
	for i := range people.MaxInviteMails {
		invite("d@example.com", fmt.Sprint("silent ", i), false, true)
	}
	invite("d@example.com", "too many", false, false)
	p.Web.API.Mail = busy(func() { invite("e@example.com", "under way", false, true) }) // the answer that is kept if the server ends now
	invite("e@example.com", "under way", true, false)
}

func TestInvitesOfAClockThatWasAheadHoldBackNoMail(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	p.Web.API.Mail = &outbox{}
	p.Clock.Move(30 * 24 * time.Hour)
	browser := session(t, p, backendtest.Email)
	for range people.MaxInviteMails {
		mailInvite(t, p, "bob@example.com", browser...)
	}
	p.Clock.Move(-30 * 24 * time.Hour)
	if !mailInvite(t, p, "bob@example.com", session(t, p, backendtest.Email)...) {
		t.Error("not mailed")
	}
}

func TestManyInvitesInOneRequestAreMailedNoMoreOften(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	sent := &outbox{}
	p.Web.API.Mail = sent
	items := make([]string, 20)
	for i := range items {
		items[i] = fmt.Sprintf(`{"method":"POST","path":"/admin_user_invite","body":{"details":{"email":"bob+%d@example.com"}}}`, i)
	}
	a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[`+strings.Join(items, ",")+`]}`, backendtest.Bearer(secret))
	if said := strings.Count(string(a.Body), `"mail_sent":true`); len(sent.mails) != people.MaxInviteMails || said != len(sent.mails) {
		t.Errorf("%d mails, and the answer tells of %d: %s", len(sent.mails), said, a.Body)
	}
}
