package store

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// listedTokenRow is a token with the names behind its ids and its status under the moves under way.
type listedTokenRow struct {
	Row             tokenRow `gorm:"embedded"`
	StatusNow       string
	MovedAt         *int64
	LastUsedAt      *int64
	AgentName       *string
	AgentRetiredAt  *int64
	EnvironmentName *string
	CreatorName     *string
	CreatorHint     *string
	RevokedAt       *int64
	RevokerID       pfid.ID
	RevokerTokenID  pfid.ID
	RevokerName     *string
	RevokerHint     *string
}

// A revocation is read from its audit event, which says when and by whom; the index audit_events_of_revocations finds
// it. Until that is written, the token move says so.
const listedTokens = `SELECT t.*, ` + statusNowOfT + ` AS status_now,
	(SELECT MAX(m.inserted_at) FROM token_moves m WHERE ` + countsForT + `) AS moved_at,
	l.last_used_at, a.name AS agent_name, a.retired_at AS agent_retired_at, e.name AS environment_name,
	COALESCE(u.name, u.email) AS creator_name, c.hint AS creator_hint,
	COALESCE(r.inserted_at, v.inserted_at) AS revoked_at, COALESCE(r.actor_admin_user_id, v.actor_admin_user_id) AS revoker_id,
	COALESCE(r.actor_api_token_id, v.actor_api_token_id) AS revoker_token_id,
	COALESCE(ru.name, ru.email) AS revoker_name, rt.hint AS revoker_hint
FROM api_tokens t
LEFT JOIN token_uses l ON l.token_id = t.id
LEFT JOIN agents a ON a.id = t.agent_id
LEFT JOIN environments e ON e.id = t.environment_id
LEFT JOIN admin_users u ON u.id = t.created_by_admin_user_id
LEFT JOIN api_tokens c ON c.id = t.created_by_api_token_id
LEFT JOIN audit_events r ON r.subject_id = t.id AND r.action = 'api_token.revoked'
LEFT JOIN token_moves v ON t.status <> 'revoked' AND v.number = (SELECT MIN(m.number) FROM token_moves m WHERE ` + countsForT + ` AND m.to_status = 'revoked')
LEFT JOIN admin_users ru ON ru.id = COALESCE(r.actor_admin_user_id, v.actor_admin_user_id)
LEFT JOIN api_tokens rt ON rt.id = COALESCE(r.actor_api_token_id, v.actor_api_token_id)
`

func (r listedTokenRow) listed() token.Listed {
	if r.StatusNow != r.Row.Status {
		r.Row.Status, r.Row.UpdatedAt = r.StatusNow, max(r.Row.UpdatedAt, *r.MovedAt)
	}
	l := token.Listed{Token: r.Row.token(), AgentName: orEmpty(r.AgentName), EnvironmentName: orEmpty(r.EnvironmentName)}
	copy(l.Hash[:], r.Row.SecretHash) // empty if there is no such token
	l.LastUsedAt = instantOrZero(r.LastUsedAt)
	l.AgentRetired = r.AgentRetiredAt != nil
	l.CreatedByName = actorName(r.CreatorHint, r.CreatorName)
	if r.RevokedAt != nil {
		l.Revocation = token.Revocation{
			At: instant(*r.RevokedAt), AdminUserID: r.RevokerID, APITokenID: r.RevokerTokenID, ByName: actorName(r.RevokerHint, r.RevokerName),
		}
	}
	return l
}

// Token implements token.Store.
func (s *Store) Token(ctx context.Context, account, id pfid.ID) (found token.Listed, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		row, err := findToken(tx, account, id)
		found = row.listed()
		return err
	})
	return found, err
}

func findToken(tx *gorm.DB, account, id pfid.ID) (listedTokenRow, error) {
	var rows []listedTokenRow
	if err := tx.Raw(listedTokens+"WHERE t.id = ? AND t.account_id = ?", id, account).Scan(&rows).Error; err != nil {
		return listedTokenRow{}, err
	}
	if len(rows) == 0 {
		return listedTokenRow{}, fault.New(fault.NotFound, "There is no such API token.")
	}
	return rows[0], nil
}

var tokenSorting = sorting{"id", "inserted_at", "updated_at", "expires_at", "last_used_at", "name", "status", "token_scope"}

// Tokens implements token.Store.
func (s *Store) Tokens(ctx context.Context, account pfid.ID, filter token.Filter, page paging.Page) (list []token.Listed, total int, err error) {
	order, err := tokenSorting.orderBy(page)
	if err != nil {
		return nil, 0, err
	}
	done, err := s.listTurn(ctx, account, filter, page)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		status, err := statusIn(tx, "api_tokens", account)
		if err != nil {
			return err
		}
		if total, err = countTokensOf(tx, account, filter, status); err != nil {
			return err
		}
		idOrder, rowOrder := order(""), order("")
		if page.Sort == "status" {
			idOrder, rowOrder = strings.Replace(idOrder, "status", status, 1), strings.Replace(rowOrder, "status", "status_now", 1)
		}
		// The page's ids come from an index alone; only its rows are read and joined.
		ids := filtered(tx, account, filter, status).Select("id").Order(idOrder).Limit(page.Size).Offset(page.Offset)
		if page.Sort == "last_used_at" {
			ids = ids.Joins("LEFT JOIN token_uses ON token_id = id")
		}
		var rows []listedTokenRow
		if err := tx.Raw(listedTokens+"WHERE t.id IN (?) ORDER BY "+rowOrder, ids).Scan(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			list = append(list, row.listed())
		}
		return nil
	})
	return list, total, err
}

// filtered selects the tokens that match a filter. status is the SQL of their status; see statusIn.
func filtered(tx *gorm.DB, account pfid.ID, filter token.Filter, status string) *gorm.DB {
	where := tx.Table("api_tokens").Where("account_id = ?", account)
	if !filter.AgentID.IsZero() {
		where = where.Where("agent_id = ?", filter.AgentID)
	}
	if !filter.EnvironmentID.IsZero() {
		where = where.Where("environment_id = ?", filter.EnvironmentID)
	}
	if !filter.CreatedByAdminUserID.IsZero() {
		where = where.Where("created_by_admin_user_id = ?", filter.CreatedByAdminUserID)
	}
	if !filter.DescendantsOf.IsZero() {
		where = where.Where("id IN ("+descendantsOf+") AND id <> ?", filter.DescendantsOf, filter.DescendantsOf)
	}
	if !filter.LiveAt.IsZero() {
		where = where.Where(status+" IN ? AND expires_at > ?", statusesBefore(token.Revoked), millis(filter.LiveAt))
	}
	if filter.Scope != 0 {
		where = where.Where("token_scope = ?", filter.Scope.String())
	}
	if filter.Status != 0 {
		where = where.Where(status+" = ?", filter.Status.String())
	}
	return where
}

func countTokensOf(tx *gorm.DB, account pfid.ID, filter token.Filter, status string) (int, error) {
	var n int64
	if filter == (token.Filter{}) {
		err := tx.Raw("SELECT api_token_count FROM accounts WHERE id = ?", account).Scan(&n).Error
		return int(n), err
	}
	err := filtered(tx, account, filter, status).Count(&n).Error
	return int(n), err
}
