package store

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
	"tokentab/backend/token"
)

type tokenRow struct {
	ID                    pfid.ID
	AccountID             pfid.ID
	Name                  string
	SecretHash            []byte
	Hint                  string
	TokenScope            string
	Status                string
	AgentID               pfid.ID
	EnvironmentID         pfid.ID
	AgentDeploymentID     pfid.ID
	CreatedByAdminUserID  pfid.ID
	CreatedByAPITokenID   pfid.ID `gorm:"column:created_by_api_token_id"`
	ExpiresAt             int64
	SuspendedByRetirement bool
	StatusList            *int
	StatusIndex           *int
	KID                   *string `gorm:"column:kid"`
	InsertedAt            int64
	UpdatedAt             int64 `gorm:"autoUpdateTime:false"`
	AfterMove             int64
}

func (tokenRow) TableName() string { return "api_tokens" }

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

func (r tokenRow) token() token.Token {
	scope, _ := token.ParseScope(r.TokenScope)
	status, _ := token.ParseStatus(r.Status)
	t := token.Token{
		ID: r.ID, AccountID: r.AccountID, Name: r.Name, Hint: r.Hint, Scope: scope, Status: status,
		AgentID: r.AgentID, EnvironmentID: r.EnvironmentID, AgentDeploymentID: r.AgentDeploymentID,
		CreatedByAdminUserID: r.CreatedByAdminUserID, CreatedByAPITokenID: r.CreatedByAPITokenID,
		ExpiresAt: instant(r.ExpiresAt), InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
	if r.StatusList != nil && r.StatusIndex != nil {
		t.StatusEntry = token.StatusEntry{List: *r.StatusList, Index: *r.StatusIndex}
	}
	return t
}

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

// actorName returns the last characters of the secret of an API token, or else the name or email of an admin user.
func actorName(tokenHint, userName *string) string {
	if tokenHint != nil {
		return "API token …" + *tokenHint
	}
	return text.ShownEmail(orEmpty(userName)) // leaves names unchanged
}

// Environment implements token.Store.
func (s *Store) Environment(ctx context.Context, account, environment pfid.ID) error {
	return s.read(ctx, func(tx *gorm.DB) error { return mustHave(tx, "environments", "environment_id", account, environment) })
}

// Deployment implements token.Store.
func (s *Store) Deployment(ctx context.Context, account, agent, environment pfid.ID) (id pfid.ID, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		if err := mayIssue(tx, account, agent, environment); err != nil {
			return err
		}
		var row deploymentRow
		err := tx.Where("account_id = ? AND agent_id = ? AND environment_id = ? AND deleted_at IS NULL", account, agent, environment).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		id = row.ID
		return err
	})
	return id, err
}

// mayIssue refuses a token for an agent or environment that the account does not have, or for a retired agent. Zero
// ids are not checked.
func mayIssue(tx *gorm.DB, account, agent, environment pfid.ID) error {
	if !agent.IsZero() {
		if err := checkActive(tx, account, agent, "no API token can be issued for it"); err != nil {
			return err
		}
	}
	if environment.IsZero() {
		return nil
	}
	return mustHave(tx, "environments", "environment_id", account, environment)
}

// mustHave returns fault.Validation of field if the account does not have the row.
func mustHave(tx *gorm.DB, table, field string, account, id pfid.ID) error {
	var n int64
	if err := tx.Table(table).Where("id = ? AND account_id = ? AND deleted_at IS NULL", id, account).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return fault.Field(field, "does not exist")
	}
	return nil
}

