package notice

import (
	"context"
	"net/url"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// maxURL is the longest URL of a webhook, in characters.
const maxURL = 500

// testEvery is how long an account waits between two tests of its webhook.
const testEvery = 5 * time.Second

// ErrNoWebhook means that the account has no webhook.
var ErrNoWebhook = fault.New(fault.NotFound, "There is no webhook. Set its URL first.")

// Webhook returns the webhook of an account, or fault.NotFound.
func (ns *Notices) Webhook(ctx context.Context, account pfid.ID) (Webhook, error) {
	return ns.Store.Webhook(ctx, account)
}

// SetWebhook gives the actor's account a webhook, or its webhook another URL. It returns the secret of a new webhook;
// empty if there was one already. It returns fault.Validation if the URL can't be used.
func (ns *Notices) SetWebhook(ctx context.Context, actor audit.Actor, address string) (w Webhook, secret string, err error) {
	at := ns.Now().UTC()
	wrong := fault.Fields{}
	address = text.Line(wrong, "url", address, 1, maxURL)
	if len(wrong) == 0 {
		if err := ns.Sender.CheckURL(address); err != nil {
			wrong.Add("url", "%s", err)
		}
	}
	if err := wrong.Err(); err != nil {
		return Webhook{}, "", err
	}
	w, err = ns.Store.SaveWebhook(ctx, actor.AccountID, func(w *Webhook) (audit.Event, error) {
		action := audit.WebhookUpdated
		if w.InsertedAt.IsZero() {
			action, w.AccountID, w.InsertedAt = audit.WebhookCreated, actor.AccountID, at
			if secret, err = ns.renew(w); err != nil {
				return audit.Event{}, err
			}
		}
		if w.URL != address {
			w.Last = Attempt{}
		}
		w.URL, w.SetBy, w.UpdatedAt = address, actor.AdminUserID, at
		return ns.event(at, actor, action, *w)
	})
	return w, secret, err
}

// ReplaceSecret gives the webhook of the actor's account a new secret and returns it. The next message is signed with
// it. It returns fault.NotFound if there is no webhook.
func (ns *Notices) ReplaceSecret(ctx context.Context, actor audit.Actor) (w Webhook, secret string, err error) {
	at := ns.Now().UTC()
	w, err = ns.Store.SaveWebhook(ctx, actor.AccountID, func(w *Webhook) (audit.Event, error) {
		if w.InsertedAt.IsZero() {
			return audit.Event{}, ErrNoWebhook
		}
		if secret, err = ns.renew(w); err != nil {
			return audit.Event{}, err
		}
		w.UpdatedAt = at
		return ns.event(at, actor, audit.WebhookSecretReplaced, *w)
	})
	return w, secret, err
}

// DeleteWebhook removes the webhook of the actor's account and returns it. It returns fault.NotFound if there is none.
func (ns *Notices) DeleteWebhook(ctx context.Context, actor audit.Actor) (Webhook, error) {
	at := ns.Now().UTC()
	return ns.Store.DeleteWebhook(ctx, actor.AccountID, func(w Webhook) (audit.Event, error) {
		return ns.event(at, actor, audit.WebhookDeleted, w)
	})
}

// event names only the host: receivers often keep a secret in the path.
func (ns *Notices) event(at time.Time, actor audit.Actor, action audit.Action, w Webhook) (audit.Event, error) {
	host := ""
	if u, err := url.Parse(w.URL); err == nil {
		host = u.Host
	}
	return audit.New(at, actor, action, actor.AccountID.String(), host, ns.Random)
}

func (ns *Notices) renew(w *Webhook) (secret string, err error) {
	if secret, err = ns.Sender.NewSecret(ns.Random); err != nil {
		return "", err
	}
	w.Sealed, err = ns.Vault.Seal([]byte(secret), sealName(w.AccountID))
	return secret, err
}

func sealName(account pfid.ID) string { return "webhook " + account.String() }

// TestWebhook sends a message of the type webhook.test and returns the webhook with what became of it. It returns
// fault.NotFound if there is no webhook, and fault.TooManyRequests within testEvery of the last test.
func (ns *Notices) TestWebhook(ctx context.Context, account pfid.ID) (Webhook, error) {
	at := ns.Now().UTC()
	w, err := ns.Store.Webhook(ctx, account)
	if err != nil {
		return w, err
	}
	if err := ns.mayTest(account, at); err != nil {
		return w, err
	}
	id, err := ns.newID(at, account)
	if err != nil {
		return w, err
	}
	body, err := encode(at, testEvent, testData{AccountID: account.String()})
	if err != nil {
		return w, err
	}
	if w.Last, err = ns.post(ctx, w, id, testEvent, body); err != nil {
		return w, err
	}
	return w, ns.Store.NoteAttempt(ctx, account, w.URL, w.Last)
}

func (ns *Notices) mayTest(account pfid.ID, at time.Time) error {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for tester, last := range ns.tested {
		if at.Before(last) || !at.Before(last.Add(testEvery)) {
			delete(ns.tested, tester)
		}
	}
	if last, tested := ns.tested[account]; tested {
		err := fault.New(fault.TooManyRequests, "A test was sent just now. Wait 5 seconds.")
		err.RetryAfter = last.Add(testEvery).Sub(at)
		return err
	}
	ns.tested[account] = at
	return nil
}

// post sends a message to a webhook. It returns an error only if the secret can't be opened.
func (ns *Notices) post(ctx context.Context, w Webhook, id, event string, body []byte) (Attempt, error) {
	secret, err := ns.Vault.Open(w.Sealed, sealName(w.AccountID))
	if err != nil {
		return Attempt{}, err
	}
	at := ns.Now().UTC()
	status, failure := ns.Sender.Post(ctx, w.URL, string(secret), id, at, body)
	return Attempt{At: at, Event: event, Status: status, Failure: failure}, nil
}

// newID returns the id of a message. The dots that separate the signed parts can't occur in it.
func (ns *Notices) newID(at time.Time, account pfid.ID) (string, error) {
	id, err := pfid.New(at, account.Partition(), ns.Random)
	return "msg_" + id.String(), err
}
