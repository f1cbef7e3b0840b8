package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// descendantsOf selects the ids of all tokens that a token created directly or through other tokens, including
// deleted ones.
const descendantsOf = made + "SELECT id FROM made"

const made = `WITH RECURSIVE made (id) AS (
	` + firstID + `
	UNION ` + madeByMade + `
) `

func (s Tokens) IsDescendant(ctx context.Context, id, of pfid.ID) (bool, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
		return exists(tx, `WITH RECURSIVE up (id) AS (
			`+firstID+`
			UNION `+makerOfUp+`
		) SELECT 1 FROM up WHERE id = ?`, id, of)
	})
}

func (s Tokens) RevokeWithDescendants(ctx context.Context, account, id pfid.ID, at time.Time, decide func(t token.Token, live int) error, recorder audit.Recorder) (changed token.Listed, revoked []pfid.ID, unexpired int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := settleMoves(tx, account, []pfid.ID{id}, recorder); err != nil {
			return err
		}
		if changed, err = tokenIn(tx, account, id); err != nil {
			return err
		}
		status, err := statusIn(tx, account)
		if err != nil {
			return err
		}
		var count int
		err = tx.Raw("SELECT count(*), COUNT(CASE WHEN t.expires_at > ? THEN 1 END) FROM api_tokens t WHERE t.account_id = ? AND t.id IN ("+descendantsOf+") AND t.id <> ? AND "+status+" IN "+live,
			stamp(at), account, id, id).Row().Scan(&count, &unexpired)
		if err != nil {
			return err
		}
		if err := decide(changed.Token, count); err != nil {
			return err
		}
		if revoked, err = revokeLine(tx, changed, at, recorder); err != nil {
			return err
		}
		if err := endInvites(tx, account, at, recorder); err != nil {
			return err
		}
		changed, err = tokenIn(tx, account, id)
		return err
	})
	return changed, revoked, unexpired, err
}

// revokeLine revokes a token and its descendants. It returns the ids of those that it revoked; nil if there are too many.
func revokeLine(tx *gorm.DB, first token.Listed, at time.Time, recorder audit.Recorder) (revoked []pfid.ID, err error) {
	if first.Status != token.Revoked {
		revoked = append(revoked, first.ID)
		first.Status, first.SuspendedByRetirement, first.UpdatedAt = token.Revoked, false, at
		if err := apiTokens.update(tx, first, "status", "suspended_by_retirement", "updated_at"); err != nil {
			return nil, err
		}
		if err := recordWith(tx, recorder, audit.APITokenRevoked, "", first.ID); err != nil {
			return nil, err
		}
	}
	detail := "with API token " + first.ID.String() + ", which created it or its creator"
	var few, many []pfid.ID // makers, by how many tokens they have
	err = scan(tx, made+"SELECT made.id, count(*) FROM made CROSS JOIN api_tokens c WHERE c.created_by_api_token_id = made.id AND c.status <> 'revoked' GROUP BY made.id", []any{first.ID}, func(rows *sql.Rows) error {
		var maker pfid.ID
		var tokens int
		err := rows.Scan(&maker, &tokens)
		if tokens > firstPiece {
			many = append(many, maker)
		} else {
			few = append(few, maker)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	// A token may renew itself by creating the next one, so a line of tokens may be long. A move for each would take long.
	ids, err := values[pfid.ID](tx, "SELECT id FROM api_tokens WHERE created_by_api_token_id IN "+anyOf+" AND status <> 'revoked'", document{few})
	if err != nil {
		return nil, err
	}
	if ids, err = revokeNow(tx, first.AccountID, ids, at, detail, recorder); err != nil {
		return nil, err
	}
	revoked = append(revoked, ids...)
	whole := true
	for _, maker := range many {
		n, ids, err := moveAll(tx, first.AccountID, ofMaker, maker, token.Revoked, detail, recorder)
		if err != nil {
			return nil, err
		}
		whole = whole && len(ids) == n
		revoked = append(revoked, ids...)
	}
	if !whole {
		return nil, nil
	}
	return revoked, nil
}

// revokeNow revokes those of the tokens that are not revoked yet, without a move, and returns their ids.
func revokeNow(tx *gorm.DB, account pfid.ID, ids []pfid.ID, at time.Time, detail string, recorder audit.Recorder) (revoked []pfid.ID, err error) {
	if err := settleMoves(tx, account, ids, recorder); err != nil {
		return nil, err
	}
	revoked, err = values[pfid.ID](tx, "UPDATE api_tokens SET status = 'revoked', suspended_by_retirement = FALSE, updated_at = ? WHERE status <> 'revoked' AND id IN "+anyOf+" RETURNING id",
		stamp(at), document{ids})
	if err != nil {
		return nil, err
	}
	return revoked, recordWith(tx, recorder, audit.APITokenRevoked, detail, revoked...)
}

// keepCreators records which tokens created those that are about to be deleted, as far as those created others.
func keepCreators(tx *gorm.DB, ids []pfid.ID) error {
	return tx.Exec(`INSERT INTO deleted_creators (id, account_id, created_by_api_token_id)
		SELECT id, account_id, created_by_api_token_id FROM api_tokens t WHERE id IN `+anyOf+` AND created_by_api_token_id IS NOT NULL
		AND (EXISTS (SELECT 1 FROM api_tokens c WHERE c.created_by_api_token_id = t.id)
			OR EXISTS (SELECT 1 FROM deleted_creators d WHERE d.created_by_api_token_id = t.id))`, document{ids}).Error
}
