package store

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/token"
)

// FindToken implements token.Store. It is what a validation waits for, so it reads what that needs of one row, by index.
func (s *Store) FindToken(ctx context.Context, hash token.Hash) (standing token.Standing, ok bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) (err error) {
		rows, err := tx.Raw(`SELECT id, account_id, environment_id, agent_id, agent_deployment_id, token_scope, status, expires_at
			FROM api_tokens WHERE secret_hash = ?`, hash[:]).Rows()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		if !rows.Next() {
			return rows.Err()
		}
		var t token.Standing
		var scope, status string
		var expiresAt int64
		err = rows.Scan(&t.TokenID, &t.AccountID, &t.EnvironmentID, &t.AgentID, &t.AgentDeploymentID, &scope, &status, &expiresAt)
		if err != nil {
			return err
		}
		// What the store says has to be complete; a word that is not known is a failure, not a refusal.
		var known1, known2 bool
		t.Scope, known1 = token.ParseScope(scope)
		t.Status, known2 = token.ParseStatus(status)
		if !known1 || !known2 {
			return errors.New("a token has a scope or status that this program does not know")
		}
		t.ExpiresAt = expiresAt / 1000
		standing, ok = t, true
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
	return s.moveForward(ctx, "token_uses", "token_id", "last_used_at", values)
}

// RecordSeen implements token.Store.
func (s *Store) RecordSeen(ctx context.Context, uses []token.Use) error {
	values := make([]any, 0, 2*len(uses))
	for _, use := range uses {
		values = append(values, use.AgentID, use.At)
	}
	return s.moveForward(ctx, "agents", "id", "last_seen_at", values)
}

// moveForward sets a column of times in the rows whose key is one of some ids, where the time is later than what stands
// there. The values are id and time in turn.
func (s *Store) moveForward(ctx context.Context, table, key, column string, values []any) error {
	row := "(?, CAST(? AS BIGINT))"
	statement := "WITH news (id, at) AS (VALUES " + row + strings.Repeat(", "+row, len(values)/2-1) + ") " +
		"UPDATE " + table + " SET " + column + " = news.at FROM news " +
		"WHERE " + table + "." + key + " = news.id AND (" + column + " IS NULL OR " + column + " < news.at)"
	return s.changeSoon(ctx, func(tx *gorm.DB) error { return tx.Exec(statement, values...).Error })
}
