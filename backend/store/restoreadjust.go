package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/pfid"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

// adjust changes the restored database so that nothing comes back unnoticed.
func (r *restore) adjust(db *gorm.DB, size int64) error {
	facts := backup.Facts{ProvenAt: r.done.MadeAt, Bytes: size, Tokens: r.done.Rows[apiTokens.name]}
	note := backup.Restored{MadeAt: r.done.MadeAt, At: r.at, Suspended: r.SuspendActive}
	if r.done.Replaced = r.was != ""; r.done.Replaced {
		r.Progress("comparing with the replaced database")
		if err := r.endAgain(db); err != nil {
			return err
		}
	}
	if r.SuspendActive {
		r.Progress("suspending tokens")
		var err error
		if r.done.Suspended, err = r.moveWhere(db, "SELECT id, account_id, 'suspended' AS to_status FROM api_tokens t WHERE "+statusNowOfT+" = 'active'", "restored from a backup"); err != nil {
			return err
		}
	}
	return db.Transaction(func(tx *gorm.DB) error {
		if err := noteRestored(tx, note); err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM settings WHERE name = ?", chainedSetting).Error; err != nil {
			return err
		}
		text, err := json.Marshal(facts)
		if err != nil {
			return err
		}
		if err := setSetting(tx, backup.FactsSetting, string(text)); err != nil {
			return err
		}
		owners, err := values[pfid.ID](tx, "SELECT id FROM accounts WHERE deleted_at IS NULL")
		if err != nil {
			return err
		}
		for _, id := range owners {
			if err := recordWith(tx, r.recorder(id), audit.BackupRestored, "of "+r.done.MadeAt.Format(time.RFC3339), id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *restore) recorder(account pfid.ID) audit.Recorder {
	return audit.NewRecorder(r.at, audit.Actor{AccountID: account}, r.Random)
}

// moveWhere gives tokens a new status, in pieces, with an event for each, and ends their pending invites. selected selects id,
// account and new status.
func (r *restore) moveWhere(db *gorm.DB, selected, detail string) (moved int, err error) {
	var all []restoredToken
	if err := db.Raw(selected).Scan(&all).Error; err != nil {
		return 0, err
	}
	for some := range slices.Chunk(all, suspendAtOnce) {
		err := db.Transaction(func(tx *gorm.DB) error {
			ids := map[restoredToken][]pfid.ID{}
			for _, t := range some {
				key := restoredToken{AccountID: t.AccountID, ToStatus: t.ToStatus}
				ids[key] = append(ids[key], t.ID)
			}
			for key, ids := range ids {
				to, known := token.ParseStatus(key.ToStatus)
				if !known {
					return fmt.Errorf("store: a token can't become %q", key.ToStatus)
				}
				// No move under way counts for it: retirements must not activate it again.
				err := tx.Exec("UPDATE api_tokens SET status = ?, suspended_by_retirement = FALSE, updated_at = ?, after_move = "+lastMove+" WHERE id IN "+anyOf,
					to.String(), stamp(r.at), document{ids}).Error
				if err != nil {
					return err
				}
				if err := recordWith(tx, r.recorder(key.AccountID), actionOf(to), detail, ids...); err != nil {
					return err
				}
				if err := endInvites(tx, key.AccountID, r.at, r.recorder(key.AccountID)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return moved, err
		}
		moved += len(some)
	}
	return moved, nil
}

// restoredToken is a token and its new status.
type restoredToken struct {
	ID, AccountID pfid.ID
	ToStatus      string
}

// endAgain ends what had ended in the replaced database. It leaves all as it is if that can't be read, is of another
// installation, or has another schema.
func (r *restore) endAgain(db *gorm.DB) error {
	if err := db.Exec("ATTACH DATABASE ? AS was", dsn(r.was, "mode=ro")).Error; err != nil {
		return nil // damaged, perhaps the reason for the restore
	}
	defer db.Exec("DETACH DATABASE was")
	schema, err := value[int64](db, "SELECT MAX(version_id) FROM was.goose_db_version")
	if err != nil || schema != newestSchema() {
		return nil
	}
	same, err := exists(db, "SELECT 1 FROM accounts a JOIN was.accounts w ON w.id = a.id")
	if err != nil || !same {
		return nil
	}
	if check, err := value[string](db, "PRAGMA was.quick_check(1)"); err != nil || check != "ok" {
		return nil
	}
	// A database that itself came from an older backup does not know what was made since then. That has not ended.
	// After Confirm no one knows since when.
	known := int64(math.MaxInt64)
	var restored backup.Restored
	text, err := value[string](db, "SELECT value FROM was.settings WHERE name = ?", backup.RestoredSetting)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &restored)
	}
	if err != nil {
		return nil
	}
	if r.done.Older = !restored.MadeAt.IsZero() && restored.MadeAt.Before(r.done.MadeAt) && r.done.MadeAt.Before(restored.At); r.done.Older {
		known = restored.MadeAt.UnixMilli()
	}
	made := "inserted_at <= " + strconv.FormatInt(known, 10)
	statusThen := strings.ReplaceAll(statusNow("w"), "FROM token_moves", "FROM was.token_moves")
	ended := `SELECT id, account_id, CASE WHEN then_status = 'revoked' THEN 'revoked' ELSE 'suspended' END AS to_status FROM (
		SELECT t.id, t.account_id, ` + statusNowOfT + ` AS now_status, w.secret_hash <> t.secret_hash AS rotated,
			CASE WHEN w.id IS NOT NULL THEN ` + statusThen + ` WHEN t.` + made + ` THEN 'revoked' ELSE 'suspended' END AS then_status
		FROM api_tokens t LEFT JOIN was.api_tokens w ON w.id = t.id)
		WHERE now_status <> 'revoked' AND then_status = 'revoked' OR now_status = 'active' AND (then_status = 'suspended' OR rotated)`
	if r.done.Ended, err = r.moveWhere(db, ended, "ended after the backup"); err != nil {
		return err
	}
	at := strconv.FormatInt(r.at.UnixMilli(), 10)
	statements := []string{
		`UPDATE admin_users SET removed_at = COALESCE((SELECT w.removed_at FROM was.admin_users w WHERE w.id = admin_users.id), ` + at + `)
			WHERE removed_at IS NULL AND ` + made + ` AND NOT EXISTS (SELECT 1 FROM was.admin_users w WHERE w.id = admin_users.id AND w.removed_at IS NULL)`,
		// Without an admin of its own no one could enter an account again, so those who joined since the backup stay there.
		`INSERT INTO admin_users SELECT w.* FROM was.admin_users w JOIN accounts a ON a.id = w.account_id
			WHERE w.role = 'admin' AND w.removed_at IS NULL AND w.id NOT IN (SELECT id FROM main.admin_users)
			AND NOT EXISTS (SELECT 1 FROM main.admin_users u WHERE u.account_id = a.id AND u.role = 'admin' AND u.removed_at IS NULL)`,
		`UPDATE admin_user_invites SET status = 'revoked', updated_at = ` + at + ` WHERE status = 'pending'
			AND NOT EXISTS (SELECT 1 FROM was.admin_user_invites w WHERE w.id = admin_user_invites.id AND w.status = 'pending')`,
		`UPDATE old_secrets SET ends_at = 0 WHERE ends_at > 0
			AND NOT EXISTS (SELECT 1 FROM was.old_secrets w WHERE w.secret_hash = old_secrets.secret_hash AND w.ends_at > 0)`,
		`UPDATE signing_keys SET withdrawn_at = w.withdrawn_at, sealed_private_key = x'' FROM was.signing_keys w
			WHERE w.kid = signing_keys.kid AND w.withdrawn_at IS NOT NULL AND signing_keys.withdrawn_at IS NULL`,
	}
	sameKey := r.key == nil // what both databases seal is sealed under one master key
	if !r.done.Older {      // else these may be newer in the backup
		statements = append(slices.Insert(statements, 1, `UPDATE admin_users SET password_hash = w.password_hash, role = w.role, expiry_mail_off = w.expiry_mail_off FROM was.admin_users w WHERE w.id = admin_users.id`),
			`DELETE FROM webhooks WHERE (account_id, url, sealed_secret) NOT IN (SELECT account_id, url, sealed_secret FROM was.webhooks)`)
		if sameKey {
			statements = append(statements, "INSERT OR IGNORE INTO webhooks SELECT * FROM was.webhooks WHERE account_id IN (SELECT id FROM main.accounts)")
		}
	}
	if sameKey {
		columns := namesOf(signingKeys.columns(new(signer.StoredKey)))
		statements = append(statements, "INSERT INTO signing_keys ("+columns+", number) SELECT "+columns+", number FROM was.signing_keys WHERE kid NOT IN (SELECT kid FROM main.signing_keys)")
	}
	// A message of a webhook that is gone must not wait for the next one.
	statements = append(statements, "DELETE FROM expiry_notices WHERE recipient_id = account_id AND account_id NOT IN (SELECT account_id FROM main.webhooks)")
	r.done.Compared = true
	return db.Transaction(func(tx *gorm.DB) error {
		if err := execAll(tx, statements); err != nil {
			return err
		}
		deleted, err := accounts.all(tx, "WHERE t.deleted_at IS NULL AND t."+made+" AND t.id NOT IN (SELECT id FROM was.accounts WHERE deleted_at IS NULL)")
		for _, a := range deleted {
			event, failed := r.recorder(a.ID)(audit.AccountDeleted, a.ID, a.Name)
			if err = errors.Join(err, failed); err == nil {
				err = deleteAccount(tx, a.ID, event)
			}
			r.done.Deleted = append(r.done.Deleted, a.Name)
		}
		return err
	})
}
