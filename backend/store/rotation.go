package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// RotateToken implements token.Store. Like InsertToken, it checks in the transaction everything that a secret depends on.
func (s Tokens) RotateToken(ctx context.Context, account, id pfid.ID, to token.NewSecret, decide func(token.Listed) error, recorder audit.Recorder) (token.Listed, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (t token.Listed, err error) {
		event, err := recorder(audit.APITokenRotated, id, to.Detail)
		if err != nil {
			return t, err
		}
		if _, err := makerIn(tx, event.Actor, to.IssuedAt); err != nil {
			return t, err
		}
		if err := settleMoves(tx, account, []pfid.ID{id}, recorder); err != nil {
			return t, err
		}
		if t, err = tokenIn(tx, account, id); err != nil {
			return t, err
		}
		if err := decide(t); err != nil {
			return t, err
		}
		if err := mayIssue(tx, account, t.AgentID, t.EnvironmentID); err != nil {
			return t, err
		}
		if err := checkKey(tx, to.KeyID); err != nil {
			return t, err
		}
		if err := takeEntry(tx, to.StatusEntry, to.IssuedAt); err != nil {
			return t, err
		}
		if err := replaceSecret(tx, t, to, event.Actor.AdminUserID); err != nil {
			return t, err
		}
		if err := checkEntry(tx, to.StatusEntry); err != nil {
			return t, err
		}
		if err := record(tx, event); err != nil {
			return t, err
		}
		if to.OldEndsAt.IsZero() {
			if err := endInvitesOf(tx, to.IssuedAt, recorder, madeByToken, id); err != nil {
				return t, err
			}
		}
		if err := boundInvites(tx, id, to.ExpiresAt); err != nil {
			return t, err
		}
		return tokenIn(tx, account, id)
	})
}

// replaceSecret makes the secret of a token its old one, ends the one that was old before, and forgets those that have
// expired.
func replaceSecret(tx *gorm.DB, t token.Listed, to token.NewSecret, by pfid.ID) error {
	const expired = "token_id = ? AND expires_at <= ?"
	for _, statement := range []string{
		"INSERT INTO deleted_status_entries (status_list, status_index) SELECT status_list, status_index FROM old_secrets WHERE " + expired + " AND status_list IS NOT NULL",
		"DELETE FROM old_secrets WHERE " + expired,
	} {
		if err := tx.Exec(statement, t.ID, stamp(to.IssuedAt)).Error; err != nil {
			return err
		}
	}
	if err := tx.Exec("UPDATE old_secrets SET ends_at = 0 WHERE token_id = ? AND ends_at > 0", t.ID).Error; err != nil {
		return err
	}
	var endsAt int64
	if !to.OldEndsAt.IsZero() {
		endsAt = to.OldEndsAt.UnixMilli()
	}
	err := tx.Exec(`INSERT INTO old_secrets (secret_hash, token_id, hint, kid, status_list, status_index, expires_at, replaced_at, ends_at)
		SELECT secret_hash, id, hint, kid, status_list, status_index, expires_at, ?, ? FROM api_tokens WHERE id = ?`,
		stamp(to.IssuedAt), endsAt, t.ID).Error
	if err != nil {
		return err
	}
	t.Hash, t.Hint, t.KeyID, t.StatusEntry = to.Hash, to.Hint, to.KeyID, to.StatusEntry
	t.ExpiresAt, t.RotatedAt, t.RotatedByAdminUserID, t.UpdatedAt = to.ExpiresAt, to.IssuedAt, by, to.IssuedAt
	err = apiTokens.update(tx, t, "secret_hash", "hint", "kid", "status_list", "status_index", "expires_at", "rotated_at", "rotated_by_admin_user_id", "updated_at")
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return token.ErrEntryTaken
	}
	return err
}

