package store

import (
	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

var auditEvents = table[audit.Event]{name: "audit_events", what: "audit event", columns: func(e *audit.Event) []column {
	return []column{
		{"id", &e.ID}, {"account_id", &e.Actor.AccountID}, {"action", &e.Action}, {"subject_id", &e.Subject},
		{"actor_admin_user_id", &e.Actor.AdminUserID}, {"actor_api_token_id", &e.Actor.APITokenID}, {"actor_address", &e.Actor.Address},
		{"detail", &e.Detail}, {"inserted_at", (*stamp)(&e.At)},
	}
}}

// record writes events in the transaction of their change.
func record(tx *gorm.DB, events ...audit.Event) error { return auditEvents.insert(tx, events...) }

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
