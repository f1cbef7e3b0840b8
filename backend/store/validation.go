package store

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// FindToken implements token.Store. It is what a validation waits for, so it reads what that needs of one row, by index,
// and with readers that nothing else uses: neither do lists hold it up, nor do made-up secrets hold up lists.
func (s *Store) FindToken(ctx context.Context, hash token.Hash) (standing token.Standing, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	err = s.reading(func() (err error) {
		rows, err := s.finder.WithContext(ctx).Raw(`SELECT id, account_id, environment_id, agent_id, agent_deployment_id, token_scope, `+statusNowOfT+`, expires_at
			FROM api_tokens t WHERE secret_hash = ?`, hash[:]).Rows()
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

// useBytes is what one use takes in a piece.
const useBytes = 2*pfid.Size + 8

// NoteUses implements token.Store.
func (s *Store) NoteUses(ctx context.Context, uses []token.Use) (piece int64, err error) {
	bytes := make([]byte, 0, useBytes*len(uses))
	for _, use := range uses {
		bytes = append(append(bytes, use.TokenID[:]...), use.AgentID[:]...)
		bytes = binary.BigEndian.AppendUint64(bytes, uint64(use.At))
	}
	err = s.changeSoon(ctx, func(tx *gorm.DB) error {
		return tx.Raw("INSERT INTO noted_uses (piece, uses) SELECT COALESCE(MAX(piece), 0) + 1, ? FROM noted_uses RETURNING piece", bytes).Scan(&piece).Error
	})
	return piece, err
}

// NotedUses implements token.Store.
func (s *Store) NotedUses(ctx context.Context) (uses []token.Use, last int64, err error) {
	var pieces []struct {
		Piece int64
		Uses  []byte
	}
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT piece, uses FROM noted_uses ORDER BY piece").Scan(&pieces).Error
	})
	for _, p := range pieces {
		for b := range slices.Chunk(p.Uses, useBytes) {
			if len(b) < useBytes {
				break // nobody should have to wait for a use that can't be read
			}
			uses = append(uses, token.Use{
				TokenID: pfid.ID(b[:pfid.Size]), AgentID: pfid.ID(b[pfid.Size : 2*pfid.Size]), At: int64(binary.BigEndian.Uint64(b[2*pfid.Size:])),
			})
		}
		last = p.Piece
	}
	return uses, last, err
}

// DropNotedUses implements token.Store.
func (s *Store) DropNotedUses(ctx context.Context, last int64) error {
	return s.changeSoon(ctx, func(tx *gorm.DB) error { return tx.Exec("DELETE FROM noted_uses WHERE piece <= ?", last).Error })
}

// RecordUses implements token.Store.
func (s *Store) RecordUses(ctx context.Context, uses []token.Use, latest int64) error {
	values := make([]any, 0, 2*len(uses))
	for _, use := range uses {
		values = append(values, use.TokenID, use.At)
	}
	return s.moveForward(ctx, "token_uses", "token_id", "last_used_at", values, latest)
}

// RecordSeen implements token.Store.
func (s *Store) RecordSeen(ctx context.Context, uses []token.Use, latest int64) error {
	values := make([]any, 0, 2*len(uses))
	for _, use := range uses {
		values = append(values, use.AgentID, use.At)
	}
	return s.moveForward(ctx, "agents", "id", "last_seen_at", values, latest)
}

// moveForward sets a column of times in the rows whose key is one of some ids, where the time is later than what stands
// there, or what stands there lies beyond latest. The values are id and time in turn.
func (s *Store) moveForward(ctx context.Context, table, key, column string, values []any, latest int64) error {
	row := "(?, CAST(? AS BIGINT))"
	statement := "WITH news (id, at) AS (VALUES " + row + strings.Repeat(", "+row, len(values)/2-1) + ") " +
		"UPDATE " + table + " SET " + column + " = news.at FROM news " +
		"WHERE " + table + "." + key + " = news.id AND (" + column + " IS NULL OR " + column + " > ? OR " + column + " < news.at AND news.at <= ?)"
	return s.changeSoon(ctx, func(tx *gorm.DB) error { return tx.Exec(statement, append(values, latest, latest)...).Error })
}
