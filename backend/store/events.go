package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
	"tokentab/backend/token"
)

var auditEvents = table[audit.Event]{name: "audit_events", what: "audit event", columns: eventColumns}

func eventColumns(e *audit.Event) []column {
	return []column{
		{"id", &e.ID}, {"account_id", &e.Actor.AccountID}, {"action", &e.Action}, {"subject_id", &e.Subject},
		{"actor_admin_user_id", &e.Actor.AdminUserID}, {"actor_api_token_id", &e.Actor.APITokenID}, {"actor_address", &e.Actor.Address},
		{"detail", &e.Detail}, {"inserted_at", (*stamp)(&e.At)},
		{"sequence", &e.Sequence}, {"hash", &e.Hash}, {"request_id", &e.Actor.RequestID}, {"reason", &e.Actor.Reason},
		{"actor_kind", &e.Actor.Kind}, {"times", &e.Times},
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
	return tokenEvents.page(ctx, s.db, sorting{"inserted_at"}, page, "audit_events t WHERE t.subject_id = ? AND t.account_id = ? AND t.action >= 'api_token.' AND t.action < 'api_token/'", id, account)
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
			{"COALESCE(NULLIF(sk.name, ''), '…' || NULLIF(sk.hint, ''), su.name, su.email, sa.name, se.name, sc.name)", (*shown)(&e.SubjectName)},
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

// Events implements audit.Store.
func (s Events) Events(ctx context.Context, account pfid.ID, f audit.Filter, page paging.Page) (found audit.Found, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		list, err := newEventList(tx, account, f)
		if err != nil {
			return err
		}
		found = audit.Found{Before: page.Offset}
		after, newer := eventPlace{}, 0
		if page.After != "" {
			if after, err = parsePlace(page.After); err != nil {
				return err
			}
			if newer, err = list.newer(tx, after); err != nil {
				return err
			}
			found.Before = after.before + newer
		}
		var ids []pfid.ID
		if list.needle != "" {
			ids, err = list.search(tx, page, after, &found)
		} else {
			ids, err = list.part(tx, page, after, &found)
		}
		if err != nil || len(ids) == 0 {
			return err
		}
		found.Events, err = shownEvents.byID(tx, ids)
		return err
	})
	return found, err
}

// eventList is a list of events, newest first.
type eventList struct {
	account pfid.ID
	where   string // a condition without the actions
	args    []any
	actions []audit.Action
	action  string // the column to compare with them
	needle  string // what a search looks for, folded, without the ellipsis before the last characters of a token; empty without a search
	newest  int64  // sequence of the newest event of the account
}

func newEventList(tx *gorm.DB, account pfid.ID, f audit.Filter) (l eventList, err error) {
	l = eventList{account: account, actions: f.Actions, action: "t.action", needle: text.Needle(f.Search)}
	if !f.Actor.IsZero() {
		l.action = "+t.action" // the index by actor is narrower, whatever SQLite thinks
	}
	if l.where, l.args, err = eventsOf(tx, account, f); err != nil {
		return l, err
	}
	l.newest, err = value[int64](tx, "SELECT sequence FROM audit_chains WHERE account_id = ?", account)
	return l, err
}

// condition returns the whole condition of the list.
func (l *eventList) condition() (where string, args []any) {
	if len(l.actions) == 0 {
		return l.where, l.args
	}
	return l.where + " AND " + l.action + " IN " + anyOf, append(slices.Clone(l.args), document{l.actions})
}

// eventPlace is a place in a list: behind the event with a time and a sequence.
type eventPlace struct {
	at, sequence int64
	before       int   // how many events of the list came up to there
	newest       int64 // sequence of the newest event of the account at that time
}

// String returns the place as parsePlace parses it.
func (p eventPlace) String() string {
	return fmt.Sprintf("%d.%d.%d.%d", p.at, p.sequence, p.before, p.newest)
}

// parsePlace parses an audit.Found.Next.
func parsePlace(after string) (p eventPlace, err error) {
	parts := strings.Split(after, ".")
	numbers := make([]int64, len(parts))
	for i, part := range parts {
		if numbers[i], err = strconv.ParseInt(part, 10, 64); err != nil {
			break
		}
	}
	if err != nil || len(parts) != 4 || numbers[2] < 0 || numbers[2] > math.MaxInt32 {
		return p, fault.Field("pagination[after]", "must be a next_cursor of this list")
	}
	return eventPlace{numbers[0], numbers[1], int(numbers[2]), numbers[3]}, nil
}

// newestOf lists the newest events behind a place as id, inserted_at and sequence. For each action, an index has them.
func (l *eventList) newestOf(after eventPlace, limit int) (query string, args []any) {
	where, shared := l.where, l.args
	if after != (eventPlace{}) {
		where, shared = where+" AND (t.inserted_at, t.sequence) < (?, ?)", append(slices.Clone(shared), after.at, after.sequence)
	}
	branches := []string{}
	for _, action := range l.actions {
		branches = append(branches, newestOf(where+" AND "+l.action+" = ?"))
		args = append(append(append(args, shared...), action), limit)
	}
	if len(l.actions) == 0 {
		branches, args = append(branches, newestOf(where)), append(slices.Clone(shared), limit)
	}
	return "SELECT id, inserted_at, sequence FROM (" + strings.Join(branches, " UNION ALL ") + ") b ORDER BY inserted_at DESC, sequence DESC LIMIT ?", append(args, limit)
}

// part returns the ids of one part of the list, and fills in where it is.
func (l *eventList) part(tx *gorm.DB, page paging.Page, after eventPlace, found *audit.Found) (ids []pfid.ID, err error) {
	where, args := l.condition()
	limit := page.CountLimit()
	if found.Total, err = countUpTo(tx, limit, "audit_events t WHERE "+where, args...); err != nil {
		return nil, err
	}
	query, args := l.newestOf(after, page.Offset+page.Size+1)
	var last eventPlace
	row, most := 0, page.Size
	err = scan(tx, query, args, func(rows *sql.Rows) error {
		var id pfid.ID
		var at, sequence int64
		if row++; row <= page.Offset {
			return nil
		}
		err := rows.Scan(&id, &at, &sequence)
		if ids = append(ids, id); len(ids) <= most {
			last.at, last.sequence = at, sequence
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	more := len(ids) > page.Size
	ids = ids[:min(len(ids), page.Size)]
	found.AtLeast = more && found.Total == limit
	end := found.Before + len(ids)
	switch {
	case len(ids) == 0:
		found.Before = min(found.Before, found.Total)
	case !more:
		found.Total = end
	case found.AtLeast:
		found.Total = max(found.Total, end+1)
		fallthrough
	default:
		last.before, last.newest = end, l.newest
		found.Next = last.String()
	}
	return ids, nil
}

// newestOf selects the newest events of a condition, up to a limit.
func newestOf(where string) string {
	return "SELECT * FROM (SELECT t.id, t.inserted_at, t.sequence FROM audit_events t WHERE " + where + " ORDER BY t.inserted_at DESC, t.sequence DESC LIMIT ?) newest"
}

// eventsOf returns the condition for a filter without its actions.
func eventsOf(tx *gorm.DB, account pfid.ID, f audit.Filter) (where string, args []any, err error) {
	// A plus keeps SQLite from the index by account if another is narrower.
	if where, args = "t.account_id = ?", []any{account}; f.Subject != "" {
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
	if f.Kind != "" {
		add("t.actor_kind IN ('command_line', 'server', 'stranger') AND t.actor_kind = ?", f.Kind) // the condition of the index
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
