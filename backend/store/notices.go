package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/notice"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Notices implements notice.Store, which says what each method does.
type Notices struct{ *db }

var webhooks = table[notice.Webhook]{name: "webhooks", what: "webhook", columns: func(w *notice.Webhook) []column {
	return []column{
		{"account_id", &w.AccountID}, {"url", &w.URL}, {"sealed_secret", &w.Sealed}, {"inserted_at", (*stamp)(&w.InsertedAt)}, {"updated_at", (*stamp)(&w.UpdatedAt)},
		{"last_at", (*stamp)(&w.Last.At)}, {"last_event", (*optional)(&w.Last.Event)}, {"last_status", &w.Last.Status}, {"last_failure", (*optional)(&w.Last.Failure)}, {"set_by_admin_user_id", &w.SetBy},
	}
}}

func webhookIn(tx *gorm.DB, account pfid.ID) (notice.Webhook, error) {
	w, ok, err := webhooks.find(tx, "t.account_id = ?", account)
	if err == nil && !ok {
		err = notice.ErrNoWebhook
	}
	return w, err
}

func (s Notices) Webhook(ctx context.Context, account pfid.ID) (notice.Webhook, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (notice.Webhook, error) { return webhookIn(tx, account) })
}

func (s Notices) SaveWebhook(ctx context.Context, account pfid.ID, decide func(*notice.Webhook) (audit.Event, error)) (notice.Webhook, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (w notice.Webhook, err error) {
		if w, _, err = webhooks.find(tx, "t.account_id = ?", account); err != nil {
			return w, err
		}
		event, err := decide(&w)
		if err != nil {
			return w, err
		}
		if err := mayChangeWebhook(tx, account, event); err != nil {
			return w, err
		}
		if _, err := webhooks.insertOr(tx, `ON CONFLICT (account_id) DO UPDATE SET url = excluded.url, sealed_secret = excluded.sealed_secret, updated_at = excluded.updated_at,
			last_at = excluded.last_at, last_event = excluded.last_event, last_status = excluded.last_status, last_failure = excluded.last_failure, set_by_admin_user_id = excluded.set_by_admin_user_id`, w); err != nil {
			return w, err
		}
		return w, record(tx, event)
	})
}

func (s Notices) DeleteWebhook(ctx context.Context, account pfid.ID, decide func(notice.Webhook) (audit.Event, error)) (notice.Webhook, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (w notice.Webhook, err error) {
		if w, err = webhookIn(tx, account); err != nil {
			return w, err
		}
		event, err := decide(w)
		if err != nil {
			return w, err
		}
		if err := mayChangeWebhook(tx, account, event); err != nil {
			return w, err
		}
		if err := execAll(tx, []string{"DELETE FROM webhooks WHERE account_id = ?", "DELETE FROM expiry_notices WHERE recipient_id = ?"}, account); err != nil {
			return w, err
		}
		return w, record(tx, event)
	})
}

// mayChangeWebhook refuses a change by a member who was removed meanwhile, or in an account that was deleted meanwhile. The
// webhook would keep sending them notices that they no longer have a right to.
func mayChangeWebhook(tx *gorm.DB, account pfid.ID, event audit.Event) error {
	if _, err := makerIn(tx, event.Actor, event.At); err != nil {
		return err
	}
	_, err := accountIn(tx, account)
	return err
}

func (s Notices) NoteAttempt(ctx context.Context, account pfid.ID, url string, last notice.Attempt) error {
	return s.change(ctx, func(tx *gorm.DB) error { return noteAttempt(tx, account, url, last) })
}

func noteAttempt(tx *gorm.DB, account pfid.ID, url string, last notice.Attempt) error {
	return tx.Exec("UPDATE webhooks SET last_at = ?, last_event = ?, last_status = ?, last_failure = ? WHERE account_id = ? AND url = ?",
		stamp(last.At), last.Event, last.Status, optional(last.Failure), account, url).Error
}

// clockTolerance is how far the clock may have been ahead when a message was written, before that counts as wrong.
const clockTolerance = 24 * time.Hour

