package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/backup"
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

// takeEntry counts a status entry that a token is about to take. It returns token.ErrEntryTaken if its list is full, or was closed
// by a restore since the entry was drawn.
func takeEntry(tx *gorm.DB, entry token.StatusEntry, at time.Time) error {
	if entry.IsZero() {
		return nil
	}
	taken := tx.Exec(`INSERT INTO status_lists (number, taken, inserted_at) VALUES (?, 1, ?)
		ON CONFLICT (number) DO UPDATE SET taken = status_lists.taken + 1 WHERE status_lists.taken < ? AND status_lists.restored_at IS NULL`,
		entry.List, stamp(at), token.StatusListFill)
	if taken.Error == nil && taken.RowsAffected == 0 {
		return token.ErrEntryTaken
	}
	return taken.Error
}

// checkEntry returns token.ErrEntryTaken if a deleted token or an old secret has the entry. Call it after the insert, which
// waits for a concurrent delete of that token.
func checkEntry(tx *gorm.DB, entry token.StatusEntry) error {
	taken, err := exists(tx, `SELECT 1 FROM deleted_status_entries WHERE status_list = @list AND status_index = @index
		UNION ALL SELECT 1 FROM old_secrets WHERE status_list = @list AND status_index = @index`, map[string]any{"list": entry.List, "index": entry.Index})
	if err == nil && taken {
		return token.ErrEntryTaken
	}
	return err
}

// entriesOfList selects the entries of tokens that are not valid. While tokens move, entriesNow looks at each token
// of the list instead.
const entriesOfList = `SELECT status_index, status FROM api_tokens WHERE status_list = @list AND status <> 'active'
	UNION ALL ` + otherEntries

const entriesNow = `SELECT status_index, status_now FROM (SELECT t.status_index, ` + statusNowOfT + ` AS status_now FROM api_tokens t WHERE t.status_list = @list) entries
	WHERE status_now <> 'active'
	UNION ALL ` + otherEntries

// otherEntries selects the entries of deleted tokens, and of old secrets that have ended or whose token is not valid.
const otherEntries = `SELECT status_index, 'revoked' FROM deleted_status_entries WHERE status_list = @list
	UNION ALL SELECT status_index, status_now FROM (
		SELECT o.status_index, CASE WHEN o.ends_at <= @at THEN 'revoked' ELSE ` + statusNowOfT + ` END AS status_now
		FROM old_secrets o JOIN api_tokens t ON t.id = o.token_id WHERE o.status_list = @list) old_entries
	WHERE status_now <> 'active'`

func (s Tokens) StatusList(ctx context.Context, number int, at time.Time, set func(index int, status token.Status)) (until time.Time, ok bool, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var restored bool
		if ok, restored, err = findList(tx, number); err != nil || !ok {
			return err
		}
		if restored {
			if err := setForgotten(tx, number, set); err != nil {
				return err
			}
		}
		moving, err := exists(tx, "SELECT 1 FROM token_moves")
		if err != nil {
			return err
		}
		entries := entriesOfList
		if moving {
			entries = entriesNow
		}
		next, err := value[stamp](tx, "SELECT MIN(ends_at) FROM old_secrets WHERE status_list = ? AND ends_at > ?", number, stamp(at))
		if err != nil {
			return err
		}
		until = time.Time(next)
		return scan(tx, entries, []any{map[string]any{"list": number, "at": stamp(at)}}, func(rows *sql.Rows) error {
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
	return until, ok, err
}

// findList reports whether a list exists, and whether a restore has closed it.
func findList(tx *gorm.DB, number int) (ok, restored bool, err error) {
	found, err := values[bool](tx, "SELECT restored_at IS NOT NULL FROM status_lists WHERE number = ?", number)
	return len(found) > 0, len(found) > 0 && found[0], err
}

// setForgotten sets the entries that no known token has had. Tokens that a restore forgot have some of them.
func setForgotten(tx *gorm.DB, number int, set func(index int, status token.Status)) error {
	var known [token.StatusListSize]bool
	taken, err := values[int](tx, `SELECT status_index FROM api_tokens WHERE status_list = @list
		UNION ALL SELECT status_index FROM deleted_status_entries WHERE status_list = @list
		UNION ALL SELECT status_index FROM old_secrets WHERE status_list = @list`, map[string]any{"list": number})
	if err != nil {
		return err
	}
	for _, index := range taken {
		if index >= 0 && index < len(known) {
			known[index] = true
		}
	}
	for index, is := range known {
		if !is {
			set(index, token.Revoked)
		}
	}
	return nil
}

func (s Tokens) ForgotStatusLists(ctx context.Context) (bool, error) {
	restored, err := s.Setting(ctx, backup.RestoredSetting)
	return restored != "", err
}

func (s Tokens) IsRevokedEntry(ctx context.Context, entry token.StatusEntry) (bool, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
		return exists(tx, `SELECT 1 FROM api_tokens t WHERE status_list = @list AND status_index = @index AND `+statusNowOfT+` = 'revoked'
			UNION ALL SELECT 1 FROM deleted_status_entries WHERE status_list = @list AND status_index = @index
			UNION ALL SELECT 1 FROM old_secrets o JOIN api_tokens t ON t.id = o.token_id
				WHERE o.status_list = @list AND o.status_index = @index AND (o.ends_at = 0 OR `+statusNowOfT+` = 'revoked')`,
			map[string]any{"list": entry.List, "index": entry.Index})
	})
}

// keepStatusEntries keeps the status entries of the tokens that where selects, also of their old secrets, before they are
// deleted, so that their lists show them as revoked forever. Entries never expire, because a clock that was ahead could
// then make a revoked token look valid. An entry takes about 11 bytes, much less than the audit events of its token.
func keepStatusEntries(tx *gorm.DB, where string, values ...any) error {
	const keep = "INSERT INTO deleted_status_entries (status_list, status_index) SELECT status_list, status_index FROM "
	return execAll(tx, []string{
		keep + "api_tokens WHERE " + where + " AND status_list IS NOT NULL",
		keep + "old_secrets WHERE token_id IN (SELECT id FROM api_tokens WHERE " + where + ") AND status_list IS NOT NULL",
	}, values...)
}
