package backend_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/fault"
	"tokentab/backend/notice"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// TestOnlyPresentMembersOfAnAccountChangeItsWebhook covers requests that began before a member or an account was gone.
func TestOnlyPresentMembersOfAnAccountChangeItsWebhook(t *testing.T) {
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	if _, _, err := p.Notices.SetWebhook(t.Context(), ada, "https://example.com/ada"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.People.RemoveMember(t.Context(), ada, bob.AdminUserID, false); err != nil {
		t.Fatal(err)
	}
	set := func(by audit.Actor) error {
		_, _, err := p.Notices.SetWebhook(t.Context(), by, "https://example.com/other")
		return err
	}
	replace := func(by audit.Actor) error {
		_, _, err := p.Notices.ReplaceSecret(t.Context(), by)
		return err
	}
	remove := func(by audit.Actor) error {
		_, err := p.Notices.DeleteWebhook(t.Context(), by)
		return err
	}
	for i, change := range []func(audit.Actor) error{set, replace, remove} {
		if is, ok := errors.AsType[*fault.Error](change(bob)); !ok || is.Kind != fault.NotAuthenticated {
			t.Errorf("change %d by a removed member: %v", i, is)
		}
	}
	if w, err := p.Notices.Webhook(t.Context(), ada.AccountID); err != nil || w.URL != "https://example.com/ada" {
		t.Errorf("%+v %v", w, err)
	}
	if _, err := p.Accounts.Delete(t.Context(), ada, "Acme"); err != nil {
		t.Fatal(err)
	}
	if is, ok := errors.AsType[*fault.Error](set(ada)); !ok || is.Kind != fault.NotAuthenticated {
		t.Errorf("by a member of a deleted account: %v", is)
	}
	if is, ok := errors.AsType[*fault.Error](set(audit.Actor{AccountID: ada.AccountID})); !ok || is.Kind != fault.NotFound {
		t.Errorf("in a deleted account: %v", is)
	}
}

// meanwhile does something after the messages to webhooks, or those by mail, were read and before they are sent.
type meanwhile struct {
	notice.Store
	mail bool
	do   func()
}

func (m meanwhile) PendingNotices(ctx context.Context, mail bool, now time.Time, most int) ([]notice.Message, error) {
	list, err := m.Store.PendingNotices(ctx, mail, now, most)
	if mail == m.mail {
		m.do()
	}
	return list, err
}

// runWhile does the background work, and something between the read of the messages and their first try.
func runWhile(t *testing.T, p *backendtest.Program, mail bool, do func()) {
	t.Helper()
	whole := p.Notices.Store
	p.Notices.Store = meanwhile{whole, mail, do}
	if err := p.SendNotices(t.Context()); err != nil {
		t.Error(err)
	}
	p.Notices.Store = whole
}

func TestNoMailReachesAMemberWhoIsGoneOrWantsNoneByNow(t *testing.T) {
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	carol := p.Join(ada, "carol@example.com")
	cookies := cookieOf(t, p, carol)
	issueFor(p, ada, "Nightly", 14*day)
	box := &postbox{}
	p.Notices.Mail = box
	runWhile(t, p, true, func() {
		if _, _, err := p.People.RemoveMember(t.Context(), ada, bob.AdminUserID, false); err != nil {
			t.Error(err)
		}
		p.Call(http.MethodPut, "/api/v1/admin_user/"+carol.AdminUserID.String(), backendtest.Details(map[string]any{"expiry_mail": false}), cookies...)
	})
	if mails := box.take(); len(mails) != 1 || mails[0][:15] != "ada@example.com" {
		t.Errorf("%q", mails)
	}
}

func TestAMessageGoesToTheWebhookAsItIsByNow(t *testing.T) {
	p, actor, r := subscribed(t)
	other := receive(t, p.Clock)
	issueFor(p, actor, "Nightly", 14*day)
	runWhile(t, p, false, func() {
		other.subscribe(p, actor)
		_, secret, err := p.Notices.ReplaceSecret(t.Context(), actor)
		if err != nil {
			t.Error(err)
		}
		other.secret = secret
	})
	if got := r.take(); len(got) > 0 {
		t.Errorf("the old URL got %v", got)
	}
	if got := other.take(); len(got) != 1 {
		t.Errorf("the new URL got %v", got)
	}
	issueFor(p, actor, "Monthly", 15*day)
	p.Clock.Move(day)
	runWhile(t, p, false, func() {
		if _, err := p.Notices.DeleteWebhook(t.Context(), actor); err != nil {
			t.Error(err)
		}
	})
	if got := other.take(); len(got) > 0 {
		t.Errorf("a deleted webhook got %v", got)
	}
}

// reissue gives a token a new secret that ends after lifetime.
func reissue(t *testing.T, p *backendtest.Program, actor audit.Actor, of token.Listed, lifetime time.Duration) {
	t.Helper()
	if _, _, err := p.Tokens.Rotate(t.Context(), actor, of.ID, token.Rotation{Lifetime: lifetime}); err != nil {
		t.Fatal(err)
	}
}

// TestASecretIssuedAfterTheDaysMessageIsInTheNextOne covers those that reach a mark in the time that the message had covered.
func TestASecretIssuedAfterTheDaysMessageIsInTheNextOne(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Old", 14*day)
	shortened, _ := issueFor(p, actor, "Rotated", 40*day)
	r.expect("at first", r.wait(p, 0), "Old 14")
	p.Clock.Move(time.Hour)
	issueFor(p, actor, "A", 36*time.Hour)
	issueFor(p, actor, "B", 3*day+12*time.Hour)
	issueFor(p, actor, "C", 14*day+12*time.Hour)
	reissue(t, p, actor, shortened, 35*time.Hour)
	r.expect("after 22 hours", r.wait(p, 21*time.Hour))
	r.expect("the next day", r.wait(p, 2*time.Hour), "A 1, B 3, C 14, Rotated 1")
	r.expect("again", r.wait(p, time.Hour))
	r.expect("on the third day", r.wait(p, 23*time.Hour), "A expired, B 2, Rotated expired")
	r.expect("on the fourth", r.wait(p, day))
	r.expect("on the fifth", r.wait(p, day), "B expired")
}

func TestARotatedTokenIsNotAnnouncedAtMarksThatItsSecretNeverReached(t *testing.T) {
	p, actor, r := subscribed(t)
	rotated, _ := issueFor(p, actor, "Rotated", 40*day)
	r.expect("at once", r.wait(p, 0))
	p.Clock.Move(time.Hour)
	reissue(t, p, actor, rotated, 10*day)
	r.expect("rotated", r.wait(p, time.Hour))
	r.expect("after 7 days", r.wait(p, 7*day), "Rotated 3")
}

func TestAClockThatWasFarBehindAnnouncesNothingThatExpiredLongAgo(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Forgotten", 2*day)
	issueFor(p, actor, "Nightly", 50*day)
	r.expect("a day later", r.wait(p, day), "Forgotten 1")
	r.expect("expired", r.wait(p, day), "Forgotten expired")
	r.expect("at 14 days", r.wait(p, 34*day), "Nightly 14")
	const decades = 30 * 365 * day
	r.expect("decades behind", r.wait(p, -decades))
	r.expect("set right", r.wait(p, decades), "Nightly 14")
	r.expect("again", r.wait(p, time.Hour))
}

// stopping accepts mails, and the server is stopped while it does.
type stopping struct {
	postbox
	stop context.CancelFunc
}

func (s *stopping) Send(ctx context.Context, id, to, subject, text string) error {
	s.stop()
	return s.postbox.Send(ctx, id, to, subject, text)
}

func TestAMessageThatArrivedDuringAStopIsNotSentAgain(t *testing.T) {
	p := backendtest.Start(t)
	issueFor(p, p.Found(), "Nightly", 14*day)
	ctx, stop := context.WithCancel(t.Context())
	box := &stopping{stop: stop}
	p.Notices.Mail = box
	if err := p.SendNotices(ctx); err != nil {
		t.Error(err)
	}
	if mails := box.take(); len(mails) != 1 {
		t.Fatalf("%v", mails)
	}
	p.Clock.Move(time.Minute)
	if err := p.SendNotices(t.Context()); err != nil {
		t.Error(err)
	}
	if again := box.take(); len(again) > 0 {
		t.Errorf("again: %v", again)
	}
}

// late does something after the recipients were read and before their messages are stored.
type late struct {
	notice.Store
	do func()
}

func (l late) PutNotices(ctx context.Context, messages []notice.Message) error {
	l.do()
	return l.Store.PutNotices(ctx, messages)
}

func TestNothingIsKeptOfRecipientsWhoAreGone(t *testing.T) {
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	carol := p.Join(ada, "carol@example.com")
	issueFor(p, ada, "Nightly", 14*day)
	p.Notices.Mail = &postbox{}
	whole := p.Notices.Store
	remove := func(who audit.Actor) {
		if _, _, err := p.People.RemoveMember(t.Context(), ada, who.AdminUserID, false); err != nil {
			t.Error(err)
		}
	}
	rows := func(want int) {
		t.Helper()
		var n int
		if err := p.Database().QueryRow("SELECT count(*) FROM expiry_notices").Scan(&n); err != nil || n != want {
			t.Errorf("%d rows, want %d (%v)", n, want, err)
		}
	}
	p.Notices.Store = late{whole, func() { remove(carol) }}
	if err := p.SendNotices(t.Context()); err != nil {
		t.Error(err)
	}
	rows(2)
	remove(bob)
	rows(1)
	p.Clock.Move(day)
	issueFor(p, ada, "Weekly", 3*day)
	p.Notices.Store = late{whole, func() {
		if _, err := p.Accounts.Delete(t.Context(), ada, "Acme"); err != nil {
			t.Error(err)
		}
	}}
	if err := p.SendNotices(t.Context()); err != nil {
		t.Error(err)
	}
	rows(0)
}

// hanging is a mail server that does not answer until the end, however long a mail may take.
type hanging struct {
	asked chan string
	end   <-chan struct{}
}

func (h hanging) Send(_ context.Context, _, to, _, _ string) error {
	h.asked <- to
	<-h.end
	return context.Canceled
}

func TestAMailServerThatHangsDelaysNoWebhookAndNoOtherMail(t *testing.T) {
	p, ada, r := subscribed(t)
	for _, email := range []string{"bob@example.com", "carol@example.com"} {
		member := p.Join(ada, email)
		if _, _, err := p.People.SetRole(t.Context(), ada, member.AdminUserID, people.RoleViewer, false); err != nil {
			t.Fatal(err)
		}
	}
	issueFor(p, ada, "Nightly", 14*day)
	ctx, stop := context.WithCancel(t.Context())
	mails := hanging{make(chan string), ctx.Done()}
	p.Notices.Mail = mails
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Notices.SendMails(ctx) // its error says that it was stopped
	}()
	if both := []string{<-mails.asked, <-mails.asked}; both[0] == both[1] {
		t.Errorf("mailed to %v", both)
	}
	r.expect("the webhook", r.posted(p), "Nightly 14")
	stop()
	<-done
}

