package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// tokenMove moves all tokens that refer to its target. statusNow applies it from the commit on. The rows and audit
// events of the tokens follow in batches.
type tokenMove struct {
	token.Move
	number rowNumber
	actor  audit.Actor
	detail string // of the audit events
}

// tokenMoves is the table of moves, read with the names of their targets. Deleted agents, environments and members keep
// their rows, and so their names; the name of a deleted API token is lost.
var tokenMoves = table[tokenMove]{name: "token_moves", what: "move",
	columns: func(m *tokenMove) []column {
		return []column{
			{"number", &m.number}, {"account_id", &m.actor.AccountID}, {"target", &m.Field}, {"target_id", &m.ID}, {"to_status", status(&m.To)},
			{"detail", &m.detail}, {"actor_admin_user_id", &m.actor.AdminUserID}, {"actor_api_token_id", &m.actor.APITokenID}, {"actor_address", &m.actor.Address},
			{"request_id", &m.actor.RequestID}, {"reason", &m.actor.Reason}, {"actor_kind", &m.actor.Kind}, {"tokens", &m.Tokens}, {"moved", &m.Moved}, {"inserted_at", (*stamp)(&m.At)},
		}
	},
	derived: func(m *tokenMove) []column {
		return []column{{"a.name", (*optional)(&m.Names.Agent)}, {"e.name", (*optional)(&m.Names.Environment)}, {nameOf("c", "u"), (*shown)(&m.Names.Creator)}}
	},
	joins: `LEFT JOIN agent_deployments d ON t.target = 'agent_deployment_id' AND d.id = t.target_id
		LEFT JOIN agents a ON a.id = CASE t.target WHEN 'agent_id' THEN t.target_id ELSE d.agent_id END
		LEFT JOIN environments e ON e.id = CASE t.target WHEN 'environment_id' THEN t.target_id ELSE d.environment_id END
		LEFT JOIN admin_users u ON t.target = 'created_by_admin_user_id' AND u.id = t.target_id
		LEFT JOIN api_tokens c ON t.target = 'created_by_api_token_id' AND c.id = t.target_id`,
}

// The columns by which a move selects its tokens.
const (
	ofAccount     = "account_id"
	ofEnvironment = "environment_id"
	ofAgent       = "agent_id"
	ofDeployment  = "agent_deployment_id"
	ofMember      = "created_by_admin_user_id"
	ofMaker       = "created_by_api_token_id"
)

// firstPiece is how many tokens move in the transaction that begins a move. Usually that is all of them.
const firstPiece = 250

// statusNow returns the SQL of a token's status, including moves under way. table is a table name or alias.
func statusNow(table string) string { return strings.ReplaceAll(statusNowOfT, "t.", table+".") }

const (
	// Retiring and reinstating an agent alternate, so the last of them decides.
	statusNowOfT = `CASE
		WHEN t.status <> 'revoked' AND EXISTS (SELECT 1 FROM token_moves m WHERE ` + countsForT + ` AND m.to_status = 'revoked') THEN 'revoked'
		WHEN t.status = 'active' AND ` + lastRetirementOfT + ` = 'suspended' THEN 'suspended'
		WHEN t.status = 'suspended' AND t.suspended_by_retirement AND ` + lastRetirementOfT + ` = 'active' THEN 'active'
		ELSE t.status END`
	countsForT = `m.account_id = t.account_id AND m.number > t.after_move AND m.target_id = CASE m.target
		WHEN 'account_id' THEN t.account_id WHEN 'environment_id' THEN t.environment_id WHEN 'agent_id' THEN t.agent_id
		WHEN 'agent_deployment_id' THEN t.agent_deployment_id WHEN 'created_by_admin_user_id' THEN t.created_by_admin_user_id
		WHEN 'created_by_api_token_id' THEN t.created_by_api_token_id END`
	lastRetirementOfT = `(SELECT m.to_status FROM token_moves m WHERE ` + countsForT + ` AND m.to_status <> 'revoked' ORDER BY m.number DESC LIMIT 1)`

	updatedNowOfT = "CASE WHEN t.status <> " + statusNowOfT + " THEN MAX(t.updated_at, (SELECT MAX(m.inserted_at) FROM token_moves m WHERE " + countsForT + ")) ELSE t.updated_at END"

	// lastMove is the number of the newest move under way; 0 for none. It does not apply to tokens made from now on.
	lastMove = "(SELECT COALESCE(MAX(number), 0) FROM token_moves)"
)

