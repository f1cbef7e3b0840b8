package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

var auditEvents = table[audit.Event]{name: "audit_events", what: "audit event", columns: eventColumns}

func eventColumns(e *audit.Event) []column {
	return []column{
		{"id", &e.ID}, {"account_id", &e.Actor.AccountID}, {"action", &e.Action}, {"subject_id", &e.Subject},
		{"actor_admin_user_id", &e.Actor.AdminUserID}, {"actor_api_token_id", &e.Actor.APITokenID}, {"actor_address", &e.Actor.Address},
		{"detail", &e.Detail}, {"inserted_at", (*stamp)(&e.At)},
		{"sequence", &e.Sequence}, {"hash", &e.Hash}, {"request_id", &e.Actor.RequestID}, {"reason", &e.Actor.Reason},
	}
}

// tokenEvents are events with the names of their actors.
var tokenEvents = table[token.Event]{name: auditEvents.name, what: auditEvents.what,
	columns: func(e *token.Event) []column { return eventColumns(&e.Event) },
	derived: func(e *token.Event) []column { return []column{{nameOf("k", "u"), (*shown)(&e.ActorName)}} },
	joins: `LEFT JOIN admin_users u ON u.id = t.actor_admin_user_id
		LEFT JOIN api_tokens k ON k.id = t.actor_api_token_id`,
}

// TokenEvents implements token.Store. The index audit_events_by_subject finds the events. Agents may choose the ids of their
// instances, so a subject alone says neither what it is nor whose.
func (s Tokens) TokenEvents(ctx context.Context, account, id pfid.ID, page paging.Page) ([]token.Event, int, error) {
	if _, err := s.Token(ctx, account, id); err != nil {
		return nil, 0, err
	}
	return tokenEvents.page(ctx, s.db, sorting{"inserted_at"}, page, "audit_events t WHERE t.subject_id = ? AND t.account_id = ? AND t.action GLOB 'api_token.*'", id, account)
}

// recordWith is record for an event that the recorder makes, for each subject.
func recordWith(tx *gorm.DB, recorder audit.Recorder, action audit.Action, detail string, subjects ...pfid.ID) (err error) {
	events := make([]audit.Event, len(subjects))
	for i, subject := range subjects {
		if events[i], err = recorder(action, subject, detail); err != nil {
			return err
		}
	}
	return record(tx, events...)
}

// shownEvents are events with the names of their actors and subjects. Agents may choose the ids of their instances, so the
// action says which table the subject is in.
var shownEvents = table[audit.Listed]{name: auditEvents.name, what: auditEvents.what,
	columns: func(e *audit.Listed) []column { return eventColumns(&e.Event) },
	derived: func(e *audit.Listed) []column {
		return []column{
			{nameOf("k", "u"), (*shown)(&e.ActorName)},
			{"COALESCE(NULLIF(sk.name, ''), '…' || sk.hint, su.name, su.email, sa.name, se.name, sc.name)", (*shown)(&e.SubjectName)},
		}
	},
	joins: `LEFT JOIN admin_users u ON u.id = t.actor_admin_user_id
		LEFT JOIN api_tokens k ON k.id = t.actor_api_token_id
		LEFT JOIN api_tokens sk ON t.action LIKE 'api_token.%' AND sk.id = t.subject_id AND sk.account_id = t.account_id
		LEFT JOIN admin_users su ON (t.action LIKE 'admin_user.%' OR t.action LIKE 'session.%') AND su.id = t.subject_id AND su.account_id = t.account_id
		LEFT JOIN agents sa ON t.action LIKE 'agent.%' AND sa.id = t.subject_id AND sa.account_id = t.account_id
		LEFT JOIN environments se ON t.action LIKE 'environment.%' AND se.id = t.subject_id AND se.account_id = t.account_id
		LEFT JOIN accounts sc ON t.action LIKE 'account.%' AND sc.id = t.subject_id AND sc.id = t.account_id`,
}

// Event implements audit.Store.
func (s Events) Event(ctx context.Context, account, id pfid.ID) (audit.Listed, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (audit.Listed, error) {
		return shownEvents.take(tx, "t.id = ? AND t.account_id = ?", id, account)
	})
}

