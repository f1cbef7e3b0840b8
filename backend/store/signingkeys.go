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

// Keys implements signer.Store, which says what each method does.
type Keys struct{ *db }

var signingKeys = table[signer.StoredKey]{name: "signing_keys", what: "signing key", columns: func(k *signer.StoredKey) []column {
	return []column{
		{"kid", &k.ID}, {"sealed_private_key", &k.Sealed}, {"public_key", &k.Public}, {"inserted_at", (*stamp)(&k.InsertedAt)},
		{"signs_from", (*stamp)(&k.SignsFrom)}, {"at_once", &k.AtOnce}, {"withdrawn_at", (*stamp)(&k.WithdrawnAt)},
	}
}}

func (s Keys) SigningKeys(ctx context.Context) ([]signer.StoredKey, error) {
	return read(ctx, s.db, allKeys)
}

func allKeys(tx *gorm.DB) ([]signer.StoredKey, error) {
	return signingKeys.all(tx, "ORDER BY t.number DESC")
}

func (s Keys) InsertSigningKey(ctx context.Context, key signer.StoredKey, event audit.Event, onlyFirst bool) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if onlyFirst {
			if has, err := exists(tx, "SELECT 1 FROM signing_keys"); err != nil || has {
				return err
			}
		}
		return insertSigningKey(tx, key, event)
	})
}

func (s Keys) SealAgain(ctx context.Context, key signer.StoredKey, sealed []byte) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return execAll(tx, []string{"UPDATE signing_keys SET sealed_private_key = ? WHERE kid = ? AND sealed_private_key = ?"}, sealed, key.ID, key.Sealed)
	})
}

func insertSigningKey(tx *gorm.DB, key signer.StoredKey, event audit.Event) error {
	columns := signingKeys.columns(&key)
	err := tx.Exec("INSERT INTO signing_keys ("+namesOf(columns)+", number) SELECT ?, ?, ?, ?, ?, ?, ?, COALESCE(MAX(number), 0) + 1 FROM signing_keys", fieldsOf(columns)...).Error
	if err != nil {
		return err
	}
	return record(tx, event)
}

func (s Keys) WithdrawSigningKey(ctx context.Context, kid string, at time.Time, decide func([]signer.StoredKey) (signer.Withdrawal, error)) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		keys, err := allKeys(tx)
		if err != nil {
			return err
		}
		w, err := decide(keys)
		if err != nil || w.Already {
			return err
		}
		err = tx.Exec("UPDATE signing_keys SET withdrawn_at = ?, sealed_private_key = ? WHERE kid = ?", stamp(at), []byte{}, kid).Error
		if err != nil {
			return err
		}
		if w.Promote != "" {
			if err := tx.Exec("UPDATE signing_keys SET signs_from = ?, at_once = TRUE WHERE kid = ?", stamp(at), w.Promote).Error; err != nil {
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
	withdrawn, err := exists(tx, "SELECT 1 FROM signing_keys WHERE kid = ? AND withdrawn_at IS NOT NULL", kid)
	if err == nil && withdrawn {
		return token.ErrKeyWithdrawn
	}
	return err
}

// keySlack is how close, in milliseconds, to a change of keys a token without a key id may have been signed by either
// key.
const keySlack = 2 * 60 * 1000

// A token t that is not revoked was signed by key k, or may have been: it names the key, or it is one of the few that name none. Each is
// looked for by a select of its own, so that both use the index.
const (
	namesKey   = "t.status <> 'revoked' AND t.kid = k.kid"
	namesNoKey = `t.status <> 'revoked' AND t.kid IS NULL
		AND (t.inserted_at >= k.signs_from - @slack OR k.signs_from = (SELECT MIN(signs_from) FROM signing_keys))
		AND t.inserted_at < COALESCE((SELECT MIN(o.signs_from) FROM signing_keys o WHERE o.signs_from > k.signs_from) + @slack, t.inserted_at + 1)`
)

// ofKey selects the tokens of key k.
const ofKey = `(
	SELECT t.id, t.account_id, t.expires_at FROM api_tokens t WHERE ` + namesKey + `
	UNION ALL SELECT t.id, t.account_id, t.expires_at FROM api_tokens t WHERE ` + namesNoKey + `) of_key`

// someOfKey selects some tokens of a key. It joins: Postgres would go through all of ofKey again for each token.
const someOfKey = `SELECT t.id, t.account_id FROM signing_keys k JOIN api_tokens t ON ` + namesKey + ` WHERE k.kid = @kid
	UNION ALL SELECT t.id, t.account_id FROM signing_keys k JOIN api_tokens t ON ` + namesNoKey + ` WHERE k.kid = @kid LIMIT @limit`

// oldOfKey selects the tokens with an old secret that key k signed or may have signed and that is still valid.
const oldOfKey = `SELECT t.id FROM old_secrets o JOIN api_tokens t ON t.id = o.token_id
	WHERE (o.kid = k.kid OR o.kid IS NULL) AND o.ends_at > @at AND o.ends_at > 0 AND t.status <> 'revoked'`

func (s Keys) KeyUses(ctx context.Context, at time.Time, count bool) (map[string]int, error) {
	what := "CASE WHEN EXISTS (SELECT 1 FROM " + ofKey + " WHERE expires_at > @at) OR EXISTS (" + oldOfKey + ") THEN 1 ELSE 0 END"
	if count {
		what = "(SELECT count(*) FROM (SELECT id FROM " + ofKey + " WHERE expires_at > @at UNION " + oldOfKey + ") uses)"
	}
	return read(ctx, s.db, func(tx *gorm.DB) (map[string]int, error) {
		return mapOf[string, int](tx, "SELECT kid, "+what+" FROM signing_keys k", map[string]any{"slack": keySlack, "at": stamp(at)})
	})
}

// RevokeSomeOfKey revokes up to limit tokens that a key signed or may have signed, and the pending invites that they
// made, in one transaction with an event for each. It also ends up to limit old secrets of other tokens. It announces the
// change to a running server. It returns how many tokens it revoked; more is false if there was nothing to end.
func (s Keys) RevokeSomeOfKey(ctx context.Context, kid string, limit int, at time.Time, recorder func(account pfid.ID) audit.Recorder) (revoked int, more bool, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		ended, err := endOldSecretsOf(tx, kid, limit, at, recorder)
		if err != nil {
			return err
		}
		byAccount, err := tokensByAccount(tx, someOfKey, map[string]any{"kid": kid, "slack": keySlack, "limit": limit})
		if err != nil {
			return err
		}
		for account, ids := range byAccount {
			// Also tokens that a move under way has not come to yet.
			err := tx.Exec("UPDATE api_tokens SET status = 'revoked', suspended_by_retirement = FALSE, updated_at = ? WHERE id IN "+anyOf, stamp(at), document{ids}).Error
			if err != nil {
				return err
			}
			if err := recordWith(tx, recorder(account), audit.APITokenRevoked, "with signing key "+kid, ids...); err != nil {
				return err
			}
			revoked += len(ids)
			if err := endInvites(tx, account, at, recorder(account)); err != nil {
				return err
			}
		}
		more = ended+revoked > 0
		return announceChange(tx)
	})
	return revoked, more, err
}
