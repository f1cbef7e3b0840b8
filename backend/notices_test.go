package backend_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

const day = 24 * time.Hour

// receiver is a receiver of webhooks that verifies signatures as Standard Webhooks describes.
type receiver struct {
	t      *testing.T
	clock  *backendtest.Clock
	server *httptest.Server

	mu     sync.Mutex
	secret string
	status int // of its answers
	got    []received
}

type received struct {
	id   string
	body string
	Type string
	Data struct {
		AccountName string `json:"account_name"`
		Total       int
		Tokens      []struct {
			ID, Name string
			Expired  bool
			Days     int `json:"days_left"`
		}
	}
}

// says lists the tokens of a message with their days left, by name.
func (r received) says() string {
	var all []string
	for _, t := range r.Data.Tokens {
		state := strconv.Itoa(t.Days)
		if t.Expired {
			state = "expired"
		}
		all = append(all, t.Name+" "+state)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func receive(t *testing.T, clock *backendtest.Clock) *receiver {
	t.Helper()
	r := &receiver{t: t, clock: clock, status: http.StatusOK}
	r.server = httptest.NewServer(http.HandlerFunc(r.handle))
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) handle(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	m := received{id: request.Header.Get("webhook-id"), body: string(body)}
	if err != nil || json.Unmarshal(body, &m) != nil {
		r.t.Errorf("no JSON: %s", body)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	if err != nil {
		r.t.Error(err)
	}
	stamp := request.Header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(m.id + "." + stamp + "." + string(body)))
	if "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) != request.Header.Get("webhook-signature") {
		r.t.Errorf("the signature of %s is wrong", m.id)
	}
	if seconds, _ := strconv.ParseInt(stamp, 10, 64); seconds != r.clock.Now().Unix() || !strings.HasPrefix(m.id, "msg_") || strings.Contains(m.id, ".") {
		r.t.Errorf("id %s, timestamp %s", m.id, stamp)
	}
	r.got = append(r.got, m)
	w.WriteHeader(r.status)
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// take returns what arrived since the last call.
func (r *receiver) take() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func privateWebhooks(c *config.Config, _ *backend.World) { c.AllowPrivateWebhooks = true }

// subscribe sets the receiver as the webhook of the actor's account.
func (r *receiver) subscribe(p *backendtest.Program, actor audit.Actor) {
	r.t.Helper()
	_, secret, err := p.Notices.SetWebhook(r.t.Context(), actor, r.server.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	r.secret = secret
}

// wait moves the clock and does the background work. It returns what the webhook got, one line for each message.
func (r *receiver) wait(p *backendtest.Program, by time.Duration) []string {
	r.t.Helper()
	p.Clock.Move(by)
	if err := p.Notices.SendMails(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return r.posted(p)
}

// posted does the background work for webhooks, and returns what this one got, one line for each message.
func (r *receiver) posted(p *backendtest.Program) (said []string) {
	r.t.Helper()
	if err := p.Notices.Post(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	for _, m := range r.take() {
		said = append(said, m.says())
	}
	return said
}

func (r *receiver) expect(what string, got []string, want ...string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func subscribed(t *testing.T) (*backendtest.Program, audit.Actor, *receiver) {
	t.Helper()
	p := backendtest.Start(t, privateWebhooks)
	actor := p.Found()
	r := receive(t, p.Clock)
	r.subscribe(p, actor)
	return p, actor, r
}

func issueFor(p *backendtest.Program, actor audit.Actor, name string, lifetime time.Duration) (token.Listed, string) {
	return p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: name, ExpiresAt: p.Clock.Now().Add(lifetime)})
}

func TestEachMarkOfATokensExpiryIsAnnouncedOnce(t *testing.T) {
	p, actor, r := subscribed(t)
	made, secret := issueFor(p, actor, "Nightly", 20*day)
	var heard []string
	for half := range 50 {
		for _, m := range r.wait(p, 12*time.Hour) {
			heard = append(heard, fmt.Sprintf("after %v days: %s", float64(half+1)/2, m))
		}
	}
	r.expect("in 25 days", heard, "after 6 days: Nightly 14", "after 17 days: Nightly 3", "after 19 days: Nightly 1", "after 20 days: Nightly expired")
	issueFor(p, actor, "Weekly", 16*day)
	p.Clock.Move(2 * day)
	if err := p.SendNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := r.take()[0]
	want := fmt.Sprintf(`{"type":"api_token.expiring","timestamp":"2026-03-28T12:00:00Z","data":{"account_id":"%s","account_name":"Acme","total":1,"tokens":[`, actor.AccountID)
	if !strings.HasPrefix(m.body, want) || strings.Contains(m.body, secret) || strings.Contains(m.body, secret[len(secret)-8:]) || strings.Contains(m.body, made.ID.String()) {
		t.Errorf("%s", m.body)
	}
}

func TestATokenThatNeverReachedAMarkIsNotAnnouncedAtIt(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Short", 10*day)
	r.expect("at once", r.wait(p, 0))
	r.expect("after 7 days", r.wait(p, 7*day), "Short 3")
}

func TestAServerThatWasDownSendsWhatIsStillTrueOnce(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Gone", 15*day)
	issueFor(p, actor, "Soon", 20*day)
	r.expect("at 14 days", r.wait(p, day), "Gone 14")
	p.Stop()
	p = backendtest.StartIn(t, p.Folder, p.Clock, privateWebhooks)
	r.expect("after 18 days down", r.wait(p, 18*day), "Gone expired, Soon 1")
	r.expect("again", r.wait(p, time.Minute))
	r.expect("a day later", r.wait(p, day), "Soon expired")
}

func TestOnlyTokensThatCouldStillWorkAreAnnounced(t *testing.T) {
	p, actor, r := subscribed(t)
	end := func(name string, actions ...func(context.Context, audit.Actor, token.Listed) error) {
		made, _ := issueFor(p, actor, name, 15*day)
		for _, act := range actions {
			if err := act(t.Context(), actor, made); err != nil {
				t.Fatal(err)
			}
		}
	}
	suspend := func(ctx context.Context, actor audit.Actor, made token.Listed) error {
		_, err := p.Tokens.Suspend(ctx, actor, made.ID)
		return err
	}
	revoke := func(ctx context.Context, actor audit.Actor, made token.Listed) error {
		_, err := p.Tokens.Revoke(ctx, actor, made.ID)
		return err
	}
	remove := func(ctx context.Context, actor audit.Actor, made token.Listed) error {
		_, err := p.Tokens.Delete(ctx, actor, made.ID)
		return err
	}
	end("Active")
	end("Suspended", suspend)
	end("Revoked", revoke)
	end("Deleted", revoke, remove)
	rival := p.Rival()
	issueFor(p, rival, "Of others", 15*day)
	r.expect("at 14 days", r.wait(p, day), "Active 14, Suspended 14")
}

func TestAWrongClockAnnouncesNothingTwiceAndHoldsNothingBack(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"an hour": time.Hour, "ten days": 10 * day, "years": 10 * 365 * day} {
		t.Run(name, func(t *testing.T) {
			p, actor, r := subscribed(t)
			issueFor(p, actor, "Nightly", 14*day)
			r.expect("at 14 days", r.wait(p, 0), "Nightly 14")
			r.wait(p, ahead)
			r.expect("back", r.wait(p, -ahead))
			r.expect("again", r.wait(p, 0))
			issueFor(p, actor, "Later", 20*day)
			var heard []string
			for range 21 {
				heard = append(heard, r.wait(p, day)...)
			}
			r.expect("in three weeks", heard, "Later 14", "Nightly 3", "Nightly 1", "Nightly expired", "Later 3", "Later 1", "Later expired")
		})
	}
}

// TestAMessageADayTellsEveryMarkInTime has a token for each hour, so that something reaches a mark all the time.
func TestAMessageADayTellsEveryMarkInTime(t *testing.T) {
	p, actor, r := subscribed(t)
	const tokens = 48
	for i := range tokens {
		issueFor(p, actor, fmt.Sprintf("T%d.", i), 15*day+time.Duration(i)*time.Hour)
	}
	told := map[string]int{}
	var last time.Time
	for range 20 * 4 {
		for _, message := range r.wait(p, 6*time.Hour) {
			if now := p.Clock.Now(); now.Sub(last) < day {
				t.Errorf("a second message after %s", now.Sub(last))
			}
			last = p.Clock.Now()
			for part := range strings.SplitSeq(message, ", ") {
				name, left, _ := strings.Cut(part, " ")
				// Messages look ahead to the next one, so some are told up to a day early.
				mark := map[string]string{"15": "14", "14": "14", "4": "3", "3": "3", "2": "1", "1": "1", "expired": "expired"}[left]
				told[name+" "+mark]++
			}
		}
	}
	for i := range tokens {
		name := fmt.Sprintf("T%d. ", i)
		for _, mark := range []string{"14", "3", "1", "expired"} {
			if told[name+mark] != 1 {
				t.Errorf("%s%s: told %d times", name, mark, told[name+mark])
			}
		}
	}
	if len(told) != 4*tokens {
		t.Errorf("%v", told)
	}
}

func TestALongListIsCutAndCounted(t *testing.T) {
	p, actor, r := subscribed(t)
	for i := range 60 {
		issueFor(p, actor, fmt.Sprint(i), 14*day)
	}
	if err := p.SendNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := r.take()
	if len(got) != 1 || got[0].Data.Total != 60 || len(got[0].Data.Tokens) != 50 || len(got[0].body) > 25_000 {
		t.Errorf("%d messages, %d bytes", len(got), len(got[0].body))
	}
}

func TestAMessageIsTriedAgainUnderTheSameIDAlsoAfterARestart(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Nightly", 14*day)
	r.answer(http.StatusServiceUnavailable)
	tries := map[string]int{}
	try := func(by time.Duration, want int) {
		t.Helper()
		p.Clock.Move(by)
		if err := p.SendNotices(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := r.take()
		if len(got) != want {
			t.Errorf("%d tries after %s, want %d", len(got), by, want)
		}
		for _, m := range got {
			tries[m.id+m.body]++
		}
	}
	try(0, 1)
	try(4*time.Second, 0)
	try(time.Second, 1)
	try(5*time.Minute, 1)
	p.Stop()
	p = backendtest.StartIn(t, p.Folder, p.Clock, privateWebhooks)
	try(29*time.Minute, 0)
	try(time.Minute, 1)
	try(2*time.Hour, 1)
	try(5*time.Hour, 1)
	try(10*time.Hour, 1)
	try(6*time.Hour, 0) // given up
	if len(tries) != 1 {
		t.Errorf("%d messages: %v", len(tries), tries)
	}
	w, err := p.Notices.Webhook(t.Context(), actor.AccountID)
	if err != nil || w.Last.Status != 503 || w.Last.Failure == "" || w.Last.Event != "api_token.expiring" {
		t.Errorf("%+v %v", w.Last, err)
	}
	r.answer(http.StatusOK)
	r.expect("the next day", r.wait(p, day), "Nightly 13")
	r.expect("and then", r.wait(p, day))
}

func TestAMessageThatWaitedThroughAStopOfDaysIsWrittenAgain(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Nightly", 14*day)
	r.answer(http.StatusServiceUnavailable)
	r.expect("refused", r.wait(p, 0), "Nightly 14")
	p.Stop()
	r.answer(http.StatusOK)
	p = backendtest.StartIn(t, p.Folder, p.Clock, privateWebhooks)
	r.expect("days later", r.wait(p, 3*day), "Nightly 11")
	r.expect("and then", r.wait(p, time.Hour))
}

// TestAStopDoesNotWaitForAReceiverThatHangs also checks that the try that it cut short does not count.
func TestAStopDoesNotWaitForAReceiverThatHangs(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Nightly", 14*day)
	arrived := make(chan string, 1)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		arrived <- request.Header.Get("webhook-id")
		_, _ = io.ReadAll(request.Body)
		<-request.Context().Done()
	}))
	defer hanging.Close()
	if _, _, err := p.Notices.SetWebhook(t.Context(), actor, hanging.URL); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.SendNotices(ctx) }()
	id := <-arrived
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	p.Stop()
	p = backendtest.StartIn(t, p.Folder, p.Clock, privateWebhooks)
	if _, _, err := p.Notices.SetWebhook(t.Context(), actor, r.server.URL); err != nil {
		t.Fatal(err)
	}
	if err := p.SendNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.take(); len(got) != 1 || got[0].id != id {
		t.Errorf("%v, want %s", got, id)
	}
}