// Events implements audit.Store. For each action of the filter, an index has its newest events.
func (s Events) Events(ctx context.Context, account pfid.ID, f audit.Filter, page paging.Page) (found audit.Found, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		where, args, err := eventsOf(tx, account, f)
		if err != nil {
			return err
		}
		all, counted := where, slices.Clone(args)
		if len(f.Actions) > 0 {
			all, counted = all+" AND t.action IN "+anyOf, append(counted, document{f.Actions})
		}
		if found.Total, err = countUpTo(tx, page.CountLimit(), "audit_events t WHERE "+all, counted...); err != nil || found.Total == 0 {
			return err
		}
		if page.After != "" {
			at, sequence, err := parsePlace(page.After)
			if err != nil {
				return err
			}
			where, args = where+" AND (t.inserted_at, t.sequence) < (?, ?)", append(args, at, sequence)
		}
		last := page.Offset + page.Size + 1
		branches, values := []string{}, []any{}
		for _, action := range f.Actions {
			branches = append(branches, newestOf(where+" AND t.action = ?"))
			values = append(append(append(values, args...), action), last)
		}
		if len(f.Actions) == 0 {
			branches, values = append(branches, newestOf(where)), append(args, last)
		}
		var ids []pfid.ID
		query := "SELECT json_group_array(id) FROM (SELECT id FROM (" + strings.Join(branches, " UNION ALL ") + ") ORDER BY inserted_at DESC, sequence DESC LIMIT ? OFFSET ?)"
		if err := scan(tx, query, append(values, page.Size+1, page.Offset), func(rows *sql.Rows) error { return rows.Scan(document{&ids}) }); err != nil {
			return err
		}
		more := len(ids) > page.Size
		if found.Events, err = shownEvents.byID(tx, ids[:min(len(ids), page.Size)]); err != nil || !more || len(found.Events) == 0 {
			return err
		}
		end := found.Events[len(found.Events)-1]
		found.Next = fmt.Sprintf("%d.%d", end.At.UnixMilli(), end.Sequence)
		return nil
	})
	return found, err
}

// newestOf selects the newest events of a condition, up to a limit.
func newestOf(where string) string {
	return "SELECT * FROM (SELECT t.id, t.inserted_at, t.sequence FROM audit_events t WHERE " + where + " ORDER BY t.inserted_at DESC, t.sequence DESC LIMIT ?)"
}

// parsePlace parses an audit.Found.Next.
func parsePlace(text string) (at, sequence int64, err error) {
	first, second, _ := strings.Cut(text, ".")
	at, wrong := strconv.ParseInt(first, 10, 64)
	sequence, also := strconv.ParseInt(second, 10, 64)
	if wrong != nil || also != nil {
		return 0, 0, fault.Field("pagination[after]", "must be a next_cursor of this list")
	}
	return at, sequence, nil
}

// eventsOf returns the condition for a filter without its actions.
func eventsOf(tx *gorm.DB, account pfid.ID, f audit.Filter) (where string, args []any, err error) {
	// A plus keeps SQLite from the index by account if another is narrower.
	narrow := !f.Actor.IsZero() || f.Subject != ""
	if where, args = "t.account_id = ?", []any{account}; narrow {
		where = "+" + where
	}
	add := func(condition string, value any) { where, args = where+" AND "+condition, append(args, value) }
	if !f.Actor.IsZero() {
		isUser, err := exists(tx, "SELECT 1 FROM admin_users WHERE id = ? AND account_id = ?", f.Actor, account)
		if err != nil {
			return "", nil, err
		}
		if isUser {
			add("t.actor_admin_user_id = ?", f.Actor)
		} else {
			add("t.actor_api_token_id = ?", f.Actor)
		}
	}
	if f.Subject != "" {
		add("t.subject_id = ?", f.Subject)
	}
	if f.Address != "" {
		add("t.actor_address <> '' AND t.actor_address = ?", f.Address)
	}
	if !f.From.IsZero() {
		add("t.inserted_at >= ?", stamp(f.From))
	}
	if !f.To.IsZero() {
		add("t.inserted_at < ?", stamp(f.To))
	}
	return where, args, nil
}