// EndOldSecret implements token.Store.
func (s Tokens) EndOldSecret(ctx context.Context, account, id pfid.ID, decide func(token.Listed) error, recorder audit.Recorder) (token.Listed, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (t token.Listed, err error) {
		if t, err = tokenIn(tx, account, id); err != nil {
			return t, err
		}
		if err := decide(t); err != nil {
			return t, err
		}
		if err := tx.Exec("UPDATE old_secrets SET ends_at = 0 WHERE token_id = ? AND ends_at > 0", id).Error; err != nil {
			return t, err
		}
		event, err := recorder(audit.OldSecretEnded, id, "")
		if err != nil {
			return t, err
		}
		if err := record(tx, event); err != nil {
			return t, err
		}
		if err := endInvitesOf(tx, event.At, recorder, madeByToken, id); err != nil {
			return t, err
		}
		return tokenIn(tx, account, id)
	})
}

// CorrectOverlaps implements token.Store. It looks first, because each change waits for the disk. The ends stay whole seconds.
func (s Tokens) CorrectOverlaps(ctx context.Context, ahead, latest time.Time, recorder func(account pfid.ID) audit.Recorder) (tokens []pfid.ID, err error) {
	const begun = "old_secrets o JOIN api_tokens t ON t.id = o.token_id WHERE o.ends_at > 0 AND o.replaced_at > ?"
	some, err := read(ctx, s.db, func(tx *gorm.DB) (bool, error) { return exists(tx, "SELECT 1 FROM "+begun, stamp(ahead)) })
	if err != nil || !some {
		return nil, err
	}
	err = s.change(ctx, func(tx *gorm.DB) error {
		byAccount, err := tokensByAccount(tx, "SELECT t.id, t.account_id FROM "+begun+" LIMIT ?", stamp(ahead), endedAtOnce)
		for account, ids := range byAccount {
			if err == nil {
				tokens = append(tokens, ids...)
				err = tx.Exec("UPDATE old_secrets SET ends_at = ends_at - (replaced_at - ?) / 1000 * 1000, replaced_at = ? WHERE ends_at > 0 AND token_id IN "+anyOf,
					stamp(latest), stamp(latest), document{ids}).Error
			}
			if err == nil {
				err = recordWith(tx, recorder(account), audit.OverlapCorrected, "because the clock was ahead", ids...)
			}
		}
		return err
	})
	return tokens, err
}

// endOldSecretsOf ends up to most old secrets that a key signed or may have signed, with an event for each, and the pending
// invites of their tokens. It returns how many it ended.
func endOldSecretsOf(tx *gorm.DB, kid string, most int, at time.Time, recorder func(account pfid.ID) audit.Recorder) (ended int, err error) {
	byAccount, err := tokensByAccount(tx, `SELECT t.id, t.account_id FROM old_secrets o JOIN api_tokens t ON t.id = o.token_id
		WHERE (o.kid = ? OR o.kid IS NULL) AND o.ends_at > 0 LIMIT ?`, kid, most)
	if err != nil {
		return 0, err
	}
	for account, ids := range byAccount {
		if err := tx.Exec("UPDATE old_secrets SET ends_at = 0 WHERE ends_at > 0 AND token_id IN "+anyOf, document{ids}).Error; err != nil {
			return 0, err
		}
		if err := recordWith(tx, recorder(account), audit.OldSecretEnded, "with signing key "+kid, ids...); err != nil {
			return 0, err
		}
		if err := endInvitesOf(tx, at, recorder(account), "created_by_api_token_id IN "+anyOf, document{ids}); err != nil {
			return 0, err
		}
		ended += len(ids)
	}
	return ended, nil
}

// tokensByAccount returns the first column of a query, the ids of tokens, by the second, their accounts.
func tokensByAccount(tx *gorm.DB, statement string, args ...any) (map[pfid.ID][]pfid.ID, error) {
	byAccount := map[pfid.ID][]pfid.ID{}
	return byAccount, scan(tx, statement, args, func(rows *sql.Rows) error {
		var id, account pfid.ID
		err := rows.Scan(&id, &account)
		byAccount[account] = append(byAccount[account], id)
		return err
	})
}
