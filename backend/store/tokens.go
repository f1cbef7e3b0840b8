package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"gorm.io/gorm"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// Tokens implements token.Store, which says what each method does.
type Tokens struct{ *db }

// apiTokens are read with the names behind their ids, and with their status under the moves under way. Triggers of audit_events
// fill token_status_changes. While a move is under way, it says when, by whom and why a token got its status.
var apiTokens = table[token.Listed]{name: "api_tokens", what: "API token",
	columns: func(t *token.Listed) []column {
		return []column{
			{"id", &t.ID}, {"account_id", &t.AccountID}, {"name", &t.Name}, {"secret_hash", (*digest)(&t.Hash)}, {"hint", &t.Hint},
			{"token_scope", scope(&t.Scope)}, {"token_role", role(&t.Role)}, {"status", status(&t.Status)}, {"suspended_by_retirement", &t.SuspendedByRetirement},
			{"agent_id", &t.AgentID}, {"environment_id", &t.EnvironmentID}, {"agent_deployment_id", &t.AgentDeploymentID},
			{"created_by_admin_user_id", &t.CreatedByAdminUserID}, {"created_by_api_token_id", &t.CreatedByAPITokenID},
			{"kid", (*optional)(&t.KeyID)}, {"status_list", entryPart{&t.StatusEntry, &t.StatusEntry.List}}, {"status_index", entryPart{&t.StatusEntry, &t.StatusEntry.Index}},
			{"expires_at", (*stamp)(&t.ExpiresAt)}, {"rotated_at", (*stamp)(&t.RotatedAt)}, {"rotated_by_admin_user_id", &t.RotatedByAdminUserID}, {"inserted_at", (*stamp)(&t.InsertedAt)}, {"updated_at", (*stamp)(&t.UpdatedAt)},
		}
	},
	derived: func(t *token.Listed) []column {
		return []column{
			{statusNowOfT, status(&t.Status)},
			{updatedNowOfT, (*stamp)(&t.UpdatedAt)},
			{"l.last_used_at", (*stamp)(&t.LastUsedAt)}, {"a.name", (*optional)(&t.AgentName)}, {"a.retired_at IS NOT NULL", &t.AgentRetired},
			{"e.name", (*optional)(&t.EnvironmentName)}, {nameOf("c", "u"), (*shown)(&t.CreatedByName)},
			{fromMove("inserted_at", "changed_at"), (*stamp)(&t.Changed.At)}, {nameOf("rt", "ru"), (*shown)(&t.Changed.ByName)},
			{"COALESCE(" + fromMove("reason", "reason") + ", '')", &t.Changed.Reason},
			{fromMove("actor_admin_user_id", "actor_admin_user_id"), &t.Changed.AdminUserID},
			{fromMove("actor_api_token_id", "actor_api_token_id"), &t.Changed.APITokenID},
			{"o.hint", (*optional)(&t.OldSecret.Hint)}, {"o.ends_at", (*stamp)(&t.OldSecret.EndsAt)},
		}
	},
	joins: `LEFT JOIN token_uses l ON l.token_id = t.id
		LEFT JOIN old_secrets o ON o.token_id = t.id AND o.ends_at > 0
		LEFT JOIN agents a ON a.id = t.agent_id
		LEFT JOIN environments e ON e.id = t.environment_id
		LEFT JOIN admin_users u ON u.id = t.created_by_admin_user_id
		LEFT JOIN api_tokens c ON c.id = t.created_by_api_token_id
		LEFT JOIN token_status_changes s ON s.token_id = t.id
		LEFT JOIN token_moves v ON t.status <> 'revoked' AND v.number = COALESCE((SELECT MIN(m.number) FROM token_moves m WHERE ` + countsForT + ` AND m.to_status = 'revoked'),
			(SELECT MAX(m.number) FROM token_moves m WHERE ` + countsForT + ` AND m.to_status <> 'revoked' AND (t.status = 'active' OR t.suspended_by_retirement)))
		LEFT JOIN admin_users ru ON ru.id = ` + fromMove("actor_admin_user_id", "actor_admin_user_id") + `
		LEFT JOIN api_tokens rt ON rt.id = ` + fromMove("actor_api_token_id", "actor_api_token_id"),
}

// fromMove returns the SQL of a column of the move v under way, or of one of the status change s if there is none.
func fromMove(move, change string) string {
	return "CASE WHEN v.number IS NULL THEN s." + change + " ELSE v." + move + " END"
}

// word is a value that the database keeps by its name. An unknown name is an error, not a refusal.
type word[T fmt.Stringer] struct {
	of    *T
	parse func(string) (T, bool)
}

func scope(of *token.Scope) word[token.Scope]    { return word[token.Scope]{of, token.ParseScope} }
func role(of *token.Role) word[token.Role]       { return word[token.Role]{of, token.ParseRole} }
func status(of *token.Status) word[token.Status] { return word[token.Status]{of, token.ParseStatus} }

// Value implements driver.Valuer.
func (w word[T]) Value() (driver.Value, error) { return (*w.of).String(), nil }

