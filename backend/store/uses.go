package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// Settings about uses: the number of the batch that was written last, and since when those of the oldest tokens are counted,
// which a migration wrote if there were any.
const (
	usesBatchSetting = "uses_batch"
	usesSinceSetting = "uses_since"
)

// usesAtOnce is how many rows one statement writes. Longer ones take longer for each row.
const usesAtOnce = 50

// RecordUses implements token.Store. Each row is read, changed here and written. Tokens without a row are deleted.
func (s Tokens) RecordUses(ctx context.Context, batch token.UseBatch) error {
	return s.changeSoon(ctx, func(tx *gorm.DB) error {
		number := strconv.FormatUint(batch.Number, 10)
		if last, err := value[string](tx, "SELECT value FROM settings WHERE name = ?", usesBatchSetting); err != nil || last == number {
			return err
		}
		ids := make([]pfid.ID, len(batch.Uses))
		for i := range batch.Uses {
			ids[i] = batch.Uses[i].TokenID
		}
		rows, err := storedUses(tx, slices.Compact(ids))
		if err != nil {
			return err
		}
		rotated, err := rotations(tx, batch.Uses)
		if err != nil {
			return err
		}
		uses := batch.Uses
		for i := range rows {
			for len(uses) > 0 && pfid.Compare(uses[0].TokenID, rows[i].id) <= 0 {
				if uses[0].TokenID == rows[i].id {
					rows[i].Add(&uses[0], rotated[rows[i].id], batch.At)
				}
				uses = uses[1:]
			}
		}
		for some := range slices.Chunk(rows, usesAtOnce) {
			if err := writeUses(tx, some); err != nil {
				return err
			}
		}
		return tx.Exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", usesBatchSetting, number).Error
	})
}

type storedUse struct {
	id pfid.ID
	token.StoredUse
}

// storedUses returns the rows of tokens in order of their ids. A damaged history is read as an empty one, so that it holds
// up no other token and the next use replaces it.
func storedUses(tx *gorm.DB, ids []pfid.ID) (list []storedUse, err error) {
	err = scan(tx, "SELECT token_id, last_used_at, last_refused_at, uses FROM token_uses WHERE token_id IN "+anyOf+" ORDER BY token_id",
		[]any{document{ids}}, func(rows *sql.Rows) error {
			var row storedUse
			var at, refusedAt sql.NullInt64
			var packed []byte
			err := rows.Scan(&row.id, &at, &refusedAt, &packed)
			row.At, row.RefusedAt = at.Int64, refusedAt.Int64
			row.History, _ = token.UnpackHistory(packed)
			list = append(list, row)
			return err
		})
	return list, err
}

// rotations returns when those of the used tokens that were rotated were so last, in Unix milliseconds.
func rotations(tx *gorm.DB, uses []token.Use) (map[pfid.ID]int64, error) {
	var ids []pfid.ID
	for i := range uses {
		if uses[i].RotatedAt != 0 {
			ids = append(ids, uses[i].TokenID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rotated := map[pfid.ID]int64{}
	err := scan(tx, "SELECT id, COALESCE(rotated_at, 0) FROM api_tokens WHERE id IN "+anyOf, []any{document{ids}}, func(rows *sql.Rows) error {
		var id pfid.ID
		var at int64
		err := rows.Scan(&id, &at)
		rotated[id] = at
		return err
	})
	return rotated, err
}

func writeUses(tx *gorm.DB, rows []storedUse) error {
	args := make([]any, 0, 4*len(rows))
	for i := range rows {
		row := &rows[i]
		args = append(args, row.id, timeOrNull(row.At), timeOrNull(row.RefusedAt), row.History.Pack())
	}
	return tx.Exec("INSERT INTO token_uses (token_id, last_used_at, last_refused_at, uses) VALUES (?, ?, ?, ?)"+strings.Repeat(", (?, ?, ?, ?)", len(rows)-1)+`
		ON CONFLICT (token_id) DO UPDATE SET last_used_at = excluded.last_used_at, last_refused_at = excluded.last_refused_at, uses = excluded.uses`, args...).Error
}

func timeOrNull(at int64) sql.NullInt64 { return sql.NullInt64{Int64: at, Valid: at != 0} }

// Uses implements token.Store.
func (s Tokens) Uses(ctx context.Context, ids []pfid.ID) (stored token.StoredUses, err error) {
	stored.Tokens = map[pfid.ID]token.StoredUse{}
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		var batch, since string
		err := tx.Raw("SELECT COALESCE((SELECT value FROM settings WHERE name = ?), '0'), COALESCE((SELECT value FROM settings WHERE name = ?), '0')",
			usesBatchSetting, usesSinceSetting).Row().Scan(&batch, &since)
		if err != nil {
			return err
		}
		rows, err := storedUses(tx, ids)
		for _, row := range rows {
			stored.Tokens[row.id] = row.StoredUse
		}
		if err != nil {
			return err
		}
		var err1, err2 error
		stored.Batch, err1 = strconv.ParseUint(batch, 10, 64)
		stored.Since, err2 = strconv.ParseInt(since, 10, 64)
		return cmp.Or(err1, err2)
	})
	return stored, err
}
