package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// tokenMoveRow moves all tokens that refer to its target. statusNow applies it from the commit on. The rows and audit
// events of the tokens follow in batches.
type tokenMoveRow struct {
	Number           int64 `gorm:"primaryKey"`
	AccountID        pfid.ID
	Target           string // a column of api_tokens
	TargetID         pfid.ID
	ToStatus         string
	Detail           string
	ActorAdminUserID pfid.ID
	ActorAPITokenID  pfid.ID `gorm:"column:actor_api_token_id"`
	ActorAddress     string
	Tokens, Moved    int
	InsertedAt       int64
}

func (tokenMoveRow) TableName() string { return "token_moves" }

func (m tokenMoveRow) actor() audit.Actor {
	return audit.Actor{AccountID: m.AccountID, AdminUserID: m.ActorAdminUserID, APITokenID: m.ActorAPITokenID, Address: m.ActorAddress}
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
)

// statusIn is statusNow for the tokens of one account. Without a move under way it returns the plain column, so that
// indexes apply.
func statusIn(tx *gorm.DB, table string, account pfid.ID) (string, error) {
	moving, err := isMoving(tx, account)
	if moving {
		return statusNow(table), err
	}
	return table + ".status", err
}

func isMoving(tx *gorm.DB, account pfid.ID) (moving bool, err error) {
	err = tx.Raw("SELECT EXISTS (SELECT 1 FROM token_moves WHERE account_id = ?)", account).Scan(&moving).Error
	return moving, err
}

// moveAll moves the tokens that refer to id, if their status allows it, and returns how many. They have the new
// status from the commit on. After the transaction and before the answer, the caller must drop the verdicts of all of
// them, also if the outcome of the commit is unknown. hashes are those of their secrets; nil if there are too many.
func moveAll(tx *gorm.DB, account pfid.ID, target string, id pfid.ID, to token.Status, detail string, recorder audit.Recorder) (tokens int, hashes [][32]byte, err error) {
	event, err := recorder(actionOf(to), id, detail)
	if err != nil {
		return 0, nil, err
	}
	m := tokenMoveRow{
		AccountID: account, Target: target, TargetID: id, ToStatus: to.String(), Detail: detail,
		ActorAdminUserID: event.Actor.AdminUserID, ActorAPITokenID: event.Actor.APITokenID, ActorAddress: event.Actor.Address,
		InsertedAt: millis(event.At),
	}
	earlier, err := isMoving(tx, account)
	if err != nil {
		return 0, nil, err
	}
	if m.Tokens, err = countBefore(tx, m, to, earlier); err != nil || m.Tokens == 0 {
		return 0, nil, err
	}
	if err := tx.Create(&m).Error; err != nil || earlier { // moves run in order
		return m.Tokens, nil, err
	}
	hashes, done, err := advance(tx, &m, firstPiece, recorder)
	if !done {
		hashes = nil
	}
	return m.Tokens, hashes, err
}

// countBefore counts the tokens that a move will move.
func countBefore(tx *gorm.DB, m tokenMoveRow, to token.Status, earlier bool) (int, error) {
	status, byRetirement := "api_tokens.status", "suspended_by_retirement"
	if earlier {
		status, byRetirement = statusNow("api_tokens"), "(suspended_by_retirement OR status = 'active')" // by retirement
	}
	where := m.named(tx.Table("api_tokens")).Where(status+" IN ?", statusesBefore(to))
	if to == token.Active {
		where = where.Where(byRetirement)
	}
	var n int64
	err := where.Count(&n).Error
	return int(n), err
}

// named selects the tokens that refer to the target, by an index that includes their status.
func (m tokenMoveRow) named(tx *gorm.DB) *gorm.DB {
	if m.Target == ofAgent && m.ToStatus != token.Active.String() {
		return tx.Where("agent_deployment_id IN (SELECT id FROM agent_deployments WHERE agent_id = ?)", m.TargetID)
	}
	return tx.Where(m.Target+" = ?", m.TargetID)
}

// AdvanceMoves implements token.Store.
func (s *Store) AdvanceMoves(ctx context.Context, most int, record func(audit.Actor, time.Time) audit.Recorder) (more bool, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT EXISTS (SELECT 1 FROM token_moves)").Scan(&more).Error
	})
	if err != nil || !more {
		return false, err
	}
	err = s.change(ctx, func(tx *gorm.DB) error {
		var m tokenMoveRow
		err := tx.Order("number").Take(&m).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		_, _, err = advance(tx, &m, most, record(m.actor(), instant(m.InsertedAt)))
		return err
	})
	return true, err
}

// namedMoveRow is a move with the names behind its target.
type namedMoveRow struct {
	Row             tokenMoveRow `gorm:"embedded"`
	AgentName       *string
	EnvironmentName *string
	CreatorName     *string
	CreatorHint     *string
}

// Deleted targets keep their rows, and so their names.
const namedMoves = `SELECT m.*, a.name AS agent_name, e.name AS environment_name, COALESCE(u.name, u.email) AS creator_name, c.hint AS creator_hint
FROM token_moves m
LEFT JOIN agent_deployments d ON m.target = 'agent_deployment_id' AND d.id = m.target_id
LEFT JOIN agents a ON a.id = CASE m.target WHEN 'agent_id' THEN m.target_id ELSE d.agent_id END
LEFT JOIN environments e ON e.id = CASE m.target WHEN 'environment_id' THEN m.target_id ELSE d.environment_id END
LEFT JOIN admin_users u ON m.target = 'created_by_admin_user_id' AND u.id = m.target_id
LEFT JOIN api_tokens c ON m.target = 'created_by_api_token_id' AND c.id = m.target_id
`