// InsertToken implements token.Store.
func (s *Store) InsertToken(ctx context.Context, t token.Token, hash token.Hash, event, deployed audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		responsible, err := checkIssuable(tx, t)
		if err != nil {
			return err
		}
		if err := checkKey(tx, t.KeyID); err != nil {
			return err
		}
		if t.Scope == token.ScopeAgentDeployment {
			deployment := deploymentRow{
				ID: t.AgentDeploymentID, AccountID: t.AccountID, AgentID: t.AgentID, EnvironmentID: t.EnvironmentID,
				InsertedAt: millis(t.InsertedAt), UpdatedAt: millis(t.InsertedAt),
			}
			made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&deployment)
			if made.Error != nil {
				return made.Error
			}
			if made.RowsAffected == 1 {
				if err := record(tx, deployed); err != nil {
					return err
				}
			}
			var is []deploymentRow
			if err := tx.Where("agent_id = ? AND environment_id = ? AND deleted_at IS NULL", t.AgentID, t.EnvironmentID).Find(&is).Error; err != nil {
				return err
			}
			// None if the deployment was deleted after it was looked up; its id is spent.
			if len(is) == 0 || is[0].ID != t.AgentDeploymentID {
				return token.ErrDeploymentExists
			}
		}
		after, err := lastMove(tx)
		if err != nil {
			return err
		}
		row := tokenRow{
			ID: t.ID, AccountID: t.AccountID, Name: t.Name, SecretHash: hash[:], Hint: t.Hint,
			TokenScope: t.Scope.String(), Status: t.Status.String(),
			AgentID: t.AgentID, EnvironmentID: t.EnvironmentID, AgentDeploymentID: t.AgentDeploymentID,
			CreatedByAdminUserID: responsible, CreatedByAPITokenID: t.CreatedByAPITokenID, KID: orNull(t.KeyID),
			ExpiresAt: millis(t.ExpiresAt), InsertedAt: millis(t.InsertedAt), UpdatedAt: millis(t.UpdatedAt), AfterMove: after,
		}
		if err := insertWithEntry(tx, row, t.StatusEntry, event.At); err != nil {
			return err
		}
		if err := tx.Exec("INSERT INTO token_uses (token_id) VALUES (?)", t.ID).Error; err != nil {
			return err
		}
		if err := countTokens(tx, t.AccountID, 1); err != nil {
			return err
		}
		return record(tx, event)
	})
}

// checkIssuable checks again, in the transaction, everything that a token depends on. A token must not slip in after
// its maker was removed or revoked, its environment deleted, or its agent retired or deleted, since that has ended
// all other tokens already. It returns the admin user who is responsible for the token.
func checkIssuable(tx *gorm.DB, t token.Token) (responsible pfid.ID, err error) {
	if responsible, err = mustBeIn(tx, t.CreatedByAdminUserID, t.CreatedByAPITokenID, t.InsertedAt); err != nil {
		return pfid.ID{}, err
	}
	return responsible, mayIssue(tx, t.AccountID, t.AgentID, t.EnvironmentID)
}

func countTokens(tx *gorm.DB, account pfid.ID, by int) error {
	return tx.Exec("UPDATE accounts SET api_token_count = api_token_count + ? WHERE id = ?", by, account).Error
}

// ChangeToken implements token.Store.
func (s *Store) ChangeToken(ctx context.Context, account, id pfid.ID, decide func(token.Token) (token.Token, audit.Event, error), recorder audit.Recorder) (changed token.Listed, hash token.Hash, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := settle(tx, account, id, recorder); err != nil {
			return err
		}
		row, err := findToken(tx, account, id)
		if err != nil {
			return err
		}
		hash = token.Hash(row.Row.SecretHash)
		changed = row.listed()
		next, event, err := decide(changed.Token)
		if err != nil {
			return err
		}
		// A direct move takes precedence over a retirement: reinstating the agent won't touch this token.
		err = tx.Model(&tokenRow{}).Where("id = ?", id).
			Updates(map[string]any{"status": next.Status.String(), "suspended_by_retirement": false, "updated_at": millis(next.UpdatedAt)}).Error
		if err != nil {
			return err
		}
		if next.Status != token.Active {
			if err := endInvites(tx, account, next.UpdatedAt, recorder); err != nil {
				return err
			}
		}
		if err := record(tx, event); err != nil {
			return err
		}
		row, err = findToken(tx, account, id)
		changed = row.listed()
		return err
	})
	return changed, hash, err
}

// DeleteToken implements token.Store.
func (s *Store) DeleteToken(ctx context.Context, account, id pfid.ID, decide func(token.Token) (audit.Event, error), recorder audit.Recorder) (deleted token.Listed, hash token.Hash, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := settle(tx, account, id, recorder); err != nil {
			return err
		}
		row, err := findToken(tx, account, id)
		if err != nil {
			return err
		}
		hash = token.Hash(row.Row.SecretHash)
		deleted = row.listed()
		event, err := decide(deleted.Token)
		if err != nil {
			return err
		}
		if err := keepStatusEntries(tx, "id = ?", id); err != nil {
			return err
		}
		if err := keepCreator(tx, id); err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM api_tokens WHERE id = ?", id).Error; err != nil {
			return err
		}
		if err := countTokens(tx, account, -1); err != nil {
			return err
		}
		return record(tx, event)
	})
	return deleted, hash, err
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
