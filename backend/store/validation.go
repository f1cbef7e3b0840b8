package store

import (
	"context"
	"database/sql"
	"strconv"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// stateOfHash selects the state of a token by its secret or by an old one, which has its own end.
const stateOfHash = `SELECT id, account_id, environment_id, agent_id, agent_deployment_id, token_scope, token_role, ` + statusNowOfT + `, expires_at, COALESCE(rotated_at, 0) / 1000, FALSE
	FROM api_tokens t WHERE secret_hash = ?
	UNION ALL SELECT t.id, t.account_id, t.environment_id, t.agent_id, t.agent_deployment_id, t.token_scope, t.token_role, ` + statusNowOfT + `, o.ends_at, COALESCE(t.rotated_at, 0) / 1000, TRUE
	FROM old_secrets o JOIN api_tokens t ON t.id = o.token_id WHERE o.secret_hash = ?`

// FindToken implements token.Store. Validations wait for it, so it reads one row by index, over connections that nothing
// else uses: lists don't delay validations, and made-up secrets don't delay lists.
func (s Tokens) FindToken(ctx context.Context, hash token.Hash) (state token.State, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	err = s.reading(ctx, &s.measures.find, func() error {
		return scan(s.finder.WithContext(ctx), stateOfHash, []any{digest(hash), digest(hash)}, func(rows *sql.Rows) error {
			var t token.State
			err := scanState(rows, &t)
			if err == nil {
				t.ExpiresAt /= 1000
				state, ok = t, true
			}
			return err
		})
	})
	return state, ok, err
}

// scanState reads a row of stateOfHash. ExpiresAt is in milliseconds still.
func scanState(rows *sql.Rows, t *token.State) error {
	return rows.Scan(&t.TokenID, &t.AccountID, &t.EnvironmentID, &t.AgentID, &t.AgentDeploymentID, scope(&t.Scope), role(&t.Role), status(&t.Status), &t.ExpiresAt, &t.RotatedAt, &t.Old)
}

func (s Tokens) RecordSeen(ctx context.Context, seen []token.Seen, latest int64) error {
	times := newTimes(len(seen))
	for _, use := range seen {
		times.add(use.AgentID, use.At)
	}
	return s.changeSoon(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE agents SET last_seen_at = CAST(value AS BIGINT) FROM `+eachPair+`
			WHERE agents.id = key AND (last_seen_at IS NULL OR last_seen_at > ? OR last_seen_at < CAST(value AS BIGINT) AND CAST(value AS BIGINT) <= ?)`,
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
