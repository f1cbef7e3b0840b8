package store

import (
	"context"
	"errors"
	"strconv"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// FindToken implements token.Store. It is what a validation waits for, so it reads what that needs of one row, by index,
// and with readers that nothing else uses: neither do lists hold it up, nor do made-up secrets hold up lists.
func (s *Store) FindToken(ctx context.Context, hash token.Hash) (standing token.State, ok bool, err error) {
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
		var t token.State
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

// RecordUses implements token.Store. The statement finds each row once, which an UPDATE with a join would do twice, and
// leaves out tokens that are gone.
func (s *Store) RecordUses(ctx context.Context, uses []token.Use, latest int64) error {
	times := newTimes(len(uses))
	for _, use := range uses {
		times.add(use.TokenID, use.At)
	}
	return s.changeSoon(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO token_uses (token_id, last_used_at)
			SELECT key, value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM token_uses u WHERE u.token_id = key)
			ON CONFLICT (token_id) DO UPDATE SET last_used_at = excluded.last_used_at
			WHERE last_used_at IS NULL OR last_used_at > ? OR last_used_at < excluded.last_used_at AND excluded.last_used_at <= ?`,
			times.object(), latest, latest).Error
	})
}

// RecordSeen implements token.Store.
func (s *Store) RecordSeen(ctx context.Context, uses []token.Use, latest int64) error {
	times := newTimes(len(uses))
	for _, use := range uses {
		times.add(use.AgentID, use.At)
	}
	return s.changeSoon(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE agents SET last_seen_at = value FROM json_each(?)
			WHERE agents.id = key AND (last_seen_at IS NULL OR last_seen_at > ? OR last_seen_at < value AND value <= ?)`,
			times.object(), latest, latest).Error
	})
}

// times writes a JSON object of Unix milliseconds by id: one value for a statement, however many ids there are.
type times []byte

func newTimes(ids int) times { return append(make(times, 0, ids*(pfid.TextSize+20)+2), '{') }

func (t *times) add(id pfid.ID, at int64) {
	if len(*t) > 1 {
		*t = append(*t, ',')
	}
	*t = append(id.Append(append(*t, '"')), `":`...)
	*t = strconv.AppendInt(*t, at, 10)
}

func (t times) object() string { return string(append(t, '}')) }
