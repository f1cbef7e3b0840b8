package notice

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The types of messages.
const (
	expiringEvent = "api_token.expiring"
	testEvent     = "webhook.test"
)

// message is a body as Standard Webhooks recommends.
type message[T any] struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      T         `json:"data"`
}

type testData struct {
	AccountID string `json:"account_id"`
}

// expiring is the data of a notice. Its fields are named as in the API.
type expiring struct {
	AccountID   string          `json:"account_id"`
	AccountName string          `json:"account_name"`
	Total       int             `json:"total"`
	Tokens      []expiringToken `json:"tokens"` // the first maxListed
}

type expiringToken struct {
	ID              string     `json:"id"`
	Name            *string    `json:"name"`
	Hint            string     `json:"hint"`
	TokenScope      string     `json:"token_scope"`
	Status          string     `json:"status"`
	AgentID         *string    `json:"agent_id"`
	AgentName       *string    `json:"agent_name"`
	EnvironmentID   *string    `json:"environment_id"`
	EnvironmentName *string    `json:"environment_name"`
	ExpiresAt       time.Time  `json:"expires_at"`
	Expired         bool       `json:"expired"`
	DaysLeft        int        `json:"days_left"` // rounded up; 0 if expired
	LastUsedAt      *time.Time `json:"last_used_at"`
}

func encode[T any](at time.Time, event string, data T) ([]byte, error) {
	body, err := json.Marshal(message[T]{Type: event, Timestamp: at.Truncate(time.Millisecond), Data: data})
	if err != nil {
		return nil, fmt.Errorf("notice: %w", err)
	}
	return body, nil
}

func expiringOf(r Recipient, tokens []Token, total int, at time.Time) expiring {
	data := expiring{AccountID: r.AccountID.String(), AccountName: r.AccountName, Total: total, Tokens: make([]expiringToken, len(tokens))}
	for i, t := range tokens {
		left := t.ExpiresAt.Sub(at)
		data.Tokens[i] = expiringToken{
			ID: t.ID.String(), Name: orNull(t.Name), Hint: t.Hint, TokenScope: t.Scope, Status: t.Status,
			AgentID: orNull(t.AgentID.String()), AgentName: orNull(t.AgentName), EnvironmentID: orNull(t.EnvironmentID.String()), EnvironmentName: orNull(t.EnvironmentName),
			ExpiresAt: t.ExpiresAt, Expired: left <= 0, DaysLeft: max(0, int((left+day-1)/day)),
		}
		if !t.LastUsedAt.IsZero() {
			data.Tokens[i].LastUsedAt = &t.LastUsedAt
		}
	}
	return data
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// mailOf returns a notice as a mail.
func mailOf(body, origin string) (subject, text string, err error) {
	var m message[expiring]
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return "", "", fmt.Errorf("notice: a stored message is damaged: %w", err)
	}
	d := m.Data
	happens := "expire soon"
	if last := len(d.Tokens) - 1; d.Tokens[last].Expired && d.Total == last+1 {
		happens = "have expired"
	} else if d.Tokens[0].Expired { // the list begins with those
		happens = "expire soon or have expired"
	}
	tokens := fmt.Sprintf("%d API tokens", d.Total)
	if d.Total == 1 {
		tokens, happens = "1 API token", map[string]string{"expire soon": "expires soon", "have expired": "has expired"}[happens]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s %s:\n\n", tokens, d.AccountName, happens)
	for _, t := range d.Tokens {
		b.WriteString(t.line())
	}
	if more := d.Total - len(d.Tokens); more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	fmt.Fprintf(&b, "\nTo see what expires next, open %s/account/api-tokens?expires=14&sort=expires\n", origin)
	fmt.Fprintf(&b, "\nTo stop these emails, turn them off at %s/account/details#notifications\n", origin)
	return fmt.Sprintf("%s of %s %s", tokens, d.AccountName, happens), b.String(), nil
}

// line describes a token in a mail.
func (t expiringToken) line() string {
	name := "…" + t.Hint
	switch {
	case t.Hint == "" && t.Name == nil: // imported
		name = "unnamed"
	case t.Hint == "":
		name = *t.Name
	case t.Name != nil:
		name = *t.Name + " (…" + t.Hint + ")"
	}
	var of []string
	for _, part := range []*string{t.AgentName, t.EnvironmentName} {
		if part != nil {
			of = append(of, *part)
		}
	}
	if len(of) == 0 {
		of = []string{"account"}
	}
	when := fmt.Sprintf("expires within %d days", t.DaysLeft)
	switch {
	case t.Expired:
		when = "expired"
	case t.DaysLeft == 1:
		when = "expires within a day"
	}
	used := "never used"
	if t.LastUsedAt != nil {
		used = "last used " + t.LastUsedAt.UTC().Format(mailTime)
	}
	return fmt.Sprintf("- %s, %s, %s: %s, %s; %s; id %s\n", name, strings.Join(of, " in "), t.Status, when, t.ExpiresAt.UTC().Format(mailTime), used, t.ID)
}

const mailTime = "2 January 2006, 15:04 UTC"
