package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
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
