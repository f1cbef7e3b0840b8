package store

import (
	"context"

	"gorm.io/gorm"

	"tokentab/backend/audit"
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
