package store

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
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
	return s.change(ctx, func(tx *gorm.DB) error {
		for _, use := range uses {
			err := tx.Exec("UPDATE api_tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)", use.At, use.TokenID, use.At).Error
			if err != nil {
				return err
			}
			runtime.Gosched() // on one core, validations that wait go first
		}
		return recordSeen(tx, uses)
	})
}

// usesBatch is how many tokens are asked for their agents at once: one statement for each would double the work.
const usesBatch = 100

// recordSeen moves the time at which the agents of used tokens were seen forward, never back.
func recordSeen(tx *gorm.DB, uses []token.Use) error {
	seen := map[pfid.ID]int64{}
	for batch := range slices.Chunk(uses, usesBatch) {
		ids, at := make([]pfid.ID, len(batch)), make(map[pfid.ID]int64, len(batch))
		for i, use := range batch {
			ids[i], at[use.TokenID] = use.TokenID, max(at[use.TokenID], use.At)
		}
		var rows []struct{ ID, AgentID pfid.ID }
		if err := tx.Raw("SELECT id, agent_id FROM api_tokens WHERE id IN ? AND agent_id IS NOT NULL", ids).Scan(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			seen[row.AgentID] = max(seen[row.AgentID], at[row.ID])
		}
	}
	for id, at := range seen {
		if err := tx.Exec("UPDATE agents SET last_seen_at = ? WHERE id = ? AND (last_seen_at IS NULL OR last_seen_at < ?)", at, id, at).Error; err != nil {
			return err
		}
	}
	return nil
}
