package api

import (
	"context"
	"errors"
	"net/url"

	"tokentab/backend/notice"
)

// Webhook is where the notices of an account are posted, in responses. It never holds the secret.
type Webhook struct {
	Type        string            `json:"type" enum:"webhook"`
	URL         *string           `json:"url" doc:"null if the account has no webhook. Viewers get only its scheme and host: the path may hold a secret"`
	LastAttempt *webhookAttempt   `json:"last_attempt" doc:"The last message sent to this URL; null before the first"`
	InsertedAt  OptionalTimestamp `json:"inserted_at"`
	UpdatedAt   OptionalTimestamp `json:"updated_at"`
}

type webhookAttempt struct {
	_           struct{}  `nullable:"true"`
	At          Timestamp `json:"at"`
	MessageType string    `json:"message_type" doc:"The type of the message: api_token.expiring or webhook.test"`
	Accepted    bool      `json:"accepted" doc:"Whether the receiver answered with a status from 200 to 299"`
	HTTPStatus  *int      `json:"http_status" doc:"Status of the receiver's answer; null if there was none"`
	Failure     *string   `json:"failure" doc:"What went wrong; null if the message was accepted"`
}

func webhookOf(w notice.Webhook) Webhook {
	out := Webhook{Type: "webhook", URL: orNull(w.URL), InsertedAt: OptionalTimestamp(w.InsertedAt), UpdatedAt: OptionalTimestamp(w.UpdatedAt)}
	if last := w.Last; !last.At.IsZero() {
		out.LastAttempt = &webhookAttempt{At: Timestamp(last.At), MessageType: last.Event, Accepted: last.Failure == "", Failure: orNull(last.Failure)}
		if last.Status != 0 {
			out.LastAttempt.HTTPStatus = &last.Status
		}
	}
	return out
}

// WebhookWithSecret is a webhook, and its secret if it is new.
type WebhookWithSecret struct {
	Status  string  `json:"status" enum:"success"`
	Details Webhook `json:"details"`
	Secret  string  `json:"secret,omitempty" doc:"The new secret, which signs messages; shown only once. Omitted if the webhook keeps its secret"`
}

func withSecret(w notice.Webhook, secret string, err error) (*whole[WebhookWithSecret], error) {
	if err != nil {
		return nil, err
	}
	return &whole[WebhookWithSecret]{Body: WebhookWithSecret{Status: "success", Details: webhookOf(w), Secret: secret}}, nil
}

var webhookDetails = shown(webhookOf)

func (s *Service) getWebhook(ctx context.Context, who *caller, in *pathID) (*one[Webhook], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	w, err := s.Notices.Webhook(ctx, who.AccountID)
	if errors.Is(err, notice.ErrNoWebhook) {
		w, err = notice.Webhook{}, nil
	}
	if !who.mayChange() {
		w.URL = hostOf(w.URL)
	}
	return webhookDetails(w, err)
}

// hostOf returns the address of a webhook without what may hold a secret. It stays empty if there is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/…"
}

// WebhookOrder is a request to set the webhook of an account.
type WebhookOrder struct {
	URL string `json:"url" doc:"An https address of up to 500 characters"`
}

func (s *Service) setWebhook(ctx context.Context, who *caller, in *changed[WebhookOrder]) (*whole[WebhookWithSecret], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	return withSecret(s.Notices.SetWebhook(ctx, who.Actor, in.Body.Details.URL))
}

func (s *Service) replaceWebhookSecret(ctx context.Context, who *caller, in *pathID) (*whole[WebhookWithSecret], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	return withSecret(s.Notices.ReplaceSecret(ctx, who.Actor))
}

func (s *Service) testWebhook(ctx context.Context, who *caller, in *pathID) (*one[Webhook], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	return webhookDetails(s.Notices.TestWebhook(ctx, who.AccountID))
}

func (s *Service) deleteWebhook(ctx context.Context, who *caller, in *pathID) (*one[Webhook], error) {
	if err := who.own(in.ID); err != nil {
		return nil, err
	}
	return webhookDetails(s.Notices.DeleteWebhook(ctx, who.Actor))
}
