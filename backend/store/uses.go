package store

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// usesSinceSetting is since when the uses of the oldest tokens are counted. A migration wrote it if there were any tokens.
const usesSinceSetting = "uses_since"

// writersKept is how long a process that has written no uses is remembered.
const writersKept = 24 * time.Hour

// usesAtOnce is how many uses a statement of a small batch adds: on one core all validations wait for each statement. Those of a
// large batch, when none run, add up to a twentieth of it, because each goes to Postgres and back.
const usesAtOnce = 10

// RecordUses implements token.Store. Each row is read, changed here and written. Tokens without a row are deleted.
func (s Tokens) RecordUses(ctx context.Context, batch token.UseBatch) error {
	return s.changeSoon(ctx, func(tx *gorm.DB) error {
		if last, err := lastBatch(tx, batch.Writer); err != nil || last == batch.Number {
			return err
		}
		for uses := range slices.Chunk(batch.Uses, max(usesAtOnce, len(batch.Uses)/20)) {
			if err := addUses(tx, uses, batch.At); err != nil {
				return err
			}
			runtime.Gosched() // to validations, which on one core wait for each statement
		}
		return keepBatch(tx, batch)
	})
}

// addUses adds some uses to the rows of their tokens.
func addUses(tx *gorm.DB, uses []token.Use, at int64) error {
	ids := make([]pfid.ID, len(uses))
	for i := range uses {
		ids[i] = uses[i].TokenID
	}
	rows, err := storedUses(tx, slices.Compact(ids))
	if err != nil {
		return err
	}
	rotated, err := rotations(tx, uses)
	if err != nil || len(rows) == 0 {
		return err
	}
	for i := range rows {
		for len(uses) > 0 && pfid.Compare(uses[0].TokenID, rows[i].id) <= 0 {
			if uses[0].TokenID == rows[i].id {
				rows[i].Add(&uses[0], rotated[rows[i].id], at)
			}
			uses = uses[1:]
		}
	}
	return writeUses(tx, rows)
}

// lastBatch returns the number of a writer's batch that was stored last; 0 for none.
func lastBatch(tx *gorm.DB, writer int64) (int64, error) {
	return value[int64](tx, "SELECT batch FROM use_writers WHERE writer = ?", writer)
}

// keepBatch records that a batch is stored. A new writer removes those that have written nothing for long, or were stamped by
// a clock that was ahead.
func keepBatch(tx *gorm.DB, batch token.UseBatch) error {
	written, err := exec(tx, "UPDATE use_writers SET batch = ?, written_at = ? WHERE writer = ?", batch.Number, batch.At, batch.Writer)
	if err != nil || written > 0 {
		return err
	}
	old := writersKept.Milliseconds()
	if _, err := exec(tx, "DELETE FROM use_writers WHERE written_at < ? OR written_at > ?", batch.At-old, batch.At+old); err != nil {
		return err
	}
	_, err = exec(tx, "INSERT INTO use_writers (writer, batch, written_at) VALUES (?, ?, ?)", batch.Writer, batch.Number, batch.At)
	return err
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
	return mapOf[pfid.ID, int64](tx, "SELECT id, COALESCE(rotated_at, 0) FROM api_tokens WHERE id IN "+anyOf, document{ids})
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
func (s Tokens) Uses(ctx context.Context, ids []pfid.ID, writer int64) (stored token.StoredUses, err error) {
	stored.Tokens = map[pfid.ID]token.StoredUse{}
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		since, err := value[string](tx, "SELECT value FROM settings WHERE name = ?", usesSinceSetting)
		if err != nil {
			return err
		}
		if since != "" {
			if stored.Since, err = strconv.ParseInt(since, 10, 64); err != nil {
				return err
			}
		}
		if stored.Batch, err = lastBatch(tx, writer); err != nil {
			return err
		}
		rows, err := storedUses(tx, ids)
		for _, row := range rows {
			stored.Tokens[row.id] = row.StoredUse
		}
		return err
	})
	return stored, err
}
