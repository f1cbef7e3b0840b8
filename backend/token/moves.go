package token

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// Move is a change of very many tokens at once, such as all of an environment. They have the new status when the request
// returns; their records are written later, and Move reports that progress.
type Move struct {
	Field  string  // the field of the tokens that holds ID, such as environment_id
	ID     pfid.ID // of the resource whose tokens move
	Names  MoveNames
	To     Status
	Tokens int // how many move
	Moved  int // how many of their records are written
	At     time.Time
}

// MoveNames are the names of the resource whose tokens move. Each is empty if it does not apply or is no longer known.
type MoveNames struct {
	Agent, Environment string
	Creator            string // an admin user or an API token
}

// mostAtOnce is how many records one transaction writes at most.
const mostAtOnce = 1000

// Moves returns the moves of many tokens of an account that are under way, oldest first.
func (ts *Tokens) Moves(ctx context.Context, account pfid.ID) ([]Move, error) {
	return ts.store.Moves(ctx, account)
}

// FinishMoves writes the records of all moves under way, in transactions that include their audit events. After a failure
// or a stop, the next call continues, also in another process. It calls rest after each transaction, unless rest is nil.
func (ts *Tokens) FinishMoves(ctx context.Context, rest func()) error {
	record := func(actor audit.Actor, at time.Time) audit.Recorder { return audit.NewRecorder(at, actor, ts.random) }
	for {
		more, err := ts.store.AdvanceMoves(ctx, mostAtOnce, record)
		if err != nil || !more {
			return err
		}
		if rest != nil {
			rest()
		}
	}
}
