package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/token"
)

// OpenStatusList implements token.Store.
func (s *Store) OpenStatusList(ctx context.Context) (number int, err error) {
	newest, err := s.newestStatusList(ctx)
	if newest.Number == 0 || newest.Taken >= token.StatusListFill {
		return newest.Number + 1, err
	}
	return newest.Number, err
}

// StatusLists implements token.Store.
func (s *Store) StatusLists(ctx context.Context) (numbers []int, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT number FROM status_lists ORDER BY number").Scan(&numbers).Error
	})
	return numbers, err
}

type statusListRow struct{ Number, Taken int }

// newestStatusList returns the newest list; the zero row if there is none.
func (s *Store) newestStatusList(ctx context.Context) (newest statusListRow, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT number, taken FROM status_lists ORDER BY number DESC LIMIT 1").Scan(&newest).Error
	})
	return newest, err
}

// insertWithEntry writes a token and takes its status entry. It returns token.ErrEntryTaken if the entry is taken or
// its list is full.
func insertWithEntry(tx *gorm.DB, row tokenRow, entry token.StatusEntry, at time.Time) error {
	if entry.IsZero() {
		return tx.Create(&row).Error
	}
	taken := tx.Exec(`INSERT INTO status_lists (number, taken, inserted_at) VALUES (?, 1, ?)
		ON CONFLICT (number) DO UPDATE SET taken = status_lists.taken + 1 WHERE status_lists.taken < ?`,
		entry.List, millis(at), token.StatusListFill)
	if taken.Error != nil {
		return taken.Error
	}
	if taken.RowsAffected == 0 {
		return token.ErrEntryTaken
	}
	row.StatusList, row.StatusIndex = &entry.List, &entry.Index
	err := tx.Create(&row).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return token.ErrEntryTaken
	}
	if err != nil {
		return err
	}
	// Check this after the insert, which waits for a concurrent delete of the token that had the entry.
	var deleted int64
	err = tx.Table("deleted_status_entries").Where("status_list = ? AND status_index = ?", entry.List, entry.Index).Count(&deleted).Error
	if err == nil && deleted > 0 {
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

// StatusList implements token.Store.
func (s *Store) StatusList(ctx context.Context, number int, set func(index int, status token.Status)) (ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var found int64
		if err := tx.Table("status_lists").Where("number = ?", number).Count(&found).Error; err != nil || found == 0 {
			return err
		}
		ok = true
		entries, moving := entriesOfList, false
		if err := tx.Raw("SELECT EXISTS (SELECT 1 FROM token_moves)").Scan(&moving).Error; err != nil {
			return err
		}
		if moving {
			entries = entriesNow
		}
		rows, err := tx.Raw(entries, number, number).Rows()
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var index int
			var word string
			if err := rows.Scan(&index, &word); err != nil {
				return err
			}
			// Fail on an unknown entry: left unset, it would say that the token is valid.
			status, known := token.ParseStatus(word)
			if !known || index < 0 || index >= token.StatusListSize {
				return fmt.Errorf("the status list %d has the status %q at %d", number, word, index)
			}
			set(index, status)
		}
		return rows.Err()
	})
	return ok, err
}

// IsRevokedEntry implements token.Store.
func (s *Store) IsRevokedEntry(ctx context.Context, entry token.StatusEntry) (found bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`SELECT EXISTS (SELECT 1 FROM api_tokens WHERE status_list = @list AND status_index = @index AND `+statusNow("api_tokens")+` = 'revoked')
			OR EXISTS (SELECT 1 FROM deleted_status_entries WHERE status_list = @list AND status_index = @index)`,
			sql.Named("list", entry.List), sql.Named("index", entry.Index)).Scan(&found).Error
	})
	return found, err
}

// keepStatusEntries keeps the status entries of the tokens that where selects, before they are deleted, so that their
// lists show them as revoked forever. Entries never expire, because a clock that was ahead could then make a revoked
// token look valid. An entry takes about 11 bytes, much less than the audit events of its token.
func keepStatusEntries(tx *gorm.DB, where string, values ...any) error {
	return tx.Exec(`INSERT INTO deleted_status_entries (status_list, status_index)
		SELECT status_list, status_index FROM api_tokens WHERE `+where+` AND status_list IS NOT NULL`, values...).Error
}
