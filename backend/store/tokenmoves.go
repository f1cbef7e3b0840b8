package store

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// moveTokens moves the tokens that where selects, as far as their status allows it, and writes an event for each. It
// returns the hashes of those that it moved: the caller has to drop them from every cache once the transaction is over,
// also where its outcome is not known, and before it answers. byRetirement is what the tokens say from then on of
// whether reinstating their agent brings them back.
func (s *Store) moveTokens(tx *gorm.DB, where func(*gorm.DB) *gorm.DB, to token.Status, byRetirement bool, event func(id pfid.ID) (audit.Event, error), at time.Time) ([][32]byte, error) {
	// One statement finds and moves, so that what is returned is what was moved.
	var moved []tokenRow
	err := where(tx.Model(&moved)).
		Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "secret_hash"}}}).
		Where("status IN ?", statusesBefore(to)).
		Updates(map[string]any{"status": to.String(), "suspended_by_retirement": byRetirement, "updated_at": millis(at)}).Error
	if err != nil {
		return nil, err
	}
	hashes, ids := make([][32]byte, len(moved)), make([]pfid.ID, len(moved))
	for i, row := range moved {
		hashes[i], ids[i] = [32]byte(row.SecretHash), row.ID
	}
	return hashes, recordEach(tx, ids, event)
}

// statusesBefore returns the statuses from which a token may move to the given one.
func statusesBefore(to token.Status) []string {
	var before []string
	for from := token.Active; from <= token.Revoked; from++ {
		may := token.Token{Status: from}.Actions()
		if to == token.Suspended && may.Suspend || to == token.Active && may.Activate || to == token.Revoked && may.Revoke {
			before = append(before, from.String())
		}
	}
	return before
}

// tokensOf selects the tokens whose column, one that names an id, has the given one.
func tokensOf(column string, id pfid.ID) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB { return tx.Where(column+" = ?", id) }
}

// decideOn asks decide about the number of live tokens, those that may still be revoked, among what where selects.
func decideOn(tx *gorm.DB, where func(*gorm.DB) *gorm.DB, decide func(liveTokens int) error) error {
	var live int64
	if err := where(tx.Model(&tokenRow{})).Where("status IN ?", statusesBefore(token.Revoked)).Count(&live).Error; err != nil {
		return err
	}
	return decide(int(live))
}

// of makes the events of one action on many subjects.
func of(recorder audit.Recorder, action audit.Action, detail string) func(pfid.ID) (audit.Event, error) {
	return func(subject pfid.ID) (audit.Event, error) { return recorder(action, subject, detail) }
}