func (s Notices) TidyNotices(ctx context.Context, writtenBefore, now time.Time) error {
	ahead := now.Add(clockTolerance)
	untidy, err := read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
		return exists(tx, "SELECT 1 FROM expiry_notices WHERE written_at > ? OR message_id IS NOT NULL AND written_at <= ?", stamp(ahead), stamp(writtenBefore))
	})
	if err != nil || !untidy {
		return err
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		err := tx.Exec("UPDATE expiry_notices SET message_id = NULL, body = NULL WHERE message_id IS NOT NULL AND (written_at > ? OR written_at <= ?)", stamp(ahead), stamp(writtenBefore)).Error
		if err != nil {
			return err
		}
		return tx.Exec("UPDATE expiry_notices SET told_at = CASE WHEN told_at > ?1 THEN ?1 ELSE told_at END, written_at = ?1 WHERE written_at > ?2", stamp(now), stamp(ahead)).Error
	})
}

// wantsMail selects the admin users u who get mail.
const wantsMail = "u.removed_at IS NULL AND NOT u.expiry_mail_off"

func (s Notices) Recipients(ctx context.Context, mail bool, writtenAfter time.Time) ([]notice.Recipient, error) {
	all := "SELECT account_id AS id, account_id FROM webhooks"
	if mail {
		all += " UNION ALL SELECT u.id, u.account_id FROM admin_users u WHERE " + wantsMail
	}
	return read(ctx, s.db, func(tx *gorm.DB) ([]notice.Recipient, error) {
		return rowsAs(tx, "SELECT r.id, r.account_id, a.name, n.told_at FROM ("+all+`) r JOIN accounts a ON a.id = r.account_id AND a.deleted_at IS NULL
			LEFT JOIN expiry_notices n ON n.recipient_id = r.id WHERE n.recipient_id IS NULL OR n.message_id IS NULL AND n.written_at <= ?`, []any{stamp(writtenAfter)},
			func(r *notice.Recipient) []any {
				return []any{&r.ID, &r.AccountID, &r.AccountName, (*stamp)(&r.ToldAt)}
			})
	})
}

func (s Notices) Expiring(ctx context.Context, account pfid.ID, due, windows []notice.Window, most int) (list []notice.Token, total int, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		where := "t.account_id = ? AND t.status <> 'revoked'"
		if moving, err := isMoving(tx, account); err != nil {
			return err
		} else if moving {
			where += " AND " + statusNowOfT + " <> 'revoked'"
		}
		// Each window of due is asked for on its own, so that the index finds the few tokens in it.
		isDue := false
		for _, w := range due {
			if isDue, err = exists(tx, "SELECT 1 FROM api_tokens t WHERE "+where+" AND "+inWindow, append([]any{account}, valuesOf(w)...)...); err != nil || isDue {
				break
			}
		}
		if err != nil || !isDue {
			return err
		}
		from, args := "api_tokens t WHERE "+where+" AND t.expires_at > ? AND t.expires_at <= ? AND ("+strings.Repeat(inWindow+" OR ", len(windows)-1)+inWindow+")", []any{account}
		first, last := windows[0].After, windows[0].Until
		for _, w := range windows {
			if w.After.Before(first) {
				first = w.After
			}
			if w.Until.After(last) {
				last = w.Until
			}
		}
		args = append(args, stamp(first), stamp(last))
		for _, w := range windows {
			args = append(args, valuesOf(w)...)
		}
		if total, err = value[int](tx, "SELECT count(*) FROM "+from, args...); err != nil {
			return err
		}
		tokens, err := apiTokens.sorted(tx, "t.expires_at, t.id", paging.Page{Size: most}, from, args...)
		for _, t := range tokens {
			list = append(list, notice.Token{
				ID: t.ID, AgentID: t.AgentID, EnvironmentID: t.EnvironmentID, Name: t.Name, Hint: t.Hint, Scope: t.Scope.String(), Status: t.Status.String(),
				AgentName: t.AgentName, EnvironmentName: t.EnvironmentName, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt,
			})
		}
		return err
	})
	return list, total, err
}

const (
	issuedAt = "COALESCE(t.rotated_at, t.inserted_at)" // of the current secret
	inWindow = "(t.expires_at > ? AND t.expires_at <= ? AND " + issuedAt + " > ? AND t.expires_at - " + issuedAt + " >= ?)"
)

func valuesOf(w notice.Window) []any {
	return []any{stamp(w.After), stamp(w.Until), w.IssuedAfter.UnixMilli(), w.Lifetime.Milliseconds()}
}