// Moves implements token.Store.
func (s *Store) Moves(ctx context.Context, account pfid.ID) (list []token.Move, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var rows []namedMoveRow
		if err := tx.Raw(namedMoves+"WHERE m.account_id = ? ORDER BY m.number", account).Scan(&rows).Error; err != nil {
			return err
		}
		for _, named := range rows {
			m := named.Row
			to, _ := token.ParseStatus(m.ToStatus)
			names := token.MoveNames{Agent: orEmpty(named.AgentName), Environment: orEmpty(named.EnvironmentName), Creator: actorName(named.CreatorHint, named.CreatorName)}
			list = append(list, token.Move{Field: m.Target, ID: m.TargetID, Names: names, To: to, Tokens: m.Tokens, Moved: m.Moved, At: instant(m.InsertedAt)})
		}
		return nil
	})
	return list, err
}

// advance moves up to most tokens of a move, and ends the move when none is left. recorder must be for the move's
// account.
func advance(tx *gorm.DB, m *tokenMoveRow, most int, recorder audit.Recorder) (moved [][32]byte, done bool, err error) {
	var removed int
	if m.Target == ofAccount {
		removed, done, err = removeRows(tx, *m, most)
	} else {
		moved, err = moveSome(tx, *m, most, recorder, "")
		done = len(moved) < most
	}
	if err != nil {
		return nil, false, err
	}
	m.Moved += len(moved) + removed
	if done {
		return moved, true, tx.Delete(m).Error
	}
	return moved, false, tx.Model(m).Update("moved", m.Moved).Error
}

// moveSome moves up to most tokens of a move and writes an event for each. If only is not empty, it moves only the
// token with that id. It returns the hashes of their secrets.
func moveSome(tx *gorm.DB, m tokenMoveRow, most int, recorder audit.Recorder, only string) ([][32]byte, error) {
	to, _ := token.ParseStatus(m.ToStatus)
	piece := m.named(tx.Table("api_tokens")).Select("id").Where("status IN ? AND after_move < ?", statusesBefore(to), m.Number).Limit(most)
	if to == token.Active {
		piece = piece.Where("suspended_by_retirement")
	}
	if only != "" {
		piece = piece.Where("id = ?", only)
	}
	// One statement both selects and moves, so it returns exactly what it moved.
	var moved []tokenRow
	err := tx.Model(&moved).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "secret_hash"}}}).Where("id IN (?)", piece).
		Updates(map[string]any{
			"status": m.ToStatus, "suspended_by_retirement": to == token.Suspended, "updated_at": m.InsertedAt, "after_move": m.Number,
		}).Error
	if err != nil {
		return nil, err
	}
	hashes, ids := make([][32]byte, len(moved)), make([]pfid.ID, len(moved))
	for i, row := range moved {
		hashes[i], ids[i] = [32]byte(row.SecretHash), row.ID
	}
	return hashes, recordEach(tx, ids, func(id pfid.ID) (audit.Event, error) {
		event, err := recorder(actionOf(to), id, m.Detail)
		event.Actor, event.At = m.actor(), instant(m.InsertedAt)
		return event, err
	})
}

// settle applies the moves under way to a token before another change of it.
func settle(tx *gorm.DB, account, id pfid.ID, recorder audit.Recorder) error {
	var moves []tokenMoveRow
	if err := tx.Where("account_id = ? AND target <> ?", account, ofAccount).Order("number").Find(&moves).Error; err != nil || len(moves) == 0 {
		return err
	}
	for i := range moves {
		moved, err := moveSome(tx, moves[i], 1, recorder, id.String())
		if err != nil {
			return err
		}
		if err := tx.Model(&moves[i]).Update("moved", moves[i].Moved+len(moved)).Error; err != nil {
			return err
		}
	}
	return tx.Exec("UPDATE api_tokens SET after_move = ? WHERE id = ?", moves[len(moves)-1].Number, id).Error
}

// lastMove returns the number of the newest move under way; 0 for none. It does not apply to tokens made from now on.
func lastMove(tx *gorm.DB) (number int64, err error) {
	err = tx.Raw("SELECT COALESCE(MAX(number), 0) FROM token_moves").Scan(&number).Error
	return number, err
}

// statusesBefore returns the statuses from which a token may move to the given one.
func statusesBefore(to token.Status) []string {
	var before []string
	for from := token.Active; from <= token.Revoked; from++ {
		may := token.Token{Status: from}.Actions()
		if to == token.Suspended && may.Suspend || to == token.Active && may.Activate || to == token.Revoked && may.Revoke {
			before = append(before, from.String())
		}
	}
	return before
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

// of returns a function that makes the events of one action on many subjects.
func of(recorder audit.Recorder, action audit.Action, detail string) func(pfid.ID) (audit.Event, error) {
	return func(subject pfid.ID) (audit.Event, error) { return recorder(action, subject, detail) }
}