// statusIn is statusNow of t for the tokens of one account. Without a move under way it returns the plain column, so that
// indexes apply.
func statusIn(tx *gorm.DB, account pfid.ID) (string, error) {
	moving, err := isMoving(tx, account)
	if moving {
		return statusNowOfT, err
	}
	return "t.status", err
}

func isMoving(tx *gorm.DB, account pfid.ID) (bool, error) {
	return exists(tx, "SELECT 1 FROM token_moves WHERE account_id = ?", account)
}

// moveAll moves the tokens that refer to id, if their status allows it, and returns how many. They have the new
// status from the commit on. After the transaction and before the response, the caller must drop the verdicts of all of
// them, also if the outcome of the commit is unknown. ids are theirs; nil if there are too many.
func moveAll(tx *gorm.DB, account pfid.ID, target string, id pfid.ID, to token.Status, detail string, recorder audit.Recorder) (tokens int, ids []pfid.ID, err error) {
	event, err := recorder(actionOf(to), id, detail)
	if err != nil {
		return 0, nil, err
	}
	m := tokenMove{Move: token.Move{Field: target, ID: id, To: to, At: event.At}, actor: event.Actor, detail: detail}
	m.actor.AccountID = account
	earlier, err := isMoving(tx, account)
	if err != nil {
		return 0, nil, err
	}
	if m.Tokens, err = countBefore(tx, m, earlier); err != nil || m.Tokens == 0 {
		return 0, nil, err
	}
	ids, done, err := begin(tx, m, earlier, recorder)
	if !done {
		ids = nil
	}
	return m.Tokens, ids, err
}

// begin writes a move and, unless there are earlier ones in its account, moves the first tokens: moves run in order.
func begin(tx *gorm.DB, m tokenMove, earlier bool, recorder audit.Recorder) (moved []pfid.ID, done bool, err error) {
	m.actor.Kind = kindOf(tx, m.actor)
	if err := tokenMoves.insert(tx, m); err != nil || earlier {
		return nil, false, err
	}
	if m.number, err = value[rowNumber](tx, "SELECT "+lastMove); err != nil {
		return nil, false, err
	}
	return advance(tx, &m, firstPiece, recorder)
}

// countBefore counts the tokens that a move will move.
func countBefore(tx *gorm.DB, m tokenMove, earlier bool) (int, error) {
	status, byRetirement := "t.status", "t.suspended_by_retirement"
	if earlier {
		status, byRetirement = statusNowOfT, "(t.suspended_by_retirement OR t.status = 'active')" // by retirement
	}
	where := m.named() + " AND " + status + " IN " + statusesBefore(m.To)
	if m.To == token.Active {
		where += " AND " + byRetirement
	}
	return value[int](tx, "SELECT count(*) FROM api_tokens t WHERE "+where, m.ID)
}

// named selects the tokens t that refer to the target, by an index that includes their status.
func (m tokenMove) named() string {
	if m.Field == ofAgent && m.To != token.Active {
		return "t.agent_deployment_id IN (SELECT id FROM agent_deployments WHERE agent_id = ?)"
	}
	return "t." + m.Field + " = ?"
}

// A transaction moves tokens in parts and ends after about pieceTime, because other changes wait for it. No count of rows
// has a known time: on a large database or a busy disk the same rows can take a hundred times longer.
const (
	pieceTime = 50 * time.Millisecond
	pieceRows = 50 // of a part
)

func (s Tokens) AdvanceMoves(ctx context.Context, most int, record func(audit.Actor, time.Time) audit.Recorder) (more bool, err error) {
	more, err = read(ctx, s.db, func(tx *gorm.DB) (bool, error) { return exists(tx, "SELECT 1 FROM token_moves") })
	if err != nil || !more {
		return false, err
	}
	return true, s.change(ctx, func(tx *gorm.DB) error {
		m, ok, err := tokenMoves.find(tx, "t.number = (SELECT MIN(number) FROM token_moves)")
		if err != nil || !ok {
			return err
		}
		for began, done := time.Now(), false; err == nil && !done && most > 0 && time.Since(began) < pieceTime; most -= pieceRows {
			_, done, err = advance(tx, &m, min(most, pieceRows), record(m.actor, m.At))
		}
		return err
	})
}