func (s Notices) PutNotices(ctx context.Context, messages []notice.Message) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		for _, m := range messages {
			// The recipient may be gone since the message was written.
			err := tx.Exec(`INSERT INTO expiry_notices (recipient_id, account_id, written_at, message_id, body, tries, next_at) SELECT ?, ?, ?, ?, ?, 0, ?
				WHERE EXISTS (SELECT 1 FROM webhooks WHERE account_id = ?) OR EXISTS (SELECT 1 FROM admin_users u WHERE u.id = ? AND `+wantsMail+`)
				ON CONFLICT (recipient_id) DO UPDATE SET written_at = excluded.written_at, message_id = excluded.message_id, body = excluded.body, tries = 0, next_at = excluded.next_at`,
				m.Recipient, m.AccountID, stamp(m.WrittenAt), m.ID, m.Body, stamp(m.WrittenAt), m.Recipient, m.Recipient).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// messagesIn returns messages that wait for present recipients, with the recipients as they are now: admin users who want mail,
// otherwise webhooks.
func messagesIn(tx *gorm.DB, mail bool, where string, args ...any) (list []notice.Message, err error) {
	list, err = rowsAs(tx, `SELECT n.message_id, n.recipient_id, n.account_id, n.written_at, n.body, n.tries, COALESCE(w.url, ''), w.sealed_secret, COALESCE(u.email, '')
		FROM expiry_notices n LEFT JOIN webhooks w ON w.account_id = n.recipient_id LEFT JOIN admin_users u ON u.id = n.recipient_id AND `+wantsMail+`
		WHERE n.message_id IS NOT NULL AND CASE WHEN ? THEN u.id IS NOT NULL ELSE w.url IS NOT NULL END AND `+where, append([]any{mail}, args...), func(m *notice.Message) []any {
		return []any{&m.ID, &m.Recipient, &m.AccountID, (*stamp)(&m.WrittenAt), &m.Body, &m.Tries, &m.Webhook.URL, &m.Webhook.Sealed, &m.Email}
	})
	for i := range list {
		list[i].Webhook.AccountID = list[i].AccountID
	}
	return list, err
}

func (s Notices) PendingNotices(ctx context.Context, mail bool, now time.Time, most int) ([]notice.Message, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]notice.Message, error) {
		// After a clock was set back, the next try may be far away: then it is due too.
		return messagesIn(tx, mail, "(n.next_at <= ? OR n.next_at > ?) ORDER BY n.next_at LIMIT ?", stamp(now), stamp(now.Add(clockTolerance)), most)
	})
}

func (s Notices) BeginTry(ctx context.Context, m notice.Message, again time.Time) (now notice.Message, ok bool, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		found, err := messagesIn(tx, m.Email != "", "n.recipient_id = ? AND n.message_id = ? AND n.tries = ?", m.Recipient, m.ID, m.Tries)
		if err != nil || len(found) == 0 {
			return err
		}
		now, ok = found[0], true
		return tx.Exec("UPDATE expiry_notices SET tries = ?, next_at = ? WHERE recipient_id = ?", m.Tries+1, stamp(again), m.Recipient).Error
	})
	return now, ok, err
}

func (s Notices) SettleNotice(ctx context.Context, m notice.Message, o notice.Outcome, last notice.Attempt) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		set, args := "next_at = next_at", []any{} // Failed: BeginTry wrote when to try again
		switch o {
		case notice.CutShort:
			set, args = "tries = ?, next_at = written_at", []any{m.Tries}
		case notice.Arrived:
			set = "told_at = written_at, message_id = NULL, body = NULL"
		case notice.GivenUp:
			set = "message_id = NULL, body = NULL"
		}
		settled := tx.Exec("UPDATE expiry_notices SET "+set+" WHERE recipient_id = ? AND message_id = ?", append(args, m.Recipient, m.ID)...)
		// If another copy of the program settled the message meanwhile, it has also noted its own attempt, which was later.
		if settled.Error != nil || settled.RowsAffected == 0 || o == notice.CutShort || m.Email != "" {
			return settled.Error
		}
		return noteAttempt(tx, m.AccountID, m.Webhook.URL, last)
	})
}
