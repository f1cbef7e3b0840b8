package store

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

func (s Tokens) Tokens(ctx context.Context, account pfid.ID, filter token.Filter, page paging.Page) (list []token.Listed, total int, err error) {
	order, err := sorting{"id", "inserted_at", "updated_at", "expires_at", "last_used_at", "name", "status", "token_scope"}.orderBy(page)
	if err != nil {
		return nil, 0, err
	}
	done, err := s.listTurn(ctx, account, filter, page)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		status, err := statusIn(tx, account)
		if err != nil {
			return err
		}
		where, args := matching(account, filter, status)
		if filter == (token.Filter{}) {
			total, err = value[int](tx, "SELECT api_token_count FROM accounts WHERE id = ?", account)
		} else {
			total, err = value[int](tx, "SELECT count(*) FROM api_tokens t"+where, args...)
		}
		if err != nil {
			return err
		}
		from := "api_tokens t"
		switch page.Sort {
		case "status":
			order = strings.Replace(order, "t.status", status, 1)
		case "last_used_at":
			from, order = from+" LEFT JOIN token_uses l ON l.token_id = t.id", strings.Replace(order, "t.last_used_at", "l.last_used_at", 1)
		}
		list, err = apiTokens.sorted(tx, order, page, from+where, args...)
		return err
	})
	return list, total, err
}

// matching returns the condition of the tokens that match a filter. status is the SQL of their status; see statusIn.
func matching(account pfid.ID, filter token.Filter, status string) (where string, args []any) {
	where, args = " WHERE t.account_id = ?", []any{account}
	and := func(applies bool, condition string, values ...any) {
		if applies {
			where, args = where+" AND "+condition, append(args, values...)
		}
	}
	and(!filter.AgentID.IsZero(), "t.agent_id = ?", filter.AgentID)
	and(!filter.EnvironmentID.IsZero(), "t.environment_id = ?", filter.EnvironmentID)
	and(!filter.CreatedByAdminUserID.IsZero(), "t.created_by_admin_user_id = ?", filter.CreatedByAdminUserID)
	and(!filter.DescendantsOf.IsZero(), "t.id IN ("+descendantsOf+") AND t.id <> ?", filter.DescendantsOf, filter.DescendantsOf)
	and(!filter.LiveAt.IsZero(), status+" IN "+live+" AND t.expires_at > ?", stamp(filter.LiveAt))
	and(filter.Scope != 0, "t.token_scope = ?", filter.Scope.String())
	and(filter.Status != 0, status+" = ?", filter.Status.String())
	return where, args
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
