package token

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// Move is a change of very many tokens at once, such as all of an environment. All of them have the new status from the
// moment that it is answered; their records follow, which this tells the progress of.
type Move struct {
	Field  string  // by which the tokens name ID, such as environment_id
	ID     pfid.ID // what they name
	Names  MoveNames
	To     Status
	Tokens int // how many move
	Moved  int // how many of their records are written
	At     time.Time
}

// MoveNames name what the tokens of a move name. Each is empty if it does not apply or is not known any more.
type MoveNames struct {
	Agent, Environment string
	Creator            string // an admin user or an API token
}

// How many records one transaction writes. Other changes wait for it, so it takes about pieceTime.
const (
	leastPiece, mostPiece = 20, 1000
	pieceTime             = 50 * time.Millisecond
)

// Moves returns the moves of many tokens of an account that are under way, oldest first.
func (ts *Tokens) Moves(ctx context.Context, account pfid.ID) ([]Move, error) {
	return ts.store.Moves(ctx, account)
}

// FinishMoves writes the records of all moves that are under way, in pieces, each a transaction with its audit events.
// What fails or is cut off goes on with the next call, also in another process. rest is called after each piece and
// says how long that took. With a nil rest it goes as fast as it can.
func (ts *Tokens) FinishMoves(ctx context.Context, rest func() (worked time.Duration)) error {
	record := func(actor audit.Actor, at time.Time) audit.Recorder { return audit.NewRecorder(at, actor, ts.random) }
	for size := leastPiece; ; {
		more, err := ts.store.AdvanceMoves(ctx, size, record)
		if err != nil || !more {
			return err
		}
		worked := time.Duration(0)
		if rest != nil {
			worked = rest()
		}
		switch {
		case worked > pieceTime:
			size = max(size/2, leastPiece)
		case worked < pieceTime/2:
			size = min(size*2, mostPiece)
		}
	}
}
