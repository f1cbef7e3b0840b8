// Package notice tells the people and the programs of an account which of its API tokens expire soon: by a webhook, and
// by mail to its admin users. It also mails members about changes of their password, role and sessions.
package notice

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// Webhook is where the notices of an account are posted.
type Webhook struct {
	AccountID  pfid.ID
	URL        string
	Sealed     []byte // the secret, sealed by the Vault
	InsertedAt time.Time
	UpdatedAt  time.Time
	Last       Attempt
	SetBy      pfid.ID // the admin user who set the URL last
}

// Attempt is the last try to post to a webhook. The zero Attempt means that there was none.
type Attempt struct {
	At      time.Time
	Event   string // the type of the message
	Status  int    // of the HTTP response; 0 if there was none
	Failure string // a sentence that says what went wrong; empty if the receiver accepted the message
}

// Recipient is the webhook of an account or an admin user who wants mail.
type Recipient struct {
	ID          pfid.ID // of the account for its webhook, otherwise of the admin user
	AccountID   pfid.ID
	AccountName string
	// ToldAt is when the last message that arrived was written; zero if none did.
	ToldAt time.Time
}

// Message is a notice that has not arrived yet.
type Message struct {
	ID        string // the same for each try
	Recipient pfid.ID
	AccountID pfid.ID
	WrittenAt time.Time
	Body      string // JSON
	Tries     int    // failed ones

	Webhook Webhook // of the recipient; only URL and Sealed are set
	Email   string  // of the recipient, if it is an admin user
}

// Outcome is what became of a try to send a message.
type Outcome uint8

// The outcomes. After Failed, the message waits for its next try.
const (
	Arrived Outcome = iota
	Failed
	GivenUp
	CutShort // by a stop; the try does not count
)

// Token is what a notice says about an API token.
type Token struct {
	ID, AgentID, EnvironmentID pfid.ID
	Name, Hint, Scope, Status  string
	AgentName, EnvironmentName string
	ExpiresAt, LastUsedAt      time.Time
}

// Window selects tokens by the time of their expiry: after After and not after Until. Their secret must have been issued
// after IssuedAfter, if that is not zero, and for Lifetime at least.
type Window struct {
	After, Until time.Time
	IssuedAfter  time.Time
	Lifetime     time.Duration
}

// Store keeps webhooks and messages.
type Store interface {
	// Webhook returns the webhook of an account, or fault.NotFound.
	Webhook(ctx context.Context, account pfid.ID) (Webhook, error)
	// SaveWebhook reads the webhook, or a zero one if there is none, lets decide change it, and writes it with the event
	// in one transaction.
	SaveWebhook(ctx context.Context, account pfid.ID, decide func(*Webhook) (audit.Event, error)) (Webhook, error)
	// DeleteWebhook reads the webhook and removes it with its message, and writes the event in the same transaction. It
	// returns fault.NotFound if there is none.
	DeleteWebhook(ctx context.Context, account pfid.ID, decide func(Webhook) (audit.Event, error)) (Webhook, error)
	// NoteAttempt writes the last attempt of a webhook, unless it now has another URL.
	NoteAttempt(ctx context.Context, account pfid.ID, url string, last Attempt) error

	// TidyNotices gives up messages that were written at or before an instant. What seems to come from more than a day
	// after now, by a clock that was wrong, it dates now.
	TidyNotices(ctx context.Context, writtenBefore, now time.Time) error
	// Recipients returns those without a message that waits and without one that was written after an instant. mail
	// includes admin users.
	Recipients(ctx context.Context, mail bool, writtenAfter time.Time) ([]Recipient, error)
	// Expiring returns up to most tokens of the account that are in one of the windows, the first to expire first, and the
	// number of all. It returns none unless at least one token is in one of the windows of due. Revoked tokens don't count.
	Expiring(ctx context.Context, account pfid.ID, due, windows []Window, most int) ([]Token, int, error)
	// PutNotices writes new messages, to be sent now.
	PutNotices(ctx context.Context, messages []Message) error
	// PendingNotices returns up to most messages whose next try is due, with their recipients: admin users with mail, otherwise
	// webhooks.
	PendingNotices(ctx context.Context, mail bool, now time.Time, most int) ([]Message, error)
	// BeginTry counts a try of a message and writes when to try again if nothing settles it. It returns the message with
	// its recipient as it is now. ok is false if either is gone, or if another copy of the program has tried the message.
	BeginTry(ctx context.Context, m Message, again time.Time) (now Message, ok bool, err error)
	// SettleNotice writes what became of a try.
	SettleNotice(ctx context.Context, m Message, o Outcome, last Attempt) error

	// PendingChanges returns up to most changes whose mail is due, of those made after an instant, for present members.
	PendingChanges(ctx context.Context, after, now time.Time, most int) ([]Change, error)
	// BeginChange counts a try to mail a change and writes when to try again. ok is false if that is settled.
	BeginChange(ctx context.Context, c Change, again time.Time) (ok bool, err error)
	// SettleChange writes that the mail was sent or given up.
	SettleChange(ctx context.Context, c Change) error
}

// Vault seals the secrets of webhooks.
type Vault interface {
	Seal(plain []byte, name string) ([]byte, error)
	Open(sealed []byte, name string) ([]byte, error)
}

// Sender posts webhooks.
type Sender interface {
	// CheckURL returns an error that continues "url …" if nothing can be sent to the address.
	CheckURL(address string) error
	// Post sends a signed body. It returns the HTTP status of the response, 0 if there was none, and what went wrong.
	Post(ctx context.Context, address, secret, id string, at time.Time, body []byte) (status int, failure string)
	// NewSecret returns the text of a new secret.
	NewSecret(random io.Reader) (string, error)
}

// Mailer sends plain text by mail. Each try of a mail has the same id.
type Mailer interface {
	// Send returns an error with a method Final that returns true if the mail server would refuse each further try.
	Send(ctx context.Context, id, to, subject, text string) error
}

func isFinal(err error) bool {
	refused, ok := errors.AsType[interface {
		error
		Final() bool
	}](err)
	return ok && refused.Final()
}

// Parts are the dependencies of Notices.
type Parts struct {
	Store  Store
	Vault  Vault
	Sender Sender
	Mail   Mailer // nil without a mail server
	Origin string // the address of the page, for links in mails
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

// Notices sets webhooks and sends notices.
type Notices struct {
	Parts
	posting sync.Mutex // held by Post
	mailing sync.Mutex // held by SendMails
	mu      sync.Mutex
	tested  map[pfid.ID]time.Time // when each account last tested its webhook
}

// New returns the notices of all accounts.
func New(parts Parts) *Notices { return &Notices{Parts: parts, tested: map[pfid.ID]time.Time{}} }
