package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/token"
)

// Census implements token.Store.
func (s Tokens) Census(ctx context.Context, at time.Time) (c token.Census, err error) {
	now, soon, since := stamp(at), stamp(at.Add(token.SummaryExpiring)), stamp(at.Add(-token.SummaryUnused))
	err = s.read(ctx, func(tx *gorm.DB) error {
		// Groups by status and sums in one pass: a second pass over a million rows would take as long as the first.
		err := scan(tx, `SELECT status, COUNT(*), COUNT(CASE WHEN expires_at <= ? THEN 1 END), COUNT(CASE WHEN expires_at > ? AND expires_at <= ? THEN 1 END),
			COUNT(CASE WHEN expires_at > ? AND inserted_at <= ? AND NOT EXISTS (SELECT 1 FROM token_uses u WHERE u.token_id = t.id AND u.last_used_at > ?) THEN 1 END), MIN(CASE WHEN expires_at > ? THEN expires_at END)
			FROM api_tokens t GROUP BY status`, []any{now, now, soon, now, since, since, now}, func(rows *sql.Rows) error {
			var of token.Status
			var count, expired, expiring, unused int
			var next sql.NullInt64
			if err := rows.Scan(status(&of), &count, &expired, &expiring, &unused, &next); err != nil {
				return err
			}
			c.Total += count
			live := count - expired
			switch of {
			case token.Revoked:
				c.Revoked += count
				return nil
			case token.Suspended:
				c.Suspended += live
			default:
				c.Active += live
			}
			c.Expired += expired
			c.Expiring += expiring
			c.Unused += unused
			if first := time.UnixMilli(next.Int64).UTC(); next.Valid && (c.NextExpiry.IsZero() || first.Before(c.NextExpiry)) {
				c.NextExpiry = first
			}
			return nil
		})
		if err != nil {
			return err
		}
		c.Moves, err = value[int](tx, "SELECT COUNT(*) FROM token_moves")
		return err
	})
	return c, err
}