func TestAReceiverThatIsGoneIsNotAskedAgainThatDay(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Nightly", 14*day)
	r.answer(http.StatusGone)
	r.expect("gone", r.wait(p, 0), "Nightly 14")
	r.expect("an hour later", r.wait(p, time.Hour))
	r.expect("a day later", r.wait(p, day), "Nightly 13")
}

func TestNothingIsSentForWhatWasDeleted(t *testing.T) {
	p, actor, r := subscribed(t)
	issueFor(p, actor, "Nightly", 14*day)
	r.answer(http.StatusServiceUnavailable)
	r.expect("refused", r.wait(p, 0), "Nightly 14")
	if _, err := p.Notices.DeleteWebhook(t.Context(), actor); err != nil {
		t.Fatal(err)
	}
	r.expect("without a webhook", r.wait(p, time.Hour))
	r.subscribe(p, actor)
	r.expect("refused by a new webhook", r.wait(p, 0), "Nightly 14")
	if _, err := p.Accounts.Delete(t.Context(), actor, "Acme"); err != nil {
		t.Fatal(err)
	}
	r.expect("without an account", r.wait(p, time.Hour))
	p.Recorded(audit.WebhookCreated, 2)
	p.Recorded(audit.WebhookDeleted, 1)
}

func TestTheSecretOfAWebhookIsSealedInTheDatabase(t *testing.T) {
	p, actor, r := subscribed(t)
	old := r.secret
	_, secret, err := p.Notices.ReplaceSecret(t.Context(), actor)
	if err != nil || secret == old {
		t.Fatal(err, secret)
	}
	r.secret = secret
	issueFor(p, actor, "Nightly", 14*day)
	r.expect("signed with the new secret", r.wait(p, 0), "Nightly 14")
	p.Stop()
	content := ""
	for _, part := range p.Stored() {
		content += string(part)
	}
	for _, s := range []string{old, secret} {
		key, _ := base64.StdEncoding.DecodeString(s[6:])
		if strings.Contains(content, s[6:]) || strings.Contains(content, string(key)) || strings.Contains(p.Log.String(), s[6:]) {
			t.Error("a secret can be read in the database or the log")
		}
	}
}

