package store

import (
	"context"

	"gorm.io/gorm"

	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// apart returns a context without the shared transaction. An index must not see changes that may be undone.
func apart(ctx context.Context) context.Context {
	return context.WithValue(ctx, sharedKey{}, &shared{holdsPools: sharedIn(ctx) != nil})
}

// Snapshot implements token.Store.
func (s Tokens) Snapshot(ctx context.Context, f func(ctx context.Context) error) error {
	return s.readTogether(apart(ctx), func(tx *gorm.DB) error { return f(context.WithValue(ctx, sharedKey{}, &shared{tx: tx})) })
}

// NewestTokens implements token.Store. A database index answers it.
func (s Tokens) NewestTokens(ctx context.Context, account pfid.ID, after token.Entry, offset, size int) (list []token.Listed, total int, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		if total, err = value[int](tx, "SELECT api_token_count FROM accounts WHERE id = ?", account); err != nil {
			return err
		}
		page := paging.Page{Offset: offset, Size: size}
		from, args := "api_tokens t WHERE t.account_id = ?", []any{account}
		if !after.ID.IsZero() {
			from, args = from+" AND (t.inserted_at, t.id) < (?, ?)", append(args, after.InsertedAt, after.ID)
		}
		list, err = apiTokens.sorted(tx, "t.inserted_at DESC, t.id DESC", page, from, args...)
		return err
	})
	return list, total, err
}

// LastChange implements token.Store.
func (s Tokens) LastChange(ctx context.Context) (int64, error) {
	return read(apart(ctx), s.db, func(tx *gorm.DB) (int64, error) {
		return value[int64](tx, "SELECT COALESCE(MAX(number), 0) FROM token_changes")
	})
}

// Entries implements token.Store.
func (s Tokens) Entries(ctx context.Context, account pfid.ID, after token.Entry, most int) (list []token.Entry, err error) {
	err = s.read(apart(ctx), func(tx *gorm.DB) error {
		list, err = entries(tx, account, "api_tokens t", "WHERE t.account_id = ? AND (t.inserted_at, t.id) > (?, ?) ORDER BY t.inserted_at, t.id LIMIT ?",
			account, after.InsertedAt, after.ID.String(), most)
		return err
	})
	return list, err
}

// changed selects the tokens of an account that a change after some number names.
const changed = "SELECT DISTINCT token_id FROM token_changes WHERE number > ? AND account_id = ? AND token_id IS NOT NULL"

// Changes implements token.Store.
func (s Tokens) Changes(ctx context.Context, account pfid.ID, after int64) (changes token.Changes, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var oldest int64
		// MIN and MAX in one select would go through all rows.
		const bounds = "SELECT COALESCE((SELECT MIN(number) FROM token_changes), 0), COALESCE((SELECT MAX(number) FROM token_changes), 0)"
		if err := tx.Raw(bounds).Row().Scan(&oldest, &changes.Last); err != nil {
			return err
		}
		if changes.Lost = after < oldest-1; changes.Lost || after >= changes.Last {
			return nil
		}
		if changes.Moves, err = movesAfter(tx, account, after); err != nil {
			return err
		}
		if changes.Gone, err = values[pfid.ID](tx, changed+" AND NOT EXISTS (SELECT 1 FROM api_tokens t WHERE t.id = token_id)", after, account); err != nil {
			return err
		}
		changes.Entries, err = entries(tx, account, "("+changed+") c JOIN api_tokens t ON t.id = c.token_id", "", after, account)
		return err
	})
	return changes, err
}

// movesAfter returns the moves of an account after a change, oldest first.
func movesAfter(tx *gorm.DB, account pfid.ID, after int64) ([]token.Move, error) {
	return rowsAs(tx, "SELECT target, target_id, to_status, moved_at FROM token_changes WHERE number > ? AND account_id = ? AND token_id IS NULL ORDER BY number",
		[]any{after, account}, func(m *token.Move) []any { return []any{&m.Field, &m.ID, status(&m.To), (*stamp)(&m.At)} })
}

