package store

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// Agents implements agent.Store, which says what each method does.
type Agents struct{ *db }

var agents = table[agent.Agent]{name: "agents", what: "agent", columns: func(a *agent.Agent) []column {
	return []column{
		{"id", &a.ID}, {"account_id", &a.AccountID}, {"name", &a.Name}, {"description", (*optional)(&a.Description)},
		{"external_identifier", (*optional)(&a.ExternalIdentifier)}, {"last_seen_at", (*stamp)(&a.LastSeenAt)}, {"retired_at", (*stamp)(&a.RetiredAt)},
		{"inserted_at", (*stamp)(&a.InsertedAt)}, {"updated_at", (*stamp)(&a.UpdatedAt)},
	}
}}

func (s Agents) InsertAgent(ctx context.Context, a agent.Agent, recorder audit.Recorder) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		err := agents.insertNew(tx, a, errTaken)
		if errors.Is(err, errTaken) {
			return takenAgent(tx, a)
		}
		if err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.AgentCreated, a.Name, a.ID)
	})
}

// takenAgent returns a fault.Validation of the field that another agent already has.
func takenAgent(tx *gorm.DB, a agent.Agent) error {
	taken, err := exists(tx, "SELECT 1 FROM agents WHERE account_id = ? AND external_identifier = ? AND deleted_at IS NULL", a.AccountID, optional(a.ExternalIdentifier))
	if err == nil && taken {
		return fault.Field("external_identifier", "is taken")
	}
	return cmp.Or(err, idTaken())
}

// errTaken is for callers of table.insertNew that look up which column is taken.
var errTaken = errors.New("store: a unique column has this value already")

func idTaken() error { return fault.Field("id", "is taken") }

func (s Agents) Agent(ctx context.Context, account, id pfid.ID) (agent.Agent, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (agent.Agent, error) { return agentIn(tx, account, id) })
}

func agentIn(tx *gorm.DB, account, id pfid.ID) (agent.Agent, error) {
	return agents.take(tx, "t.id = ? AND t.account_id = ? AND t.deleted_at IS NULL", id, account)
}

func (s Agents) AgentByExternalIdentifier(ctx context.Context, account pfid.ID, identifier string) (agent.Agent, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (agent.Agent, error) {
		return agents.take(tx, "t.external_identifier = ? AND t.account_id = ? AND t.deleted_at IS NULL", identifier, account)
	})
}

// agentsByStatus computes an agent's status as agent.Agent does. It is only used to sort by status.
const agentsByStatus = `(SELECT *, CASE WHEN retired_at IS NOT NULL THEN 'retired' WHEN last_seen_at IS NULL THEN 'pending'
	WHEN last_seen_at BETWEEN ? AND ? THEN 'active' ELSE 'dormant' END AS status FROM agents)`

func (s Agents) Agents(ctx context.Context, account pfid.ID, search string, page paging.Page, activeSince, activeUntil time.Time) ([]agent.Agent, int, error) {
	if page.Sort == "last_seen" { // the contract's name
		page.Sort = "last_seen_at"
	}
	from, args := "agents", []any{account}
	if page.Sort == "status" {
		from, args = agentsByStatus, []any{stamp(activeSince), stamp(activeUntil), account}
	}
	from, args, err := s.searched(ctx, search, "t.name, t.description, t.external_identifier", from+" t WHERE t.account_id = ? AND t.deleted_at IS NULL", args...)
	if err != nil {
		return nil, 0, err
	}
	sorting := sorting{"id", "inserted_at", "updated_at", "name", "status", "external_identifier", "last_seen", "last_seen_at"}
	return agents.page(ctx, s.db, sorting, page, from, args...)
}

// checkActive returns fault.Validation if the account does not have the agent, and fault.InvalidAction if it is
// retired. refused completes the sentence "This agent is retired, so".
func checkActive(tx *gorm.DB, account, id pfid.ID, refused string) error {
	a, err := agentIn(tx, account, id)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return fault.Field("agent_id", "does not exist")
	case err == nil && !a.RetiredAt.IsZero():
		return fault.New(fault.InvalidAction, "This agent is retired, so %s. Reinstate it first.", refused)
	}
	return err
}

func (s Agents) ChangeAgent(ctx context.Context, account, id pfid.ID, decide func(*agent.Agent) (agent.Change, error), recorder audit.Recorder) (a agent.Agent, moved int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if a, err = agentIn(tx, account, id); err != nil {
			return err
		}
		change, err := decide(&a)
		if err != nil {
			return err
		}
		if err := agents.update(tx, a, "name", "description", "retired_at", "updated_at"); err != nil {
			return err
		}
		if !change.Version.IsZero() {
			if err := setOnlyCurrentVersion(tx, a, change.Version, recorder); err != nil {
				return err
			}
		}
		if moved, err = moveAgentTokens(tx, a, change.Tokens, recorder); err != nil {
			return err
		}
		return recordWith(tx, recorder, change.Action, a.Name, id)
	})
	return a, moved, err
}

func moveAgentTokens(tx *gorm.DB, a agent.Agent, move agent.TokenMove, recorder audit.Recorder) (int, error) {
	var to token.Status
	switch move {
	case agent.SuspendTokens:
		to = token.Suspended
	case agent.ReinstateTokens:
		to = token.Active
	default:
		return 0, nil
	}
	tokens, _, err := moveAll(tx, a.AccountID, ofAgent, a.ID, to, "with its agent", recorder)
	return tokens, err
}

func (s Agents) DeleteAgent(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (a agent.Agent, revoked int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if a, err = agentIn(tx, account, id); err != nil {
			return err
		}
		if revoked, _, err = moveAll(tx, account, ofAgent, id, token.Revoked, "with its agent", recorder); err != nil {
			return err
		}
		if err := decide(revoked); err != nil { // a refusal rolls the transaction back
			return err
		}
		if err := deleteDeployments(tx, ofAgent, id, at, recorder, "with its agent"); err != nil {
			return err
		}
		if err := execAll(tx, []string{"DELETE FROM agent_versions WHERE agent_id = ?", "DELETE FROM agent_schema_versions WHERE agent_id = ?"}, id); err != nil {
			return err
		}
		if err := tx.Exec("UPDATE agents SET deleted_at = ? WHERE id = ?", stamp(at), id).Error; err != nil {
			return err
		}
		return recordWith(tx, recorder, audit.AgentDeleted, a.Name+"; "+revokedCount(revoked), id)
	})
	return a, revoked, err
}

// revokedCount is the part of an event's detail that says how many tokens a deletion revoked.
func revokedCount(tokens int) string { return "API tokens revoked: " + strconv.Itoa(tokens) }
