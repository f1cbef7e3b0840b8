package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

// SigningKeys implements signer.Store.
func (s *Store) SigningKeys(ctx context.Context) (keys []signer.StoredKey, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		keys, err = signingKeys(tx)
		return err
	})
	return keys, err
}

func signingKeys(tx *gorm.DB) ([]signer.StoredKey, error) {
	var rows []signingKeyRow
	if err := tx.Order("number DESC").Find(&rows).Error; err != nil {
		return nil, err
	}
	keys := make([]signer.StoredKey, len(rows))
	for i, row := range rows {
		keys[i] = signer.StoredKey{
			ID: row.KID, Sealed: row.SealedPrivateKey, Public: row.PublicKey, InsertedAt: instant(row.InsertedAt),
			SignsFrom: instant(row.SignsFrom), AtOnce: row.AtOnce, WithdrawnAt: instantOrZero(row.WithdrawnAt),
		}
	}
	return keys, nil
}

// InsertSigningKey implements signer.Store.
func (s *Store) InsertSigningKey(ctx context.Context, key signer.StoredKey, event audit.Event, onlyFirst bool) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if onlyFirst {
			var n int64
			if err := tx.Model(&signingKeyRow{}).Limit(1).Count(&n).Error; err != nil || n > 0 {
				return err
			}
		}
		return insertSigningKey(tx, key, event)
	})
}

func insertSigningKey(tx *gorm.DB, key signer.StoredKey, event audit.Event) error {
	row := signingKeyRow{
		KID: key.ID, SealedPrivateKey: key.Sealed, PublicKey: key.Public,
		InsertedAt: millis(key.InsertedAt), SignsFrom: millis(key.SignsFrom), AtOnce: key.AtOnce,
	}
	if err := tx.Raw("SELECT COALESCE(MAX(number), 0) + 1 FROM signing_keys").Scan(&row.Number).Error; err != nil {
		return err
	}
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	return record(tx, event)
}

// WithdrawSigningKey implements signer.Store.
func (s *Store) WithdrawSigningKey(ctx context.Context, kid string, at time.Time, decide func([]signer.StoredKey) (signer.Withdrawal, error)) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		keys, err := signingKeys(tx)
		if err != nil {
			return err
		}
		w, err := decide(keys)
		if err != nil || w.Already {
			return err
		}
		err = tx.Exec("UPDATE signing_keys SET withdrawn_at = ?, sealed_private_key = x'' WHERE kid = ?", millis(at), kid).Error
		if err != nil {
			return err
		}
		if w.Promote != "" {
			if err := tx.Exec("UPDATE signing_keys SET signs_from = ?, at_once = TRUE WHERE kid = ?", millis(at), w.Promote).Error; err != nil {
				return err
			}
		}
		if w.Replacement != nil {
			if err := insertSigningKey(tx, *w.Replacement, w.Replaced); err != nil {
				return err
			}
		}
		if err := record(tx, w.Event); err != nil {
			return err
		}
		return announceChange(tx)
	})
}

// checkKey refuses a token whose key was withdrawn after it signed the token.
func checkKey(tx *gorm.DB, kid string) error {
	var n int64
	if err := tx.Model(&signingKeyRow{}).Where("kid = ? AND withdrawn_at IS NOT NULL", kid).Count(&n).Error; err != nil {
		return err
	}
	if n > 0 {
		return token.ErrKeyWithdrawn
	}
	return nil
}

// keySlack is how close, in milliseconds, to a change of keys a token without a key id may have been signed by either
// key.
const keySlack = 2 * 60 * 1000

// ofKey selects the tokens that key k signed or may have signed and that are not revoked. It is a union of two
// selects, so that both use the index: tokens with this key id, and the few without any.
const ofKey = `(
	SELECT t.id, t.account_id, t.expires_at FROM api_tokens t WHERE t.status <> 'revoked' AND t.kid = k.kid
	UNION ALL SELECT t.id, t.account_id, t.expires_at FROM api_tokens t WHERE t.status <> 'revoked' AND t.kid IS NULL
		AND (t.inserted_at >= k.signs_from - @slack OR k.signs_from = (SELECT MIN(signs_from) FROM signing_keys))
		AND t.inserted_at < COALESCE((SELECT MIN(o.signs_from) FROM signing_keys o WHERE o.signs_from > k.signs_from) + @slack, t.inserted_at + 1))`

// KeyUses implements signer.Store.
func (s *Store) KeyUses(ctx context.Context, at time.Time, count bool) (uses map[string]int, err error) {
	what := "EXISTS (SELECT 1 FROM " + ofKey + " WHERE expires_at > @at)"
	if count {
		what = "(SELECT count(*) FROM " + ofKey + " WHERE expires_at > @at)"
	}
	var rows []struct {
		KID  string `gorm:"column:kid"`
		Uses int
	}
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT kid, "+what+" AS uses FROM signing_keys k", map[string]any{"slack": keySlack, "at": millis(at)}).Scan(&rows).Error
	})
	uses = make(map[string]int, len(rows))
	for _, row := range rows {
		uses[row.KID] = row.Uses
	}
	return uses, err
}

// RevokeSomeOfKey revokes up to limit tokens that a key signed or may have signed, and the pending invites that they
// made, in one transaction with an event for each. It announces the change to a running server. It returns how many
// tokens it revoked; 0 if none is left.
func (s *Store) RevokeSomeOfKey(ctx context.Context, kid string, limit int, at time.Time, recorder func(account pfid.ID) audit.Recorder) (revoked int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		var rows []struct{ ID, AccountID pfid.ID }
		err := tx.Raw("SELECT s.id, s.account_id FROM signing_keys k, api_tokens s WHERE k.kid = @kid AND s.id IN (SELECT id FROM "+ofKey+") LIMIT @limit",
			map[string]any{"kid": kid, "slack": keySlack, "limit": limit}).Scan(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		byAccount := map[pfid.ID][]pfid.ID{}
		for _, row := range rows {
			byAccount[row.AccountID] = append(byAccount[row.AccountID], row.ID)
		}
		for account, ids := range byAccount {
			n, err := revokeEach(tx, ids, of(recorder(account), audit.APITokenRevoked, "with signing key "+kid), at)
			if err != nil {
				return err
			}
			revoked += n
			if err := endInvites(tx, account, at, recorder(account)); err != nil {
				return err
			}
		}
		return announceChange(tx)
	})
	return revoked, err
}

// revokeEach revokes tokens, regardless of moves under way, writes an event for each, and returns how many.
func revokeEach(tx *gorm.DB, ids []pfid.ID, event func(id pfid.ID) (audit.Event, error), at time.Time) (int, error) {
	err := tx.Model(&tokenRow{}).Where("id IN ?", ids).
		Updates(map[string]any{"status": token.Revoked.String(), "suspended_by_retirement": false, "updated_at": millis(at)}).Error
	if err != nil {
		return 0, err
	}
	return len(ids), recordEach(tx, ids, event)
}
