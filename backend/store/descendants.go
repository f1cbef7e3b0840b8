package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// descendantsOf selects the ids of all tokens that a token created directly or through other tokens, including
// deleted ones.
const descendantsOf = `WITH RECURSIVE made (id) AS (
	SELECT CAST(? AS TEXT)
	UNION SELECT t.id FROM made JOIN api_tokens t ON t.created_by_api_token_id = made.id
	UNION SELECT d.id FROM made JOIN deleted_creators d ON d.created_by_api_token_id = made.id
) SELECT id FROM made`

// RevokeWithDescendants implements token.Store.
func (s *Store) RevokeWithDescendants(ctx context.Context, account, id pfid.ID, at time.Time, decide func(t token.Token, live int) error, recorder audit.Recorder) (changed token.Listed, revoked []token.Hash, live int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := settle(tx, account, id, recorder); err != nil {
			return err
		}
		row, err := findToken(tx, account, id)
		if err != nil {
			return err
		}
		status, err := statusIn(tx, "api_tokens", account)
		if err != nil {
			return err
		}
		var count struct{ Live, Unexpired int }
		err = tx.Table("api_tokens").Where("account_id = ? AND id IN ("+descendantsOf+") AND id <> ?", account, id, id).
			Where(status+" IN ?", statusesBefore(token.Revoked)).
			Select("count(*) AS live, COALESCE(SUM(expires_at > ?), 0) AS unexpired", millis(at)).Scan(&count).Error
		if err != nil {
			return err
		}
		changed, live = row.listed(), count.Unexpired
		if err := decide(changed.Token, count.Live); err != nil {
			return err
		}
		if revoked, err = revokeLine(tx, row.Row, at, recorder); err != nil {
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

// revokeLine revokes a token and its descendants. It returns the hashes of their secrets; nil if there are too many.
func revokeLine(tx *gorm.DB, first tokenRow, at time.Time, recorder audit.Recorder) (revoked []token.Hash, err error) {
	if first.Status != token.Revoked.String() {
		revoked = append(revoked, token.Hash(first.SecretHash))
		err := tx.Model(&tokenRow{}).Where("id = ?", first.ID).
			Updates(map[string]any{"status": token.Revoked.String(), "suspended_by_retirement": false, "updated_at": millis(at)}).Error
		if err != nil {
			return nil, err
		}
		if err := recordWith(tx, recorder, audit.APITokenRevoked, first.ID, ""); err != nil {
			return nil, err
		}
	}
	var makers []pfid.ID
	err = tx.Raw(descendantsOf+" WHERE EXISTS (SELECT 1 FROM api_tokens c WHERE c.created_by_api_token_id = made.id)", first.ID).Scan(&makers).Error
	if err != nil {
		return nil, err
	}
	whole := true
	for _, maker := range makers {
		n, hashes, err := moveAll(tx, first.AccountID, ofMaker, maker, token.Revoked, "with API token "+first.ID.String()+", which created it or its creator", recorder)
		if err != nil {
			return nil, err
		}
		whole = whole && len(hashes) == n
		for _, hash := range hashes {
			revoked = append(revoked, hash)
		}
	}
	if !whole {
		return nil, nil
	}
	return revoked, nil
}

// keepCreator records which token created the one that is about to be deleted, if that one created others.
func keepCreator(tx *gorm.DB, id pfid.ID) error {
	return tx.Exec(`INSERT INTO deleted_creators (id, account_id, created_by_api_token_id)
		SELECT id, account_id, created_by_api_token_id FROM api_tokens t WHERE id = ? AND created_by_api_token_id IS NOT NULL
		AND (EXISTS (SELECT 1 FROM api_tokens c WHERE c.created_by_api_token_id = t.id)
			OR EXISTS (SELECT 1 FROM deleted_creators d WHERE d.created_by_api_token_id = t.id))`, id).Error
}