func (s Tokens) Moves(ctx context.Context, account pfid.ID) (list []token.Move, err error) {
	moves, err := read(ctx, s.db, func(tx *gorm.DB) ([]tokenMove, error) {
		return tokenMoves.all(tx, "WHERE t.account_id = ? ORDER BY t.number", account)
	})
	for _, m := range moves {
		list = append(list, m.Move)
	}
	return list, err
}

// advance moves up to most tokens of a move, and ends the move when none is left. recorder must be for the move's
// account.
func advance(tx *gorm.DB, m *tokenMove, most int, recorder audit.Recorder) (moved []pfid.ID, done bool, err error) {
	var removed int
	if m.Field == ofAccount {
		removed, done, err = removeRows(tx, m.ID, most)
	} else {
		moved, err = moveSome(tx, *m, most, recorder, nil)
		done = len(moved) < most
	}
	if err != nil {
		return nil, false, err
	}
	if done {
		return moved, true, tx.Exec("DELETE FROM token_moves WHERE number = ?", m.number).Error
	}
	m.Moved += len(moved) + removed
	return moved, false, tokenMoves.update(tx, *m, "moved")
}

// eachToken looks up the tokens t with the ids in a JSON array. SQLite must not go through all tokens that another condition
// names instead, hence the CROSS JOIN.
const eachToken = eachValue + " CROSS JOIN api_tokens t ON t.id = j.value"

// moveSome moves up to most tokens of a move and writes an event for each. If only is not nil, it moves only tokens with
// these ids. It returns the ids of those that it moved.
func moveSome(tx *gorm.DB, m tokenMove, most int, recorder audit.Recorder, only []pfid.ID) (ids []pfid.ID, err error) {
	from, args := "api_tokens t", []any{m.To.String(), m.To == token.Suspended, stamp(m.At), m.number}
	if only != nil {
		from, args = eachToken, append(args, document{only})
	}
	piece := "SELECT t.id FROM " + from + " WHERE " + m.named() + " AND t.status IN " + statusesBefore(m.To) + " AND t.after_move < ?"
	if m.To == token.Active {
		piece += " AND t.suspended_by_retirement"
	}
	// One statement both selects and moves, so it returns exactly what it moved.
	ids, err = values[pfid.ID](tx, "UPDATE api_tokens SET status = ?, suspended_by_retirement = ?, updated_at = ?, after_move = ? WHERE id IN ("+piece+" LIMIT ?) RETURNING id",
		append(args, m.ID, m.number, most)...)
	if err != nil {
		return nil, err
	}
	return ids, recordWith(tx, func(action audit.Action, id pfid.ID, detail string) (audit.Event, error) {
		event, err := recorder(action, id, detail)
		event.Actor, event.At = m.actor, m.At
		return event, err
	}, actionOf(m.To), m.detail, ids...)
}

// settleMoves applies the moves under way to tokens of the account. Each change of a token's row begins with it: until then the row
// has the status from before the moves.
func settleMoves(tx *gorm.DB, account pfid.ID, ids []pfid.ID, recorder audit.Recorder) error {
	moves, err := tokenMoves.all(tx, "WHERE t.account_id = ? AND t.target <> ? ORDER BY t.number", account, ofAccount)
	if err != nil {
		return err
	}
	for _, m := range moves {
		moved, err := moveSome(tx, m, len(ids), recorder, ids)
		if err != nil {
			return err
		}
		m.Moved += len(moved)
		if err := tokenMoves.update(tx, m, "moved"); err != nil {
			return err
		}
		const these = "SELECT t.id FROM " + eachToken + " WHERE t.account_id = ? AND t.after_move < ?"
		if err := tx.Exec("UPDATE api_tokens SET after_move = ? WHERE id IN ("+these+")", m.number, document{ids}, account, m.number).Error; err != nil {
			return err
		}
	}
	return nil
}

// statusesBefore returns the SQL of the statuses from which a token may move to the given one.
func statusesBefore(to token.Status) string {
	var before []string
	for from := token.Active; from <= token.Revoked; from++ {
		may := token.Token{Status: from}.Actions()
		if to == token.Suspended && may.Suspend || to == token.Active && may.Activate || to == token.Revoked && may.Revoke {
			before = append(before, "'"+from.String()+"'")
		}
	}
	return "(" + strings.Join(before, ", ") + ")"
}

func actionOf(to token.Status) audit.Action {
	switch to {
	case token.Active:
		return audit.APITokenActivated
	case token.Suspended:
		return audit.APITokenSuspended
	}
	return audit.APITokenRevoked
}
