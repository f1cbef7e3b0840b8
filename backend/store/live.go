package store

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
)

// ChangesAfter implements live.Store. SQLite numbers events in the order of their commits: the newest of each chain is
// never deleted, so no number comes twice.
func (s *db) ChangesAfter(ctx context.Context, number int64, changed func(account pfid.ID, kind string)) (newest int64, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		if newest, err = value[int64](tx, "SELECT COALESCE(MAX(rowid), 0) FROM audit_events"); err != nil || newest <= number {
			return err
		}
		const kinds = `SELECT DISTINCT account_id, substr(action, 1, instr(action, '.') - 1) FROM audit_events
			WHERE rowid > ? AND account_id IS NOT NULL`
		return scan(tx, kinds, []any{number}, func(rows *sql.Rows) error {
			var account pfid.ID
			var kind string
			if err := rows.Scan(&account, &kind); err != nil {
				return err
			}
			changed(account, kind)
			return nil
		})
	})
	return newest, err
}
