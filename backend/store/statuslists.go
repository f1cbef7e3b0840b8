package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/token"
)

func (s Tokens) OpenStatusList(ctx context.Context) (int, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (int, error) {
		newest, err := value[int](tx, "SELECT COALESCE(MAX(number), 0) FROM status_lists")
		if err != nil {
			return 0, err
		}
		open, err := exists(tx, "SELECT 1 FROM status_lists WHERE number = ? AND taken < ?", newest, token.StatusListFill)
		if err != nil || open {
			return newest, err
		}
		return newest + 1, nil
	})
}

func (s Tokens) StatusLists(ctx context.Context) ([]int, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]int, error) {
		return values[int](tx, "SELECT number FROM status_lists ORDER BY number")
	})
}

// takeEntry counts a status entry that a token is about to take. It returns token.ErrEntryTaken if its list is full.
func takeEntry(tx *gorm.DB, entry token.StatusEntry, at time.Time) error {
	if entry.IsZero() {
		return nil
	}
	taken := tx.Exec(`INSERT INTO status_lists (number, taken, inserted_at) VALUES (?, 1, ?)
		ON CONFLICT (number) DO UPDATE SET taken = status_lists.taken + 1 WHERE status_lists.taken < ?`,
		entry.List, stamp(at), token.StatusListFill)
	if taken.Error == nil && taken.RowsAffected == 0 {
		return token.ErrEntryTaken
	}
	return taken.Error
}

// checkEntry returns token.ErrEntryTaken if a deleted token had the entry. Call it after the insert, which waits for a
// concurrent delete of that token.
func checkEntry(tx *gorm.DB, entry token.StatusEntry) error {
	taken, err := exists(tx, "SELECT 1 FROM deleted_status_entries WHERE status_list = ? AND status_index = ?", entry.List, entry.Index)
	if err == nil && taken {
		return token.ErrEntryTaken
	}
	return err
}

// entriesOfList selects the entries of tokens that are not valid. While tokens move, entriesNow looks at each token
// of the list instead.
const entriesOfList = `SELECT status_index, status FROM api_tokens WHERE status_list = ? AND status <> 'active'
	UNION ALL SELECT status_index, 'revoked' FROM deleted_status_entries WHERE status_list = ?`

const entriesNow = `SELECT status_index, status_now FROM (SELECT t.status_index, ` + statusNowOfT + ` AS status_now FROM api_tokens t WHERE t.status_list = ?)
	WHERE status_now <> 'active'
	UNION ALL SELECT status_index, 'revoked' FROM deleted_status_entries WHERE status_list = ?`

func (s Tokens) StatusList(ctx context.Context, number int, set func(index int, status token.Status)) (ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		if ok, err = exists(tx, "SELECT 1 FROM status_lists WHERE number = ?", number); err != nil || !ok {
			return err
		}
		moving, err := exists(tx, "SELECT 1 FROM token_moves")
		if err != nil {
			return err
		}
		entries := entriesOfList
		if moving {
			entries = entriesNow
		}
		return scan(tx, entries, []any{number, number}, func(rows *sql.Rows) error {
			var index int
			var is token.Status
			if err := rows.Scan(&index, status(&is)); err != nil {
				return err
			}
			// Fail on an unknown entry: left unset, it would say that the token is valid.
			if index < 0 || index >= token.StatusListSize {
				return fmt.Errorf("the status list %d has the status %q at %d", number, is, index)
			}
			set(index, is)
			return nil
		})
	})
	return ok, err
}

func (s Tokens) IsRevokedEntry(ctx context.Context, entry token.StatusEntry) (bool, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
		return exists(tx, `SELECT 1 FROM api_tokens t WHERE status_list = ? AND status_index = ? AND `+statusNowOfT+` = 'revoked'
			UNION ALL SELECT 1 FROM deleted_status_entries WHERE status_list = ? AND status_index = ?`, entry.List, entry.Index, entry.List, entry.Index)
	})
}

// keepStatusEntries keeps the status entries of the tokens that where selects, before they are deleted, so that their
// lists show them as revoked forever. Entries never expire, because a clock that was ahead could then make a revoked
// token look valid. An entry takes about 11 bytes, much less than the audit events of its token.
func keepStatusEntries(tx *gorm.DB, where string, values ...any) error {
	return tx.Exec(`INSERT INTO deleted_status_entries (status_list, status_index)
		SELECT status_list, status_index FROM api_tokens WHERE `+where+` AND status_list IS NOT NULL`, values...).Error
}