// entries returns the tokens t of a part of a statement, under the moves under way.
func entries(tx *gorm.DB, account pfid.ID, from, rest string, args ...any) ([]token.Entry, error) {
	now := "t.status, t.suspended_by_retirement, t.updated_at"
	moving, err := isMoving(tx, account)
	if err != nil {
		return nil, err
	}
	if moving {
		now = statusNowOfT + ", t.suspended_by_retirement OR t.status = 'active', " + updatedNowOfT
	}
	return rowsAs(tx, `SELECT t.id, t.name, t.hint, t.token_scope, t.token_role, t.agent_id, t.environment_id, t.agent_deployment_id,
			t.created_by_admin_user_id, t.created_by_api_token_id, t.expires_at, t.inserted_at, COALESCE(l.last_used_at, 0), `+now+`
		FROM `+from+` LEFT JOIN token_uses l ON l.token_id = t.id `+rest, args, func(e *token.Entry) []any {
		return []any{&e.ID, &e.Name, &e.Hint, scope(&e.Scope), role(&e.Role), &e.AgentID, &e.EnvironmentID, &e.AgentDeploymentID,
			&e.CreatedByAdminUserID, &e.CreatedByAPITokenID, &e.ExpiresAt, &e.InsertedAt, &e.LastUsedAt, status(&e.Status), &e.SuspendedByRetirement, &e.UpdatedAt}
	})
}

// TokensByID implements token.Store.
func (s Tokens) TokensByID(ctx context.Context, ids []pfid.ID) (list []token.Listed, err error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]token.Listed, error) { return apiTokens.byID(tx, ids) })
}

// Descendants implements token.Store.
func (s Tokens) Descendants(ctx context.Context, id pfid.ID) ([]pfid.ID, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]pfid.ID, error) { return values[pfid.ID](tx, descendantsOf, id) })
}

// Named implements token.Store.
func (s Tokens) Named(ctx context.Context, account pfid.ID, part string) ([]pfid.ID, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]pfid.ID, error) { return named(tx, account, part) })
}

// named returns the ids of the agents, environments and admin users of an account whose name or email contains part, which
// is folded.
func named(tx *gorm.DB, account pfid.ID, part string) ([]pfid.ID, error) {
	return idsWith(tx, part, nil, `SELECT id, name, NULL, NULL FROM agents WHERE account_id = @account
		UNION ALL SELECT id, name, NULL, NULL FROM environments WHERE account_id = @account
		UNION ALL SELECT id, name, email, NULL FROM admin_users WHERE account_id = @account`, map[string]any{"account": account})
}

// Left implements token.Store.
func (s Tokens) Left(ctx context.Context, account pfid.ID) ([]pfid.ID, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]pfid.ID, error) {
		return values[pfid.ID](tx, "SELECT id FROM admin_users WHERE account_id = ? AND removed_at IS NOT NULL", account)
	})
}

// RetiredAgents implements token.Store.
func (s Tokens) RetiredAgents(ctx context.Context, account pfid.ID) ([]pfid.ID, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]pfid.ID, error) {
		return values[pfid.ID](tx, "SELECT id FROM agents WHERE account_id = ? AND retired_at IS NOT NULL", account)
	})
}

// live are the statuses of live tokens.
const live = "('active', 'suspended')"

// liveTokens returns the SQL that counts the live tokens whose column is t.id. Without a move under way in the account an
// index alone answers.
func liveTokens(column string) string {
	count := "(SELECT count(*) FROM api_tokens k WHERE k." + column + " = t.id AND "
	return "CASE WHEN EXISTS (SELECT 1 FROM token_moves m WHERE m.account_id = t.account_id) THEN " +
		count + statusNow("k") + " IN " + live + ") ELSE " + count + "k.status IN " + live + ") END"
}
