package store

import (
	"context"
	"errors"

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
		seen := map[pfid.ID]int64{}
		for _, use := range uses {
			var agents []pfid.ID
			err := tx.Raw("UPDATE api_tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?) RETURNING agent_id", use.At, use.TokenID, use.At).Scan(&agents).Error
			if err != nil {
				return err
			}
			for _, id := range agents {
				seen[id] = max(seen[id], use.At)
			}
		}
		delete(seen, pfid.ID{}) // of the tokens that are of no agent
		for id, at := range seen {
			if err := tx.Exec("UPDATE agents SET last_seen_at = ? WHERE id = ? AND (last_seen_at IS NULL OR last_seen_at < ?)", at, id, at).Error; err != nil {
				return err
			}
		}
		return nil
	})
}
