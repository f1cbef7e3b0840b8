package store

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/token"
)

// FindToken implements token.Store. It is what a validation waits for, so it reads one row by index and nothing else.
func (s *Store) FindToken(ctx context.Context, hash token.Hash) (standing token.Standing, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var row tokenRow
		err := tx.Raw("SELECT * FROM api_tokens WHERE secret_hash = ?", hash[:]).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		// What the store says has to be complete; a word that is not known is a failure, not a refusal.
		scope, known1 := token.ParseScope(row.TokenScope)
		status, known2 := token.ParseStatus(row.Status)
		if !known1 || !known2 {
			return errors.New("a token has a scope or status that this program does not know")
		}
		ok = true
		standing = token.Standing{
			Status: status, Scope: scope, TokenID: row.ID, AccountID: row.AccountID, EnvironmentID: row.EnvironmentID,
			AgentID: row.AgentID, AgentDeploymentID: row.AgentDeploymentID, ExpiresAt: row.ExpiresAt / 1000,
		}
		if row.LastUsedAt != nil {
			standing.LastUsedAt = *row.LastUsedAt
		}
		return nil
	})
	return standing, ok, err
}

// RecordUses implements token.Store.
func (s *Store) RecordUses(ctx context.Context, uses []token.Use) error {
	values := make([]any, 0, 2*len(uses))
	for _, use := range uses {
		values = append(values, use.TokenID, use.At)
	}
	return s.moveForward(ctx, "api_tokens", "last_used_at", values)
}

// RecordSeen implements token.Store.
func (s *Store) RecordSeen(ctx context.Context, uses []token.Use) error {
	values := make([]any, 0, 2*len(uses))
	for _, use := range uses {
		values = append(values, use.AgentID, use.At)
	}
	return s.moveForward(ctx, "agents", "last_seen_at", values)
}

// moveForward sets a column of times in the rows of some ids, where the time is later than what stands there. The
// values are id and time in turn.
func (s *Store) moveForward(ctx context.Context, table, column string, values []any) error {
	row := "(?, CAST(? AS BIGINT))"
	statement := "WITH news (id, at) AS (VALUES " + row + strings.Repeat(", "+row, len(values)/2-1) + ") " +
		"UPDATE " + table + " SET " + column + " = news.at FROM news " +
		"WHERE " + table + ".id = news.id AND (" + column + " IS NULL OR " + column + " < news.at)"
	return s.changeSoon(ctx, func(tx *gorm.DB) error { return tx.Exec(statement, values...).Error })
}