func TestAWebhookDelaysNoMail(t *testing.T) {
	p, actor, r := subscribed(t)
	r.answer(http.StatusServiceUnavailable)
	issueFor(p, actor, "Nightly", 14*day)
	p.Notices.Mail = &postbox{}
	for _, send := range []func(context.Context) error{p.Notices.Post, p.Notices.SendMails} {
		if err := send(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.Clock.Move(time.Minute)
	}
	if got := r.take(); len(got) != 1 {
		t.Errorf("%d tries", len(got))
	}
}

func TestACopyThatWasPausedDoesNotRepeatATryOfAnother(t *testing.T) {
	p, actor, r := subscribed(t)
	r.answer(http.StatusServiceUnavailable)
	issueFor(p, actor, "Nightly", 14*day)
	runWhile(t, p, false, func() { // the other copy tries what this one has read
		whole := p.Notices.Store
		p.Notices.Store = whole.(meanwhile).Store
		other := notice.New(p.Notices.Parts)
		p.Notices.Store = whole
		if err := other.Post(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if got := r.take(); len(got) != 1 {
		t.Errorf("%d tries", len(got))
	}
}

// settling does something between a try of a message and its outcome.
type settling struct {
	notice.Store
	do func()
}

func (l settling) SettleNotice(ctx context.Context, m notice.Message, o notice.Outcome, last notice.Attempt) error {
	l.do()
	return l.Store.SettleNotice(ctx, m, o, last)
}

func TestACopyThatWasPausedDoesNotHideThatAMessageArrived(t *testing.T) {
	p, actor, r := subscribed(t)
	r.answer(http.StatusServiceUnavailable)
	issueFor(p, actor, "Nightly", 14*day)
	other := notice.New(p.Notices.Parts)
	p.Notices.Store = settling{p.Notices.Store, func() {
		r.answer(http.StatusOK)
		p.Clock.Move(time.Minute)
		if err := other.Post(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	if err := p.Notices.Post(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w, err := other.Webhook(t.Context(), actor.AccountID); err != nil || len(r.take()) != 2 || w.Last.Status != http.StatusOK {
		t.Errorf("the page shows %+v (%v)", w.Last, err)
	}
}
