package notice

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"tokentab/backend/pfid"
)

const day = 24 * time.Hour

// marks are how long before its expiry a token is announced. It is announced once more when it has expired.
var marks = []time.Duration{14 * day, 3 * day, day}

// A recipient gets one message in writeEvery. Within that time a message is tried again after each of delays, so it has
// arrived or is given up when the next one may be written. The next one repeats what did not arrive.
const writeEvery = day

var delays = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour}

// longAgo is when a token expired that is no news any more, even if the last message was before.
const longAgo = 14 * day

// Limits of one round.
const (
	maxListed   = 50 // tokens in a message
	maxMessages = 64 // that are sent in a round
	maxAtOnce   = 8
	mailTimeout = 30 * time.Second
)

// Post writes the messages that are due, also those for SendMails, and posts those of webhooks that wait. The messages are in the
// store, so after a stop or a crash the next call goes on: a message arrives at least once.
func (ns *Notices) Post(ctx context.Context) error {
	ns.posting.Lock()
	defer ns.posting.Unlock()
	at := ns.Now().UTC()
	if err := ns.Store.TidyNotices(ctx, at.Add(-writeEvery), at); err != nil {
		return err
	}
	if err := ns.write(ctx, at); err != nil {
		return err
	}
	return ns.send(ctx, false, at)
}

// SendMails mails the changes and the messages that wait. It is apart from Post, which a slow mail server must not delay.
func (ns *Notices) SendMails(ctx context.Context) error {
	if ns.Mail == nil {
		return nil
	}
	ns.mailing.Lock()
	defer ns.mailing.Unlock()
	at := ns.Now().UTC()
	if err := ns.mailChanges(ctx, at); err != nil {
		return err
	}
	return ns.send(ctx, true, at)
}

// write writes a message for each recipient who has news.
func (ns *Notices) write(ctx context.Context, at time.Time) error {
	recipients, err := ns.Store.Recipients(ctx, ns.Mail != nil, at.Add(-writeEvery))
	if err != nil {
		return err
	}
	type asked struct {
		account pfid.ID
		toldAt  time.Time
	}
	bodies := map[asked]string{} // people of an account mostly get the same
	var messages []Message
	for _, r := range recipients {
		body, known := bodies[asked{r.AccountID, r.ToldAt}]
		if !known {
			if body, err = ns.news(ctx, r, at); err != nil {
				return err
			}
			bodies[asked{r.AccountID, r.ToldAt}] = body
		}
		if body == "" {
			continue
		}
		id, err := ns.newID(at, r.AccountID)
		if err != nil {
			return err
		}
		messages = append(messages, Message{ID: id, Recipient: r.ID, AccountID: r.AccountID, WrittenAt: at, Body: body})
	}
	if len(messages) == 0 {
		return nil
	}
	return ns.Store.PutNotices(ctx, messages)
}

// news returns the body of a message, or empty if there is nothing to tell.
func (ns *Notices) news(ctx context.Context, r Recipient, at time.Time) (string, error) {
	tokens, total, err := ns.Store.Expiring(ctx, r.AccountID, windows(r.ToldAt, at, 0), windows(r.ToldAt, at, writeEvery-time.Millisecond), maxListed)
	if err != nil || total == 0 {
		return "", err
	}
	body, err := encode(at, expiringEvent, expiringOf(r, tokens, total, at))
	return string(body), err
}

// windows selects the tokens that reached a mark since the last message, or that will within ahead. Messages look ahead
// until the next one may be written. That does not help with a secret that was issued after the last message, so these are
// looked for in all of the time that it covered.
func windows(toldAt, at time.Time, ahead time.Duration) []Window {
	expiredAfter := at.Add(-longAgo)
	if toldAt.IsZero() {
		expiredAfter = at.Add(-day) // a new recipient hears of what expires, not of what expired before
	} else if toldAt.After(expiredAfter) {
		expiredAfter = toldAt
	}
	list := []Window{{After: expiredAfter, Until: at}}
	for _, mark := range marks {
		w := Window{After: at, Until: at.Add(mark + ahead), Lifetime: mark}
		if told := toldAt.Add(mark + writeEvery - time.Millisecond); told.After(at) {
			since := w
			since.IssuedAfter = toldAt
			if told.Before(since.Until) {
				since.Until = told
			}
			w.After = told
			list = append(list, since)
		}
		list = append(list, w)
	}
	return list
}

// send tries to send the messages that are due: those of webhooks, or those by mail.
func (ns *Notices) send(ctx context.Context, mail bool, at time.Time) error {
	messages, err := ns.Store.PendingNotices(ctx, mail, at, maxMessages)
	if err != nil {
		return err
	}
	return eachAtOnce(ctx, messages, ns.try)
}

// eachAtOnce calls do with each item, for up to maxAtOnce of them at once. It begins no more when the context ends.
func eachAtOnce[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	var all sync.WaitGroup
	turns := make(chan struct{}, maxAtOnce)
	errs := make([]error, len(items))
	for i, item := range items {
		turns <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-turns }()
			errs[i] = do(ctx, item)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// try sends a message once. It counts the try before, so that a receiver is not asked all the time if the database takes
// no writes or the program keeps crashing.
func (ns *Notices) try(ctx context.Context, m Message) error {
	at := ns.Now().UTC()
	delay, isLast := day, m.Tries >= len(delays)
	if !isLast {
		delay = delays[m.Tries]
	}
	m, ok, err := ns.Store.BeginTry(ctx, m, at.Add(delay)) // since it was read, others may have taken minutes
	if err != nil || !ok {
		return err
	}
	var last Attempt
	if m.Email == "" {
		last, err = ns.post(ctx, m.Webhook, m.ID, expiringEvent, []byte(m.Body))
	} else {
		err = ns.mail(ctx, m)
	}
	stopped := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx) // a stop must not lose the result
	if stopped && (err != nil || last.Failure != "" && last.Status == 0) {
		return ns.Store.SettleNotice(ctx, m, CutShort, last)
	}
	if err != nil {
		last = Attempt{At: at, Event: expiringEvent, Failure: err.Error()}
	}
	outcome := Arrived
	if last.Failure != "" {
		outcome = Failed
		if isLast || last.Status == http.StatusGone || isFinal(err) { // 410: the receiver wants no more
			outcome = GivenUp
		}
		ns.Log.Warn("a notice of expiring tokens did not arrive", "account", m.AccountID, "recipient", m.Recipient, "message", m.ID, "try", m.Tries+1, "given_up", outcome == GivenUp, "cause", last.Failure)
	}
	return ns.Store.SettleNotice(ctx, m, outcome, last)
}

func (ns *Notices) mail(ctx context.Context, m Message) error {
	subject, text, err := mailOf(m.Body, ns.Origin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	return ns.Mail.Send(ctx, m.ID, m.Email, subject, text)
}
