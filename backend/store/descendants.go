package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// descendantsOf selects the ids of the tokens that the token with the given id created, those that they created, and so
// on, also through tokens that are deleted.
const descendantsOf = `WITH RECURSIVE made (id) AS (
	SELECT CAST(? AS TEXT)
	UNION SELECT t.id FROM made JOIN api_tokens t ON t.created_by_api_token_id = made.id
	UNION SELECT d.id FROM made JOIN deleted_creators d ON d.created_by_api_token_id = made.id
) SELECT id FROM made`

// RevokeWithDescendants implements token.Store.
func (s *Store) RevokeWithDescendants(ctx context.Context, account, id pfid.ID, at time.Time, decide func(t token.Token, live int) error, recorder audit.Recorder) (changed token.Listed, revoked []token.Hash, live int, err error) {
	err = s.changeWithin(ctx, moveTimeout, func(tx *gorm.DB) error {
		row, err := findToken(tx, account, id)
		if err != nil {
			return err
		}
		family := func(tx *gorm.DB) *gorm.DB {
			return tx.Where("account_id = ? AND id IN ("+descendantsOf+")", account, id)
		}
		var count struct{ Live, Unexpired int }
		err = family(liveTokens(tx)).Where("id <> ?", id).Select("count(*) AS live, COALESCE(SUM(expires_at > ?), 0) AS unexpired", millis(at)).Scan(&count).Error
		if err != nil {
			return err
		}
		changed, live = row.listed(), count.Unexpired
		if err := decide(changed.Token, count.Live); err != nil {
			return err
		}
		hashes, err := s.moveTokens(tx, family, token.Revoked, false, func(subject pfid.ID) (audit.Event, error) {
			if subject == id {
				return recorder(audit.APITokenRevoked, subject, "")
			}
			return recorder(audit.APITokenRevoked, subject, "with API token "+id.String()+", which created it or its creator")
		}, at)
		for _, hash := range hashes {
			revoked = append(revoked, hash)
		}
		if err != nil {
			return err
		}
		if err := endInvites(tx, account, at, recorder); err != nil {
			return err
		}
		row, err = findToken(tx, account, id)
		changed = row.listed()
		return err
	})
	return changed, revoked, live, err
}

// keepCreator notes which token created one that is about to be deleted, if that one created others.
func keepCreator(tx *gorm.DB, id pfid.ID) error {
	return tx.Exec(`INSERT INTO deleted_creators (id, account_id, created_by_api_token_id)
		SELECT id, account_id, created_by_api_token_id FROM api_tokens t WHERE id = ? AND created_by_api_token_id IS NOT NULL
		AND (EXISTS (SELECT 1 FROM api_tokens c WHERE c.created_by_api_token_id = t.id)
			OR EXISTS (SELECT 1 FROM deleted_creators d WHERE d.created_by_api_token_id = t.id))`, id).Error
}
