package store

import (
	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// removeAll ends all tokens of a deleted account and removes its rows, the first firstPiece of them in this
// transaction.
func removeAll(tx *gorm.DB, id pfid.ID, event audit.Event) error {
	m := tokenMove{Move: token.Move{Field: ofAccount, ID: id, To: token.Revoked, At: event.At}, actor: event.Actor, detail: "with its account"}
	m.actor.AccountID = id
	var err error
	if m.Tokens, err = value[int](tx, "SELECT api_token_count FROM accounts WHERE id = ?", id); err != nil {
		return err
	}
	earlier, err := isMoving(tx, id)
	if err != nil {
		return err
	}
	_, _, err = begin(tx, m, earlier, nil) // the event of the delete covers each row
	return err
}

// removeRows removes up to most rows of a deleted account, and the account itself once nothing else is left. It
// returns how many tokens it removed.
func removeRows(tx *gorm.DB, account pfid.ID, most int) (tokens int, done bool, err error) {
	// Both statements that use it select the same tokens, by the same index.
	const piece = "id IN (SELECT id FROM api_tokens WHERE account_id = ? ORDER BY inserted_at, id LIMIT ?)"
	if err := keepStatusEntries(tx, piece, account, most); err != nil {
		return 0, false, err
	}
	gone := tx.Exec("DELETE FROM api_tokens WHERE "+piece, account, most)
	if gone.Error != nil {
		return 0, false, gone.Error
	}
	tokens = int(gone.RowsAffected)
	left := most - tokens
	if left > 0 {
		gone, err := removeInstances(tx, "account_id", account, left)
		if err != nil {
			return tokens, false, err
		}
		if gone > 0 { // there may be more, and a large one may have used up this transaction
			return tokens, false, nil
		}
	}
	const its = "account_id = ?"
	for _, t := range []struct{ name, key, where string }{ // rows that refer to others go first
		{"deleted_creators", "id", its}, {"agent_deployments", "id", its}, {"agent_versions", "id", its}, {"agent_schema_versions", "id", its},
		{"agents", "id", its}, {"environments", "id", its}, {"idempotency_keys", "account_id, idempotency_key", its}, {"admin_user_invites", "id", its},
		{"sessions", "id", "admin_user_id IN (SELECT id FROM admin_users WHERE account_id = ?)"}, {"admin_users", "id", its},
	} {
		if left == 0 {
			return tokens, false, nil
		}
		gone := tx.Exec("DELETE FROM "+t.name+" WHERE ("+t.key+") IN (SELECT "+t.key+" FROM "+t.name+" WHERE "+t.where+" LIMIT ?)", account, left)
		if gone.Error != nil {
			return tokens, false, gone.Error
		}
		left -= int(gone.RowsAffected)
	}
	if left == 0 {
		return tokens, false, nil
	}
	return tokens, true, execAll(tx, []string{"DELETE FROM webhooks WHERE account_id = ?", "DELETE FROM expiry_notices WHERE account_id = ?", "DELETE FROM accounts WHERE id = ?"}, account)
}