// postbox takes mails, or fails.
type postbox struct {
	mu    sync.Mutex
	mails []string
	err   error
}

func (b *postbox) Send(_ context.Context, _, to, subject, text string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, to+"\n"+subject+"\n"+text)
	return b.err
}

func (b *postbox) take() []string {
	mails := b.mails
	b.mails = nil
	slices.Sort(mails)
	return mails
}

func TestEachAdminUserWhoWantsMailGetsOneADay(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	p.Join(actor, "bob@example.com")
	carol := p.Join(actor, "carol@example.com")
	dave := p.Join(actor, "dave@example.com")
	rival := p.Rival()
	issueFor(p, rival, "Of others", 40*day)
	box := &postbox{}
	p.Notices.Mail = box
	run := func(by time.Duration) []string {
		t.Helper()
		p.Clock.Move(by)
		if err := p.SendNotices(t.Context()); err != nil {
			t.Fatal(err)
		}
		return box.take()
	}
	_, secret := issueFor(p, actor, "Nightly", 15*day)
	off := false
	a := p.Call(http.MethodPut, "/api/v1/admin_user/"+carol.AdminUserID.String(), backendtest.Details(map[string]any{"expiry_mail": off}), cookieOf(t, p, carol)...)
	if a.Get(t, "details", "expiry_mail") != false {
		t.Fatal(a.Body)
	}
	if _, _, err := p.People.RemoveMember(t.Context(), actor, dave.AdminUserID, false); err != nil {
		t.Fatal(err)
	}
	if mails := run(0); len(mails) != 1 || !strings.HasPrefix(mails[0], "dave@example.com\nYou were removed from Acme") {
		t.Errorf("before the mark: %v, want that of the removed member only", mails)
	}
	mails := run(day)
	if len(mails) != 2 || !strings.HasPrefix(mails[0], "ada@example.com\n1 API token of Acme expires soon\n") || !strings.HasPrefix(mails[1], "bob@example.com\n") {
		t.Fatalf("%v", mails)
	}
	for _, part := range []string{
		"- Nightly (…" + secret[len(secret)-4:] + "), account, active: expires within 14 days, 16 March 2026, 12:00 UTC; never used; id ", "/account/api-tokens?expires=14", "/account/details#notifications",
	} {
		if !strings.Contains(mails[0], part) {
			t.Errorf("no %q in %s", part, mails[0])
		}
	}
	if again := run(time.Hour); len(again) > 0 {
		t.Errorf("again: %v", again)
	}
	box.err = errors.New("no route to host")
	if failed := run(11 * day); len(failed) != 2 || !strings.Contains(p.Log.String(), "no route to host") {
		t.Errorf("with a failing server: %v", failed)
	}
	box.err = nil
	if retried := run(5 * time.Second); len(retried) != 2 {
		t.Errorf("retried: %v", retried)
	}
}

// cookieOf signs the actor in.
func cookieOf(t *testing.T, p *backendtest.Program, actor audit.Actor) []backendtest.Header {
	t.Helper()
	_, cookie := startSession(t, p, actor)
	return []backendtest.Header{cookie, {Name: "Sec-Fetch-Site", Value: "same-origin"}}
}
