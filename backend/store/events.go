package store

import (
	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// record writes an event in the transaction of its change.
func record(tx *gorm.DB, e audit.Event) error {
	row := auditRowOf(e)
	return tx.Create(&row).Error
}

// recordAll writes events in the transaction of their change.
func recordAll(tx *gorm.DB, events []audit.Event) error {
	for _, event := range events {
		if err := record(tx, event); err != nil {
			return err
		}
	}
	return nil
}

// eventBatch is how many events one statement writes.
const eventBatch = 100

// recordEach writes an event for each id in the transaction of their change.
func recordEach(tx *gorm.DB, ids []pfid.ID, event func(id pfid.ID) (audit.Event, error)) error {
	if len(ids) == 0 {
		return nil
	}
	rows := make([]auditRow, len(ids))
	for i, id := range ids {
		e, err := event(id)
		if err != nil {
			return err
		}
		rows[i] = auditRowOf(e)
	}
	return tx.CreateInBatches(rows, eventBatch).Error
}