// Scan implements sql.Scanner.
func (w word[T]) Scan(value any) error {
	name, _ := value.(string)
	is, known := w.parse(name)
	if !known {
		return fmt.Errorf("the database has a %T that this program does not know: %q", is, name)
	}
	*w.of = is
	return nil
}

// entryPart is one of the two columns of a status entry. Both are NULL for none.
type entryPart struct {
	of   *token.StatusEntry
	part *int
}

// Value implements driver.Valuer.
func (e entryPart) Value() (driver.Value, error) {
	if e.of.IsZero() {
		return nil, nil
	}
	return int64(*e.part), nil
}

// Scan implements sql.Scanner.
func (e entryPart) Scan(value any) error {
	var part sql.NullInt64
	err := part.Scan(value)
	*e.part = int(part.Int64)
	return err
}

func (s Tokens) Token(ctx context.Context, account, id pfid.ID) (token.Listed, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (token.Listed, error) { return tokenIn(tx, account, id) })
}

func tokenIn(tx *gorm.DB, account, id pfid.ID) (token.Listed, error) {
	return apiTokens.take(tx, "t.id = ? AND t.account_id = ?", id, account)
}

func (s Tokens) Environment(ctx context.Context, account, environment pfid.ID) error {
	return s.read(ctx, func(tx *gorm.DB) error { return mustHave(tx, "environments", "environment_id", account, environment) })
}

func (s Tokens) Deployment(ctx context.Context, account, agent, environment pfid.ID) (pfid.ID, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (pfid.ID, error) {
		if err := mayIssue(tx, account, agent, environment); err != nil {
			return pfid.ID{}, err
		}
		return deploymentOf(tx, agent, environment)
	})
}

// deploymentOf returns the deployment of an agent in an environment; zero for none.
func deploymentOf(tx *gorm.DB, agent, environment pfid.ID) (pfid.ID, error) {
	return value[pfid.ID](tx, "SELECT id FROM agent_deployments WHERE agent_id = ? AND environment_id = ? AND deleted_at IS NULL", agent, environment)
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
	has, err := exists(tx, "SELECT 1 FROM "+table+" WHERE id = ? AND account_id = ? AND deleted_at IS NULL", id, account)
	if err == nil && !has {
		return fault.Field(field, "does not exist")
	}
	return err
}

// InsertToken implements token.Store. It checks again, in the transaction, everything that a token depends on. A token
// must not slip in after its maker was removed or revoked, its environment deleted, or its agent retired or deleted,
// since that has ended all other tokens already.
func (s Tokens) InsertToken(ctx context.Context, t token.Token, hash token.Hash, event, deployed audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		maker, err := makerIn(tx, event.Actor, t.InsertedAt)
		if err != nil {
			return err
		}
		t.CreatedByAdminUserID = maker.responsible
		if err := mayIssue(tx, t.AccountID, t.AgentID, t.EnvironmentID); err != nil {
			return err
		}
		if err := checkKey(tx, t.KeyID); err != nil {
			return err
		}
		if t.Scope == token.ScopeAgentDeployment {
			if err := deploy(tx, t, deployed); err != nil {
				return err
			}
		}
		if err := takeEntry(tx, t.StatusEntry, event.At); err != nil {
			return err
		}
		if err := apiTokens.insertNew(tx, token.Listed{Token: t, Hash: hash}, token.ErrEntryTaken); err != nil {
			return err
		}
		if err := checkEntry(tx, t.StatusEntry); err != nil {
			return err
		}
		err = execAll(tx, []string{
			"UPDATE api_tokens SET after_move = " + lastMove + " WHERE id = ? AND " + lastMove + " > 0",
			"INSERT INTO token_uses (token_id) VALUES (?)",
		}, t.ID)
		if err != nil {
			return err
		}
		if err := countTokens(tx, t.AccountID, 1); err != nil {
			return err
		}
		return record(tx, event)
	})
}

// deploy makes the deployment of a token unless it exists.
func deploy(tx *gorm.DB, t token.Token, deployed audit.Event) error {
	made, err := deployments.insertOr(tx, "ON CONFLICT DO NOTHING", agent.ListedDeployment{Deployment: agent.Deployment{
		ID: t.AgentDeploymentID, AccountID: t.AccountID, AgentID: t.AgentID, EnvironmentID: t.EnvironmentID, InsertedAt: t.InsertedAt, UpdatedAt: t.InsertedAt,
	}})
	if err == nil && made > 0 {
		err = record(tx, deployed)
	}
	if err != nil {
		return err
	}
	is, err := deploymentOf(tx, t.AgentID, t.EnvironmentID)
	if err == nil && is != t.AgentDeploymentID { // zero if it was deleted after it was looked up; its id is spent
		return token.ErrDeploymentExists
	}
	return err
}

func countTokens(tx *gorm.DB, account pfid.ID, by int) error {
	return tx.Exec("UPDATE accounts SET api_token_count = api_token_count + ? WHERE id = ?", by, account).Error
}
