package api

import (
	"context"

	"tokentab/backend/token"
)

// TokenMoves are changes of many API tokens whose records are still being updated.
type TokenMoves struct {
	Type  string      `json:"type" enum:"api_token_moves"`
	Moves []TokenMove `json:"moves" nullable:"false" doc:"Oldest first"`
}

// TokenMove is a change of all tokens that name a resource. Their new status applies at once; records and audit events
// follow.
type TokenMove struct {
	Field           string    `json:"field" enum:"account_id,environment_id,agent_id,agent_deployment_id,created_by_admin_user_id,created_by_api_token_id" doc:"Field by which the tokens refer to the resource"`
	ID              string    `json:"id" doc:"Id of the resource"`
	AgentName       *string   `json:"agent_name" doc:"null unless the resource is an agent or an agent deployment"`
	EnvironmentName *string   `json:"environment_name" doc:"null unless the resource is an environment or an agent deployment"`
	CreatedByName   *string   `json:"created_by_name" doc:"null unless the resource created the tokens"`
	Status          string    `json:"status" enum:"active,suspended,revoked" doc:"New status of the tokens, already in force"`
	APITokenCount   int       `json:"api_token_count" doc:"Number of tokens that change"`
	WrittenCount    int       `json:"written_count" doc:"Number of records already updated"`
	InsertedAt      Timestamp `json:"inserted_at"`
}

func (s *Service) listTokenMoves(ctx context.Context, who *caller, _ *struct{}) (*one[TokenMoves], error) {
	moves, err := s.Tokens.Moves(ctx, who.AccountID)
	if err != nil {
		return nil, err
	}
	shown := TokenMoves{Type: "api_token_moves", Moves: make([]TokenMove, len(moves))}
	for i, m := range moves {
		shown.Moves[i] = tokenMoveOf(m)
	}
	return details(shown), nil
}

func tokenMoveOf(m token.Move) TokenMove {
	return TokenMove{
		Field: m.Field, ID: m.ID.String(), AgentName: orNull(m.Names.Agent), EnvironmentName: orNull(m.Names.Environment), CreatedByName: orNull(m.Names.Creator),
		Status:        m.To.String(),
		APITokenCount: m.Tokens, WrittenCount: m.Moved, InsertedAt: Timestamp(m.At),
	}
}
